//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestRunit plays on a host whose init is runit: its conf file is a layer, and sv restarts dockerd.
func TestRunit(t *testing.T) { on(t, "runit", playRunit) }

func playRunit(t *testing.T, h *hosts.Host) {
	n := h.Network(t)
	for _, layer := range []string{"daemon.json", "systemd", "startup", "env"} {
		if reads(h.Kind, layer) {
			useLayer(t, h, n, layer)
		} else {
			refusedLayer(t, h, layer)
		}
	}
	assert.Equal(t, show(t, h).Daemon.Manager, "runit")
}

// TestRunitFailure: a dockerd that runsv starts again and again in vain gets its old file back, and one that is down stays so.
func TestRunitFailure(t *testing.T) { on(t, "runit", playRunitFailure) }

func playRunitFailure(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/etc/sv/docker/run", "#!/bin/sh\nexec 2>&1\n[ -r ./conf ] && . ./conf\n[ -z \"$HTTPS_PROXY\" ] || { echo 'failed to start daemon: no proxy wanted'; exit 1; }\nexec dockerd $OPTS\n", 0o755)
	h.RestartDocker(t)
	before := snapshot(t, h)
	r := proxy(t, h, "set", "--layer", "startup", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--restart", "--timeout", "60s")
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "no proxy wanted"))
	assert.Equal(t, snapshot(t, h), before)
	h.AwaitAnswer(t)
	assert.Equal(t, h.Info(t).HTTPProxy, "")
	stop(t, h)
	mustProxy(t, h, "set", "--layer", "startup", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--restart")
	assert.Equal(t, h.DaemonPID(t), 0, "a stopped daemon was started")
}

// TestSnapCommand has a unit as snapd makes it and a stand-in for snap(8), since no snapd runs here: the restart goes through snap, with the service's name as snap spells it.
func TestSnapCommand(t *testing.T) { on(t, "trixie", playSnapCommand) }

func playSnapCommand(t *testing.T, h *hosts.Host) {
	h.Sh(t, "systemctl disable --now docker.socket docker.service; mkdir -p /var/snap/docker/current/config; echo '{}' >/var/snap/docker/current/config/daemon.json; rm -f /usr/lib/systemd/system/docker.s*; mkdir -p /usr/lib/snapd")
	h.WriteFile(t, "/etc/systemd/system/snap.docker.dockerd.service", "[Unit]\nDescription=Service for snap application docker.dockerd\n[Service]\nKillMode=process\nExecStart=/usr/sbin/dockerd --config-file=/var/snap/docker/current/config/daemon.json\n", 0o644)
	h.WriteFile(t, "/usr/local/bin/snap", "#!/bin/sh\necho \"$@\" >>/srv/snap.log\nexec systemctl \"$1\" \"snap.$2.service\"\n", 0o755)
	h.Sh(t, "systemctl daemon-reload; systemctl start snap.docker.dockerd.service")
	h.AwaitAnswer(t)
	s := show(t, h)
	assert.Equal(t, s.Daemon.Flavor, "snap")
	mustProxy(t, h, "set", "--layer", "daemon.json", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--restart")
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://10.200.0.9:1")
	assert.Equal(t, h.ReadFile(t, "/srv/snap.log"), "restart docker.dockerd\n")
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/var/snap/docker/current/config/daemon.json"), "10.200.0.9"))
	h.Remove(t, "/usr/local/bin/snap")
	before := snapshot(t, h)
	r := proxy(t, h, "unset", "--all", "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "snap: program not found"))
	assert.Equal(t, snapshot(t, h), before)
}

// TestAccountsDaemonByRoot: root sees and restarts an account's own daemon through that account's manager, and what is to be typed names it.
func TestAccountsDaemonByRoot(t *testing.T) { on(t, "rootless", playAccountsDaemonByRoot) }

func playAccountsDaemonByRoot(t *testing.T, h *hosts.Host) {
	root := func(args ...string) hosts.Result {
		return h.Do(t, hosts.Cmd{Argv: append([]string{"docker", "-H", "unix:///run/user/1000/docker.sock", "proxy"}, args...)})
	}
	pid := h.DaemonPID(t)
	before := snapshot(t, h)
	r := root("set", "--layer", "daemon.json", "--proxy", "http://10.200.0.9:1", "--no-proxy", "a", "--only", "daemon", "--no-check", "--restart")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://10.200.0.9:1")
	assert.Assert(t, h.DaemonPID(t) != pid)
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "stat -c %U /home/ann/.config/docker/daemon.json")), "ann")
	r = root("unset", "--all", "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, snapshot(t, h), before)
	h.Sh(t, "systemctl --user --machine=ann@ mask docker.service || setpriv --reuid=1000 --regid=1000 --init-groups env XDG_RUNTIME_DIR=/run/user/1000 sh -c 'mkdir -p ~ann/.config/systemd/user; mv ~ann/.config/systemd/user/docker.service ~ann/docker.service; ln -s /dev/null ~ann/.config/systemd/user/docker.service; systemctl --user daemon-reload'")
	r = root("set", "--layer", "daemon.json", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "systemctl --user --machine=ann@ unmask docker.service"))
}
