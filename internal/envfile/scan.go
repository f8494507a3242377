package envfile

import "strings"

// state is where the reader stands in a file.
type state int

const (
	beforeName state = iota
	inName
	beforeValue // after "=" and after a closing quote
	inValue
	inValueEscape
	inSingle
	inSingleEscape
	inDouble
	inDoubleEscape
	inComment
	inCommentEscape
)

// scanner is parse_env_file_internal of src/basic/env-file.c (before 240 in
// fileio.c), one byte at a time.
type scanner struct {
	version int
	text    string
	state   state
	name    []byte
	value   []byte
	// trailing is how much of name or value is left when blanks at its end
	// are taken off; -1 when it does not end in unquoted blanks.
	nameTrailing, valueTrailing int

	start, line int // of the name
	lines       int // line feeds seen
	out         []Assignment
}

func scan(text string, version int) []Assignment {
	s := &scanner{version: version, text: text, lines: 1}
	for i := range len(text) {
		s.next(i, text[i])
		if text[i] == '\n' {
			s.lines++
		}
	}
	if s.state >= beforeValue && s.state <= inDoubleEscape {
		s.push(len(text))
	}
	return s.out
}

func is(c byte, set string) bool { return strings.IndexByte(set, c) >= 0 }

// next takes the byte c at offset i.
func (s *scanner) next(i int, c byte) {
	switch s.state {
	case beforeName:
		s.beforeName(i, c)
	case inName:
		s.inName(c)
	case beforeValue:
		s.beforeValue(i, c)
	case inValue:
		s.inValue(i, c)
	case inValueEscape:
		s.state = inValue
		if !is(c, lineEnds) {
			s.value = append(s.value, c)
		}
	case inSingle:
		s.inSingle(c)
	case inSingleEscape:
		s.state = inSingle
		if !is(c, lineEnds) {
			s.value = append(s.value, c)
		}
	case inDouble:
		s.inDouble(c)
	case inDoubleEscape:
		s.inDoubleEscape(c)
	case inComment:
		if c == '\\' {
			s.state = inCommentEscape
		} else if is(c, lineEnds) {
			s.state = beforeName
		}
	case inCommentEscape:
		s.state = inComment
		// Before 254 a backslash continued a comment onto the next line.
		if s.version >= 254 && is(c, lineEnds) {
			s.state = beforeName
		}
	}
}

func (s *scanner) beforeName(i int, c byte) {
	switch {
	case is(c, commentSign):
		s.state = inComment
	case !is(c, blanks):
		s.state = inName
		s.start, s.line = i, s.lines
		s.name, s.nameTrailing = append(s.name[:0], c), -1
	}
}

func (s *scanner) inName(c byte) {
	switch {
	case is(c, lineEnds):
		s.state = beforeName
		return
	case c == '=':
		s.state = beforeValue
		s.value, s.valueTrailing = nil, -1
		return
	case !is(c, blanks):
		s.nameTrailing = -1
	case s.nameTrailing < 0:
		s.nameTrailing = len(s.name)
	}
	s.name = append(s.name, c)
}

func (s *scanner) beforeValue(i int, c byte) {
	switch {
	case is(c, lineEnds):
		s.push(i)
	case c == '\'':
		s.state = inSingle
	case c == '"':
		s.state = inDouble
	case c == '\\':
		s.state = inValueEscape
	case !is(c, blanks):
		s.state = inValue
		s.value = append(s.value, c)
	}
}

func (s *scanner) inValue(i int, c byte) {
	switch {
	case is(c, lineEnds):
		s.push(i)
		return
	case c == '\\':
		s.state, s.valueTrailing = inValueEscape, -1
		return
	case !is(c, blanks):
		s.valueTrailing = -1
	case s.valueTrailing < 0:
		s.valueTrailing = len(s.value)
	}
	s.value = append(s.value, c)
}

func (s *scanner) inSingle(c byte) {
	switch {
	case c == '\'':
		s.state = beforeValue
	case c == '\\' && s.version <= 240: // literal since then, as in a shell
		s.state = inSingleEscape
	default:
		s.value = append(s.value, c)
	}
}

func (s *scanner) inDouble(c byte) {
	switch c {
	case '"':
		s.state = beforeValue
	case '\\':
		s.state = inDoubleEscape
	default:
		s.value = append(s.value, c)
	}
}

// inDoubleEscape: since 247 as in a shell, where only some characters can be
// escaped; in 241 to 246 only the quote could; before, all.
func (s *scanner) inDoubleEscape(c byte) {
	s.state = inDouble
	drop, escapable := "\n", "\"\\`$"
	switch {
	case s.version <= 240:
		drop, escapable = lineEnds, string(c)
	case s.version <= 246:
		drop, escapable = lineEnds, `"`
	}
	switch {
	case is(c, drop):
	case is(c, escapable):
		s.value = append(s.value, c)
	default:
		s.value = append(s.value, '\\', c)
	}
}

// push ends an assignment whose text ends before offset end.
func (s *scanner) push(end int) {
	name, value := s.name, s.value
	if s.nameTrailing >= 0 {
		name = name[:s.nameTrailing]
	}
	if s.state == inValue && s.valueTrailing >= 0 {
		value = value[:s.valueTrailing]
	}
	s.out = append(s.out, Assignment{Name: string(name), Value: string(value), Line: s.line, Start: s.start, End: end})
	s.state = beforeName
}
