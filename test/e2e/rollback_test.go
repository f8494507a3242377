//go:build hosts && linux

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestRollbacks takes recorded changes back on a systemd host, in and out of order, with a daemon that runs and one that is stopped.
func TestRollbacks(t *testing.T) { on(t, "trixie", playRollbacks) }

func playRollbacks(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, "/etc/docker/daemon.json", "{  \n \"debug\": false }\n", 0o640)
	snapshots := []string{snapshot(t, h)}
	for _, args := range [][]string{
		setProxyArgs(h, oldProxy), setProxyArgs(h, "http://new.corp:1"),
		{"set", "--layer", "systemd", "--reconcile", "--https-proxy", "http://unit.corp:1", "--only", "daemon", "--no-check", "--restart"},
	} {
		mustProxy(t, h, args...)
		snapshots = append(snapshots, snapshot(t, h))
	}
	pid, ids := h.DaemonPID(t), listed(t, h)
	assert.Equal(t, len(ids), 3)
	unchanged := func(t *testing.T, r hosts.Result, says ...string) {
		t.Helper()
		assert.Equal(t, r.Code, 1, "%s", r)
		for _, s := range says {
			assert.Assert(t, cmp.Contains(r.Stderr, s))
		}
		assert.Equal(t, h.DaemonPID(t), pid)
	}
	t.Run("an older change", func(t *testing.T) {
		unchanged(t, proxy(t, h, "rollback", ids[2], "--restart"), "/etc/docker/daemon.json", "docker proxy rollback "+ids[0])
		assert.Equal(t, snapshot(t, h), snapshots[3])
	})
	t.Run("a file that somebody else has changed", func(t *testing.T) {
		text := h.ReadFile(t, "/etc/docker/daemon.json")
		h.WriteFile(t, "/etc/docker/daemon.json", strings.Replace(text, "false", "true", 1), 0o640)
		before := snapshot(t, h)
		unchanged(t, proxy(t, h, "rollback", "--restart"), "/etc/docker/daemon.json was changed by somebody else since the recorded change "+ids[0], "docker proxy unset --all")
		assert.Equal(t, snapshot(t, h), before)
		h.WriteFile(t, "/etc/docker/daemon.json", text, 0o640)
	})
	t.Run("step by step", func(t *testing.T) {
		plan := proxy(t, h, "rollback", "--check")
		assert.Equal(t, plan.Code, 3, "%s", plan)
		mustProxy(t, h, "rollback", "--restart")
		assert.Equal(t, snapshot(t, h), snapshots[2])
		assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1")
		mustProxy(t, h, "rollback", "--no-restart")
		assert.Equal(t, snapshot(t, h), snapshots[1])
		assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1", "it was not to be restarted")
		assert.Equal(t, show(t, h).setting("https-proxy").Pending, "restart")
	})
	t.Run("a stopped daemon", func(t *testing.T) {
		stop(t, h)
		mustProxy(t, h, "rollback", "--list")
		mustProxy(t, h, "rollback", "--restart")
		assert.Equal(t, h.DaemonPID(t), 0, "a stopped daemon was started")
		assert.Equal(t, snapshot(t, h), snapshots[0])
		h.StartDocker(t)
		assert.Equal(t, h.Info(t).HTTPSProxy, "")
		r := proxy(t, h, "rollback")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "no recorded change to take back"))
	})
}

// listed returns the numbers of the recorded changes that `rollback --list` calls done, newest first.
func listed(t *testing.T, h *hosts.Host) []string {
	t.Helper()
	var ids []string
	for _, line := range strings.Split(mustProxy(t, h, "rollback", "--list").Stdout, "\n") {
		if m := regexp.MustCompile(`^(\d+) .* done `).FindStringSubmatch(line); m != nil {
			ids = append(ids, m[1])
		}
	}
	return ids
}
