//go:build hosts && linux

package e2e

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

const (
	vendorDropIn = "/usr/lib/systemd/system/docker.service.d/http-proxy.conf"
	adminDropIns = "/etc/systemd/system/docker.service.d/"
)

// setDaemon sets the daemon's proxies without trying them.
func setDaemon(t *testing.T, h *hosts.Host, args ...string) hosts.Result {
	t.Helper()
	return proxy(t, h, append([]string{"set", "--only", "daemon", "--no-check", "--restart"}, args...)...)
}

// TestForeignUnitFiles shows that other people's unit files keep what they say: a vendor's drop-in with the name that ours would have, a drop-in for all services.
func TestForeignUnitFiles(t *testing.T) { on(t, "trixie", playForeignUnitFiles) }

func playForeignUnitFiles(t *testing.T, h *hosts.Host) {
	shared := "[Service]\nEnvironment=NO_PROXY=all.corp\n"
	h.WriteFile(t, vendorDropIn, "[Service]\nEnvironment=HTTP_PROXY=http://vendor:1\nLimitNOFILE=4242\n", 0o644)
	h.WriteFile(t, "/etc/systemd/system/service.d/p.conf", shared, 0o644)
	h.RestartDocker(t)
	before := snapshot(t, h)

	r := setDaemon(t, h, "--layer", "systemd", "--https-proxy", "http://mine:1", "--no-proxy", "mine.corp")
	assert.Equal(t, r.Code, 0, "%s", r)
	info := h.Info(t)
	assert.Equal(t, info.HTTPProxy, "http://vendor:1", "a setting that was not named keeps its value")
	assert.Equal(t, info.HTTPSProxy, "http://mine:1")
	assert.Equal(t, info.NoProxy, "mine.corp")
	assert.Equal(t, h.Sh(t, "systemctl show -P LimitNOFILE docker"), "4242")
	assert.Equal(t, h.ReadFile(t, "/etc/systemd/system/service.d/p.conf"), shared)

	mustProxy(t, h, "unset", "--all", "--only", "daemon", "--restart")
	info = h.Info(t)
	assert.Equal(t, info.HTTPProxy+info.HTTPSProxy+info.NoProxy, "")
	assert.Equal(t, h.Sh(t, "systemctl show -P LimitNOFILE docker"), "4242")
	agree := proxy(t, h, "reconcile", "--check")
	assert.Equal(t, agree.Code, 0, "what is kept from dockerd stays so: %s", agree)
	mustProxy(t, h, "rollback", "--restart", "--no-check")
	mustProxy(t, h, "rollback", "--restart", "--no-check")
	assert.Equal(t, snapshot(t, h), before)
}

// TestRefusedOnUnits shows states of a systemd host in which a change is refused as a whole, with file and line.
func TestRefusedOnUnits(t *testing.T) { on(t, "trixie", playRefusedOnUnits) }

func playRefusedOnUnits(t *testing.T, h *hosts.Host) {
	pid := h.DaemonPID(t)
	cases := []struct{ name, before, after, says string }{
		{"a drop-in unsets the variable", "mkdir -p " + adminDropIns + "; printf '[Service]\\nUnsetEnvironment=HTTPS_PROXY https_proxy\\n' >" + adminDropIns + "a.conf", "rm -r " + adminDropIns, adminDropIns + "a.conf:2: "},
		{"a later drop-in resets", "mkdir -p " + adminDropIns + "; printf '[Service]\\nEnvironmentFile=\\n' >" + adminDropIns + "zz.conf", "rm -r " + adminDropIns, adminDropIns + "zz.conf:2: "},
		{"read-only /etc", "mount --bind /etc /etc; mount -o remount,ro,bind /etc", "umount /etc", "read-only file system"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.Sh(t, c.before)
			defer h.Sh(t, c.after)
			before := snapshot(t, h)
			r := setDaemon(t, h, "--layer", "systemd", "--https-proxy", "http://mine:1")
			assert.Equal(t, r.Code, 1, "%s", r)
			assert.Assert(t, cmp.Contains(r.Stderr, c.says))
			assert.Equal(t, snapshot(t, h), before)
			assert.Assert(t, !show(t, h).has("unfinished-change"))
		})
	}
	t.Run("a running dockerd that its files would stop", func(t *testing.T) {
		h.WriteFile(t, adminDropIns+"f.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --https-proxy=http://flag:1\n", 0o644)
		h.RestartDocker(t)
		pid = h.DaemonPID(t)
		h.WriteFile(t, "/etc/docker/daemon.json", `{"proxies": {"https-proxy": "http://c:1"}}`, 0o644)
		r := setDaemon(t, h, "--http-proxy", "http://mine:1")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "/etc/docker/daemon.json:1: "))
		assert.Assert(t, cmp.Contains(r.Stderr, "docker proxy unset --layer daemon.json"))
		mustProxy(t, h, "unset", "--layer", "daemon.json", "--only", "daemon", "--restart")
		assert.Equal(t, h.ReadFile(t, "/etc/docker/daemon.json"), "{}")
	})
	assert.Equal(t, h.DaemonPID(t), pid, "dockerd was restarted")
}

// TestSlowStart shows what a daemon that is not ready in time, and a signal while it starts, come to: the old files and a running daemon.
func TestSlowStart(t *testing.T) { on(t, "trixie", playSlowStart) }

func playSlowStart(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/usr/local/sbin/slow", "#!/bin/sh\n[ -n \"$HTTPS_PROXY\" ] && sleep 1000\nexec /usr/sbin/dockerd \"$@\"\n", 0o755)
	h.WriteFile(t, adminDropIns+"slow.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/slow -H fd://\n", 0o644)
	h.RestartDocker(t)
	before := snapshot(t, h)
	set := "set --layer systemd --https-proxy http://x:1 --only daemon --no-check --restart"

	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "exec docker proxy " + set + " --timeout 4s"}})
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "docker.service was not ready within 4s"))
	assert.Equal(t, snapshot(t, h), before)
	h.AwaitAnswer(t)

	for _, signal := range []string{"INT", "HUP"} {
		r = h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "systemctl reset-failed docker; " + hosts.PluginPath + " " + set + ` >/tmp/out 2>&1 & p=$!
			until systemctl show -P ActiveState docker | grep -q activating; do sleep 0.05; done
			kill -` + signal + ` $p; wait $p; s=$?; cat /tmp/out; exit $s`}})
		// A shell without job control starts what runs in the background with SIGINT ignored, and Go then asks for it anew.
		assert.Equal(t, r.Code, 130, "%s: %s", signal, r)
		assert.Equal(t, snapshot(t, h), before)
		h.AwaitAnswer(t)
		assert.Equal(t, h.Info(t).HTTPSProxy, "")
	}
}

// TestAnyPassword carries a password with all of ASCII's punctuation, and with what looks like an escape of a URL, of a shell, and of C, through each layer to a real squid.
func TestAnyPassword(t *testing.T) { on(t, "trixie", playAnyPassword) }

func playAnyPassword(t *testing.T, h *hosts.Host) {
	n := h.Network(t)
	password := "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ %41\\n\\$x aZ09"
	n.SetProxyPassword(t, password)
	for _, layer := range []string{"daemon.json", "systemd", "startup"} {
		r := withPassword(t, h, password, "set", "--layer", layer, "--reconcile", "--proxy", hosts.ProxyURL(hosts.AuthPort), "--username", hosts.ProxyUser, "--password-stdin", "--only", "daemon", "--restart")
		assert.Equal(t, r.Code, 0, "%s: %s", layer, r)
		h.RestartDocker(t)
		pull := n.Pull(t, hosts.Registry)
		assert.Equal(t, pull.Route(), "proxy", "%s: %s", layer, pull.Result)
		assert.Equal(t, h.Sh(t, "grep -rlF aZ09 /etc /var/lib/docker-proxy | grep -v /srv/ | xargs -r stat -c %a | sort -u"), "600", "a file with the password is readable for others")
		assert.Equal(t, h.Sh(t, "journalctl --no-pager | grep -cF aZ09 || true"), "0", "the password is in the journal of systemd")
	}
}
