//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// reads says which layers the dockerd of a host reads; it is this test's own knowledge of the hosts.
func reads(kind hosts.Kind, layer string) bool {
	switch layer {
	case "daemon.json":
		return kind.Name != "bookworm" // 20.10 does not know it
	case "systemd":
		return kind.Manager == hosts.Systemd || kind.Manager == hosts.SystemdUser
	case "startup":
		return (kind.Manager == hosts.Systemd || kind.Manager == hosts.SysVInit || kind.Manager == hosts.OpenRC || kind.Manager == hosts.RunIt) && kind.Name != "trixie-ce"
	}
	return kind.Manager == hosts.Systemd || kind.Manager == hosts.SystemdUser || kind.Manager == hosts.OpenRC // env
}

// TestLayers sets an authenticating proxy in every layer of every host: a layer its dockerd reads makes real pulls go through the proxy, and unset gives back the
// tree as it was; any other layer changes nothing and names one that works. doctor
// finds nothing, before and after.
func TestLayers(t *testing.T) {
	each(t, func(t *testing.T, kind hosts.Kind) {
		h := boot(t, kind.Name)
		t.Run("clean", func(t *testing.T) { nothingFound(t, h) })
		n := h.Network(t)
		for _, layer := range []string{"daemon.json", "systemd", "startup", "env"} {
			t.Run(layer, func(t *testing.T) {
				if reads(kind, layer) {
					useLayer(t, h, n, layer)
				} else {
					refusedLayer(t, h, layer)
				}
			})
		}
	})
}

// nothingFound has doctor look at the host, which has nothing to tell of: neither of a host as it was installed, nor of what `set` has written.
func nothingFound(t *testing.T, h *hosts.Host) {
	t.Helper()
	r := proxy(t, h, "doctor")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, strings.HasSuffix(r.Stdout, "\n\nNothing found.\n"), "%s", r)
}

func refusedLayer(t *testing.T, h *hosts.Host, layer string) {
	before, pid := snapshot(t, h), h.DaemonPID(t)
	r := proxy(t, h, "set", "--layer", layer, "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	_, advice, ok := strings.Cut(r.Stderr, "use --layer ")
	assert.Assert(t, ok, "%s", r)
	works := strings.FieldsFunc(advice, func(c rune) bool { return c != '.' && (c < 'a' || c > 'z') })[0]
	assert.Assert(t, reads(h.Kind, works), "it names %q, which this dockerd does not read", works)
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, h.DaemonPID(t), pid)
}

func useLayer(t *testing.T, h *hosts.Host, n *hosts.Network, layer string) {
	before := snapshot(t, h)
	url, user := hosts.ProxyURL(hosts.AuthPort), hosts.ProxyUser
	args := []string{"set", "--layer", layer, "--proxy", url, "--no-proxy", "direct.corp,10.200.0.77", "--only", "daemon", "--restart"}
	var r hosts.Result
	if layer == "env" {
		refused := withPassword(t, h, hosts.ProxyPassword, append(args, "--username", user, "--password-stdin")...)
		assert.Equal(t, refused.Code, 1, "credentials in a shared place: %s", refused)
		assert.Equal(t, snapshot(t, h), before)
		url, user = hosts.ProxyURL(hosts.PlainPort), ""
		args[4] = url
		r = proxy(t, h, args...)
	} else {
		url = strings.Replace(url, "://", "://"+user+":"+hosts.ProxyPasswordURL+"@", 1)
		r = withPassword(t, h, hosts.ProxyPassword, append(args, "--username", user, "--password-stdin")...)
	}
	assert.Equal(t, r.Code, 0, "%s", r)
	restartByHand(t, h, r)
	checkEffective(t, h, layer, url)
	nothingFound(t, h)
	checkPulls(t, h, n)

	// A second time there is nothing to do: no write, no restart.
	written, pid := snapshot(t, h), h.DaemonPID(t)
	if layer == "env" {
		r = proxy(t, h, args...)
	} else {
		r = withPassword(t, h, hosts.ProxyPassword, append(args, "--username", user, "--password-stdin")...)
	}
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "Nothing to do"))
	assert.Equal(t, snapshot(t, h), written)
	assert.Equal(t, h.DaemonPID(t), pid)

	r = mustProxy(t, h, "unset", "--layer", layer, "--only", "daemon", "--restart")
	restartByHand(t, h, r)
	info := h.Info(t)
	assert.Equal(t, info.HTTPProxy+info.HTTPSProxy+info.NoProxy, "")
	assert.Equal(t, snapshot(t, h), before, "unset leaves something behind")
	assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "direct")
}

// restartByHand does on the manual host what the program says has to be typed there.
func restartByHand(t *testing.T, h *hosts.Host, r hosts.Result) {
	t.Helper()
	if h.Kind.Manager != hosts.Manual {
		return
	}
	assert.Assert(t, cmp.Contains(r.Stderr, "started by hand"))
	assert.Assert(t, cmp.Contains(r.Stdout, "pending: restart"))
	h.RestartDocker(t)
}

func checkEffective(t *testing.T, h *hosts.Host, layer, url string) {
	t.Helper()
	wanted := masked(hosts.ProxyUser, hosts.ProxyPasswordURL, url)
	info := h.Info(t)
	assert.Equal(t, info.HTTPProxy, wanted)
	assert.Equal(t, info.HTTPSProxy, wanted)
	assert.Equal(t, info.NoProxy, "direct.corp,10.200.0.77")

	s := show(t, h)
	assert.Equal(t, s.Daemon.Version, info.ServerVersion)
	assert.Assert(t, s.Daemon.Local)
	for key, value := range map[string]string{"http-proxy": wanted, "https-proxy": wanted, "no-proxy": "direct.corp,10.200.0.77"} {
		st := s.setting(key)
		assert.Equal(t, st.Value, value, key)
		assert.Equal(t, st.Source.Layer, layer, key)
		assert.Equal(t, st.Rule, "only-value", key)
		assert.Equal(t, st.Pending, "none", key)
		assert.Assert(t, st.Running != nil && *st.Running == value, key)
		line := strings.Split(h.ReadFile(t, st.Source.Path), "\n")[st.Source.Line-1]
		assert.Assert(t, cmp.Contains(line, st.Source.Name[strings.LastIndex(st.Source.Name, ".")+1:]), "the named line is another one")
	}
	if layer == "daemon.json" {
		return
	}
	environ := h.DaemonEnviron(t)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		assert.Equal(t, environ[name], url, name)
	}
	assert.Equal(t, environ["NO_PROXY"], "direct.corp,10.200.0.77")
}

func checkPulls(t *testing.T, h *hosts.Host, n *hosts.Network) {
	t.Helper()
	pull := n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, pull.Route(), "proxy")
	pull = n.Pull(t, hosts.DirectRegistry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, pull.Route(), "direct")
	// squid writes a tunnel's line when it ends, which may be now; so the lines are not counted but looked at.
	for _, request := range n.ProxyLog(t) {
		assert.Assert(t, request.Target != hosts.DirectRegistry, "a NO_PROXY name went to the proxy")
	}
}
