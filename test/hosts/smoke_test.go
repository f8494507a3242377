//go:build hosts && linux

package hosts

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// TestSmoke shows that every host is what the other suites take it for: its
// engine, its users, and that proxy settings written by hand where this host's
// dockerd reads them make real pulls go through a real proxy, and only those.
func TestSmoke(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			RecordAtEnd(t, kind.Name)
			h := Boot(t, kind.Name)

			info := h.Info(t)
			assert.Assert(t, strings.HasPrefix(info.ServerVersion, kind.Engine), info.ServerVersion)
			assert.Equal(t, info.Driver, "overlay2")
			assert.Equal(t, info.HTTPSProxy, "")
			checkUsers(t, h)

			n := h.Network(t)
			before := n.Pull(t, Registry)
			assert.Equal(t, before.Route(), "direct", "%s", before.Result)

			setProxyByHand(t, h)
			info = h.Info(t)
			assert.Equal(t, info.HTTPProxy, ProxyURL(PlainPort))
			assert.Equal(t, info.HTTPSProxy, strings.ReplaceAll(AuthProxyURL(), ProxyUser+":"+ProxyPasswordURL, "xxxxx:xxxxx"))
			assert.Equal(t, h.DaemonEnviron(t)["HTTPS_PROXY"], AuthProxyURL())

			pull := n.Pull(t, Registry)
			assert.Equal(t, pull.Code, 0, "%s", pull.Result)
			assert.Equal(t, pull.Route(), "proxy")
			wanted := ProxyRequest{AuthPort, "CONNECT", Registry, 200, ProxyUser}
			h.Eventually(t, "squid's line about the pull", func() bool { return slices.Contains(n.ProxyLog(t), wanted) })

			pull = n.Pull(t, DirectRegistry)
			assert.Equal(t, pull.Code, 0, "%s", pull.Result)
			assert.Equal(t, pull.Route(), "direct")
			for _, request := range n.ProxyLog(t) {
				assert.Assert(t, request.Target != DirectRegistry, "a NO_PROXY name went to the proxy")
			}

			n.SetProxyPassword(t, "another")
			pull = n.Pull(t, Registry)
			assert.Assert(t, pull.Code != 0 && pull.Denied, "%s", pull.Result)
			assert.Equal(t, pull.Route(), "none")

			runContainer(t, h)
		})
	}
}

// checkUsers shows who may do what: dev sudo, guest nothing, neither docker.
func checkUsers(t *testing.T, h *Host) {
	t.Helper()
	sudo := h.Do(t, Cmd{Argv: []string{"sudo", "-n", "id", "-u"}, User: "dev"})
	assert.Equal(t, sudo.Stdout, "0\n", "%s", sudo)
	assert.Assert(t, h.Do(t, Cmd{Argv: []string{"sudo", "-n", "id", "-u"}, User: "guest"}).Code != 0)
	assert.Assert(t, h.Do(t, Cmd{Argv: []string{"docker", "info"}, User: "dev"}).Code != 0)
	home := h.Do(t, Cmd{Argv: []string{"sh", "-c", `pwd; echo "$HOME"; cat; exit 7`}, User: "dev", Stdin: "in"})
	assert.DeepEqual(t, home, Result{Stdout: "/home/dev\n/home/dev\nin", Code: 7})
}

// setProxyByHand writes settings where this host's dockerd reads its
// environment from, and restarts it.
func setProxyByHand(t *testing.T, h *Host) {
	t.Helper()
	settings := []string{"HTTP_PROXY=" + ProxyURL(PlainPort), "HTTPS_PROXY=" + AuthProxyURL(), "NO_PROXY=direct.corp"}
	lines := func(prefix, suffix string) string {
		return prefix + strings.Join(settings, suffix+prefix) + suffix
	}
	dropIn := "[Service]\n" + strings.ReplaceAll(lines("Environment=", "\n"), "%", "%%")
	switch {
	case h.Kind.Manager == Manual:
		h.StopDocker(t)
		h.StartByHand(t, settings)
		return
	case h.Kind.Manager == SystemdUser:
		h.WriteFile(t, ".config/systemd/user/docker.service.d/proxy.conf", dropIn, 0o644)
	case h.Kind.Manager == SysVInit:
		h.WriteFile(t, "/etc/default/docker", lines("export ", "\n"), 0o644)
	case h.Kind.Manager == OpenRC:
		h.WriteFile(t, "/etc/conf.d/docker", lines("export ", "\n"), 0o644)
	case h.Kind.Name == "trixie-ce":
		h.WriteFile(t, "/etc/systemd/system/docker.service.d/proxy.conf", dropIn, 0o644)
	default:
		h.WriteFile(t, "/etc/default/docker", lines("", "\n"), 0o644)
	}
	h.RestartDocker(t)
}

// runContainer shows that runc works here, more restarts than a unit may have in a minute notwithstanding.
func runContainer(t *testing.T, h *Host) {
	t.Helper()
	for range 3 {
		h.RestartDocker(t)
	}
	run := h.Docker(t, "run", "--rm", "--network=none", DirectRegistry+"/"+Image, "echo", "from a container")
	assert.Equal(t, run.Code, 0, "%s", run)
	assert.Assert(t, cmp.Contains(run.Stdout, "from a container"))
}
