package shellfile

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// Bounds of a run, so that no file can keep us busy: statements followed (a copy of the state counts by its
// size), calls and sourced files inside each other, bytes of a value.
const (
	maxSteps = 200_000
	maxDepth = 20
	maxValue = 1 << 20
)

// evaluator follows a file statement by statement, over states in which values may be unknown.
type evaluator struct {
	o       Options
	f       *File // the file that holds the present statement
	st      *state
	log     []Effect
	fr      *frame
	cond    int // branches around the present statement whose condition is not decided
	steps   int
	depth   int
	loops   int // loops around the present statement
	aliased map[string]bool
}

// frame is one run of a function or a sourced file: what return ends.
type frame struct {
	returns []*state
	partial bool // it may have returned already
	locals  map[string]variable
	blurred []string // locals that may or may not have been made
	cond    int
	isFunc  bool
}

func newEvaluator(f *File, o Options) *evaluator {
	return &evaluator{
		o: o, f: f, fr: &frame{}, aliased: map[string]bool{},
		st: &state{vars: map[string]variable{}, funcs: map[string]function{}},
	}
}

// lookup returns what is known of a variable in a state.
func (e *evaluator) lookup(s *state, name string) variable {
	if v, ok := s.vars[name]; ok {
		return v
	}
	value, inherited := e.o.Inherited[name]
	switch {
	case s.opaque != nil:
		return variable{export: maybe, readonly: no, from: s.opaque}
	case isVolatile(name):
		return variable{export: maybe}
	case inherited:
		return variable{known: true, set: true, value: value, export: yes}
	case slices.Contains(e.o.Unset, name) && !isShellMade(name):
		return variable{known: true}
	}
	return variable{export: maybe}
}

// emit records an effect at a span of the present file and returns its index.
func (e *evaluator) emit(effect Effect, start, end int) int {
	effect.Path, effect.Line, effect.Start, effect.End = e.f.path, e.f.line(start), start, end
	effect.Conditional = e.cond > 0 || e.fr.partial
	e.log = append(e.log, effect)
	return len(e.log) - 1
}

// opaque records that anything may have happened to every variable.
func (e *evaluator) opaque(n syntax.Node) {
	start, end := span(n)
	i := e.emit(Effect{Kind: Opaque, Known: true}, start, end)
	e.st.vars = map[string]variable{}
	e.st.opaque = []int{i}
	e.st.allexport = maybe
}

// file runs a whole file and merges the ways in which it can end.
func (e *evaluator) file(f *File) {
	outer := e.f
	e.f = f
	defer func() { e.f = outer }()
	e.framed(false, func() { e.stmts(f.prog.Stmts) })
}

// framed runs body as a function or sourced file, in which return ends only body.
func (e *evaluator) framed(isFunc bool, body func()) {
	outer := e.fr
	e.fr = &frame{isFunc: isFunc, cond: e.cond, partial: outer.partial}
	body()
	inner := e.fr
	e.fr = outer
	for _, s := range inner.returns {
		s.dead = alive
		e.st = e.merge(e.st, s)
	}
	if e.st.dead == returned {
		e.st.dead = alive
	}
	for name, v := range inner.locals {
		e.st.vars[name] = v
	}
	for _, name := range inner.blurred {
		v := e.lookup(e.st, name)
		e.st.vars[name] = variable{export: maybe, from: v.from}
	}
}

// step counts work and reports whether the statement can be reached.
func (e *evaluator) step(n syntax.Node) bool {
	if e.st.dead != alive {
		return false
	}
	e.steps++
	if e.steps > maxSteps {
		if e.st.opaque == nil || len(e.st.vars) > 0 {
			e.opaque(n)
		}
		e.st.dead = exited
		return false
	}
	return true
}

func (e *evaluator) stmts(list []*syntax.Stmt) tri {
	status := yes
	for _, s := range list {
		status = e.stmt(s)
	}
	return status
}

// stmt follows one statement and returns whether it succeeds.
func (e *evaluator) stmt(s *syntax.Stmt) tri {
	if !e.step(s) {
		return maybe
	}
	if s.Background || s.Coprocess {
		return yes // a subshell
	}
	if e.redirects(s.Redirs) {
		return e.command(s)
	}
	// A redirection that fails skips the command.
	e.branch(func() { e.command(s) }, func() {})
	return maybe
}

// redirects follows the expansions in redirections and reports whether they cannot fail.
func (e *evaluator) redirects(list []*syntax.Redirect) bool {
	safe := true
	for _, r := range list {
		switch r.Op {
		case syntax.Hdoc, syntax.DashHdoc: // the word is the end mark; an empty document is nil
			if r.Hdoc != nil {
				e.blurAssigned(r.Hdoc)
			}
			continue
		}
		target := e.f.raw(r.Word)
		e.expand(r.Word, plainWord)
		isCopy := r.Op == syntax.DplOut || r.Op == syntax.DplIn
		safe = safe && (target == "/dev/null" || isCopy && (target == "1" || target == "2" || target == "-"))
	}
	return safe
}

func (e *evaluator) command(s *syntax.Stmt) tri {
	status := maybe
	switch c := s.Cmd.(type) {
	case nil:
	case *syntax.CallExpr:
		status = e.call(c)
	case *syntax.Block:
		status = e.stmts(c.Stmts)
	case *syntax.Subshell: // its variables are lost with it
	case *syntax.BinaryCmd:
		status = e.binary(c)
	case *syntax.IfClause:
		status = e.ifClause(c)
	case *syntax.CaseClause:
		e.caseClause(c)
	case *syntax.WhileClause:
		e.loop(func() { e.stmts(c.Cond); e.stmts(c.Do) })
	case *syntax.ForClause:
		e.forClause(c)
	case *syntax.FuncDecl:
		status = e.define(c)
	default:
		e.opaque(s)
	}
	if s.Negated {
		return status.not()
	}
	return status
}

// define records a function. Shells differ in whether a special builtin's name may be used, so that is opaque.
func (e *evaluator) define(c *syntax.FuncDecl) tri {
	name := e.f.raw(c.Name)
	if isSpecialBuiltin(name) {
		e.opaque(c)
		return maybe
	}
	e.st.funcs[name] = function{bodies: []*syntax.Stmt{c.Body}, file: []*File{e.f}}
	return yes
}
