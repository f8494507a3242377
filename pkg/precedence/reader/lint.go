package reader

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Lint is one entry of a NO_PROXY list that some readers never match.
type Lint struct {
	Entry   string // trimmed, as written; it may hold a password by mistake, so mask it
	Reason  string // one clause
	Readers []Name // in the order given
}

// LintList returns, for each entry of the list, which of the readers never match it with any host, and why; one Lint for each reason. A list that is a lone `*` has
// none. The list is cut as Go cuts it; for a reader that stops at a blank, what stands behind it is not matched either.
func LintList(list string, readers []Reader) []Lint {
	var out []Lint
	for _, e := range precedence.SplitNoProxy(list) {
		from := len(out)
		for _, r := range readers {
			reason := r.neverReads(list, e)
			if reason == "" {
				reason = r.Dead(e)
			}
			if reason == "" {
				continue
			}
			i := slices.IndexFunc(out[from:], func(l Lint) bool { return l.Reason == reason })
			if i < 0 {
				out = append(out, Lint{Entry: e, Reason: reason})
				i = len(out) - 1 - from
			}
			out[from+i].Readers = append(out[from+i].Readers, r.Name)
		}
	}
	return out
}

// neverReads returns why the reader does not get as far as the entry in this list: curl from 8.9 on stops at a blank that no comma follows.
func (r Reader) neverReads(list, entry string) string {
	if r.Name != Curl || r.cut == nil {
		return ""
	}
	seen := r.cut(list)
	first, _, _ := strings.Cut(strings.ReplaceAll(entry, "\t", " "), " ")
	if slices.Contains(seen, first) {
		return ""
	}
	return "the list ends at the blank before it there"
}

// deadIn returns why no host matches the entry: it asks about the hosts that somebody could have meant, and if none is matched names the form.
func deadIn(r Reader, entry string) string {
	env := Env{}
	for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, Variable{Name: name, Value: "http://proxy.invalid:3128"})
	}
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		env = append(env, Variable{Name: name, Value: precedence.Value(entry)})
	}
	for _, t := range meant(entry) {
		if r.ask(env, t).Cause == CauseEntry {
			return ""
		}
	}
	return whyDead(r.Name, entry)
}

// whyDead names the form of an entry that a reader cannot match. What is dead in Go too has Go's words.
func whyDead(name Name, entry string) string {
	if why := asGoDead(entry); why != "" {
		return why
	}
	host, port := cutPort(entry)
	switch {
	case strings.Contains(entry, "/") && name == Requests:
		return "networks of IPv6 are not understood there"
	case strings.Contains(entry, "/"):
		return "networks are not understood there"
	case port != "":
		return "ports are not understood there"
	case strings.Contains(entry, "*"):
		return "this wildcard is not understood there"
	case strings.ContainsFunc(entry, func(r rune) bool { return r >= 0x80 }):
		return "names are compared in punycode there"
	case isIPv6(host):
		return "IPv6 addresses are compared with their brackets there"
	}
	return "no host looks like that there"
}

// cutPort splits a port off an entry.
func cutPort(e string) (host, port string) {
	i := strings.LastIndexByte(e, ':')
	if i < 0 || strings.Trim(e[i+1:], "0123456789") != "" {
		return e, ""
	}
	if host = e[:i]; isIPv6(strings.Trim(host, "[]")) && !strings.HasSuffix(host, "]") {
		return e, ""
	}
	return host, e[i+1:]
}

// meant returns the targets that the author of an entry may have had in mind, and a few that only careless matching hits.
func meant(entry string) []Target {
	var hosts, ports []string
	for _, e := range strings.FieldsFunc(entry, func(r rune) bool { return strings.ContainsRune(" \t;|,", r) }) {
		_, rest, found := strings.Cut(e, "://")
		if !found {
			rest = e
		}
		e = strings.ToLower(strings.Trim(rest, `"'`))
		host, port := cutPort(e)
		hosts = append(hosts, meantHosts(strings.Trim(host, "[]"))...)
		hosts = append(hosts, meantHosts(e)...)
		if port != "" {
			ports = append(ports, port)
		}
	}
	var out []Target
	for _, h := range hosts {
		for _, p := range append([]string{""}, ports...) {
			for _, scheme := range []string{"https", "http"} {
				if t := (Target{Scheme: scheme, Host: h, Port: p}); t.check() == nil {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

func meantHosts(host string) []string {
	if p, err := netip.ParsePrefix(host); err == nil {
		a := p.Masked().Addr()
		return []string{p.Addr().String(), a.String(), a.Next().String()}
	}
	if text, _, ok := strings.Cut(host, "/"); ok {
		hosts := []string{text}
		if a, ok := looseIPv4(text); ok {
			hosts = append(hosts, a.String())
		}
		return hosts
	}
	if from, to, ok := strings.Cut(host, "-"); ok {
		if _, ok := plainIPv4(from); ok {
			return []string{from, to}
		}
	}
	bare := strings.Trim(strings.TrimPrefix(host, "*"), ".")
	bare = strings.TrimSuffix(strings.TrimSuffix(bare, "*"), ".")
	if bare == "" {
		return []string{"example.com", "intranet", "10.1.2.3"}
	}
	out := []string{bare, "a." + bare, "a" + bare, bare + "a", bare + ".example", "a-" + bare}
	if strings.Contains(bare, ":") {
		out = append(out, ":"+bare, "::"+bare) // the end of an address
	}
	if strings.Trim(bare, "0123456789.") == "" {
		out = append(out, bare+".0", bare+".1.2.3", bare+".2.3", bare+".3", "9."+bare, "9.9."+bare, "9.9.9."+bare)
	}
	return out
}
