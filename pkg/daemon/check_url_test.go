//go:build linux

package daemon

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// inProxies is a daemon.json with both proxies set to a value, which stands in it as it is.
func inProxies(value string) map[string]string {
	return map[string]string{configPath: "{\"proxies\": {\n\"http-proxy\": \"" + value + "\",\n\"https-proxy\": \"" + value + "\"}}"}
}

// TestValueFindings: what is told of the values that dockerd ends up with, wherever they come from. What Go does with each of them is asked in pkg/precedence.
func TestValueFindings(t *testing.T) {
	proxies := "Environment=HTTPS_PROXY=http://p:1 HTTP_PROXY=http://p:1"
	cases := []struct {
		name string
		tree map[string]string
		want string
	}{
		{"fine", inProxies("http://u:pw@p:1"), ""},
		{"a password", inProxies("http://u:p#w@p:1"), "url-password-needs-encoding:2 url-password-needs-encoding:3 url-credentials-leak-in-info:2 url-credentials-leak-in-info:3"},
		{"quotes", inProxies(`\"http://p:1\"`), "url-quotes-kept:2 url-quotes-kept:3"},
		{"no scheme", inProxies("p:1"), "url-missing-scheme:2 url-missing-scheme:3"},
		{"no scheme, and credentials", inProxies("u:pw@p:1"), "url-credentials-leak-in-info:2 url-credentials-leak-in-info:3 url-missing-scheme:2 url-missing-scheme:3"},
		{"what is shadowed does no harm", merged(inProxies("http://p:1"), map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=' http://p:1'")}), "guide-order-differs:3"},
		{"but is logged", merged(inProxies("http://p:1"), map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=u:pw@p:1")}), "guide-order-differs:3 systemd-credentials-world-readable:2 url-credentials-leak-in-info:2"},
		{"masked in the log", merged(inProxies("http://p:1"), map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://u:pw@p:1")}), "guide-order-differs:3 systemd-credentials-world-readable:2"},
		{"loopback", inProxies("http://127.0.0.1:3128"), ""},

		{"ALL_PROXY alone", map[string]string{adminDir + "a.conf": service("Environment=ALL_PROXY=http://p:1")}, "all-proxy-ignored:2"},
		{"all_proxy in an environment file", map[string]string{startupPath: "all_proxy=http://p:1\n"}, "all-proxy-ignored:1"},
		{"ALL_PROXY and both", map[string]string{adminDir + "a.conf": service(proxies, "Environment=ALL_PROXY=http://p:1")}, ""},
		{"ALL_PROXY and one", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1", "Environment=ALL_PROXY=http://p:1")}, "all-proxy-ignored:3"},
		{"an empty ALL_PROXY", map[string]string{adminDir + "a.conf": service("Environment=ALL_PROXY=")}, ""},
		{"ALL_PROXY that is unset", map[string]string{adminDir + "a.conf": service("Environment=ALL_PROXY=http://p:1", "UnsetEnvironment=ALL_PROXY")}, ""},

		{"REQUEST_METHOD", map[string]string{adminDir + "a.conf": service(proxies, "Environment=REQUEST_METHOD=GET")}, "cgi-request-method:3"},
		{"REQUEST_METHOD without a proxy", map[string]string{adminDir + "a.conf": service("Environment=REQUEST_METHOD=GET")}, ""},
		{"REQUEST_METHOD and https alone", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1 REQUEST_METHOD=GET")}, ""},
		{"an empty REQUEST_METHOD", map[string]string{adminDir + "a.conf": service(proxies, "Environment=REQUEST_METHOD=")}, ""},
		{"REQUEST_METHOD and everything direct", map[string]string{adminDir + "a.conf": service(proxies, "Environment=NO_PROXY=* REQUEST_METHOD=GET")}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, idsOf(observed(t, debianHost("26.1.5"), c.tree)), c.want) })
	}
	sysv := observed(t, sysvHost(), map[string]string{startupPath: "export ALL_PROXY=http://p:1\nREQUEST_METHOD=GET\n"})
	assert.Equal(t, idsOf(sysv), "all-proxy-ignored:1")
}

func merged(trees ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, tree := range trees {
		for k, v := range tree {
			out[k] = v
		}
	}
	return out
}

// TestWatchedVariablesAreNoSettings: what is watched beside the settings is in no list of settings, and no edit touches it.
func TestWatchedVariablesAreNoSettings(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), map[string]string{adminDir + "http-proxy.conf": service("Environment=ALL_PROXY=http://p:1", "Environment=HTTPS_PROXY=http://p:1")})
	for _, b := range o.Bindings {
		assert.Assert(t, b.Key != "", b.Source.Name)
	}
	p, err := PlanUnset(o, UnsetRequest{Keys: precedence.Keys(), All: true}, nil)
	assert.NilError(t, err)
	assert.Equal(t, string(p.Changes[0].To.Data), service("Environment=ALL_PROXY=http://p:1"))
}

// TestMessagesHoldNoPassword: not in a message, and not in a command.
func TestMessagesHoldNoPassword(t *testing.T) {
	for _, value := range []string{"http://u:s3cret#x@p:1", "u:s3cret@p:1", `\"http://u:s3cret@p:1\"`, "http://u:s3cret%@p:1", " http://u:s3cret@p:1", "http://u:1#s3cret@p:1"} {
		for _, f := range observed(t, debianHost("26.1.5"), inProxies(value)).Findings {
			assert.Assert(t, !strings.Contains(f.Message+f.Fix, "s3cret"), "%+v", f)
		}
	}
	v := precedence.Verdict{Key: precedence.HTTPSProxy, Winner: &precedence.Binding{Value: "https://u:s3cret@p:3128"}}
	f := PlainProxyFinding(v)
	assert.Equal(t, f.ID, "url-scheme-https-to-plain-proxy")
	assert.Equal(t, f.Fix, "docker proxy set --https-proxy http://p:3128 --username USER --password-stdin")
	assert.Assert(t, !strings.Contains(f.Message, "s3cret"))
}

// TestLoopback: an address of the machine itself is told where dockerd has another network, and nowhere else.
func TestLoopback(t *testing.T) {
	const found = "url-loopback-in-rootless-or-vm"
	links := func(theirs, ours string) map[string]string {
		return map[string]string{"/proc/74/ns/net": "-> net:[" + theirs + "]", "/proc/1/ns/net": "-> net:[" + ours + "]"}
	}
	cases := []struct {
		name    string
		flavor  Flavor
		version string
		context string
		socket  string
		value   string
		running map[string]string
		want    bool
	}{
		{name: "a system's dockerd", flavor: FlavorStandard, version: "28.5.2", value: "http://127.0.0.1:3128"},
		{name: "rootless", flavor: FlavorRootless, version: "28.5.2", value: "http://127.0.0.1:3128", want: true},
		{name: "rootless, by name", flavor: FlavorRootless, version: "28.5.2", value: "http://localhost:3128", want: true},
		{name: "rootless, IPv6", flavor: FlavorRootless, version: "28.5.2", value: "http://[::1]:3128", want: true},
		{name: "rootless, another address", flavor: FlavorRootless, version: "28.5.2", value: "http://10.0.0.1:3128"},
		{name: "rootless, later engine", flavor: FlavorRootless, version: "29.5.0", value: "http://127.0.0.1:3128"},
		{name: "rootless, engine not known", flavor: FlavorRootless, value: "http://127.0.0.1:3128", want: true},
		{name: "rootless, running in its own network", flavor: FlavorRootless, version: "29.5.0", value: "http://127.0.0.1:3128", running: links("2", "1"), want: true},
		{name: "rootless, running in the machine's network", flavor: FlavorRootless, version: "28.5.2", value: "http://127.0.0.1:3128", running: links("1", "1")},
		{name: "Desktop", flavor: FlavorDesktop, version: "28.5.2", value: "http://127.0.0.1:3128", want: true},
		{name: "Colima", flavor: FlavorRemote, version: "28.5.2", socket: "unix:///Users/ann/.colima/default/docker.sock", context: "colima", value: "http://127.0.0.1:3128", want: true},
		{name: "another machine's own proxy", flavor: FlavorRemote, version: "28.5.2", socket: "ssh://host", context: "colima", value: "http://127.0.0.1:3128"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost(c.version), inProxies(c.value), c.running)
			s.Flavor, s.Context, s.Endpoint, s.Version = c.flavor, c.context, c.socket, c.version
			s.Info = &engine.Info{HTTPProxy: c.value, HTTPSProxy: c.value}
			if c.running != nil {
				s.PID, s.Process = 74, &proc.Process{PID: 74}
			}
			assert.Equal(t, strings.Contains(idsOf(Observe(s)), found), c.want, idsOf(Observe(s)))
		})
	}
}

// TestDesktopsOwnFile: Docker Desktop takes no proxies from its daemon.json, and on another machine's behalf nothing here is looked at.
func TestDesktopsOwnFile(t *testing.T) {
	s := rooted(t, debianHost("28.5.2"), map[string]string{"/root/.docker/daemon.json": `{"proxies": {"http-proxy": "http://p:1"}}`})
	s.Info = &engine.Info{}
	s.Flavor = FlavorDesktop
	assert.Assert(t, strings.Contains(idsOf(Observe(s)), "daemon-json-not-the-one-read:1"))
	s.Flavor = FlavorRemote
	assert.Assert(t, !strings.Contains(idsOf(Observe(s)), "daemon-json-not-the-one-read"))
}
