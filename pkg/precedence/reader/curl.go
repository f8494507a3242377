package reader

import (
	"net/netip"
	"strings"
)

// curlReader is libcurl's choice of a proxy; the older versions are in front of many images still.
func curlReader() Reader {
	c := curlVersion("curl 8.18 and later", curlRules{addresses: true})
	c.Older = []Reader{
		curlVersion("curl 8.9 to 8.17", curlRules{}),
		curlVersion("curl 7.86 to 8.8", curlRules{blanks: true}),
	}
	return c
}

func curlVersion(title string, c curlRules) Reader {
	r := rules{proxy: curlProxy, list: curlList, off: isStar, cut: c.cut, match: c.match}
	return Reader{Name: Curl, Title: title, Basis: "curl_check_noproxy and detect_proxy of libcurl (lib/noproxy.c, lib/url.c, since 8.21 lib/proxy.c)", ask: r.ask, cut: c.cut}
}

// curlRules are the differences between the versions.
type curlRules struct {
	blanks    bool // blanks separate entries as commas do; later a blank ends the list
	addresses bool // IPv6 hosts are compared as addresses and networks; before, as text
}

// curlProxy: http_proxy in lower case only, because of CGI; the others in either case, lower first; an empty variable counts as none.
func curlProxy(env Env, t Target) (Variable, bool) {
	if t.Scheme == "http" {
		return env.firstFilled("http_proxy", "all_proxy", "ALL_PROXY")
	}
	return env.firstFilled("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
}

func curlList(env Env) (Variable, bool) { return env.firstFilled("no_proxy", "NO_PROXY") }

func (c curlRules) cut(list string) []string {
	var out []string
	for p := list; p != ""; {
		p = strings.TrimLeft(p, " \t")
		n := strings.IndexAny(p, " \t,")
		if n < 0 {
			n = len(p)
		}
		out = append(out, p[:n])
		p = strings.TrimLeft(p[n:], " \t")
		if !c.blanks && !strings.HasPrefix(p, ",") {
			break
		}
		p = strings.TrimLeft(p, ",")
	}
	return out
}

// curlHost is the host as libcurl's URL parser leaves it.
func curlHost(t Target) string {
	if isIPv6(t.Host) {
		a, err := netip.ParseAddr(t.Host)
		if short := cIPv6(a); err == nil && len(short) < len(t.Host) {
			return short
		}
		return t.Host
	}
	if a, ok := looseIPv4(t.Host); ok {
		return a.String()
	}
	return asciiHost(t.Host)
}

func (c curlRules) match(entry string, t Target) bool {
	host := curlHost(t)
	if a, ok := plainIPv4(host); ok {
		return c.matchAddress(entry, a)
	}
	if a, err := netip.ParseAddr(host); err == nil && c.addresses {
		return c.matchAddress(entry, a)
	}
	host = strings.TrimSuffix(host, ".")
	entry = strings.TrimSuffix(entry, ".")
	entry = strings.TrimPrefix(entry, ".")
	if len(entry) == len(host) {
		return equalFold(entry, host)
	}
	return len(entry) < len(host) && host[len(host)-len(entry)-1] == '.' && suffixFold(host, entry)
}

// matchAddress compares with an address or network of the same family. A prefix of 0 means the whole address, and up to 8.17 so does what is no number.
func (c curlRules) matchAddress(entry string, a netip.Addr) bool {
	text, prefix, cidr := strings.Cut(entry, "/")
	network, err := netip.ParseAddr(text)
	if err != nil || network.Is4() != a.Is4() || network.Zone() != "" {
		return false
	}
	bits := 0
	if cidr {
		var ok bool
		if bits, ok = c.prefix(prefix); !ok {
			return false
		}
	}
	switch {
	case bits == 0:
		bits = a.BitLen()
	case bits > a.BitLen():
		return false
	}
	p, err := network.Prefix(bits)
	return err == nil && p.Contains(a.WithZone(""))
}

// prefix reads the number behind the slash: strictly since 8.18, by atoi(3) before.
func (c curlRules) prefix(s string) (int, bool) {
	if c.addresses {
		n, ok := smallNumber(s)
		return n, ok && n <= 128
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
	n := 0
	for _, d := range []byte(digits) {
		n = min(n*10+int(d-'0'), 1<<20)
	}
	if negative && n > 0 {
		return 0, false // a huge unsigned number
	}
	return n, true
}
