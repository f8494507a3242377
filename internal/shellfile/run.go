package shellfile

import "slices"

// Options say what the shell knows when it starts to source a file. The zero value knows nothing.
type Options struct {
	// Inherited is the environment of the sourcing shell: every variable in it is set and exported. Of the
	// names that it lacks, only those in Unset count as unset; all others are not known, since the script
	// that sources the file may have set them.
	Inherited map[string]string
	Unset     []string
	// Include returns the bytes of a file that is sourced in turn, by the path as written there (it always
	// holds a slash; another is searched in PATH and never asked for). An error that is fs.ErrNotExist
	// means that there is no such file, any other that it cannot be known. Nil: nothing can be known.
	Include func(path string) ([]byte, error)
}

// Run follows what sourcing the file does to names, without executing anything.
func (f *File) Run(o Options, names ...string) Outcome {
	e := newEvaluator(f, o)
	e.file(f)
	out := Outcome{}
	for _, effect := range e.log {
		if effect.Name == "" || slices.Contains(names, effect.Name) {
			out.Effects = append(out.Effects, effect)
		}
	}
	for _, name := range names {
		out.Finals = append(out.Finals, e.final(name))
	}
	return out
}

// Effects lists what sourcing the file does to names and where it sources other files, knowing nothing of
// the environment: a value that is taken from a variable the file has not set is not known.
func (f *File) Effects(names []string) []Effect {
	return f.Run(Options{}, names...).Effects
}

// Result returns what the names are after sourcing the file in a shell that inherited the given environment
// and in which those names were not set otherwise. Files that it sources in turn count as not known; use Run
// to include them.
func (f *File) Result(inherited map[string]string, names ...string) []Final {
	return f.Run(Options{Inherited: inherited, Unset: names}, names...).Finals
}

// final describes the variable's end state.
func (e *evaluator) final(name string) Final {
	v := e.lookup(e.st, name)
	out := Final{Name: name, Known: v.known && (!v.set || v.export != maybe)}
	if out.Known && v.set {
		out.Set, out.Value, out.Exported = true, v.value, v.export == yes
	}
	for i, effect := range e.log {
		switch {
		case slices.Contains(v.from, i):
			out.Candidates = append(out.Candidates, effect)
			out.Path, out.Line = effect.Path, effect.Line
		case effect.Name == name && effect.Kind == Assign:
			out.Overwritten = append(out.Overwritten, effect)
		}
	}
	return out
}
