package unitfile

import "strings"

// Name is one word of PassEnvironment= or UnsetEnvironment=.
type Name struct {
	Name string
	// HasValue: the word was NAME=VALUE, which UnsetEnvironment= matches
	// exactly.
	HasValue   bool
	Value      string
	Line       int // physical line the word starts on, 1-based
	Start, End int // byte offsets in the source, quotes included
	Unknown    bool
}

// Names reads the value of a PassEnvironment= or UnsetEnvironment= line as
// systemd release systemdVersion does (config_parse_pass_environ,
// config_parse_unset_environ). A release that does not know the key gives
// nothing. An empty value gives nothing either: ask [Assignment.Resets].
func Names(a Assignment, r Specifiers, systemdVersion int) (names []Name, problems []Problem) {
	v := release(systemdVersion)
	unset := a.Key == "UnsetEnvironment"
	if unset && !v.unsetEnvironment() || !unset && !v.passEnvironment() {
		return nil, nil
	}
	letters := ""
	if v.passSpecifiers() {
		letters = v.letters(a.Section == "Manager")
	}
	for _, w := range a.words(v, rules{escapes: unset && v.unsetEscapes(), strict: v.refusesSurrogate()}, letters, r, &problems) {
		name, value, hasValue := strings.Cut(w.text, "=")
		if !validName(name) || hasValue && (!unset || !v.validValue(value)) {
			problems = append(problems, a.problem(KindInvalid, w.start, w.end, nameOf(w.text), "not a valid variable name"))
			continue
		}
		names = append(names, Name{
			Name: name, HasValue: hasValue, Value: value, Unknown: w.unknown,
			Line: a.LineAt(w.start), Start: a.Offset(w.start), End: a.endOffset(w.end),
		})
	}
	return names, problems
}
