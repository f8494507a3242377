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

// clientRecord is a record of config.json's proxies.
type clientRecord struct {
	HTTPSProxy string `json:"httpsProxy"`
	NoProxy    string `json:"noProxy"`
}

func clientRecords(t *testing.T, h *hosts.Host) map[string]clientRecord {
	t.Helper()
	var c struct {
		Proxies map[string]clientRecord `json:"proxies"`
	}
	assert.NilError(t, json.Unmarshal([]byte(h.ReadFile(t, ".docker/config.json")), &c))
	return c.Proxies
}

// TestComputedLists: a proxy comes with two NO_PROXY lists; the client's follows Docker's networks, which asks for no restart, and survives the CLI's own way of saving.
func TestComputedLists(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		h.WriteFile(t, ".docker/config.json", `{"auths": {}, "detachKeys": "ctrl-q"}`, 0o600)
		before := h.ReadFile(t, ".docker/config.json")
		h.MustRun(t, "docker", "network", "create", "--subnet", "172.31.5.0/24", "shop")

		plan := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--dry-run", "--no-check"}, Env: []string{"DOCKER_CONFIG=/root/.docker"}})
		for _, line := range []string{"172.31.5.0/24            Docker network shop", "localhost                loopback", "NO_PROXY for the daemon, computed:", "NO_PROXY for containers and builds, computed:"} {
			assert.Assert(t, cmp.Contains(plan.Stdout, line))
		}
		set := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--restart"}, Env: []string{"DOCKER_CONFIG=/root/.docker"}})
		assert.Equal(t, set.Code, 0, "%s", set)
		daemon := h.Info(t).NoProxy
		assert.Assert(t, cmp.Contains(daemon, "localhost"))
		assert.Assert(t, !strings.Contains(daemon, "172.31.5.0/24"), daemon)
		// Docker's own bridges are up, and who may not ask the daemon, or asks while it is stopped, computes the same.
		plan = h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "set", "--proxy", "http://p:1", "--no-proxy", "auto", "--only", "client", "--dry-run"}, User: "guest"})
		assert.Equal(t, plan.Code, 0, "%s", plan)
		assert.Assert(t, cmp.Contains(h.MustRun(t, "sh", "-c", "ip -o address show docker0").Stdout, "inet "))
		assert.Assert(t, !strings.Contains(plan.Stdout, "172."), plan.Stdout)
		records := clientRecords(t, h)
		assert.Equal(t, records["docker-proxy"].NoProxy, "auto")
		assert.Assert(t, cmp.Contains(records["default"].NoProxy, "172.31.5.0/24"))
		// What a new container gets is that list.
		run := h.MustRun(t, "sh", "-c", "tar -C / -c usr/bin/busybox | docker import - box && docker create --name box box /usr/bin/busybox true && docker inspect -f '{{.Config.Env}}' box")
		assert.Assert(t, cmp.Contains(run.Stdout, "no_proxy="+records["default"].NoProxy))

		pid := h.DaemonPID(t)
		reconcile := func(args ...string) hosts.Result {
			return h.Do(t, hosts.Cmd{Argv: append([]string{"docker", "proxy", "reconcile"}, args...), Env: []string{"DOCKER_CONFIG=/root/.docker"}})
		}
		assert.Equal(t, reconcile("--check").Code, 0)
		h.MustRun(t, "docker", "network", "create", "--subnet", "172.31.6.0/24", "other")
		h.MustRun(t, "docker", "network", "rm", "shop")
		check := reconcile("--check")
		assert.Equal(t, check.Code, 3, "%s", check)
		assert.Assert(t, cmp.Contains(check.Stdout, "config.json"))
		assert.Assert(t, !strings.Contains(check.Stdout, "restart"), check.Stdout)
		done := reconcile("--restart")
		assert.Equal(t, done.Code, 0, "%s", done)
		assert.Equal(t, h.DaemonPID(t), pid)
		list := clientRecords(t, h)["default"].NoProxy
		assert.Assert(t, cmp.Contains(list, "172.31.6.0/24"))
		assert.Assert(t, !strings.Contains(list, "172.31.5.0/24"), list)

		unset := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "unset", "--restart"}, Env: []string{"DOCKER_CONFIG=/root/.docker"}})
		assert.Equal(t, unset.Code, 0, "%s", unset)
		assert.Equal(t, h.ReadFile(t, ".docker/config.json"), before)
	})
}
