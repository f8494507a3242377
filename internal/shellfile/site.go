package shellfile

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// site is a place at the top level of a file that sets or exports an affected variable.
type site struct {
	name       string
	sets       bool // it gives a value; otherwise it only exports
	start, end int  // the word
	valueStart int  // of a plain NAME=value: offset of the value
	plain      bool // NAME=value without export
}

// statement is a statement at the top level with what can be edited in it.
type statement struct {
	start, end int
	words      []word // of a simple command, in order; nil when it cannot be taken apart
	sites      []site
	whole      bool // nothing but sites (and the command that carries them): it may go as a whole
	hasHeredoc bool
}

// word is one word of a simple command.
type word struct {
	start, end int
	site       int // index into sites, or -1
}

// statements lists the top level of the file.
func (ed *editor) statements() []statement {
	var out []statement
	for _, s := range ed.f.prog.Stmts {
		out = append(out, ed.statement(s))
	}
	return out
}

func (ed *editor) statement(s *syntax.Stmt) statement {
	out := statement{}
	out.start, out.end = span(s)
	syntax.Walk(s, func(n syntax.Node) bool {
		r, ok := n.(*syntax.Redirect)
		out.hasHeredoc = out.hasHeredoc || ok && (r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc)
		return true
	})
	if s.Background || s.Negated || s.Coprocess || len(s.Redirs) > 0 {
		return out
	}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		out.words, out.sites = ed.simple(c)
		out.whole = len(out.sites) > 0 && ed.allSites(out.words, c)
	case *syntax.BinaryCmd: // NAME=value && export NAME, when there is nothing else in the list
		if c.Op != syntax.AndStmt {
			return out
		}
		x, y := ed.statement(c.X), ed.statement(c.Y)
		if x.whole && y.whole {
			out.sites, out.whole = append(x.sites, y.sites...), true
		}
	}
	return out
}

// simple finds the sites of a simple command.
func (ed *editor) simple(c *syntax.CallExpr) ([]word, []site) {
	var words []word
	var sites []site
	add := func(n syntax.Node, s site, ok bool) {
		w := word{site: -1}
		w.start, w.end = span(n)
		if ok {
			s.start, s.end = w.start, w.end
			w.site, sites = len(sites), append(sites, s)
		}
		words = append(words, w)
	}
	first := ""
	if len(c.Args) > 0 {
		first = ed.f.raw(c.Args[0])
	}
	// A line that ends in blanks and CR has the CR as its command for sh, but is an assignment to systemd.
	plain := len(c.Args) == 0 || len(c.Args) == 1 && first == "\r"
	for _, a := range c.Assigns {
		_, end := span(a)
		s := site{name: a.Name.Value, sets: true, plain: true, valueStart: end}
		if a.Value != nil {
			s.valueStart, _ = span(a.Value)
		}
		add(a, s, plain && ed.affected(s.name))
	}
	exports := (first == "export" || first == "readonly") && len(c.Assigns) == 0
	for i, w := range c.Args {
		s, ok := site{}, false
		switch {
		case exports && i > 0:
			s, ok = ed.exportSite(w)
			if strings.HasPrefix(ed.f.raw(w), "-") && ed.f.raw(w) != "--" {
				exports = false
			}
		case i == 0 && len(c.Assigns) == 0 && len(c.Args) > 1 && strings.HasPrefix(ed.f.raw(c.Args[1]), "="):
			// "NAME = value" sets the variable for systemd (src/basic/env-file.c); sh looks for a command.
			s, ok = site{name: first, sets: true}, ed.affected(first)
			_, s.end = span(c)
			if ok {
				sites = append(sites, s)
				return []word{{start: int(c.Pos().Offset()), end: s.end, site: 0}}, sites
			}
		}
		add(w, s, ok)
	}
	return words, sites
}

// exportSite recognises NAME and NAME=value, also quoted, as an argument of export.
func (ed *editor) exportSite(w *syntax.Word) (site, bool) {
	text := ed.f.raw(w)
	name, _, sets := strings.Cut(text, "=")
	if !ValidName(name) {
		e := newEvaluator(ed.f, Options{})
		v, ok := e.literal(w)
		if !ok {
			return site{}, false
		}
		name, _, sets = strings.Cut(v, "=")
		name = strings.TrimSuffix(name, "\r") // of a CRLF: an error for sh, nothing for systemd
	}
	return site{name: name, sets: sets}, ed.affected(name)
}

// allSites reports whether a simple command does nothing but what its sites do.
func (ed *editor) allSites(words []word, c *syntax.CallExpr) bool {
	if len(words) == 0 || len(c.Assigns) > 0 && len(c.Args) > 1 {
		return false
	}
	for i, w := range words {
		isCommand := i == len(c.Assigns) && len(c.Args) > 0 && len(words) > 1
		isCommand = isCommand || string(ed.f.data[w.start:w.end]) == "--"
		if w.site < 0 && !isCommand {
			return false
		}
	}
	return true
}
