package reader

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// requestsReader is Python's requests, and with it pip, which brings its own copy. It asks its own rules first and urllib's after them.
func requestsReader() Reader {
	return Reader{
		Name: Requests, Title: "Python requests 2.28 and later, pip", Basis: "should_bypass_proxies and select_proxy (requests/utils.py), and urllib's",
		ask: askRequests,
	}
}

// urllibReader is the standard library's urllib.request.
func urllibReader() Reader {
	r := rules{proxy: urllibProxy, list: pythonList, off: isStar, cut: cutCommas, match: matchUrllib}
	return Reader{
		Name: Urllib, Title: "Python 3.9 and later, urllib.request", Basis: "getproxies_environment and proxy_bypass_environment (urllib/request.py)",
		ask: r.ask,
	}
}

// pythonProxies is the dictionary that urllib makes of the environment: names in any case, a lower-case suffix last, and that one takes an entry out by being empty.
func pythonProxies(env Env) map[string]Variable {
	out := map[string]Variable{}
	for _, v := range env {
		if key, ok := strings.CutSuffix(strings.ToLower(v.Name), "_proxy"); ok && v.Value != "" {
			out[key] = v
		}
	}
	for _, v := range env {
		key, ok := strings.CutSuffix(v.Name, "_proxy")
		if key = strings.ToLower(key); !ok {
			continue
		}
		if delete(out, key); v.Value != "" {
			out[key] = v
		}
	}
	return out
}

func urllibProxy(env Env, t Target) (Variable, bool) {
	v, ok := pythonProxies(env)[t.Scheme]
	return v, ok
}

func pythonList(env Env) (Variable, bool) {
	v, ok := pythonProxies(env)["no"]
	return v, ok
}

// matchUrllib gets the host with its port and brackets, as the URL has them.
func matchUrllib(entry string, t Target) bool { return urllibMatches(entry, t.hostPort()) }

// urllibMatches compares host, with and without what looks like a port, with the entry and as the end of a name.
func urllibMatches(entry, host string) bool {
	host = strings.ToLower(host)
	only := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Trim(host[i+1:], "0123456789") == "" {
		only = host[:i]
	}
	name := strings.TrimFunc(entry, unicode.IsSpace)
	if name == "" {
		return false
	}
	name = strings.ToLower(strings.TrimLeft(name, "."))
	return only == name || host == name || strings.HasSuffix(only, "."+name) || strings.HasSuffix(host, "."+name)
}

func askRequests(env Env, t Target) Answer {
	proxies := pythonProxies(env)
	proxy, ok := proxies[t.Scheme]
	if !ok {
		if proxy, ok = proxies["all"]; !ok {
			return Answer{Route: RouteDirect, Cause: CauseNoProxySet}
		}
	}
	a := Answer{Route: RouteProxy, Cause: CauseNoEntry, Proxy: proxy}
	own := rules{cut: cutCommas, match: matchRequests}
	urllib := rules{off: isStar, cut: cutCommas, match: func(entry string, t Target) bool { return urllibMatches(entry, requestsHost(t)) }}
	steps := []struct {
		rules rules
		find  func() (Variable, bool)
	}{
		{own, func() (Variable, bool) { return env.firstFilled("no_proxy", "NO_PROXY") }},
		{urllib, func() (Variable, bool) { v, ok := proxies["no"]; return v, ok }},
	}
	for _, s := range steps {
		list, ok := s.find()
		if !ok {
			continue
		}
		a.List = list
		if e, ok := s.rules.decide(list.Value.Reveal(), t); ok {
			a.Route, a.Cause, a.Entry = RouteDirect, CauseEntry, e
			return a
		}
	}
	return a
}

// requestsHost is the host as requests has it after preparing the URL: lower case, punycode, no brackets.
func requestsHost(t Target) string { return strings.ToLower(asciiHost(t.Host)) }

// matchRequests is requests' own rule: IPv4 hosts, in any notation, against addresses as text and against networks; everything else by the end of the text, not
// minding dots, with and without a written port.
func matchRequests(entry string, t Target) bool {
	host := requestsHost(t)
	entry = strings.ReplaceAll(entry, " ", "")
	if entry == "" {
		return false
	}
	if a, ok := looseIPv4(host); ok {
		if p, ok := requestsNetwork(entry); ok {
			return p.Contains(a)
		}
		return host == entry
	}
	withPort := host
	if n, ok := smallNumber(t.Port); ok && n != 0 {
		withPort += ":" + strconv.Itoa(n)
	}
	return strings.HasSuffix(host, entry) || strings.HasSuffix(withPort, entry)
}

// requestsNetwork reads IPv4/1 to IPv4/32.
func requestsNetwork(entry string) (netip.Prefix, bool) {
	text, prefix, found := strings.Cut(entry, "/")
	if !found || strings.Contains(prefix, "/") {
		return netip.Prefix{}, false
	}
	if i := strings.IndexFunc(text, unicode.IsSpace); i > 0 {
		text = text[:i] // inet_aton(3) stops there
	}
	bits, err := strconv.Atoi(strings.TrimFunc(prefix, unicode.IsSpace))
	a, ok := looseIPv4(text)
	if err != nil || !ok || bits < 1 || bits > 32 {
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}
