// Package change describes what is to happen to files of a host: the state of a file before and after, why, and what has to follow.
//
// It is data and pure functions; nothing here writes (internal/txn does) and only Observe reads, through internal/host. A surface observes, edits the bytes and
// returns changes; a command joins the changes of all surfaces into one Plan and hands it to one transaction. Start reading at Change.
package change

import (
	"fmt"
	"strings"
)

// ValidateKind says which reader has to accept the new bytes before anything is written.
type ValidateKind int

// The readers that can be asked about a candidate file.
const (
	ValidateNone       ValidateKind = iota // nobody is asked
	ValidateDaemonJSON                     // dockerd --validate
	ValidateUnit                           // systemd-analyze verify
	ValidateStartup                        // sh -n, and sourcing where the init sources the file
)

// String returns a word for messages and the journal.
func (v ValidateKind) String() string {
	switch v {
	case ValidateNone:
		return "none"
	case ValidateDaemonJSON:
		return "daemon.json"
	case ValidateUnit:
		return "unit"
	case ValidateStartup:
		return "startup"
	}
	return fmt.Sprintf("ValidateKind(%d)", int(v))
}

// Needs is what the host has to do before a change is in effect.
type Needs struct {
	Restart      bool // the daemon has to be restarted
	DaemonReload bool // systemd has to read its units again
}

// Change is one file's way from one state to another.
type Change struct {
	// Path is the file as the host spells it, absolute inside the root. Where it is a symbolic link and neither state is a Link, the link is kept and
	// what it leads to is changed.
	Path string
	// From is what was observed; a transaction writes nothing when the file is not like this any more. To is what is wanted.
	From, To State
	// Cause is one sentence for people, masked: why this file changes.
	Cause string
	// Layer is the layer of the design the file belongs to ("daemon.json", "systemd", "startup", "env") or the name of another owner ("client", "ca").
	Layer string
	// Secret says that the bytes before or after may hold credentials: diffs show touched lines only and the journal keeps the bytes before for a short time only.
	Secret bool
	// CleanFrom says that the bytes before hold no credential although Secret is set, so that the journal may keep them as long as any other.
	CleanFrom bool
	// Bare says that the bytes before hold no setting of this program: that state is what a later unset gives back, so the journal keeps it for as long as the file is ours.
	Bare bool
	// Xattrs are the extended attributes of a file that is made again after it was removed. A file that is replaced keeps its own.
	Xattrs map[string][]byte
	// Partial asks the journal to record only the byte range that differs: for files that hold secrets of others (config.json).
	Partial bool
	// Needs is what has to follow, Validate who has to agree first.
	Needs    Needs
	Validate ValidateKind
}

// NoOp reports whether the change leaves the file as it is.
func (c Change) NoOp() bool { return c.From.Equal(c.To) }

// Verb is what happens, in one word: write, create, remove, chmod, chown, link, mkdir, rmdir or keep.
func (c Change) Verb() string {
	switch {
	case c.NoOp():
		return "keep"
	case c.To.Kind == Absent && c.From.Kind == Dir:
		return "rmdir"
	case c.To.Kind == Absent:
		return "remove"
	case c.To.Kind == Dir && c.From.Kind != Dir:
		return "mkdir"
	case c.To.Kind == Link:
		return "link"
	case c.From.Kind == Absent:
		return "create"
	case c.From.Kind == c.To.Kind && string(c.From.Data) == string(c.To.Data):
		if perm(c.From.Mode) != perm(c.To.Mode) {
			return "chmod"
		}
		return "chown"
	}
	return "write"
}

// String is one line without any byte of the file, as a plan prints it.
func (c Change) String() string {
	line := c.Verb() + " " + c.Path
	if c.Cause != "" {
		line += ": " + c.Cause
	}
	return line
}

// Plan is a list of changes in the order in which they are made.
type Plan []Change

// String prints one line per change.
func (p Plan) String() string {
	var b strings.Builder
	for _, c := range p {
		b.WriteString(c.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Effective returns the changes that change something.
func (p Plan) Effective() Plan {
	var out Plan
	for _, c := range p {
		if !c.NoOp() {
			out = append(out, c)
		}
	}
	return out
}

// Needs is what all effective changes need together.
func (p Plan) Needs() Needs {
	var n Needs
	for _, c := range p.Effective() {
		n.Restart = n.Restart || c.Needs.Restart
		n.DaemonReload = n.DaemonReload || c.Needs.DaemonReload
	}
	return n
}
