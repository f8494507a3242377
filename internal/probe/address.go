package probe

import (
	"encoding/base64"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/idna"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// address is a proxy as dockerd's HTTP client understands its URL.
type address struct {
	scheme   string // http, https, socks5, socks5h
	host     string // name (ASCII form) or IP, without brackets
	port     string
	auth     bool
	user     string
	password string
}

// readProxy reads a value as Go does. It is false for what Go cannot parse (and then ignores, going direct), for schemes it cannot use, and for values whose
// password holds characters that move the host: their parts must not get into a message.
func readProxy(v precedence.Value) (address, bool) {
	// precedence knows the values that httpproxy takes only because it retries with http:// in front, with "http" for a host.
	if precedence.EffectOf(precedence.HTTPSProxy, v.Reveal(), "") != precedence.EffectProxy {
		return address{}, false
	}
	cfg := httpproxy.Config{HTTPSProxy: v.Reveal()}
	u, err := cfg.ProxyFunc()(&url.URL{Scheme: "https", Host: "target.invalid"})
	if err != nil || u == nil || v.HasCredentials() && (u.User == nil || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@")) {
		return address{}, false
	}
	ports := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
	port, known := ports[u.Scheme]
	if !known {
		return address{}, false
	}
	if u.Port() != "" {
		port = u.Port()
	}
	host := u.Hostname()
	if ascii, err := idna.Lookup.ToASCII(host); err == nil && net.ParseIP(host) == nil {
		host = ascii
	}
	a := address{scheme: u.Scheme, host: host, port: port}
	if u.User != nil {
		a.auth, a.user = true, u.User.Username()
		a.password, _ = u.User.Password()
	}
	return a, true
}

func (a address) socks() bool { return strings.HasPrefix(a.scheme, "socks") }

func (a address) hostPort() string { return net.JoinHostPort(a.host, a.port) }

// String is the URL without user and password.
func (a address) String() string { return a.scheme + "://" + a.hostPort() }

// with is the same place under another scheme.
func (a address) with(scheme string) string { return scheme + "://" + a.hostPort() }

// authorization is the value of Proxy-Authorization, or "" without credentials (net/http connectMethod.proxyAuth).
func (a address) authorization() string {
	if !a.auth {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.user+":"+a.password))
}
