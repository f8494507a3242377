package daemon

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// unitLine is one Environment= or DefaultEnvironment= line, cut into words as systemd does it, and judged for what systemd makes of it otherwise than it looks.
type unitLine struct {
	out     *Observation
	at      precedence.Source
	layer   precedence.Layer // that `set` would write instead
	pieces  []piece
	comment int // the first piece of what was meant as a comment; len(pieces) without one
}

// piece is a word that systemd takes, or a problem.
type piece struct {
	start, line int
	text        string // as it stands there; may hold a password
	word        *unitfile.Word
	problem     *unitfile.Problem
}

// judgeLine tells what systemd drops of a line about proxies, and what it reads otherwise. at is the place of the line.
func judgeLine(out *Observation, at precedence.Source, words []unitfile.Word, problems []unitfile.Problem) {
	l := &unitLine{out: out, at: at, layer: at.Layer}
	for i, w := range words {
		l.pieces = append(l.pieces, piece{start: w.Start, line: w.Line, text: w.Raw, word: &words[i]})
	}
	for i, p := range problems {
		l.pieces = append(l.pieces, piece{start: p.Start, line: p.Line, text: p.Text, problem: &problems[i]})
	}
	slices.SortStableFunc(l.pieces, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
	l.comment = slices.IndexFunc(l.pieces, func(p piece) bool { return p.problem != nil && strings.HasPrefix(p.text, "#") })
	if l.comment < 0 {
		l.comment = len(l.pieces)
	}
	l.trailingComment()
	l.dropped()
	l.written()
	for _, p := range l.pieces[:l.comment] {
		if p.word != nil {
			l.taken(*p.word)
		}
	}
}

// tell adds a finding about a piece; name may be "" when the variable is not known.
func (l *unitLine) tell(id string, p piece, name, format string, args ...any) {
	s := l.at
	s.Line, s.Name = p.line, name
	l.out.find(id, &s, mendOr(id, setAnew(l.layer, name)), format, args...)
}

// mendOr is the fix of a finding: `doctor --fix` where it takes this kind away, else the other command.
func mendOr(id, other string) string {
	if c, ok := precedence.CheckOf(id); ok && c.Mended {
		return "docker proxy doctor --fix"
	}
	return other
}

// variable is the proxy variable a piece sets or was to set, or "".
func (p piece) variable() string {
	switch {
	case p.word != nil:
		return proxyName(p.word.Name)
	case proxyName(p.problem.Name) != "":
		return p.problem.Name
	}
	return mentioned(p.text)
}

// proxyName returns the name if it is a proxy variable's.
func proxyName(name string) string {
	if _, ok := precedence.KeyOf(name); ok {
		return name
	}
	return ""
}

// mentioned returns the first proxy variable that a text mentions, or "".
func mentioned(text string) string {
	first, at := "", len(text)
	for _, n := range precedence.AllNames() {
		if i := strings.Index(text, n); i >= 0 && i < at {
			first, at = n, i
		}
	}
	return first
}

// trailingComment tells of a # behind assignments: systemd knows comments on lines of their own only (systemd.syntax(7)), so the words behind it are junk, or assignments.
func (l *unitLine) trailingComment() {
	if l.comment == len(l.pieces) {
		return
	}
	before, set := "", ""
	for i, p := range l.pieces {
		switch {
		case i < l.comment && p.variable() != "":
			before = p.variable()
		case i > l.comment && p.word != nil && p.variable() != "":
			set = p.variable()
		}
	}
	p := l.pieces[l.comment]
	switch {
	case set != "":
		l.tell("systemd-trailing-comment", p, set, "systemd knows no comment behind a value: it sets %s to what stands behind the #", set)
	case before != "":
		l.tell("systemd-trailing-comment", p, before, "systemd knows no comment behind a value: it takes every word behind the # for an assignment, and drops those that are none")
	}
}

// dropped tells of the pieces that systemd drops.
func (l *unitLine) dropped() {
	cut := "" // the variable whose value the pieces before belonged to
	for i, p := range l.pieces[:l.comment] {
		if p.word != nil {
			cut = p.variable()
			continue
		}
		name := p.variable()
		switch kind := p.problem.Kind; {
		case name == "" && kind == unitfile.KindInvalid && cut != "" && !separates(p.text):
			l.tell("systemd-one-variable-in-two", p, cut, "the value of %s is cut at a blank: systemd takes what stands before it for the value and drops what stands behind it (the whole assignment needs quotes around it)", cut)
			cut = ""
		case name == "":
		case kind == unitfile.KindSpecifier:
			l.tell("systemd-unescaped-percent", p, name, "systemd drops this assignment of %s, so the variable is not set: a percent sign begins a specifier here (write %%%% for each %%)", name)
		case kind == unitfile.KindEscape:
			l.tell("systemd-bad-escape", p, name, "systemd drops %s and the rest of the line: it knows no such backslash escape (write \\\\ for a backslash, or %%%%5C in a URL)", name)
		case kind == unitfile.KindQuote:
			l.tell("systemd-unbalanced-quote", p, name, "systemd drops %s and the rest of the line: a quote is never closed", name)
		case l.spaced(i):
			l.tell("systemd-one-variable-in-two", p, name, "systemd drops this: blanks around the equals sign cut the assignment of %s into pieces", name)
		default:
			l.tell("systemd-ignored-assignment", p, name, "systemd ignores this: %s", p.problem.Msg)
		}
	}
}

// written notes the passwords that stand in words which systemd drops, or whose value is not known: whoever can read the file has them all the same.
func (l *unitLine) written() {
	for _, p := range l.pieces {
		name := p.variable()
		if key, ok := precedence.KeyOf(name); !ok || key == precedence.NoProxy || p.word != nil && !p.word.Unknown || !strings.Contains(p.text, "@") {
			continue
		}
		s := l.at
		s.Line, s.Name = p.line, name
		l.out.written = append(l.out.written, s)
	}
}

// separates reports whether a junk word means nothing to the assignments around it.
func separates(text string) bool {
	return slices.Contains([]string{"export", ";", ",", "&&", `\`, `""`, "''"}, text)
}

// spaced reports whether an equals sign follows piece i behind blanks.
func (l *unitLine) spaced(i int) bool {
	return i+1 < len(l.pieces) && strings.HasPrefix(l.pieces[i+1].text, "=") && !strings.Contains(l.pieces[i].text, "=")
}

// taken tells what systemd reads into the value of a word otherwise than it looks.
func (l *unitLine) taken(w unitfile.Word) {
	p := piece{line: w.Line}
	if inner, at := innerAssignment(w.Value); inner != "" {
		if at == 0 && w.Name == "Environment" {
			l.tell("systemd-ignored-assignment", p, inner, "this sets a variable named Environment and not %s: the backslash at the end of the line before makes one line of both", inner)
		}
		if at > 0 {
			l.tell("systemd-one-variable-in-two", p, inner, "systemd reads one variable here: %s is part of the value of %s (each assignment needs quotes of its own)", inner, w.Name)
		}
	}
	if proxyName(w.Name) == "" {
		return
	}
	if slices.ContainsFunc(w.Specifiers, func(s string) bool { return unmeant(w, s) }) {
		l.tell("systemd-unescaped-percent", p, w.Name, "systemd reads a percent sign of %s as a specifier and puts a name or a directory in its place (write %%%% for each %%)", w.Name)
	}
	if oddEscape(w.Raw) {
		l.tell("systemd-bad-escape", p, w.Name, "systemd reads a backslash of %s and the letter behind it as one control character or blank (write \\\\ for a backslash, or %%%%5C in a URL)", w.Name)
	}
	if unexpanded(w.Name, w.Value, envfile.ShellExpansions(w.Value), nil) {
		l.tell("startup-shell-expansion-not-done", p, w.Name, "systemd expands no $ here: the value of %s holds it as it is written", w.Name)
	}
}

// innerAssignment finds an assignment of a proxy variable inside a value: at its beginning, or behind a blank, a comma or a semicolon.
func innerAssignment(value string) (name string, at int) {
	for i := range len(value) {
		if i > 0 && !strings.ContainsRune(" \t\n,;", rune(value[i-1])) {
			continue
		}
		rest := strings.TrimPrefix(strings.TrimLeft(value[i:], `"'`), "export ")
		for _, n := range precedence.AllNames() {
			if strings.HasPrefix(rest, n+"=") {
				return n, i
			}
		}
	}
	return "", 0
}

// unmeant reports whether a specifier in a value was rather meant as a percent-encoded byte, %C3, or stands in a URL's user or password. The account's and the host's name
// stand there on purpose.
func unmeant(w unitfile.Word, spec string) bool {
	const hex = "0123456789abcdefABCDEF"
	if len(spec) == 3 && strings.IndexByte(hex, spec[1]) >= 0 && strings.IndexByte(hex, spec[2]) >= 0 {
		return true
	}
	if key, _ := precedence.KeyOf(w.Name); key == precedence.NoProxy || strings.IndexByte("uUhHgG", spec[1]) >= 0 {
		return false
	}
	return inCredentials(w.Raw, spec)
}

// inCredentials reports whether a part of a proxy URL stands in its user or password.
func inCredentials(url, part string) bool {
	i := strings.Index(url, part)
	return i >= 0 && i < strings.LastIndexByte(url, '@')
}

// oddEscape reports whether a word holds an escape that stands for a control character or a blank: nobody means one in a URL or a list of hosts.
func oddEscape(raw string) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if strings.IndexByte("abfnrtvs", raw[i]) >= 0 {
			return true
		}
	}
	return false
}

// unexpanded reports whether one of a value's $ expansions was meant as one. A password may hold a $; there only ${…}, $(…), `…` and names that are known to be variables
// count: those assigned in the same file, and what every environment has.
func unexpanded(name, value string, expansions, assigned []string) bool {
	key, _ := precedence.KeyOf(name)
	return slices.ContainsFunc(expansions, func(e string) bool {
		v := strings.TrimPrefix(e, "$")
		if key == precedence.NoProxy || strings.ContainsAny(e, "{(`") || !inCredentials(value, e) {
			return true
		}
		return slices.Contains(assigned, v) || mentioned(v) != "" || slices.Contains([]string{"HOME", "USER", "LOGNAME", "HOSTNAME", "PATH", "PWD"}, v) ||
			strings.Contains(strings.ToUpper(v), "PROXY")
	})
}
