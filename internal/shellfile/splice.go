package shellfile

import (
	"bytes"
	"slices"
	"strings"
)

// splice replaces the bytes from start to end by text.
type splice struct {
	start, end int
	text       string
}

// spliced applies splices; where two overlap, the bytes of both go. An insertion inside bytes that another one
// takes out is kept.
func spliced(data []byte, list []splice) []byte {
	slices.SortStableFunc(list, func(a, b splice) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, s := range list {
		if s.start > at {
			out = append(out, data[at:s.start]...)
		}
		out = append(out, s.text...)
		at = max(at, s.end)
	}
	return append(out, data[at:]...)
}

// group is a run of top-level statements that share lines, with the blanks and the comment round them.
type group struct {
	list         []statement
	start, end   int // of the statements
	lineStart    int
	commentStart int // of the comment behind the statements on the same line; commentEnd when there is none
	commentEnd   int
	next         int // offset of the next line, or the length of the file
}

// groups cuts the top level into runs that share lines.
func (ed *editor) groups() []group {
	var out []group
	data := ed.f.data
	for _, s := range ed.statements() {
		if n := len(out); n > 0 && sameLine(data, out[n-1].end, s.start) {
			out[n-1].list = append(out[n-1].list, s)
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, group{list: []statement{s}, start: s.start, end: s.end})
	}
	for i := range out {
		g := &out[i]
		g.lineStart = bytes.LastIndexByte(data[:g.start], '\n') + 1
		g.next = len(data)
		lineEnd := len(data)
		if n := bytes.IndexByte(data[g.end:], '\n'); n >= 0 {
			lineEnd, g.next = g.end+n, g.end+n+1
		}
		g.commentStart, g.commentEnd = lineEnd, lineEnd
		if n := bytes.IndexByte(data[g.end:lineEnd], '#'); n >= 0 {
			g.commentStart = g.end + n
		}
	}
	return out
}

// sameLine reports whether no line ends between two offsets. A continued line does not end, and a statement
// behind the start of a here-document lies before its end.
func sameLine(data []byte, from, to int) bool {
	return from >= to || !bytes.Contains(bytes.ReplaceAll(data[from:to], []byte("\\\n"), nil), []byte("\n"))
}

// belowBackslash reports whether the line above the one that starts at offset ends in a backslash.
func belowBackslash(data []byte, offset int) bool {
	return offset > 0 && endsInBackslash(data[:offset-1])
}

// apply makes the edited bytes for the present plan.
func (ed *editor) apply() ([]byte, error) {
	groups := ed.groups()
	targets := ed.targets(groups)
	var list []splice
	for i := range groups {
		list = append(list, ed.editGroup(&groups[i], targets)...)
	}
	out := spliced(ed.f.data, list)
	var block []Var
	for _, v := range ed.wanted {
		if _, inPlace := targets[v.Name]; !inPlace {
			block = append(block, v)
		}
	}
	if len(block) > 0 && !bytes.HasSuffix(out, []byte("\n")) && endsInBackslash(out) {
		// Whether that quotes the line break to come depends on who reads it.
		return nil, &EditError{Path: ed.f.path, Line: ed.f.line(len(ed.f.data)), Name: block[0].Name, Err: ErrNotReached}
	}
	return appendBlock(out, block), nil
}

// targets maps each name that is replaced in place to the offset of the word it stands in.
func (ed *editor) targets(groups []group) map[string]int {
	out := map[string]int{}
	for _, g := range groups {
		// A line behind a here-document's start would be part of it, one behind a backslash part of the line above.
		unfit := slices.ContainsFunc(g.list, func(s statement) bool { return s.hasHeredoc }) ||
			belowBackslash(ed.f.data, g.lineStart)
		for _, s := range g.list {
			for _, site := range s.sites {
				if _, isWanted := ed.value(site.name); !isWanted || !site.sets || ed.plan[site.name] == placeAtEnd {
					continue
				}
				delete(out, site.name)
				if !unfit {
					out[site.name] = site.start
				}
			}
		}
	}
	return out
}

// editGroup returns the splices for one group.
func (ed *editor) editGroup(g *group, targets map[string]int) []splice {
	var lines []string
	indent := string(ed.f.data[g.lineStart:g.start])
	if strings.Trim(indent, " \t") != "" {
		indent = ""
	}
	for _, s := range g.list {
		for _, site := range s.sites {
			if at, ok := targets[site.name]; ok && at == site.start && site.sets {
				value, _ := ed.value(site.name)
				if only, done := ed.valueOnly(g, site, value); done {
					return only
				}
				lines = append(lines, portableLines(site.name, value, "\n"+indent))
			}
		}
	}
	gone := func(s site) bool { return ed.goes(g, s, targets) }
	isAll := !slices.ContainsFunc(g.list, func(s statement) bool {
		return !s.whole || slices.ContainsFunc(s.sites, func(s site) bool { return !gone(s) })
	})
	if isAll {
		return ed.replaceGroup(g, strings.Join(lines, "\n"+indent), indent)
	}
	list := ed.thinGroup(g, gone)
	if len(lines) > 0 {
		text := "\n" + indent + strings.Join(lines, "\n"+indent)
		list = append(list, splice{g.commentEnd, g.commentEnd, text})
	}
	return list
}

// goes reports whether a site is taken out of its statement.
func (ed *editor) goes(g *group, s site, targets map[string]int) bool {
	if _, isWanted := ed.value(s.name); !isWanted || s.sets {
		return true
	}
	// An export of a wanted name stays, unless both lines are written in its place.
	at, ok := targets[s.name]
	return ok && at >= g.start && at < g.end
}

// valueOnly replaces just the value where the assignment has its lines to itself.
func (ed *editor) valueOnly(g *group, s site, value string) ([]splice, bool) {
	rest := strings.Trim(string(ed.f.data[g.end:g.next]), " \t\n")
	alone := len(g.list) == 1 && len(g.list[0].words) == 1 && rest == "" && g.list[0].end == s.end
	if !alone || !s.plain || ed.plan[s.name] != placeValue {
		return nil, false
	}
	return []splice{{s.valueStart, s.end, "'" + value + "'"}}, true
}

// replaceGroup puts text in the place of a whole group; a comment behind it gets a line of its own before the
// text, since systemd would take it as part of the value.
func (ed *editor) replaceGroup(g *group, text, indent string) []splice {
	hasComment := g.commentStart < g.commentEnd
	switch {
	case hasComment && text == "":
		return []splice{{g.start, g.commentStart, ""}}
	case hasComment:
		return []splice{{g.start, g.commentStart, ""}, {g.commentEnd, g.commentEnd, "\n" + indent + text}}
	case text == "" && g.start == g.lineStart+len(indent) && !belowBackslash(ed.f.data, g.lineStart):
		return []splice{{g.lineStart, g.next, ""}}
	default:
		return []splice{{g.start, g.commentEnd, text}}
	}
}

// thinGroup takes single statements and words out of a group.
func (ed *editor) thinGroup(g *group, gone func(site) bool) []splice {
	var list []splice
	kept := false
	for i, s := range g.list {
		out := 0
		for _, site := range s.sites {
			if gone(site) {
				out++
			}
		}
		isGone := s.whole && out == len(s.sites)
		switch {
		case isGone && kept:
			list = append(list, splice{g.list[i-1].end, s.end, ""})
		case isGone && i+1 < len(g.list):
			list = append(list, splice{s.start, g.list[i+1].start, ""})
		case isGone:
			list = append(list, splice{s.start, s.end, ""})
		case out > 0 && s.words != nil:
			list = append(list, thinWords(s, gone)...)
		}
		kept = kept || !isGone
	}
	return list
}

// thinWords takes single words out of a simple command, each with the blanks on one side.
func thinWords(s statement, gone func(site) bool) []splice {
	var list []splice
	kept := false
	for i, w := range s.words {
		switch {
		case w.site < 0 || !gone(s.sites[w.site]):
			kept = true
		case kept:
			list = append(list, splice{s.words[i-1].end, w.end, ""})
		case i+1 < len(s.words):
			list = append(list, splice{w.start, s.words[i+1].start, ""})
		}
	}
	return list
}
