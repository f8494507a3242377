package shellfile

// Kind says what an Effect does.
type Kind string

// The kinds of effects.
const (
	Assign   Kind = "assign"   // the variable gets a value
	Export   Kind = "export"   // the variable is marked for export, its value stays
	Unexport Kind = "unexport" // the mark is taken away (export -n, not in dash)
	Unset    Kind = "unset"    // value and mark are taken away
	Source   Kind = "source"   // another file is sourced; Value is its path
	Opaque   Kind = "opaque"   // eval, or a sourced file that is not known: any variable may have changed
	Stop     Kind = "stop"     // exit, return or exec: what stands after it has no effect
)

// Effect is one thing that sourcing a file does, in the order of execution.
type Effect struct {
	Name  string // the variable as spelled; "" for Source, Opaque and Stop
	Kind  Kind
	Value string // Assign: the value in clear, credentials included; Source: the path as written
	Known bool   // Value is certain. Always true for kinds without a value

	// Exported says that the variable is certainly marked for export after this effect.
	Exported bool
	// Conditional says that it depends on the run whether this is executed at all. A branch whose
	// condition is certain (true, a decided test, an assignment before &&) is not conditional; one that is
	// certainly not taken gives no effect.
	Conditional bool

	Path       string // of the file that holds it: the parsed one or one that it sources
	Line       int    // 1-based, where the effect starts
	Start, End int    // byte offsets of the assignment, name or command in that file
}

// Final is what a variable is after sourcing.
type Final struct {
	Name string
	// Known says that Value, Set and Exported are certain. Otherwise all three are zero and Candidates
	// lists what may have decided.
	Known    bool
	Set      bool
	Value    string // in clear, credentials included
	Exported bool   // a child of the shell gets it

	// Path and Line are of the last candidate; empty and 0 when the file leaves the variable alone.
	Path string
	Line int
	// Candidates are the effects that gave, or may have given, the present value: none when the file leaves
	// it alone, one in a file without branches.
	Candidates []Effect
	// Overwritten are the assignments to this variable that certainly do not show any more.
	Overwritten []Effect
}

// Outcome is everything that a run found.
type Outcome struct {
	Effects []Effect // in order, of the asked names, and every Source, Opaque and Stop
	Finals  []Final  // one per asked name, in the order asked
}
