//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// best is a layer that a host's dockerd reads and that may hold credentials.
func best(kind hosts.Kind) string {
	if reads(kind, "daemon.json") {
		return "daemon.json"
	}
	return "systemd"
}

// TestPassword changes only the password without a restart: pending is shown although the masked values are equal, and `restart` applies it.
func TestPassword(t *testing.T) {
	each(t, func(t *testing.T, kind hosts.Kind) {
		h := boot(t, kind.Name)
		n := h.Network(t)
		r := withPassword(t, h, hosts.ProxyPassword, "set", "--proxy", hosts.ProxyURL(hosts.AuthPort), "--username", hosts.ProxyUser, "--password-stdin", "--only", "daemon", "--restart")
		assert.Equal(t, r.Code, 0, "%s", r)
		restartByHand(t, h, r)
		assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "proxy")

		n.SetProxyPassword(t, "n%w p@ss/word#")
		pid := h.DaemonPID(t)
		r = withPassword(t, h, "n%w p@ss/word#", "set", "--username", hosts.ProxyUser, "--password-stdin", "--only", "daemon", "--no-restart")
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Equal(t, h.DaemonPID(t), pid)
		assert.Equal(t, show(t, h).setting("https-proxy").Pending, "restart")
		check := proxy(t, h, "restart", "--check")
		assert.Equal(t, check.Code, 3, "%s", check)

		if kind.Manager == hosts.Manual {
			refused := proxy(t, h, "restart", "--restart")
			assert.Equal(t, refused.Code, 1, "%s", refused)
			assert.Assert(t, cmp.Contains(refused.Stderr, "kill "))
			h.RestartDocker(t)
		} else {
			mustProxy(t, h, "restart", "--restart")
		}
		assert.Equal(t, show(t, h).setting("https-proxy").Pending, "none")
		pull := n.Pull(t, hosts.Registry)
		assert.Equal(t, pull.Route(), "proxy", "%s", pull.Result)
	})
}

// TestStopped shows that a stopped daemon stays stopped, whatever is asked, and reads the settings when somebody starts it.
func TestStopped(t *testing.T) {
	each(t, func(t *testing.T, kind hosts.Kind) {
		h := boot(t, kind.Name)
		stop(t, h)
		if kind.Name == "bookworm" {
			// The docker CLI 20.10 itself connects to the daemon before it runs any plugin, and so starts it; called directly the program does not.
			mustDirect(t, h, "show")
			assert.Equal(t, h.DaemonPID(t), 0)
			mustDirect(t, h, "set", "--layer", best(kind), "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--restart", "--no-check")
			mustDirect(t, h, "restart", "--restart")
			assert.Equal(t, h.DaemonPID(t), 0, "a stopped daemon was started")
			h.StartDocker(t)
			assert.Equal(t, h.Info(t).HTTPSProxy, hosts.ProxyURL(hosts.PlainPort))
			return
		}
		s := show(t, h)
		assert.Equal(t, s.Daemon.Reachable, false)
		assert.Equal(t, s.Daemon.PID, 0)
		mustProxy(t, h)
		if kind.Manager == hosts.Manual {
			// Without a process nothing tells that somebody starts a dockerd by hand here; what Debian's unit would do is masked.
			assert.Equal(t, h.DaemonPID(t), 0)
			return
		}
		set := mustProxy(t, h, "set", "--layer", best(kind), "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--restart", "--no-check")
		assert.Assert(t, cmp.Contains(set.Stdout, "is not running and stays stopped"))
		assert.Equal(t, h.DaemonPID(t), 0, "a stopped daemon was started")
		s = show(t, h)
		assert.Equal(t, s.setting("https-proxy").Value, hosts.ProxyURL(hosts.PlainPort))
		assert.Equal(t, s.setting("https-proxy").Pending, "none")
		assert.Assert(t, s.setting("https-proxy").Running == nil)
		r := proxy(t, h, "restart", "--restart")
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Equal(t, h.DaemonPID(t), 0, "a stopped daemon was started")
		h.StartDocker(t)
		assert.Equal(t, h.Info(t).HTTPSProxy, hosts.ProxyURL(hosts.PlainPort))
	})
}

// stop stops dockerd but leaves the socket that would start it again, where there is one: nothing may touch it.
func stop(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.StopDocker(t)
	if h.Kind.Manager == hosts.Systemd {
		h.MustRun(t, "systemctl", "start", "docker.socket")
		assert.Equal(t, h.DaemonPID(t), 0)
	}
}

// TestReconcile brings contradicting places into agreement, with the running daemon as witness.
func TestReconcile(t *testing.T) { on(t, "trixie", playReconcile) }

func playReconcile(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/etc/default/docker", "# mine\nHTTPS_PROXY=http://old:1\nNO_PROXY=a.corp\n", 0o644)
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/proxy.conf", "[Service]\n# keep\nEnvironment=\"HTTPS_PROXY=http://older:1\" OTHER=1\n", 0o644)
	h.WriteFile(t, "/etc/docker/daemon.json", `{"proxies": {"https-proxy": "http://wins:1"}, "debug": false}`, 0o644)
	h.RestartDocker(t)
	s := show(t, h)
	assert.Equal(t, s.setting("https-proxy").Value, "http://wins:1")
	assert.Assert(t, s.has("guide-order-differs"))
	before := snapshot(t, h)

	plan := mustProxy(t, h, "reconcile", "--to", "systemd", "--dry-run")
	assert.Assert(t, cmp.Contains(plan.Stdout, "/etc/docker/daemon.json"))
	assert.Equal(t, snapshot(t, h), before)
	check := proxy(t, h, "reconcile", "--to", "systemd", "--check")
	assert.Equal(t, check.Code, 3, "%s", check)

	mustProxy(t, h, "reconcile", "--to", "systemd", "--restart")
	info := h.Info(t)
	assert.Equal(t, info.HTTPSProxy, "http://wins:1")
	assert.Equal(t, info.NoProxy, "a.corp")
	assert.Equal(t, h.ReadFile(t, "/etc/default/docker"), "# mine\n")
	assert.Equal(t, h.ReadFile(t, "/etc/systemd/system/docker.service.d/proxy.conf"), "[Service]\n# keep\nEnvironment=OTHER=1\n")
	assert.Equal(t, h.ReadFile(t, "/etc/docker/daemon.json"), `{"debug": false}`)
	assert.Assert(t, !show(t, h).has("guide-order-differs"))
	nothing := proxy(t, h, "reconcile", "--check")
	assert.Equal(t, nothing.Code, 0, "%s", nothing)

	mustProxy(t, h, "reconcile", "--to", "all", "--restart")
	for _, layer := range []string{"daemon.json", "startup", "systemd"} {
		assert.Assert(t, cmp.Contains(mustProxy(t, h, "show", "--layer", layer).Stdout, "http://wins:1"), layer)
	}
	mustProxy(t, h, "rollback", "--restart")
	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, snapshot(t, h), before, "two rollbacks after two changes")
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://wins:1")
}

// TestFlagInUnit shows that a setting in the unit's own command line is named, with its line, and refused.
func TestFlagInUnit(t *testing.T) { on(t, "trixie", playFlagInUnit) }

func playFlagInUnit(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/flags.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --https-proxy=http://flag:1\n", 0o644)
	h.RestartDocker(t)
	s := show(t, h)
	assert.Equal(t, s.setting("https-proxy").Source.Layer, "flag")
	assert.Equal(t, s.setting("https-proxy").Source.Path, "/etc/systemd/system/docker.service.d/flags.conf")
	assert.Equal(t, s.setting("https-proxy").Source.Line, 3)
	before := snapshot(t, h)
	for _, layer := range []string{"daemon.json", "systemd", "startup"} {
		r := proxy(t, h, "set", "--layer", layer, "--https-proxy", "http://new:1", "--only", "daemon", "--no-check", "--restart")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "/etc/systemd/system/docker.service.d/flags.conf:3"))
	}
	assert.Equal(t, snapshot(t, h), before)
	// The other settings are free.
	mustProxy(t, h, "set", "--no-proxy", "a.corp", "--only", "daemon", "--restart")
	assert.Equal(t, h.Info(t).NoProxy, "a.corp")
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://flag:1")
}

// TestFailedStart shows that a daemon which does not come up gets its old files back.
func TestFailedStart(t *testing.T) { on(t, "trixie", playFailedStart) }

func playFailedStart(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/usr/local/sbin/dockerd-wrapper", "#!/bin/sh\n[ -n \"$HTTPS_PROXY\" ] && { echo 'failed to start daemon: no proxy wanted' >&2; exit 1; }\nexec /usr/sbin/dockerd \"$@\"\n", 0o755)
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/wrapper.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/dockerd-wrapper -H fd://\n", 0o644)
	h.RestartDocker(t)
	before := snapshot(t, h)
	r := proxy(t, h, "set", "--layer", "systemd", "--proxy", "http://proxy:1", "--only", "daemon", "--no-check", "--restart", "--timeout", "30s")
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "no proxy wanted"))
	assert.Equal(t, snapshot(t, h), before)
	h.AwaitAnswer(t)
	assert.Equal(t, h.Info(t).HTTPSProxy, "")
}

// TestUnprivileged plays what a person without root sees: everything can be read, a change names the command that works, and that command works.
func TestUnprivileged(t *testing.T) { on(t, "trixie", playUnprivileged) }

func playUnprivileged(t *testing.T, h *hosts.Host) {
	h.Sh(t, "install -d -o dev -g dev /home/dev/.docker /home/dev/.docker/cli-plugins && mv "+hosts.PluginPath+" /home/dev/.docker/cli-plugins/docker-proxy")
	dev := func(argv ...string) hosts.Result { return h.Do(t, hosts.Cmd{Argv: argv, User: "dev"}) }
	r := dev("docker", "proxy", "show", "--effective")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stdout, "docker.service"))

	before := snapshot(t, h)
	r = dev("docker", "proxy", "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--no-check", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	_, command, ok := strings.Cut(strings.TrimSpace(r.Stderr), "sudo ")
	assert.Assert(t, ok, "%s", r)
	assert.Equal(t, snapshot(t, h), before)

	r = dev("sh", "-c", "sudo -n "+command)
	assert.Equal(t, r.Code, 0, "sudo %s: %s", command, r)
	assert.Equal(t, h.Info(t).HTTPSProxy, hosts.ProxyURL(hosts.PlainPort))
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/home/dev/.docker/config.json"), hosts.ProxyURL(hosts.PlainPort)))
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "stat -c %U:%G:%a /home/dev/.docker/config.json")), "dev:dev:600")
	r = dev("docker", "proxy", "unset", "--only", "client")
	assert.Equal(t, r.Code, 0, "%s", r)
	r = dev("sh", "-c", `sudo -n docker --config "$HOME/.docker" proxy unset --restart`)
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, h.Info(t).HTTPSProxy, "")
}

// mustDirect runs the plugin's binary without the docker CLI.
func mustDirect(t *testing.T, h *hosts.Host, args ...string) {
	t.Helper()
	r := h.Do(t, hosts.Cmd{Argv: append([]string{hosts.PluginPath}, args...), User: h.Kind.User})
	assert.Equal(t, r.Code, 0, "%q: %s", args, r)
}
