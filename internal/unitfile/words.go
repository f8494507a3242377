package unitfile

import "strings"

// rules are the flags of extract_first_word that systemd combines with
// EXTRACT_UNQUOTE.
type rules struct {
	escapes bool // EXTRACT_CUNESCAPE: C escapes; else a backslash quotes the next byte
	keep    bool // EXTRACT_UNESCAPE_RELAX: unknown escapes stay as they are
	relax   bool // EXTRACT_RELAX: the end of the text closes everything
	strict  bool // \u escapes of what is no character are unknown
}

// token is one word and where it stands in the text it was taken from.
type token struct {
	text       string
	start, end int  // quotes included
	next       int  // where the next word may start
	escape     bool // it ends at a backslash before what is no escape
}

// nextWord takes the next word from s at or after byte at
// (extract_first_word of src/basic/extract-word.c). found is false at the end
// of s; ok is false for an unbalanced quote or an unknown escape, and then t
// holds the start and what was read.
func nextWord(s string, at int, r rules) (t token, found, ok bool) {
	at = skipBlanks(s, at)
	if at >= len(s) {
		return token{start: at, end: at, next: at}, false, true
	}
	var word []byte
	quote := byte(0)
	t.start = at
	for ; at < len(s); at++ {
		c := s[at]
		switch {
		case c == '\\':
			out, n := r.backslash(s[at+1:], quote)
			if n < 0 {
				t.text, t.end, t.escape = string(word), len(s), true
				return t, true, false
			}
			word = append(word, out...)
			at += n
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word = append(word, c)
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(blanks, c) >= 0:
			t.text, t.end, t.next = string(word), at, skipBlanks(s, at)
			return t, true, true
		default:
			word = append(word, c)
		}
	}
	t.text, t.end, t.next = string(word), len(s), len(s)
	return t, true, quote == 0 || r.relax
}

// backslash gives what the text after a backslash stands for and how many
// bytes of it that takes; n is -1 for an error.
func (r rules) backslash(rest string, quote byte) (out string, n int) {
	switch {
	case rest == "" && r.keep && (quote == 0 || r.relax):
		return `\`, 0
	case rest == "" && r.relax:
		return "", 0
	case rest == "":
		return "", -1
	case !r.escapes:
		return rest[:1], 1
	}
	if out, n = unescapeOne(rest); n > 0 && !(r.strict && n == 5 && !validUTF8(out)) {
		return out, n
	}
	if r.keep {
		return `\` + rest[:1], 1
	}
	return "", -1
}

func skipBlanks(s string, at int) int {
	for at < len(s) && strings.IndexByte(blanks, s[at]) >= 0 {
		at++
	}
	return at
}

// splitOld is the word splitter of systemd before 233 (FOREACH_WORD_QUOTED):
// quotes count only around a whole word, escapes are undone later. The text of
// a token is still escaped. ok is false when the rest of s is garbage.
func splitOld(s string) (tokens []token, ok bool) {
	for at := skipBlanks(s, 0); at < len(s); at = skipBlanks(s, at) {
		t := token{start: at}
		stops, inner := blanks, at
		quoted := s[at] == '\'' || s[at] == '"'
		if quoted {
			stops, inner = s[at:at+1], at+1
		}
		length, finished := spanEscaped(s[inner:], stops)
		t.text, t.end = s[inner:inner+length], inner+length
		if quoted {
			t.end++
			if !finished || t.end > len(s) || t.end < len(s) && strings.IndexByte(blanks, s[t.end]) < 0 {
				return append(tokens, token{start: at, end: len(s)}), false
			}
		} else if !finished {
			return append(tokens, token{start: at, end: len(s), escape: true}), false
		}
		tokens = append(tokens, t)
		at = t.end
	}
	return tokens, true
}

// spanEscaped counts the bytes of s before the first unescaped byte of stops.
// finished is false when s ends in an unfinished escape, or when stops is a
// quote that never comes.
func spanEscaped(s, stops string) (n int, finished bool) {
	for n < len(s) {
		if s[n] == '\\' {
			if n+1 == len(s) {
				return n, false
			}
			n += 2
			continue
		}
		if strings.IndexByte(stops, s[n]) >= 0 {
			return n, true
		}
		n++
	}
	return n, stops == blanks
}

// unescapeOld undoes the escapes of a whole word (cunescape_length). ok is
// false for an unknown escape; with lenient, it stays as it is, and \u and \U
// are unknown.
func unescapeOld(s string, lenient bool) (out string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		text, n := unescapeOne(s[i+1:])
		if lenient && n > 3 {
			n = 0
		}
		switch {
		case n > 0:
			b.WriteString(text)
			i += n
		case lenient:
			b.WriteByte('\\')
		default:
			return "", false
		}
	}
	return b.String(), true
}
