package shellfile

import (
	"maps"
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// tri is a truth value that may be undecided.
type tri int8

const (
	no tri = iota
	yes
	maybe
)

func (t tri) not() tri {
	switch t {
	case no:
		return yes
	case yes:
		return no
	case maybe:
	}
	return maybe
}

func (t tri) or(u tri) tri {
	if t == u {
		return t
	}
	return maybe
}

// variable is what is known of one shell variable at one point.
type variable struct {
	known    bool // set and value are certain
	set      bool
	value    string
	export   tri
	readonly tri
	from     []int // effects that may have given the value, as indices into the log, ascending
}

// function holds the bodies that a name may stand for.
type function struct {
	bodies []*syntax.Stmt
	file   []*File // the file of each body
	maybe  bool    // it may not be defined at all
}

// state is the shell at one point of the run.
type state struct {
	vars      map[string]variable
	funcs     map[string]function
	allexport tri
	opaque    []int // effects after which every variable not in vars is unknown; nil when there was none
	dead      deadness
}

// deadness says why a point cannot be reached any more.
type deadness int8

const (
	alive    deadness = iota
	returned          // return: the caller goes on
	exited            // exit, exec: there is no daemon to speak about
	jumped            // break, continue: goes on after or before the loop's body
)

func (s *state) clone() *state {
	c := *s
	c.vars, c.funcs, c.opaque = maps.Clone(s.vars), maps.Clone(s.funcs), slices.Clone(s.opaque)
	return &c
}

// merge returns what holds after either of two states was reached.
func (e *evaluator) merge(a, b *state) *state {
	if a.dead != alive {
		return b
	}
	if b.dead != alive {
		return a
	}
	out := a.clone()
	out.allexport = a.allexport.or(b.allexport)
	out.opaque = union(a.opaque, b.opaque)
	for name := range b.vars {
		out.vars[name] = variable{}
	}
	for name := range out.vars {
		out.vars[name] = mergeVariable(e.lookup(a, name), e.lookup(b, name))
	}
	for name, fb := range b.funcs {
		if _, ok := a.funcs[name]; !ok {
			fb.maybe = true
			out.funcs[name] = fb
		}
	}
	for name, fa := range a.funcs {
		fb, ok := b.funcs[name]
		if ok && slices.Equal(fa.bodies, fb.bodies) {
			fa.maybe = fa.maybe || fb.maybe
		} else {
			fa.bodies, fa.file = slices.Concat(fa.bodies, fb.bodies), slices.Concat(fa.file, fb.file)
			fa.maybe = fa.maybe || fb.maybe || !ok
		}
		out.funcs[name] = fa
	}
	return out
}

func mergeVariable(a, b variable) variable {
	out := variable{export: a.export.or(b.export), readonly: a.readonly.or(b.readonly), from: union(a.from, b.from)}
	if a.known && b.known && a.set == b.set && a.value == b.value {
		out.known, out.set, out.value = true, a.set, a.value
	}
	return out
}

// union joins two ascending lists.
func union(a, b []int) []int {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
