package reader

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// javaReader is Java's default proxy selector. The JVM reads no proxy variable; it takes system properties, which a container gets by JAVA_TOOL_OPTIONS. The answer
// is for the properties that JavaProperties makes of the variables.
func javaReader() Reader {
	return Reader{
		Name: Java, Title: "Java 17 and later (java.net.ProxySelector)", Basis: "sun.net.spi.DefaultProxySelector (JDK 17)", Needs: "JAVA_TOOL_OPTIONS=-Dhttp.proxyHost=…",
		ask: askJava,
	}
}

// javaBuiltIn is what the selector adds to http.nonProxyHosts unless that is set to nothing.
const javaBuiltIn = "localhost|127.*|[::1]|0.0.0.0|[::0]"

// Property is one of Java's system properties.
type Property struct {
	Name  string
	Value precedence.Value
}

// Lost is an entry of NO_PROXY that Java's property cannot say.
type Lost struct {
	Entry  string
	Reason string // one clause
}

// JavaProperties translates the variables into the properties of java.net (doc-files/net-properties.html): proxy host and port for each scheme, and NO_PROXY, as Go
// reads it, as http.nonProxyHosts, which holds for https too. What that cannot say is in lost; nothing is sent direct that Go would send to the proxy, but hosts
// whose names begin with the numbers of a network, such as 10.example.com for 10.0.0.0/8. User and password have no property.
func JavaProperties(env Env) (props []Property, lost []Lost) {
	for _, k := range []precedence.Key{precedence.HTTPProxy, precedence.HTTPSProxy} {
		v, ok := env.firstFilled(k.Names()...)
		if !ok {
			continue
		}
		scheme, _, _ := strings.Cut(string(k), "-")
		host, port, ok := proxyAddress(v.Value.Reveal())
		if !ok {
			continue
		}
		props = append(props, Property{scheme + ".proxyHost", precedence.Value(host)}, Property{scheme + ".proxyPort", precedence.Value(port)})
	}
	list, ok := env.firstFilled(precedence.NoProxy.Names()...)
	if !ok || len(props) == 0 {
		return props, nil
	}
	var patterns []string
	for _, e := range precedence.SplitNoProxy(list.Value.Reveal()) {
		p, why := javaPatterns(e)
		if why != "" {
			lost = append(lost, Lost{Entry: e, Reason: why})
		}
		patterns = append(patterns, p...)
	}
	if len(patterns) > 0 {
		props = append(props, Property{"http.nonProxyHosts", precedence.Value(strings.Join(patterns, "|"))})
	}
	return props, lost
}

// proxyAddress is host and port of an http proxy's URL; the selector's own default port is that of the scheme, so the port is always told.
func proxyAddress(value string) (host, port string, ok bool) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" {
		return "", "", false
	}
	if port = u.Port(); port == "" {
		port = "80"
	}
	return u.Hostname(), port, true
}

// javaMostPatterns bounds what one network may become.
const javaMostPatterns = 16

// javaPatterns is one entry in Java's notation, or why there is none.
func javaPatterns(entry string) (patterns []string, why string) {
	e := strings.ToLower(entry)
	if e == "*" {
		return []string{"*"}, ""
	}
	if why := asGoDead(e); why != "" {
		return nil, why
	}
	if strings.Contains(e, "/") {
		return javaNetwork(e)
	}
	if a, err := netip.ParseAddr(e); err == nil {
		if a.Is6() {
			return []string{"[" + e + "]"}, ""
		}
		return []string{e}, ""
	}
	if strings.Contains(e, ":") {
		return nil, "Java's list has no ports"
	}
	if strings.Contains(e, "|") {
		return nil, "Java separates its list by |"
	}
	e = asciiHost(e)
	switch {
	case strings.HasPrefix(e, "*."):
		return []string{e}, ""
	case strings.HasPrefix(e, "."):
		return []string{"*" + e}, ""
	}
	return []string{e, "*." + e}, ""
}

// javaNetwork writes an IPv4 network as beginnings of addresses: 10.0.0.0/8 is 10.*, 172.16.0.0/14 is 172.16.* to 172.19.*.
func javaNetwork(e string) ([]string, string) {
	p, err := netip.ParsePrefix(e)
	if err != nil || !p.Addr().Is4() || p.Bits() == 0 {
		return nil, "Java's list has no such networks"
	}
	whole := (p.Bits() + 7) / 8
	count := 1 << (8*whole - p.Bits())
	if count > javaMostPatterns {
		return nil, fmt.Sprintf("Java's list has no networks, and this one would be %d patterns", count)
	}
	first := p.Masked().Addr().As4()
	var out []string
	for i := range count {
		var text []string
		for n, b := range first[:whole] {
			if n == whole-1 {
				b += byte(i)
			}
			text = append(text, strconv.Itoa(int(b)))
		}
		pattern := strings.Join(text, ".")
		if whole < 4 {
			pattern += ".*"
		}
		out = append(out, pattern)
	}
	return out, ""
}

func askJava(env Env, t Target) Answer {
	proxy, ok := env.firstFilled(strings.ToUpper(t.Scheme)+"_PROXY", t.Scheme+"_proxy")
	if !ok {
		return Answer{Route: RouteDirect, Cause: CauseNoProxySet}
	}
	a := Answer{Route: RouteProxy, Cause: CauseNoEntry, Proxy: proxy}
	a.List, _ = env.firstFilled(precedence.NoProxy.Names()...)
	if _, _, ok := proxyAddress(proxy.Value.Reveal()); !ok {
		a.Route, a.Cause, a.Detail = RouteDirect, CauseUnusableProxy, "Java's properties name http:// proxies only"
		return a
	}
	for _, e := range precedence.SplitNoProxy(a.List.Value.Reveal()) {
		patterns, _ := javaPatterns(e)
		if JavaMatches(strings.Join(patterns, "|"), t) {
			a.Route, a.Cause, a.Entry = RouteDirect, CauseEntry, e
			return a
		}
	}
	if JavaMatches(javaBuiltIn, t) {
		a.Route, a.Cause, a.Detail = RouteDirect, CauseBuiltIn, "Java never uses a proxy for localhost, 127.*, 0.0.0.0 and [::1]"
	}
	return a
}

// JavaMatches reports whether one of the patterns of a property such as http.nonProxyHosts matches the target's host: text without regard to case, with `*` at the
// beginning, at the end, or both.
func JavaMatches(patterns string, t Target) bool {
	host := strings.ToLower(t.bracketed())
	for p := range strings.SplitSeq(strings.ToLower(patterns), "|") {
		switch inner, front := strings.CutPrefix(p, "*"); {
		case p == "":
		case front && strings.HasSuffix(inner, "*"):
			if strings.Contains(host, strings.TrimSuffix(inner, "*")) {
				return true
			}
		case front:
			if strings.HasSuffix(host, inner) {
				return true
			}
		case strings.HasSuffix(p, "*"):
			if strings.HasPrefix(host, strings.TrimSuffix(p, "*")) {
				return true
			}
		case p == host:
			return true
		}
	}
	return false
}
