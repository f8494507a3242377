package unitfile

import (
	"bytes"
	"slices"
	"strings"
)

// Removed is one word that was taken out.
type Removed struct {
	Key  string // Environment or PassEnvironment
	Name string // the variable
	Line int    // physical line it stood on, 1-based
}

// Removal is a file without certain words.
type Removal struct {
	Data    []byte // the new text; the source itself when nothing was removed
	Removed []Removed
	// Left are mentions that could not be taken out because they stand behind
	// a syntax error, where words have no borders. systemd ignores them.
	Left []Problem
}

// RemoveEnvironment takes the words that assign one of names out of the
// Environment= lines of [Service], whether systemd takes or drops them.
// Everything else keeps its bytes, comments inside a continuation too. A line
// whose words are all gone goes away as a whole, never leaving an empty
// Environment=, which would be a reset.
func (f *File) RemoveEnvironment(names ...string) Removal {
	return f.remove("Environment", names)
}

// RemovePassEnvironment does the same for the names in PassEnvironment= lines.
func (f *File) RemovePassEnvironment(names ...string) Removal {
	return f.remove("PassEnvironment", names)
}

// replacement puts text in the place of bytes start to end.
type replacement struct {
	start, end int
	text       string
}

func (f *File) remove(key string, names []string) Removal {
	var r Removal
	var edits []replacement
	for _, a := range f.All("Service", key) {
		tokens, tail := a.tokens(f.version)
		gone := func(t token) bool { return slices.Contains(names, t.text) }
		if f.chunked(a) {
			tokens, tail = nil, &Problem{Text: a.Value}
		}
		if tail != nil && mentions(tail.Text, names) {
			r.Left = append(r.Left, a.problem(KindSyntax, len(a.Value)-len(tail.Text), len(a.Value), "",
				"could not be taken out: behind a syntax error, or on a line longer than this systemd reads"))
		}
		if !slices.ContainsFunc(tokens, gone) {
			continue
		}
		var doomed []token
		for _, t := range tokens {
			if gone(t) {
				doomed = append(doomed, t)
				r.Removed = append(r.Removed, Removed{Key: key, Name: t.text, Line: a.LineAt(t.start)})
			}
		}
		if len(doomed) == len(tokens) && tail == nil {
			edits = append(edits, a.deleteLines()...)
			continue
		}
		edits = append(edits, f.cut(a, doomed)...)
	}
	r.Data = apply(f.data, edits)
	return r
}

func mentions(text string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(text, n) })
}

// chunked: an old release reads only a piece of this line, so an edit would
// move what it takes for the next line.
func (f *File) chunked(a Assignment) bool {
	return !f.version.longLines() && slices.ContainsFunc(a.segments, func(s segment) bool { return s.stop-s.source >= oldChunk })
}

// tokens gives the words of a value as they stand there; the text of each is
// the variable's name. tail is what follows a syntax error.
func (a Assignment) tokens(v version) (tokens []token, tail *Problem) {
	fail := func(at int) *Problem {
		p := a.problem(KindSyntax, at, len(a.Value), "", "")
		return &p
	}
	name := func(text string) string {
		if a.Key == "Environment" {
			text, _, _ = strings.Cut(text, "=")
		}
		return text
	}
	if a.Key == "Environment" && !v.wordsFirst() {
		tokens, ok := splitOld(a.Value)
		if !ok {
			tail = fail(tokens[len(tokens)-1].start)
			tokens = tokens[:len(tokens)-1]
		}
		for i, t := range tokens {
			text, _ := unescapeOld(t.text, true)
			tokens[i].text = name(text)
		}
		return tokens, tail
	}
	for at := 0; ; {
		t, found, ok := nextWord(a.Value, at, rules{escapes: a.Key == "Environment", strict: v.refusesSurrogate()})
		if !found {
			return tokens, nil
		}
		if !ok {
			return tokens, fail(t.start)
		}
		at, t.text = t.next, name(t.text)
		tokens = append(tokens, t)
	}
}

// deleteLines takes out all lines of an assignment, but not the comments
// between them.
func (a Assignment) deleteLines() []replacement {
	var edits []replacement
	for _, s := range a.segments {
		edits = append(edits, replacement{start: s.source, end: s.stop})
	}
	return edits
}

// piece is what becomes of one physical line of an assignment.
type piece struct {
	segment
	prefix string // what stands before the value: key and equals sign, or blanks
	text   string // what is left of the value
	cut    bool
}

func (p piece) blank() bool { return strings.Trim(p.prefix+p.text, blanks) == "" }

// cut takes some words out of an assignment that keeps others.
func (f *File) cut(a Assignment, doomed []token) []replacement {
	pieces := make([]piece, len(a.segments))
	last := 0 // the last line with something on it
	for i, s := range a.segments {
		pieces[i] = f.cutPiece(a, s, doomed)
		if !pieces[i].blank() {
			last = i
		}
	}
	touchedEnd := slices.ContainsFunc(pieces[last+1:], func(p piece) bool { return p.cut })
	var edits []replacement
	for i, p := range pieces {
		e := replacement{start: p.source, end: p.stop}
		switch {
		case i > last && touchedEnd, p.cut && p.blank():
			// the whole line goes
		case i == last && touchedEnd:
			e.text = p.prefix + strings.TrimRight(p.text, blanks) + f.terminator(a, i)
		default:
			e.text = p.prefix + p.text + string(f.data[p.end:p.stop])
		}
		edits = append(edits, e)
	}
	return edits
}

// cutPiece takes the doomed words out of one physical line, together with the
// blanks after each, or before it when it was the last on the line.
func (f *File) cutPiece(a Assignment, s segment, doomed []token) piece {
	p := piece{segment: s}
	lo := s.source
	if start := a.valueStart - s.logical; start > 0 {
		lo = min(s.source+start, s.end)
		p.prefix = string(f.data[s.source:lo])
	}
	var kept []byte
	at := lo
	for _, t := range doomed {
		from := max(lo, s.source+a.valueStart+t.start-s.logical)
		to := min(s.end, s.source+a.valueStart+t.end-s.logical)
		if from >= to {
			continue
		}
		p.cut = true
		kept = append(kept, f.data[at:from]...)
		at = to
		if rest := bytes.TrimLeft(f.data[to:s.end], blanks); len(rest) > 0 {
			at = s.end - len(rest)
		} else if to < s.end || !s.joined {
			kept = bytes.TrimRight(kept, blanks)
		}
	}
	p.text = string(append(kept, f.data[at:s.end]...))
	if left := strings.TrimLeft(p.text, blanks); p.cut && strings.Trim(p.prefix, blanks) == "" && left != "" && strings.IndexByte(commentSign, left[0]) >= 0 {
		// The line would turn into a comment and the one after it into a
		// continuation. An empty word means nothing to systemd.
		p.text = p.text[:len(p.text)-len(left)] + `"" ` + left
	}
	return p
}

// terminator gives the line end for line i of an assignment when the lines
// after it go: its own, but none if the file ended without one right there.
func (f *File) terminator(a Assignment, i int) string {
	end := func(s segment) string {
		return strings.TrimPrefix(string(f.data[s.end:s.stop]), `\`)
	}
	rest := a.segments[i:]
	for k, s := range rest[1:] {
		if s.source != rest[k].stop { // a comment in between stays
			return end(rest[0])
		}
	}
	if end(rest[len(rest)-1]) == "" {
		return ""
	}
	return end(rest[0])
}

// apply makes the edits, which are in order and do not overlap.
func apply(data []byte, edits []replacement) []byte {
	if len(edits) == 0 {
		return data
	}
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, data[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, data[at:]...)
}
