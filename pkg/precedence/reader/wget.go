package reader

import "strings"

// wgetReader is GNU wget. BusyBox's wget of the same name knows no NO_PROXY at all before 1.35 or so and is none of this.
func wgetReader() Reader {
	r := rules{proxy: wgetProxy, list: wgetList, cut: cutWget, empties: true, match: matchWget, usable: wgetUsable}
	return Reader{Name: Wget, Title: "GNU wget 1.19.5 to 1.25", Basis: "getproxy (src/retr.c), sepstring (src/utils.c) and sufmatch (src/host.c)", ask: r.ask}
}

// wgetProxy: lower case only.
func wgetProxy(env Env, t Target) (Variable, bool) { return env.firstFilled(t.Scheme + "_proxy") }

func wgetList(env Env) (Variable, bool) { return env.firstFilled("no_proxy") }

// cutWget cuts at commas and drops blanks behind each; blanks before a comma stay, and so do those before the first entry.
func cutWget(list string) []string {
	out := strings.Split(list, ",")
	for i := 1; i < len(out); i++ {
		out[i] = strings.TrimLeft(out[i], " \t\n\v\f\r")
	}
	return out
}

// matchWget compares ends of names, at a dot or with a dot as the entry's first character. Addresses are text like any name; no entry has a port or a network.
// An empty entry, as between two commas, matches a name with a dot at its end.
func matchWget(entry string, t Target) bool {
	host := asciiHost(t.Host)
	if !suffixFold(host, entry) {
		return false
	}
	rest := len(host) - len(entry)
	return rest == 0 || host[rest-1] == '.' || strings.HasPrefix(entry, ".")
}

// wgetUsable: a URL without a scheme is taken as http.
func wgetUsable(value string, t Target) (Route, string) {
	scheme, _, found := strings.Cut(strings.ToLower(value), "://")
	switch {
	case !found, scheme == "http", scheme == t.Scheme:
		return "", ""
	}
	return RouteFails, "wget takes http:// proxies only"
}
