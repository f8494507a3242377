package precedence

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// Dial is what Go's HTTP client, and so dockerd, makes of a proxy value: golang.org/x/net/http/httpproxy parses it (parseProxy), net/http connects
// (Transport.dialConn, connectMethod.addr).
type Dial struct {
	Direct  bool   // Go drops the value without a word and goes direct
	Scheme  string // of the proxy as Go understood it
	Address string // host:port it connects to; it may hold a part of the user's name or password, so it is not fit for messages
	user    bool   // Go found a user in it
}

// DialOf asks Go's own parser what it makes of a value that is not empty.
func DialOf(v Value) Dial {
	cfg := httpproxy.Config{HTTPSProxy: v.Reveal()}
	u, err := cfg.ProxyFunc()(&url.URL{Scheme: "https", Host: probeHost})
	if err != nil || u == nil {
		return Dial{Direct: true}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return Dial{Scheme: u.Scheme, Address: net.JoinHostPort(u.Hostname(), port), user: u.User != nil}
}

// URLFault is one thing about the value of a proxy that is not what its author meant, under the ID of its check.
type URLFault struct {
	ID    string
	Says  string // what Go's client does with it, lower case, one clause; masked
	Wrong bool   // traffic does not go through the proxy that was meant
}

// URLFaults judges the value of a proxy, not of NO_PROXY, by what Go's client does with it. The result is empty for a value that means what it looks like, and
// for an empty one. A cause is told once; that `docker info` shows the credentials is told beside it.
func URLFaults(v Value) []URLFault {
	if v == "" {
		return nil
	}
	var out []URLFault
	if f := misread(v); f != nil {
		out = append(out, *f)
	} else if _, _, found := cutScheme(v.Reveal()); !found {
		out = append(out, URLFault{ID: "url-missing-scheme", Says: "it has no scheme: dockerd takes it for http://, but not every program that reads proxy variables does"})
	}
	if ShownInClear(v) {
		out = append(out, URLFault{ID: "url-credentials-leak-in-info", Says: "docker info and dockerd's log show user and password in clear, because Docker masks only what Go parses as a URL with a user"})
	}
	return out
}

// misread says why Go does not use the proxy that was meant, or nil.
func misread(v Value) *URLFault {
	raw, dial := v.Reveal(), DialOf(v)
	goes := dial.goes(v)
	fault := func(id, format string, args ...any) *URLFault {
		return &URLFault{ID: id, Wrong: true, Says: fmt.Sprintf(format, args...)}
	}
	if strings.Trim(raw, quoteMarks) != raw {
		if !dial.Direct {
			goes = "dockerd looks for a proxy with the quote in its name"
		}
		return fault("url-quotes-kept", "the quotes are part of the value: %s", goes)
	}
	if strings.TrimSpace(raw) != raw {
		return fault("url-unparsable-goes-direct", "white space at its ends is part of the value: %s", goes)
	}
	meant, err := ParseProxyURL(raw, true)
	scheme, rest, found := cutScheme(raw)
	switch {
	case err == nil && DialOf(meant.Value) == dial:
		if word := strings.ToLower(raw); !found && isNoWord(word) {
			return fault("url-unparsable-goes-direct", "dockerd takes the word for the name of a proxy: %s", goes)
		}
		return nil
	case err == nil:
		return fault("url-password-needs-encoding", "user or password hold characters that must be percent-encoded in a URL: %s", goes)
	case dial.Direct, !dial.plausible(v):
		return fault("url-unparsable-goes-direct", "it cannot be read as the URL of a proxy: %s", goes)
	case strings.HasPrefix(strings.ToLower(scheme), "socks") && !strings.HasPrefix(dial.Scheme, "socks5"):
		return fault("url-unparsable-goes-direct", "dockerd does not know the scheme %s and speaks HTTP to that port; it knows socks5", printable(scheme))
	case isScript(rest):
		return fault("url-unparsable-goes-direct", "this is the address of a proxy auto-configuration script, which dockerd does not read: it takes the server it lies on for the proxy")
	}
	return nil
}

// quoteMarks are what shells, and word processors, put round a value.
const quoteMarks = "\"'`“”„‘’«»"

// isNoWord reports whether a value is a word for "no proxy" in other programs.
func isNoWord(word string) bool {
	switch word {
	case "off", "none", "no", "false", "direct", "disable", "disabled", "null", "nil", "-":
		return true
	}
	return false
}

// goes says in one clause where the traffic goes for a value that is not read as it was meant. It names no part of a value that may be a part of a password.
func (d Dial) goes(v Value) string {
	host, port, _ := net.SplitHostPort(d.Address)
	switch {
	case d.Direct:
		return "dockerd drops the value without a word and goes direct"
	case host == "":
		return "dockerd finds no host in it and asks its own machine"
	case host == "http" || host == "https":
		return fmt.Sprintf("dockerd takes %q for the name of the proxy (lookup %s: no such host)", host, host)
	case v.HasCredentials() && !d.user:
		return "dockerd takes the user's name for the name of the proxy"
	case !isPort(port):
		return fmt.Sprintf("%s is no port, and dockerd reaches nothing", printable(port))
	}
	return fmt.Sprintf("dockerd looks for a proxy named %s, port %s", printable(host), printable(port))
}

// named reports whether Go connects to a host that the value may have meant by its name, at whatever port.
func (d Dial) named(v Value) bool {
	host, _, _ := net.SplitHostPort(d.Address)
	ok := host != "" && host != "http" && host != "https" && !strings.ContainsAny(host, quoteMarks+" \t")
	return ok && (d.user || !v.HasCredentials())
}

// plausible reports whether Go connects to a host and port that the value may have meant.
func (d Dial) plausible(v Value) bool {
	_, port, _ := net.SplitHostPort(d.Address)
	return d.named(v) && isPort(port)
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 1<<16
}

// printable quotes foreign text when it holds anything unusual.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(quoteMarks, r) }) {
		return fmt.Sprintf("%+q", s)
	}
	return s
}

// ShownInClear reports whether the value's credentials are shown by `docker info` and written to dockerd's log: what url.Parse rejects, and what it finds no user in, is not
// masked (moby daemon/config.MaskCredentials, v19.03 to v29).
func ShownInClear(v Value) bool {
	if !v.HasCredentials() {
		return false
	}
	u, err := url.Parse(v.Reveal())
	return err != nil || u.User == nil
}
