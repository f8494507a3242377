package unitfile

import "strings"

// Word is one word of Environment= or DefaultEnvironment= that systemd takes:
// a variable and its value.
type Word struct {
	Raw         string // as it stands in the file: quotes, escapes and %% included
	Name, Value string
	Line        int // physical line the word starts on, 1-based
	Start, End  int // byte offsets in the source, quotes included
	// Unknown: the value uses a specifier whose value the caller does not
	// know; Value then lacks that part.
	Unknown bool
	// Specifiers are the % specifiers that systemd replaced, in order, each
	// with the byte that follows it: "%C3" is %C before a 3.
	Specifiers []string
}

// EnvironmentWords reads the value of an Environment= or DefaultEnvironment=
// line as config_parse_environ of systemd release systemdVersion does (0 is the
// newest known). Of problems each is a word, or the rest of the line, that
// systemd drops. An empty value gives nothing: ask [Assignment.Resets].
//
// In section [Manager] the specifiers of systemd-system.conf(5) count, else
// those of systemd.unit(5).
func EnvironmentWords(a Assignment, r Specifiers, systemdVersion int) (words []Word, problems []Problem) {
	v := release(systemdVersion)
	for _, w := range a.words(v, rules{escapes: true, strict: v.refusesSurrogate()}, v.letters(a.Section == "Manager"), r, &problems) {
		name, value, ok := cutAssignment(w.text, v)
		if !ok {
			problems = append(problems, a.problem(KindInvalid, w.start, w.end, nameOf(w.text), "not a valid environment assignment"))
			continue
		}
		words = append(words, Word{
			Raw: a.Value[w.start:w.end], Name: name, Value: value, Unknown: w.unknown, Specifiers: w.specifiers,
			Line: a.LineAt(w.start), Start: a.Offset(w.start), End: a.endOffset(w.end),
		})
	}
	return words, problems
}

// word is a token after expansion, with its place in the value of an
// assignment.
type word struct {
	text       string
	start, end int
	unknown    bool
	specifiers []string
}

// words splits a value and expands its specifiers, in the order of the release.
func (a Assignment) words(v version, r rules, letters string, s Specifiers, problems *[]Problem) []word {
	if r.escapes && !v.wordsFirst() {
		return a.wordsOld(v, letters, s, problems)
	}
	var words []word
	for at := 0; ; {
		t, found, ok := nextWord(a.Value, at, r)
		if !found {
			return words
		}
		if !ok {
			*problems = append(*problems, a.syntax(t, len(a.Value), nameOf(t.text)))
			return words
		}
		at = t.next
		e, ok := v.expand(t.text, letters, s)
		if !ok {
			*problems = append(*problems, a.problem(KindSpecifier, t.start, t.end, nameOf(t.text),
				"unknown % specifier; write %% for a percent sign"))
			continue
		}
		words = append(words, word{e.text, t.start, t.end, len(e.unknown) > 0, replaced(t.text, e.used, 0, len(t.text))})
	}
}

// wordsOld is what systemd did before 233: specifiers first, then words.
func (a Assignment) wordsOld(v version, letters string, s Specifiers, problems *[]Problem) []word {
	e, _ := v.expand(a.Value, letters, s) // unknown specifiers are literal in these releases
	tokens, ok := splitOld(e.text)
	var words []word
	for i, t := range tokens {
		start, end := e.from[t.start], e.from[t.end]
		if !ok && i == len(tokens)-1 {
			*problems = append(*problems, a.syntax(token{start: start, escape: t.escape}, end, nameOf(a.Value[start:end])))
			break
		}
		text, valid := unescapeOld(t.text, !v.strictEscape())
		if !valid {
			*problems = append(*problems, a.problem(KindEscape, start, end, nameOf(t.text), "unknown escape"))
			continue
		}
		w := word{text: text, start: start, end: end, specifiers: replaced(a.Value, e.used, start, end)}
		for _, at := range e.unknown {
			w.unknown = w.unknown || at >= t.start && at <= t.end
		}
		words = append(words, w)
	}
	return words
}

// syntax makes the problem of a token that never ends.
func (a Assignment) syntax(t token, end int, name string) Problem {
	if t.escape {
		return a.problem(KindEscape, t.start, end, name, "unknown escape; the rest of the line is ignored")
	}
	return a.problem(KindQuote, t.start, end, name, "a quote that is never closed; the rest of the line is ignored")
}

// replaced gives the specifiers at the places used of s, from start to end,
// each with the byte that follows it.
func replaced(s string, used []int, start, end int) []string {
	var out []string
	for _, at := range used {
		if at >= start && at < end {
			out = append(out, s[at:min(at+3, end)])
		}
	}
	return out
}

// cutAssignment is env_assignment_is_valid of src/basic/env-util.c.
func cutAssignment(s string, v version) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	return name, value, ok && validName(name) && v.validValue(value)
}

// validName is env_name_is_valid.
func validName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && !alphanumeric(c) || i == 0 && c >= '0' && c <= '9' {
			return false
		}
	}
	return s != ""
}

// validValue is env_value_is_valid.
func (v version) validValue(s string) bool {
	if !validUTF8(s) {
		return false
	}
	if v.anyControl() {
		return true
	}
	for _, c := range []byte(s) {
		if (c < ' ' || c == 0x7f) && c != '\t' && (c != '\n' || !v.lineFeed()) {
			return false
		}
	}
	return true
}

// nameOf guesses the variable a dropped piece of text was about.
func nameOf(text string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(text, `"'`), "=")
	if !validName(name) {
		return ""
	}
	return name
}
