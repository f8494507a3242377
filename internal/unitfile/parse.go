package unitfile

import (
	"bytes"
	"strings"
)

const (
	blanks      = " \t\n\r" // WHITESPACE of src/basic/string-util.h
	commentSign = "#;"
	byteMark    = "\uFEFF"
)

// ParseVersion reads data as systemd release systemdVersion does (219 and
// later; 0 is the newest known). It never fails: what systemd ignores is in
// Problems, and where systemd gives up, in Stopped.
func ParseVersion(data []byte, systemdVersion int) *File {
	p := &parser{File: &File{data: data, version: release(systemdVersion)}, data: data}
	lines, tooLong := splitLines(data, p.version)
	for i, l := range lines {
		if i == tooLong {
			p.stop(l.line, l.start, "line longer than 1 MiB")
		}
		if p.stopped != nil {
			return p.File
		}
		p.physical(l)
	}
	if len(p.pending) > 0 && p.stopped == nil {
		if p.version.lastContinued() {
			p.logical()
		} else {
			p.ignore(KindIgnored, p.pending[0].line, p.pending[0].source, "continuation at the end of the file", string(p.text))
		}
	}
	return p.File
}

type parser struct {
	*File
	data    []byte
	section string
	marked  bool // a byte order mark was seen, or may not come any more
	text    []byte
	pending []segment
}

func (p *parser) ignore(kind Kind, line, at int, message, text string) {
	p.problems = append(p.problems, Problem{Kind: kind, Line: line, Start: at, End: at, Msg: message, Text: text})
}

func (p *parser) stop(line, at int, message string) {
	problem := Problem{Kind: KindStopped, Line: line, Start: at, End: at, Msg: message, Text: string(p.data[at:])}
	p.problems = append(p.problems, problem)
	p.stopped = &problem
}

// physical takes one more line and reads the logical line it completes.
func (p *parser) physical(l physical) {
	if p.skipped(l) {
		return
	}
	if !p.marked && p.version.mark() && bytes.HasPrefix(p.data[l.start:l.end], []byte(byteMark)) {
		l.start += len(byteMark)
		p.marked = true
	}
	if !p.version.markAnyLine() {
		p.marked = true
	}
	text := p.data[l.start:l.end]
	if p.version.longLines() && len(p.text)+len(text) > longLineMax {
		p.stop(l.line, l.start, "continued line longer than 1 MiB")
		return
	}
	s := segment{logical: len(p.text), source: l.start, end: l.end, stop: l.stop, line: l.line}
	if s.joined = oddBackslashes(text); s.joined {
		s.end--
	}
	p.text = append(p.text, text...)
	p.pending = append(p.pending, s)
	if s.joined {
		p.text[len(p.text)-1] = ' '
		return
	}
	p.logical()
}

// skipped reports whether the line is taken out before lines are joined.
func (p *parser) skipped(l physical) bool {
	if !p.version.commentFirst() {
		return false
	}
	text := p.data[l.start:l.end]
	if p.version.commentIndented() {
		text = bytes.TrimLeft(text, blanks)
	}
	if len(text) == 0 {
		return p.version.dropsEmptyLine()
	}
	return strings.IndexByte(commentSign, text[0]) >= 0
}

// oddBackslashes reports whether text ends in a backslash that is not itself
// escaped. Backslashes only pair up with what follows, so counting the run at
// the end is enough.
func oddBackslashes(text []byte) bool {
	n := len(text) - len(bytes.TrimRight(text, `\`))
	return n%2 == 1
}

// logical reads the collected logical line.
func (p *parser) logical() {
	text, pending := string(p.text), p.pending
	p.text, p.pending = nil, nil
	line, at := pending[0].line, pending[0].source

	l := strings.Trim(text, blanks)
	switch {
	case l == "":
		return
	case !p.version.commentFirst() && strings.IndexByte(commentSign, l[0]) >= 0:
		return
	case p.version.includes() && isInclude(l):
		p.problems = append(p.problems, Problem{Kind: KindInclude, Line: line, Start: at, End: at,
			Msg: "an .include line: read by systemd in a unit file, not in a drop-in"})
		return
	case p.version.checksUTF8() && !validUTF8(l):
		p.stop(line, at, "not UTF-8")
		return
	case l[0] == '[':
		p.header(l, line, at)
		return
	}
	p.assignment(text, pending)
}

func isInclude(l string) bool {
	rest, ok := strings.CutPrefix(l, ".include")
	return ok && (rest == "" || strings.IndexByte(blanks, rest[0]) >= 0)
}

func (p *parser) header(l string, line, at int) {
	if len(l) < 2 || l[len(l)-1] != ']' {
		p.stop(line, at, "section header without ]")
		return
	}
	name := l[1 : len(l)-1]
	if p.version.checksSection() && !safe(name) {
		p.stop(line, at, "section header with a control character, quote or backslash")
		return
	}
	p.section = name
}

// safe is string_is_safe of src/basic/string-util.c.
func safe(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c == 0x7f || strings.IndexByte("\"'\\", c) >= 0 {
			return false
		}
	}
	return true
}

// assignment reads KEY=VALUE. text is the whole logical line.
func (p *parser) assignment(text string, pending []segment) {
	first := len(text) - len(strings.TrimLeft(text, blanks))
	a := Assignment{Section: p.section, segments: pending, Start: pending[0].source,
		End: pending[len(pending)-1].stop, valueStart: first}
	a.Line = a.LineAt(0)
	at := a.Offset(0)

	equals := strings.IndexByte(text, '=')
	switch {
	case p.section == "":
		p.ignore(KindSection, a.Line, at, "assignment before any section", text)
		return
	case equals < 0 && !knownSection(p.section):
		return
	case equals < 0 && !p.version.lenientLine():
		p.stop(a.Line, at, "line without =")
		return
	case equals < 0:
		p.ignore(KindIgnored, a.Line, at, "line without =", text)
		return
	}
	a.Key = strings.Trim(text[first:equals], blanks)
	if a.Key == "" {
		p.ignore(KindIgnored, a.Line, at, "no key before =", text)
		return
	}
	value := text[equals+1:]
	a.Value = strings.Trim(value, blanks)
	a.valueStart = equals + 1 + len(value) - len(strings.TrimLeft(value, blanks))
	if a.Value == "" {
		a.valueStart = equals + 1
	}
	p.assignments = append(p.assignments, a)
}

// knownSection: a service unit's sections and the manager's. In others systemd
// looks at nothing but headers.
func knownSection(name string) bool {
	switch name {
	case "Unit", "Service", "Install", "Manager":
		return true
	}
	return false
}
