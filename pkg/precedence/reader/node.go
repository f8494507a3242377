package reader

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// nodeNeeds is what switches the variables on.
const nodeNeeds = "NODE_USE_ENV_PROXY=1"

// nodeReader is Node's http and https modules.
func nodeReader() Reader {
	r := rules{
		proxy: nodeProxy, list: func(env Env) (Variable, bool) { return env.firstFilled("no_proxy", "NO_PROXY") },
		cut: cutCommas, match: matchNode, usable: nodeUsable,
	}
	return Reader{
		Name: Node, Title: "Node 24.5 and later, http and https", Basis: "ProxyConfig.shouldUseProxy (lib/internal/http.js of Node 24.21)", Needs: nodeNeeds,
		ask: r.ask,
	}
}

// fetchReader is Node's fetch, and undici's EnvHttpProxyAgent.
func fetchReader() Reader {
	r := rules{
		proxy: fetchProxy, list: func(env Env) (Variable, bool) { return env.firstSet("no_proxy", "NO_PROXY") },
		off: isStar, cut: cutFetch, match: matchFetch, usable: fetchUsable,
	}
	return Reader{
		Name: Fetch, Title: "Node 24 and later, fetch (undici 7)", Basis: "EnvHttpProxyAgent of undici 7.29, as in Node 24.21", Needs: nodeNeeds,
		ask: r.ask,
	}
}

func nodeProxy(env Env, t Target) (Variable, bool) {
	return env.firstFilled(t.Scheme+"_proxy", strings.ToUpper(t.Scheme)+"_PROXY")
}

// fetchProxy: an empty lower-case variable hides the upper-case one, and http's proxy stands in for a missing https one. Node does not set fetch up at all when no
// proxy variable is filled.
func fetchProxy(env Env, t Target) (Variable, bool) {
	order := [][2]string{{"https_proxy", "HTTPS_PROXY"}, {"http_proxy", "HTTP_PROXY"}}
	if t.Scheme == "http" {
		order = order[1:]
	}
	for _, names := range order {
		if v, ok := env.firstSet(names[0], names[1]); ok && v.Value != "" {
			return v, true
		}
	}
	return Variable{}, false
}

// urlHost is the host as a WHATWG URL has it, without brackets.
func urlHost(t Target) string {
	if isIPv6(t.Host) {
		if a, err := netip.ParseAddr(t.Host); err == nil {
			return urlIPv6(a)
		}
		return t.Host
	}
	host := strings.ToLower(asciiHost(t.Host))
	if a, ok := looseIPv4(strings.TrimSuffix(host, ".")); ok {
		return a.String()
	}
	return host
}

// matchNode: the whole host, with and without port; ends of names only behind a leading `.` (and the name itself) or `*.`; ranges of IPv4 addresses.
func matchNode(entry string, t Target) bool {
	host := urlHost(t)
	e := strings.ToLower(strings.TrimFunc(entry, jsSpace))
	switch {
	case e == "":
		return false
	case e == "*", e == host, e == host+":"+strconv.Itoa(t.PortNumber()):
		return true
	case e[0] == '.':
		if host == e[1:] || strings.HasSuffix(host, e) {
			return true
		}
	case strings.HasPrefix(e, "*.") && strings.HasSuffix(host, e[1:]):
		return true
	}
	return inRange(e, host)
}

// inRange: 10.0.0.1-10.0.0.9.
func inRange(entry, host string) bool {
	parts := strings.Split(entry, "-")
	a, ok := plainIPv4(host)
	if !ok || len(parts) < 2 {
		return false
	}
	from, okFrom := plainIPv4(strings.TrimFunc(parts[0], jsSpace))
	to, okTo := plainIPv4(strings.TrimFunc(parts[1], jsSpace))
	return okFrom && okTo && from.Compare(a) <= 0 && a.Compare(to) <= 0
}

// nodeUsable: anything but http:// and https:// is left alone, which means direct.
func nodeUsable(value string, _ Target) (Route, string) {
	if strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://") {
		return "", ""
	}
	return RouteDirect, "Node passes by a proxy whose URL does not begin with http:// or https://"
}

// cutFetch cuts at commas and white space.
func cutFetch(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || jsSpace(r) })
}

// matchFetch: a leading `.` or `*.` means nothing, so every entry matches the name and what is below it. IPv6 hosts keep their brackets.
func matchFetch(entry string, t Target) bool {
	host := urlHost(t)
	if isIPv6(host) {
		host = "[" + host + "]"
	}
	name := entry
	if i := strings.LastIndexByte(entry, ':'); i > 0 && i < len(entry)-1 && strings.Trim(entry[i+1:], "0123456789") == "" {
		name = entry[:i]
		if n, ok := smallNumber(entry[i+1:]); !ok || n != 0 && n != t.PortNumber() {
			return false
		}
	}
	if after, ok := strings.CutPrefix(name, "*."); ok {
		name = after
	} else {
		name = strings.TrimPrefix(name, ".")
	}
	name = strings.ToLower(name)
	return host == name || strings.HasSuffix(host, "."+name)
}

// fetchUsable: undici throws for other schemes while it starts.
func fetchUsable(value string, _ Target) (Route, string) {
	scheme, _, found := strings.Cut(strings.ToLower(value), "://")
	if found && (scheme == "http" || scheme == "https" || strings.HasPrefix(scheme, "socks")) {
		return "", ""
	}
	return RouteFails, "undici takes no proxy without http:// or https://"
}

// jsSpace is white space to JavaScript: Unicode's and the byte order mark, without U+0085.
func jsSpace(r rune) bool { return r == 0xfeff || r != 0x85 && unicode.IsSpace(r) }
