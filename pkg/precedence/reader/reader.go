package reader

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Name is a reader's name in output.
type Name string

// The readers that run in containers, and the daemon, which is Go with the daemon's own settings.
const (
	Dockerd  Name = "dockerd"
	Go       Name = "go"
	Curl     Name = "curl"
	Wget     Name = "wget"
	Requests Name = "requests"
	Urllib   Name = "urllib"
	Java     Name = "java"
	Node     Name = "node"
	Fetch    Name = "node-fetch"
)

// Reader is one program or library, in the versions that the model holds for.
type Reader struct {
	Name  Name
	Title string // program and versions
	Basis string // the code the model follows
	// Needs is what has to be set so that the program looks at the variables at all, empty for most. Without it every request goes direct.
	Needs string
	// Older are earlier versions that decide differently, newest first.
	Older []Reader

	ask func(Env, Target) Answer
	cut func(list string) []string // nil where nothing needs it
}

// Readers returns the readers of a container's variables, in the order of output.
func Readers() []Reader {
	return []Reader{goReader(), curlReader(), wgetReader(), requestsReader(), urllibReader(), javaReader(), nodeReader(), fetchReader()}
}

// ByName returns the reader of that name; dockerd is the Go reader under the daemon's name.
func ByName(name Name) (Reader, bool) {
	if name == Dockerd {
		r := goReader()
		r.Name, r.Title = Dockerd, "dockerd"
		return r, true
	}
	for _, r := range Readers() {
		if r.Name == name {
			return r, true
		}
	}
	return Reader{}, false
}

// Ask returns what the program does with a request to the target, given its environment (and what Needs names). The target must be one that ParseURL or ParseHost
// made.
func (r Reader) Ask(env Env, t Target) Answer { return r.ask(env, t) }

// Dead returns why an entry of NO_PROXY never matches any host in this reader, as one clause, or "" when it can match. The entry is one that
// precedence.SplitNoProxy returns.
func (r Reader) Dead(entry string) string {
	if r.Name == Go || r.Name == Dockerd {
		return asGoDead(entry)
	}
	if r.Name == Java {
		_, why := javaPatterns(entry)
		return why
	}
	return deadIn(r, entry)
}

// rules are what most readers have in common: one variable with the proxy, one with the list, a way to cut it, and entries that each decide alone.
type rules struct {
	proxy func(Env, Target) (Variable, bool)
	list  func(Env) (Variable, bool)
	// off reports whether the whole list is the one text that switches the proxy off; its entry is then `*`.
	off func(list string) bool
	// cut returns the entries as the program cuts them; they are shown without surrounding blanks.
	cut func(list string) []string
	// empties says that entries of no length are matched too.
	empties bool
	// match reports whether an entry, as cut, matches.
	match func(entry string, t Target) bool
	// usable returns the route for a proxy value that the program does not take, and why; "" for one it takes.
	usable func(value string, t Target) (Route, string)
}

func (r rules) ask(env Env, t Target) Answer {
	proxy, ok := r.proxy(env, t)
	if !ok {
		return Answer{Route: RouteDirect, Cause: CauseNoProxySet}
	}
	a := Answer{Route: RouteProxy, Cause: CauseNoEntry, Proxy: proxy}
	if list, ok := r.list(env); ok {
		a.List = list
		if e, ok := r.decide(list.Value.Reveal(), t); ok {
			a.Route, a.Cause, a.Entry = RouteDirect, CauseEntry, e
			return a
		}
	}
	if r.usable == nil {
		return a
	}
	if route, why := r.usable(proxy.Value.Reveal(), t); why != "" {
		a.Route, a.Cause, a.Detail = route, CauseUnusableProxy, why
	}
	return a
}

// decide returns the first entry of the list that matches.
func (r rules) decide(list string, t Target) (entry string, ok bool) {
	if r.off != nil && r.off(list) {
		return strings.TrimSpace(list), true
	}
	for _, e := range r.cut(list) {
		if (e != "" || r.empties) && r.match(e, t) {
			return strings.TrimSpace(e), true
		}
	}
	return "", false
}

// cutCommas cuts at commas only and keeps blanks.
func cutCommas(list string) []string { return strings.Split(list, ",") }

// isStar reports whether the list is a lone asterisk.
func isStar(list string) bool { return list == "*" }

// suffixFold reports whether s ends in suffix, without regard to the case of ASCII letters.
func suffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && equalFold(s[len(s)-len(suffix):], suffix)
}

// equalFold compares without regard to the case of ASCII letters only.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// asGoDead is the shared text for entries that are dead in Go.
func asGoDead(entry string) string {
	for _, d := range precedence.DeadEntries(entry) {
		return d.Reason
	}
	return ""
}
