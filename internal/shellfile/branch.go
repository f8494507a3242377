package shellfile

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// branch follows two ways of which the run takes one.
func (e *evaluator) branch(a, b func()) {
	start := e.st.clone()
	e.steps += len(start.vars)
	e.cond++
	a()
	afterA := e.st
	e.st = start
	b()
	e.cond--
	if (afterA.dead == returned) != (e.st.dead == returned) {
		e.fr.partial = true
	}
	e.st = e.merge(afterA, e.st)
}

// either follows a when the condition holds, b when not, both when that is not decided.
func (e *evaluator) either(condition tri, a, b func() tri) tri {
	switch condition {
	case yes:
		return a()
	case no:
		return b()
	case maybe:
	}
	var sa, sb tri
	e.branch(func() { sa = a() }, func() { sb = b() })
	return sa.or(sb)
}

func (e *evaluator) binary(c *syntax.BinaryCmd) tri {
	right := func() tri { return e.stmt(c.Y) }
	switch c.Op {
	case syntax.AndStmt:
		return e.either(e.stmt(c.X), right, func() tri { return no })
	case syntax.OrStmt:
		return e.either(e.stmt(c.X), func() tri { return yes }, right)
	default: // a pipeline: every part is a subshell in dash, bash and busybox
		return maybe
	}
}

func (e *evaluator) ifClause(c *syntax.IfClause) tri {
	if len(c.Cond) == 0 { // the else part
		return e.stmts(c.Then)
	}
	condition := e.stmts(c.Cond)
	return e.either(condition, func() tri { return e.stmts(c.Then) }, func() tri {
		if c.Else == nil {
			return yes
		}
		return e.ifClause(c.Else)
	})
}

func (e *evaluator) caseClause(c *syntax.CaseClause) {
	e.caseItems(e.expand(c.Word, plainWord), c.Items)
}

// caseItems follows the items in order; one whose pattern cannot be decided is taken or not.
func (e *evaluator) caseItems(word value, items []*syntax.CaseItem) {
	if len(items) == 0 {
		return
	}
	matched := no
	for _, pattern := range items[0].Patterns {
		if m := e.matches(word, pattern); m == yes || matched == no {
			matched = m
		}
		if matched == yes {
			break
		}
	}
	e.either(matched, func() tri { return e.stmts(items[0].Stmts) }, func() tri {
		e.caseItems(word, items[1:])
		return maybe
	})
}

// matches decides a pattern without wildcards, and "*".
func (e *evaluator) matches(word value, pattern *syntax.Word) tri {
	if e.f.raw(pattern) == "*" {
		return yes
	}
	p := e.expand(pattern, plainWord)
	if !word.known || !p.known || p.expanded || strings.ContainsAny(p.text, `*?[\`) {
		return maybe
	}
	if word.text == p.text {
		return yes
	}
	return no
}

func (e *evaluator) forClause(c *syntax.ForClause) {
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok {
		e.opaque(c)
		return
	}
	for _, w := range iter.Items {
		e.expand(w, plainWord)
	}
	e.loop(func() {
		start, end := span(iter.Name)
		e.assign(e.f.raw(iter.Name), value{}, start, end)
		e.stmts(c.Do)
	})
}

// loop follows a body that runs any number of times. What it assigns is unknown inside it and after it;
// since that can make more of the body reachable, it is followed until nothing new is assigned.
func (e *evaluator) loop(body func()) {
	before, logged := e.st, len(e.log)
	changed := map[string]bool{}
	for grew := true; grew && e.steps <= maxSteps; {
		e.st = before.clone()
		e.steps += len(before.vars)
		e.blur(changed, nil)
		e.log = e.log[:logged]
		e.cond++
		e.loops++
		body()
		e.loops--
		e.cond--
		grew = widen(before, e.st)
		for _, effect := range e.log[logged:] {
			if effect.Name != "" && !changed[effect.Name] {
				changed[effect.Name], grew = true, true
			}
		}
	}
	after := e.st
	e.st = before
	if after.dead == alive { // for the functions that the body defines
		e.st = e.merge(before, after)
	}
	e.blur(changed, e.log[logged:])
}

// widen makes unknown in s what concerns every variable and changed until after, and reports whether it did.
func widen(s, after *state) bool {
	grew := false
	if after.opaque != nil && s.opaque == nil {
		s.opaque, s.vars, grew = after.opaque, map[string]variable{}, true
	}
	if s.allexport != maybe && after.allexport != s.allexport {
		s.allexport, grew = maybe, true
	}
	return grew
}

// blur makes variables unknown; the effects on them join their candidates. Their indices follow from the
// end of the log.
func (e *evaluator) blur(names map[string]bool, effects []Effect) {
	offset := len(e.log) - len(effects)
	for name := range names {
		v := e.lookup(e.st, name)
		from := slices.Clone(v.from)
		for i, effect := range effects {
			if effect.Name == name {
				from = append(from, offset+i)
			}
		}
		e.st.vars[name] = variable{export: maybe, readonly: v.readonly, from: union(from, nil)}
	}
}
