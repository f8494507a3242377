//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestRenamedDaemon: a dockerd whose program has another name is the unit's main process and serves the socket: it is known as any other, and a set that fails gives the old state back.
func TestRenamedDaemon(t *testing.T) { on(t, "trixie", playRenamedDaemon) }

func playRenamedDaemon(t *testing.T, h *hosts.Host) {
	h.Sh(t, "cp /usr/sbin/dockerd /usr/local/sbin/moby-engine")
	h.WriteFile(t, standInPath, strings.ReplaceAll(standIn, "/usr/sbin/dockerd", "/usr/local/sbin/moby-engine"), 0o755)
	h.WriteFile(t, adminDropIns+"standin.conf", "[Service]\nExecStart=\nExecStart="+standInPath+" -H fd://\n", 0o644)
	h.RestartDocker(t)
	main := h.Sh(t, "systemctl show -P MainPID docker.service; cat /proc/$(systemctl show -P MainPID docker.service)/comm")
	assert.Assert(t, cmp.Contains(main, "moby-engine"))
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)
	s := show(t, h)
	assert.Equal(t, *s.setting("https-proxy").Running, oldProxy)
	assert.Assert(t, s.Daemon.PID > 0)
	before := snapshot(t, h)
	for _, host := range []string{"exits", "hangs"} {
		resetFailed(t, h)
		r := setProxy(t, h, "http://"+host+".corp:1", "--timeout", "5s")
		assert.Equal(t, r.Code, 5, "%s: %s", host, r)
		asBefore(t, h, before)
	}
}

// TestStoppedAndMasked: of a daemon that does not run it is said that it stays so, to people and to programs, and what keeps it from being started.
func TestStoppedAndMasked(t *testing.T) { on(t, "trixie", playStoppedAndMasked) }

func playStoppedAndMasked(t *testing.T, h *hosts.Host) {
	stop(t, h)
	const stays = "docker.service is not running and stays stopped"
	r := setProxy(t, h, oldProxy, "--format", "json", "--probe", "registry.corp:5000/x:1")
	assert.Equal(t, r.Code, 0, "%s", r)
	var out struct{ Notes []string }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), "%s", r)
	notes := strings.Join(out.Notes, "\n")
	assert.Assert(t, cmp.Contains(notes, stays))
	assert.Assert(t, cmp.Contains(notes, "registry.corp:5000/x:1 was not tried (--probe)"))
	r = setProxy(t, h, "http://new.corp:1", "--probe", "registry.corp:5000/x:1")
	assert.Assert(t, cmp.Contains(r.Stdout, stays))
	assert.Assert(t, cmp.Contains(r.Stderr, "registry.corp:5000/x:1 was not tried (--probe)"))

	h.Sh(t, "systemctl mask docker.service && systemctl daemon-reload")
	r = mustProxy(t, h, "restart", "--restart")
	assert.Assert(t, cmp.Contains(r.Stderr, stays))
	assert.Assert(t, cmp.Contains(r.Stderr, "it is masked (/etc/systemd/system/docker.service)"))
	assert.Assert(t, cmp.Contains(r.Stderr, "systemctl unmask docker.service"))
	h.Sh(t, "systemctl unmask docker.service && systemctl daemon-reload && systemctl start docker.service")
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1")
}
