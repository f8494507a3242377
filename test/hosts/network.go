//go:build linux

package hosts

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// The corporate network, as names of /etc/hosts; every address is on another
// machine as far as the host can tell (a network namespace behind corp0).
const (
	// ProxyHost is where squid listens, on the ports below.
	ProxyHost = "proxy.corp"
	// Registry is a registry behind TLS, of the corporation's own authority.
	Registry = "registry.corp:5000"
	// DirectRegistry is the same registry by a name and address meant for NO_PROXY.
	DirectRegistry = "direct.corp:5000"
	// Image is in both, a static busybox.
	Image = "hello"
)

// Squid's ports.
const (
	PlainPort   = 3128 // asks nobody who they are
	AuthPort    = 3129 // wants ProxyUser and ProxyPassword
	TLSPort     = 3130 // speaks TLS to its clients, for https:// proxy URLs
	InspectPort = 3131 // terminates the TLS it carries, with the inspection authority
)

// Credentials for AuthPort until [Network.SetProxyPassword]; the password in a
// URL is ProxyPasswordURL.
const (
	ProxyUser        = "user"
	ProxyPassword    = "F@oBar!"
	ProxyPasswordURL = "F%40oBar%21"
)

// What is in /srv/corp of every host.
const (
	CAFile           = "/srv/corp/ca.crt"
	InspectionCAFile = "/srv/corp/inspection-ca.crt"
)

//go:embed network.sh
var networkScript string

// A Network is the corporate network of one host: a proxy and a registry
// outside of it, with logs of who came which way.
type Network struct {
	host *Host
}

// ProxyURL returns the URL of one of squid's ports, without credentials.
func ProxyURL(port int) string {
	scheme := "http"
	if port == TLSPort {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, ProxyHost, port)
}

// AuthProxyURL returns the URL of AuthPort with the right credentials.
func AuthProxyURL() string {
	return fmt.Sprintf("http://%s:%s@%s:%d", ProxyUser, ProxyPasswordURL, ProxyHost, AuthPort)
}

// NetworkOption changes a network before it starts.
type NetworkOption func(*networkSettings)

type networkSettings struct{ untrusted bool }

// Untrusted leaves the registry's authority out of docker's certs.d, so that
// pulls fail until the host's store has it.
func Untrusted() NetworkOption { return func(s *networkSettings) { s.untrusted = true } }

// Network makes the corporate network inside the host, starts squid and the
// registry, pushes [Image] and returns when a request through the proxy
// reaches the registry. Unless [Untrusted], docker's certs.d is told the
// registry's authority, which needs no restart. The host's end takes it down.
func (h *Host) Network(t testing.TB, options ...NetworkOption) *Network {
	t.Helper()
	var settings networkSettings
	for _, option := range options {
		option(&settings)
	}
	h.WriteFile(t, "/srv/corp/password", ProxyPassword, 0o644)
	h.MustRun(t, "sh", "-e", "-c", networkScript)
	if !settings.untrusted {
		h.trustRegistries(t)
	}
	n := &Network{host: h}
	n.push(t, Image)
	return n
}

// trustRegistries tells dockerd alone the registry's authority.
func (h *Host) trustRegistries(t testing.TB) {
	t.Helper()
	dir := "/etc/docker/certs.d"
	if h.Kind.Manager == SystemdUser {
		dir = ".config/docker/certs.d"
	}
	ca := h.ReadFile(t, CAFile)
	for _, registry := range []string{Registry, DirectRegistry} {
		h.WriteFile(t, dir+"/"+registry+"/ca.crt", ca, 0o644)
	}
}

// SetProxyPassword changes what AuthPort accepts, at once.
func (n *Network) SetProxyPassword(t testing.TB, password string) {
	t.Helper()
	h := n.host
	h.WriteFile(t, "/srv/corp/password", password, 0o644)
	h.Sh(t, `printf 'user:%s\n' "$(openssl passwd -apr1 -stdin </srv/corp/password)" >/srv/corp/users
		squid -f /srv/corp/squid.conf -k reconfigure`)
	h.Eventually(t, "squid with the new password", func() bool {
		// curl percent-decodes what --proxy-user says (parse_proxy_auth in its lib/url.c), so a password with %41 in it would be another one.
		result := h.Run(t, "curl", "-sS", "--max-time", "5", "-o", "/dev/null", "--cacert", CAFile,
			"--proxy", ProxyURL(AuthPort), "--proxy-user", ProxyUser+":"+strings.ReplaceAll(password, "%", "%25"), "https://"+Registry+"/v2/")
		return result.Code == 0
	})
}

// A ProxyRequest is a line of squid's log.
type ProxyRequest struct {
	Port   int    // squid's port, so which kind of proxy it was
	Method string // CONNECT, GET, …
	Target string // host:port or URL
	Status int    // 200, 407, …
	User   string // who it was, "" when nobody was asked
}

// ProxyLog returns what squid has served so far, oldest first. A tunnel is in
// it once it is closed, which dockerd does after every request.
func (n *Network) ProxyLog(t testing.TB) []ProxyRequest {
	t.Helper()
	var requests []ProxyRequest
	for line := range strings.Lines(n.host.Sh(t, "cat /srv/corp/log/access.log")) {
		field := strings.Fields(line)
		assert.Equal(t, len(field), 5, "a line of squid's log: %q", line)
		requests = append(requests, ProxyRequest{number(t, field[0]), field[1], field[2], number(t, field[3]), strings.TrimPrefix(field[4], "-")})
	}
	return requests
}

// number reads a number of squid's log; "-" is 0: a connection without a request.
func number(t testing.TB, field string) int {
	t.Helper()
	if field == "-" {
		return 0
	}
	n, err := strconv.Atoi(field)
	assert.NilError(t, err)
	return n
}

// A RegistryRequest is a request the registry answered, and which way it came.
type RegistryRequest struct {
	Host    string // the name it was asked by, [Registry] or [DirectRegistry]
	Method  string
	URI     string
	Proxied bool // came from squid's address rather than the host's
	Agent   string
}

// RegistryLog returns what the registry has answered so far, oldest first.
func (n *Network) RegistryLog(t testing.TB) []RegistryRequest {
	t.Helper()
	var requests []RegistryRequest
	for line := range strings.Lines(n.host.Sh(t, "cat /srv/corp/log/registry.log")) {
		var entry struct {
			Message string `json:"msg"`
			Host    string `json:"http.request.host"`
			Method  string `json:"http.request.method"`
			URI     string `json:"http.request.uri"`
			From    string `json:"http.request.remoteaddr"`
			Agent   string `json:"http.request.useragent"`
		}
		if json.Unmarshal([]byte(line), &entry) != nil || !strings.HasPrefix(entry.Message, "response completed") {
			continue
		}
		requests = append(requests, RegistryRequest{entry.Host, entry.Method, entry.URI, strings.HasPrefix(entry.From, "10.200.0.10:"), entry.Agent})
	}
	return requests
}

// A Pull is what became of a `docker pull`.
type Pull struct {
	Result
	Requests int  // the registry answered dockerd
	Proxied  int  // of these, through squid
	Denied   bool // squid asked for credentials or refused
}

// Route says in a word which way a pull went: "proxy", "direct", "mixed", or
// "none" when the registry was not reached.
func (p Pull) Route() string {
	switch {
	case p.Requests == 0:
		return "none"
	case p.Proxied == p.Requests:
		return "proxy"
	case p.Proxied == 0:
		return "direct"
	}
	return "mixed"
}

// Pull pulls [Image] from a registry by its name, anew, and tells which way the
// daemon went, as the registry and squid saw it.
func (n *Network) Pull(t testing.TB, registry string) Pull {
	t.Helper()
	image := registry + "/" + Image
	n.host.Docker(t, "rmi", "--force", image)
	served, proxied := len(n.RegistryLog(t)), len(n.ProxyLog(t))
	result := n.host.Docker(t, "pull", "--quiet", image)
	for tries := 0; ; tries++ {
		pull := n.seen(t, registry, served, proxied)
		pull.Result = result
		// Both write their logs after they have answered, and squid through another process: they may be behind.
		if pull.Requests > 0 || pull.Denied || tries == 30 {
			return pull
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// seen tells what the logs of registry and squid say since they had so many
// lines.
func (n *Network) seen(t testing.TB, registry string, served, proxied int) Pull {
	t.Helper()
	var pull Pull
	for _, request := range n.RegistryLog(t)[served:] {
		if request.Host != registry || !strings.HasPrefix(request.Agent, "docker/") {
			continue
		}
		pull.Requests++
		if request.Proxied {
			pull.Proxied++
		}
	}
	for _, request := range n.ProxyLog(t)[proxied:] {
		pull.Denied = pull.Denied || request.Status == 407 || request.Status == 403
	}
	return pull
}
