package envfile

import "strings"

// ParsePAM reads /etc/environment as pam_env does (_parse_env_file of
// modules/pam_env/pam_env.c, Linux-PAM 1.5 to 1.7 built without libeconf, as
// Debian's is). "export " is allowed; "#" starts a comment anywhere, in quotes
// too; a value's first byte is dropped when it is a quote, and then its last
// one when it is a quote; blanks at the end of a line belong to the value; a
// backslash at the end of a line joins the next one. Continuation lines and NUL
// bytes are read as by 1.7: 1.5 keeps the blanks before a continued line, skips
// empty and comment lines there, and stops at a NUL or a line of 8 KiB.
func ParsePAM(data []byte) []Assignment {
	var out []Assignment
	text := string(data)
	line, at := 1, 0
	for at < len(text) {
		l, next, ok := pamLine(text, at)
		if !ok {
			return out // a backslash at the end of the file loses the line
		}
		if a, found := l.assignment(); found {
			a.Line = line + strings.Count(text[at:a.Start], "\n")
			out = append(out, a)
		}
		line += strings.Count(text[at:next], "\n")
		at = next
	}
	return out
}

// pamLogical is a line with its continuations joined and its comment gone.
type pamLogical struct {
	text       string
	start, end int // of the text in the source, from the first byte that is no blank
}

// pamLine is _pam_line_assemble: the logical line at offset at, and where the
// next one starts.
func pamLine(text string, at int) (l pamLogical, next int, ok bool) {
	l.start = -1
	for at < len(text) {
		next = len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		raw := strings.TrimRight(text[at:next], "\n")
		raw, _, _ = strings.Cut(raw, "\x00")
		end := at + len(raw)
		body := strings.TrimLeft(raw, " \t")
		body, _, commented := strings.Cut(body, "#")
		if l.start < 0 && body != "" {
			l.start = end - len(strings.TrimLeft(raw, " \t"))
		}
		stem, continued := strings.CutSuffix(strings.TrimRight(body, " \t"), `\`)
		if commented || !continued {
			l.text, l.end = l.text+body, end
			return l, next, true
		}
		l.text += stem
		at = next
	}
	return l, at, false
}

func (l pamLogical) assignment() (a Assignment, found bool) {
	text := strings.TrimLeft(l.text, blanks[:3])
	text = strings.TrimPrefix(text, "export ")
	if text == "" || l.start < 0 {
		return a, false
	}
	a.Start, a.End = l.start, l.end
	name, value, assigned := strings.Cut(text, "=")
	a.Name, a.Value, a.Unset = name, value, !assigned
	switch {
	case name == "":
		a.Problem = "no name before ="
	case !validName("_" + name):
		a.Problem = "not a valid variable name"
	case value != "" && is(value[0], `"'`):
		a.Value = value[1:]
		if n := len(a.Value); n > 0 && is(a.Value[n-1], `"'`) {
			a.Value = a.Value[:n-1]
		}
	}
	return a, true
}
