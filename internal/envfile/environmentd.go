package envfile

import (
	"fmt"
	"strings"
)

// ParseEnvironmentD reads one file of environment.d(5) as the user manager's
// generator does (merge_env_file of src/basic/env-file.c): like [Parse], and
// then $NAME, ${NAME}, ${NAME:-default} and ${NAME:+alternative} are replaced,
// inside every kind of quotes. lookup knows the variables set before this file;
// those set in the file come first. Variables that neither knows are taken from
// the environment the manager started with: the value is then Unknown, and they
// count as unset. lookup may be nil.
//
// Control characters end up as C escapes (a tab as \t), because the generator
// prints its result in a form that the manager reads without undoing them. A
// value that is not UTF-8 gives nothing at all: the generator of systemd
// 252 to 262 crashes on it, and then no file of environment.d counts.
func ParseEnvironmentD(data []byte, systemdVersion int, lookup func(name string) (value string, ok bool)) []Assignment {
	v := systemdVersion
	if v <= 0 {
		v = newest
	}
	if len(data) > maxFile(v) || v >= 240 && strings.IndexByte(string(data), 0) >= 0 {
		return nil
	}
	text, _, _ := strings.Cut(string(data), "\x00")
	var out []Assignment
	for _, a := range scan(text, v) {
		switch {
		case !validName(a.Name):
			a.Problem = "not a valid variable name"
		case a.Value == "":
			// Written with quotes or without, systemd calls it a syntax error
			// and does not set the variable.
			a.Problem = "no value"
		default:
			e := expander{known: lookup, own: out}
			a.Value = e.expand(a.Value)
			a.Unknown = e.unknown
			if !validUTF8(a.Value) {
				return nil
			}
		}
		out = append(out, a)
	}
	for i := range out {
		out[i].Value = escapeControls(out[i].Value)
	}
	return out
}

// escapeControls is what shell_maybe_quote of src/basic/escape.c does to
// control characters.
func escapeControls(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch i := strings.IndexRune("\a\b\f\n\r\t\v", r); {
		case i >= 0:
			b.WriteString(`\` + "abfnrtv"[i:i+1])
		case isControl(r):
			fmt.Fprintf(&b, `\%03o`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// expander replaces variables (replace_env_full of src/basic/env-util.c).
type expander struct {
	known   func(string) (string, bool)
	own     []Assignment
	unknown bool
}

func (e *expander) get(name string) (string, bool) {
	for i := len(e.own) - 1; i >= 0; i-- {
		if a := e.own[i]; a.Name == name && a.Problem == "" {
			e.unknown = e.unknown || a.Unknown
			return a.Value, true
		}
	}
	if e.known != nil {
		if v, ok := e.known(name); ok {
			return v, true
		}
	}
	e.unknown = e.unknown || validName(name)
	return "", false
}

func (e *expander) expand(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := 0
		switch {
		case s[1] == '$':
			b.WriteByte('$')
			n = 2
		case s[1] == '{':
			text, length := e.braces(s)
			b.WriteString(text)
			n = length
		default:
			n = 1 + nameLength(s[1:])
			if n == 1 { // "$" before something else stays
				n = 2
				b.WriteString(s[:2])
				break
			}
			value, _ := e.get(s[1:n])
			b.WriteString(value)
		}
		s = s[n:]
	}
}

// nameLength counts the bytes that can be in a name; digits may come first.
func nameLength(s string) int {
	n := 0
	for n < len(s) && validName("_"+s[n:n+1]) {
		n++
	}
	return n
}

// braces expands the ${…} at the start of s and gives its length. What never
// closes, and what is no form that systemd knows, stays as it is.
func (e *expander) braces(s string) (text string, length int) {
	end := strings.IndexAny(s, "}:")
	switch {
	case end < 0:
		return s, len(s)
	case s[end] == '}':
		value, _ := e.get(s[2:end])
		return value, end + 1
	case end+1 == len(s) || s[end+1] != '-' && s[end+1] != '+':
		n := min(end+2, len(s))
		return s[:n], n
	}
	word, depth := end+2, 1
	for i := word; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth > 0 {
			continue
		}
		value, set := e.get(s[2:end])
		if set == (s[end+1] == '+') {
			return e.expand(s[word:i]), i + 1
		}
		if s[end+1] == '+' {
			return "", i + 1
		}
		return value, i + 1
	}
	return s, len(s)
}
