//go:build hosts && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// standIn is a dockerd that does what the name of its proxy says, and is the real one for all others. It is told the proxy by the environment or by daemon.json.
const standIn = `#!/bin/sh
case "$*" in *--validate*|*--version*|-v) exec /usr/sbin/dockerd "$@";; esac
socket=${XDG_RUNTIME_DIR:-/run}/docker.sock
after_ping() { # SIGNAL SECONDS
	( until curl -s --unix-socket "$socket" http://d/_ping >/dev/null; do sleep 0.05; done; sleep $2; kill -$1 $$ ) </dev/null >/dev/null 2>&1 &
}
case "$HTTPS_PROXY $(cat /etc/docker/daemon.json "$HOME/.config/docker/daemon.json" 2>/dev/null)" in
*exits.corp*) printf 'unknown shorthand: \033[31mno proxy wanted, not http://u:pa55word@exits.corp:1\033[0m\n' >&2; exit 1;;
*gives-up.corp*) sleep 1; echo 'unknown shorthand: no proxy wanted' >&2; exit 1;;
*hangs.corp*) exec sleep 1000;;
*slow.corp*) sleep 5;;
*dies.corp*) after_ping KILL 1;;
*ends.corp*) after_ping TERM 0;;
esac
exec /usr/sbin/dockerd "$@"
`

const standInPath = "/usr/local/sbin/standin"

// useStandIn lets the host's manager start the stand-in instead of dockerd.
func useStandIn(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.WriteFile(t, standInPath, standIn, 0o755)
	switch h.Kind.Manager {
	case hosts.Systemd:
		h.WriteFile(t, adminDropIns+"standin.conf", "[Service]\nExecStart=\nExecStart="+standInPath+" -H fd://\n", 0o644)
	case hosts.SystemdUser:
		h.WriteFile(t, ".config/systemd/user/docker.service.d/standin.conf", "[Service]\nEnvironment=DOCKERD="+standInPath+"\n", 0o644)
	case hosts.SysVInit:
		h.WriteFile(t, "/etc/default/docker", "DOCKERD="+standInPath+"\n", 0o644)
	case hosts.OpenRC:
		h.Sh(t, "sed -i 's,^command=.*,command="+standInPath+",' /etc/init.d/docker")
	case hosts.RunIt:
		h.Sh(t, "sed -i 's,^exec dockerd,exec "+standInPath+",' /etc/sv/docker/run")
	case hosts.Manual:
		t.Fatal("nobody starts the dockerd of this host")
	}
	h.RestartDocker(t)
}

const oldProxy = "http://old.corp:1"

// setProxy asks for a proxy and a restart, in the layer that every host of this kind has.
func setProxy(t *testing.T, h *hosts.Host, url string, args ...string) hosts.Result {
	t.Helper()
	return proxy(t, h, setProxyArgs(h, url, args...)...)
}

func setProxyArgs(h *hosts.Host, url string, args ...string) []string {
	return append([]string{"set", "--layer", best(h.Kind), "--https-proxy", url, "--no-proxy", "a.corp", "--only", "daemon", "--no-check", "--restart"}, args...)
}

// asBefore holds when the files are the old ones and a dockerd runs that has the old proxy.
func asBefore(t *testing.T, h *hosts.Host, before string) {
	t.Helper()
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, h.Info(t).HTTPSProxy, oldProxy)
	s := show(t, h)
	assert.Equal(t, s.setting("https-proxy").Pending, "none")
	assert.Assert(t, !s.has("unfinished-change"))
}

// TestUnhealthy has, on every manager, a dockerd that does not come up with one proxy, or does not stay: the run ends with status 5, the old files and the old proxy in a running daemon.
func TestUnhealthy(t *testing.T) {
	on(t, "runit", playUnhealthy)
	each(t, func(t *testing.T, kind hosts.Kind) { playUnhealthy(t, boot(t, kind.Name)) })
}

func playUnhealthy(t *testing.T, h *hosts.Host) {
	if h.Kind.Manager == hosts.Manual {
		notRestartedByHand(t, h)
		return
	}
	useStandIn(t, h)
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)
	before := snapshot(t, h)
	resetFailed(t, h)
	for _, c := range []struct{ does, says string }{
		{"exits", "unknown shorthand: no proxy wanted, not http://xxxxx:xxxxx@exits.corp:1"},
		{"hangs", ""},
		{"dies", "answered, and then ended"},
		{"ends", "dockerd"}, // it may have ended, and begun anew, before it was looked at
	} {
		if c.does == "ends" && h.Kind.Name != "trixie" {
			continue
		}
		timeout := "5s"
		if c.does == "dies" {
			timeout = "30s" // it has to answer first, which takes a busy machine its time
		}
		r := setProxy(t, h, "http://"+c.does+".corp:1", "--timeout", timeout)
		assert.Equal(t, r.Code, 5, "%s: %s", c.does, r)
		assert.Assert(t, cmp.Contains(r.Stderr, c.says), c.does)
		assert.Assert(t, cmp.Contains(r.Stderr, "the state before is back"))
		assert.Assert(t, !strings.Contains(r.Stderr, "pa55word") && !strings.Contains(r.Stderr, "\x1b"), "%s", r)
		asBefore(t, h, before)
	}
	afterFailures(t, h)
}

// afterFailures: what failed is in the list and is nothing to take back, the change before it is.
func afterFailures(t *testing.T, h *hosts.Host) {
	t.Helper()
	list := mustProxy(t, h, "rollback", "--list")
	assert.Assert(t, strings.Count(list.Stdout, " undone ") >= 3, "%s", list)
	assert.Equal(t, strings.Count(list.Stdout, " done "), 1, "%s", list)
	id := strings.Fields(strings.Split(list.Stdout, "\n")[1])[0]
	r := proxy(t, h, "rollback", id, "--restart")
	assert.Equal(t, r.Code, 1, "an undone change: %s", r)
	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, h.Info(t).HTTPSProxy, "")
}

// notRestartedByHand: a daemon that somebody typed is neither restarted nor waited for.
func notRestartedByHand(t *testing.T, h *hosts.Host) {
	t.Helper()
	pid := h.DaemonPID(t)
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, h.DaemonPID(t), pid)
	h.RestartDocker(t)
	assert.Equal(t, h.Info(t).HTTPSProxy, oldProxy)
}

// resetFailed takes back the starts this test has used up itself.
func resetFailed(t *testing.T, h *hosts.Host) {
	t.Helper()
	if h.Kind.Manager == hosts.Systemd {
		h.Sh(t, "systemctl reset-failed docker.service docker.socket || :")
	}
}

// TestAwkwardHosts has states of a systemd host in which a restart is dangerous: each ends with the daemon as it was and the documented status.
func TestAwkwardHosts(t *testing.T) { on(t, "trixie", playAwkwardHosts) }

func playAwkwardHosts(t *testing.T, h *hosts.Host) {
	useStandIn(t, h)
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)

	t.Run("daemon.json broken by somebody else", func(t *testing.T) {
		pid, good := h.DaemonPID(t), h.ReadFile(t, "/etc/docker/daemon.json")
		h.WriteFile(t, "/etc/docker/daemon.json", strings.Replace(good, "}", "", 1), 0o644)
		before := snapshot(t, h)
		for _, args := range [][]string{setProxyArgs(h, "http://new.corp:1"), {"set", "--layer", "systemd", "--http-proxy", "http://new.corp:1", "--only", "daemon", "--no-check", "--restart"}, {"unset", "--all", "--only", "daemon", "--restart"}, {"restart", "--restart"}, {"rollback", "--restart"}} {
			r := proxy(t, h, args...)
			assert.Equal(t, r.Code, 1, "%q: %s", args, r)
			assert.Assert(t, cmp.Contains(r.Stderr, "/etc/docker/daemon.json"), "%q", args)
			assert.Equal(t, snapshot(t, h), before)
			assert.Equal(t, h.DaemonPID(t), pid, "%q restarted the daemon", args)
		}
		h.WriteFile(t, "/etc/docker/daemon.json", good, 0o644)
	})
	t.Run("three restarts in the last minute", func(t *testing.T) {
		h.Sh(t, "for i in 1 2 3 4; do systemctl reset-failed docker; systemctl restart docker; done; systemctl restart docker; systemctl restart docker")
		before := snapshot(t, h)
		for i := range 1 {
			r := setProxy(t, h, fmt.Sprintf("http://new%d.corp:1", i))
			assert.Equal(t, r.Code, 0, "%s", r)
			r = proxy(t, h, "rollback", "--restart")
			assert.Equal(t, r.Code, 0, "%s", r)
		}
		asBefore(t, h, before)
	})
	t.Run("a flag comes in after the validation", func(t *testing.T) {
		slipped(t, h, "--https-proxy=http://flag:1", "new.corp")
		before := snapshot(t, h)
		r := setProxy(t, h, "http://new.corp:1")
		assert.Equal(t, r.Code, 5, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "specified both as a flag and in the configuration file"))
		asBefore(t, h, before)

		r = proxy(t, h, "set", "--layer", "systemd", "--reconcile", "--https-proxy", "http://new.corp:1", "--only", "daemon", "--no-check", "--restart")
		assert.Equal(t, r.Code, 5, "the flag is stronger: %s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "https-proxy is http://flag:1 instead of http://new.corp:1"))
		asBefore(t, h, before)
	})
	t.Run("the old state is broken meanwhile", func(t *testing.T) {
		slipped(t, h, "--no-such-flag", "new.corp\\|old.corp")
		before := snapshot(t, h)
		r := setProxy(t, h, "http://new.corp:1")
		assert.Equal(t, r.Code, 6, "%s", r)
		for _, says := range []string{"unknown flag: --no-such-flag", "the state before is not fully back", "as they were again: /etc/docker/daemon.json", "systemctl daemon-reload", "systemctl reset-failed docker.service docker.socket", "systemctl restart docker.service", "journalctl --unit docker.service"} {
			assert.Assert(t, cmp.Contains(r.Stderr, says))
		}
		assert.Equal(t, snapshot(t, h), before)
		h.Remove(t, adminDropIns+"zz-slip.conf")
		h.RestartDocker(t)
		assert.Equal(t, h.Info(t).HTTPSProxy, oldProxy)
	})
	t.Run("a file is changed while the daemon fails", func(t *testing.T) {
		// dockerd's start itself changes the file that was just written: it is neither old nor new and stays.
		h.WriteFile(t, adminDropIns+"spoil.conf", "[Service]\nExecStartPre=/bin/sh -c 'if grep -q exits.corp /etc/docker/daemon.json; then echo >>/etc/docker/daemon.json; fi'\n", 0o644)
		h.RestartDocker(t)
		r := setProxy(t, h, "http://exits.corp:1")
		assert.Equal(t, r.Code, 6, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "look at /etc/docker/daemon.json"))
		assert.Assert(t, cmp.Contains(r.Stderr, "systemctl restart docker.service"))
		h.Remove(t, adminDropIns+"spoil.conf")
		h.WriteFile(t, "/etc/docker/daemon.json", `{"proxies": {"https-proxy": "`+oldProxy+`", "no-proxy": "a.corp"}}`, 0o644)
		h.RestartDocker(t)
	})
	t.Run("probe", func(t *testing.T) {
		before := snapshot(t, h)
		r := setProxy(t, h, "http://127.0.0.1:9", "--probe", "registry.corp:5000/x:1")
		assert.Equal(t, r.Code, 5, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "the daemon's registry client cannot reach registry.corp:5000/x:1"))
		asBefore(t, h, before)
	})
	t.Run("masked", func(t *testing.T) {
		h.Sh(t, "systemctl mask docker.service && systemctl daemon-reload")
		before, pid := snapshot(t, h), h.DaemonPID(t)
		r := setProxy(t, h, "http://new.corp:1")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "masked"))
		assert.Equal(t, snapshot(t, h), before)
		assert.Equal(t, h.DaemonPID(t), pid)
		h.Sh(t, "systemctl unmask docker.service && systemctl daemon-reload")
		asBefore(t, h, snapshot(t, h))
	})
}

// slipped lets each start of dockerd get one more flag as long as a file names one of the hosts: the unit's own files do not change, so no check before the first write sees it.
func slipped(t *testing.T, h *hosts.Host, flag, names string) {
	t.Helper()
	h.WriteFile(t, "/usr/local/sbin/slip", "#!/bin/sh\n: >/run/slipped\ngrep -rqs '"+names+"' /etc/docker/daemon.json "+adminDropIns+" && ! [ -e /run/noslip ] && echo 'SLIPPED="+flag+"' >/run/slipped\nexit 0\n", 0o755)
	h.WriteFile(t, adminDropIns+"zz-slip.conf", "[Service]\nEnvironmentFile=-/run/slipped\nExecStartPre=/usr/local/sbin/slip\nExecStart=\nExecStart="+standInPath+" -H fd:// $SLIPPED\n", 0o644)
	h.Sh(t, "touch /run/noslip")
	h.RestartDocker(t)
	h.Sh(t, "rm /run/noslip")
}
