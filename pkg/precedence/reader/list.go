package reader

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// List is a NO_PROXY list, where it stands, and who reads it.
type List struct {
	Value precedence.Value
	At    *precedence.Source
	// Of stands before each message, such as "container web: "; empty where At says it.
	Of string
	// Readers get the list. Where the first one is dockerd, the list is dockerd's, and what dockerd never matches is dead, whatever the others make of it.
	Readers []Reader
	// Fix is the command that takes entries out of the list and adds others, or, with whole, replaces it; "" where none does. Entries hold no credentials.
	Fix func(e Edit) string
}

// Edit is how a list is mended: entries that go and entries that come, or the whole list anew.
type Edit struct {
	Remove, Add []string
	Whole       string
}

// Findings judges the list: what separates no entries, entries that nobody ever matches, and those that one reader matches and another does not.
//
// Not told, since no spelling is read alike by all: networks and ports, which curl, wget and urllib know nothing of, IPv6, and loopback.
func (l List) Findings() []precedence.Finding {
	var out []precedence.Finding
	if f, ok := l.separators(); ok {
		out = append(out, f)
	}
	entries := precedence.SplitNoProxy(l.Value.Reveal())
	if slices.Contains(entries, "*") {
		if f, ok := l.star(len(entries)); ok {
			out = append(out, f)
		}
		return out // with it nothing is dead
	}
	wrong := precedence.WrongSeparators(l.Value.Reveal())
	var seen []string
	for _, e := range entries {
		if plain(e) || slices.Contains(wrong, e) || slices.Contains(seen, e) {
			continue
		}
		seen = append(seen, e)
		if f, ok := l.entry(e); ok {
			out = append(out, f)
		}
	}
	return out
}

// plain reports whether an entry is a name that every reader matches: most of a list are, and asking all readers about each takes time.
func plain(e string) bool {
	name := strings.TrimPrefix(e, ".")
	letters := strings.ContainsFunc(name, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' })
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !(r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	})
	return letters && !odd && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..")
}

func (l List) separators() (precedence.Finding, bool) {
	wrong := precedence.WrongSeparators(l.Value.Reveal())
	if len(wrong) == 0 {
		return precedence.Finding{}, false
	}
	var shown []string
	for _, w := range wrong {
		shown = append(shown, fmt.Sprintf("%q", precedence.Mask(w)))
	}
	count := len(precedence.SplitNoProxy(precedence.MendSeparators(strings.Join(wrong, ","))))
	return precedence.NewFinding("no-proxy-space-separated", l.At, l.fix(Edit{Whole: precedence.MendSeparators(l.Value.Reveal())}),
		"%sNO_PROXY is separated by commas only: %s is read as %s of a name that no host has, and none of the %d hosts in it is reached directly",
		l.Of, strings.Join(shown, ", "), counted(len(wrong)), count), true
}

func counted(n int) string {
	if n == 1 {
		return "one entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// star tells of a `*` with something beside it: it is everything in Go, and nothing where only a lone one switches the proxy off.
func (l List) star(entries int) (precedence.Finding, bool) {
	if entries < 2 {
		return precedence.Finding{}, false
	}
	probe := Target{Scheme: "https", Host: "docker-proxy-probe.invalid"}
	var others []Name
	for _, r := range l.Readers {
		if r.Ask(asked(l.Value), probe).Route == RouteProxy {
			others = append(others, r.Name)
		}
	}
	if len(others) == 0 {
		return precedence.Finding{}, false
	}
	return precedence.NewFinding("no-proxy-readers-disagree", l.At, l.fix(Edit{Whole: "*"}),
		"%s`*` beside other entries of NO_PROXY makes everything direct in %s, and means nothing in %s: they know it as the only entry",
		l.Of, names(l.but(others)), names(others)), true
}

// entry judges one entry by what its readers make of it.
func (l List) entry(e string) (precedence.Finding, bool) {
	dead, reasons := l.deadFor(e)
	switch {
	case len(dead) == 0:
		return precedence.Finding{}, false
	case len(dead) == len(l.Readers), dead[0] == Dockerd:
		return precedence.NewFinding("no-proxy-dead-entry", l.At, l.fixEntry(e), "%sNO_PROXY entry %q never matches: %s%s", l.Of, precedence.Mask(e), reasons[0], instead(e)), true
	case unspeakable(e) && dead[0] != Go:
		return precedence.Finding{}, false
	}
	return precedence.NewFinding("no-proxy-readers-disagree", l.At, l.fixEntry(e), "%sNO_PROXY entry %q is matched by %s, and never by %s: %s%s",
		l.Of, precedence.Mask(e), names(l.but(dead)), names(dead), reasons[0], instead(e)), true
}

// deadFor returns the readers that never match the entry, and their reasons.
func (l List) deadFor(e string) (dead []Name, reasons []string) {
	for _, r := range l.Readers {
		if why := r.Dead(e); why != "" {
			dead, reasons = append(dead, r.Name), append(reasons, why)
		}
	}
	return dead, reasons
}

func (l List) but(some []Name) []Name {
	var out []Name
	for _, r := range l.Readers {
		if !slices.Contains(some, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

// fixEntry replaces an entry by what it is meant to say, or takes it out.
func (l List) fixEntry(e string) string {
	better := spelling(e)
	if strings.ContainsAny(e, `@"'`) {
		// Neither a password nor a quotation mark can be written in a command to find the entry.
		var whole []string
		for _, o := range precedence.SplitNoProxy(l.Value.Reveal()) {
			if o == e {
				o = better
			}
			if o != "" {
				whole = append(whole, o)
			}
		}
		return l.fix(Edit{Whole: strings.Join(whole, ",")})
	}
	edit := Edit{Remove: []string{e}}
	if better != "" && !slices.Contains(precedence.SplitNoProxy(strings.ToLower(l.Value.Reveal())), better) {
		edit.Add = []string{better}
	}
	return l.fix(edit)
}

func (l List) fix(e Edit) string {
	if l.Fix == nil || strings.ContainsAny(e.Whole, `@"'`) {
		return ""
	}
	return l.Fix(e)
}

// spelling is how all readers understand an entry, "" where there is no such way.
func spelling(e string) string {
	if better := precedence.MendEntry(e); better != "" {
		return strings.TrimPrefix(better, "*")
	}
	if name, ok := strings.CutPrefix(e, "*."); ok && !strings.Contains(name, "*") {
		return "." + name
	}
	return ""
}

func instead(e string) string {
	if better := spelling(e); better != "" {
		return "; write " + better
	}
	return ""
}

// unspeakable reports whether there is no spelling of an entry that all readers understand.
func unspeakable(e string) bool {
	host, port := cutPort(e)
	if port != "" || strings.Contains(e, "/") || strings.EqualFold(e, "localhost") {
		return precedence.MendEntry(e) == ""
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && (a.Is6() || a.IsLoopback())
}

// asked is an environment with a proxy and the list, in both spellings.
func asked(list precedence.Value) Env {
	env := Env{}
	for _, k := range precedence.Keys() {
		for _, name := range k.Names() {
			v := precedence.Value("http://proxy.invalid:3128")
			if k == precedence.NoProxy {
				v = list
			}
			env = append(env, Variable{Name: name, Value: v})
		}
	}
	return env
}

// names joins readers for a sentence.
func names(list []Name) string {
	var out []string
	for _, n := range list {
		out = append(out, string(n))
	}
	if len(out) < 2 {
		return strings.Join(out, "")
	}
	return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
}
