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

// explained is the part of `explain --format json` that this test looks at.
type explained struct {
	Targets []struct {
		URL     string
		Agree   bool
		Answers []struct {
			Reader, Route, Cause, Entry string
			ListSource                  *struct {
				Layer, Path string
				Line        int
			}
		}
		Notes []string
	}
}

func explain(t *testing.T, h *hosts.Host, argument string) explained {
	t.Helper()
	var e explained
	assert.NilError(t, json.Unmarshal([]byte(mustProxy(t, h, "explain", "--format", "json", argument).Stdout), &e))
	assert.Assert(t, len(e.Targets) > 0)
	return e
}

// TestExplain: what explain says of dockerd is what dockerd's pulls do, before and after a restart; what it says of containers comes from config.json.
func TestExplain(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		n := h.Network(t)
		h.WriteFile(t, "/root/.docker/config.json", `{"proxies":{"default":{"httpsProxy":"`+hosts.ProxyURL(hosts.PlainPort)+`","noProxy":"*.corp"}}}`, 0o600)
		mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--no-proxy", "direct.corp,10.200.0.77", "--only", "daemon", "--layer", "daemon.json", "--restart")
		for registry, want := range map[string]string{hosts.Registry: "proxy", hosts.DirectRegistry: "direct"} {
			e := explain(t, h, "https://"+registry)
			assert.Equal(t, e.Targets[0].Answers[0].Route, want, registry)
			assert.Equal(t, n.Pull(t, registry).Route(), want, registry)
		}
		direct := explain(t, h, hosts.DirectRegistry+"/team/app").Targets[0].Answers[0]
		assert.Equal(t, direct.Entry, "direct.corp")
		assert.Equal(t, direct.ListSource.Layer, "daemon.json")
		line := strings.Split(h.ReadFile(t, direct.ListSource.Path), "\n")[direct.ListSource.Line-1]
		assert.Assert(t, cmp.Contains(line, "direct.corp"))

		// Go reads *.corp, curl does not.
		e := explain(t, h, "https://"+hosts.Registry)
		routes := map[string]string{}
		for _, a := range e.Targets[0].Answers {
			routes[a.Reader] = a.Route
		}
		assert.Equal(t, routes["go"], "direct")
		assert.Equal(t, routes["curl"], "proxy")
		assert.Assert(t, !e.Targets[0].Agree)

		// A change that dockerd has not taken over is told, and is what its pulls show.
		mustProxy(t, h, "set", "--no-proxy", "registry.corp", "--only", "daemon", "--no-restart")
		e = explain(t, h, "https://"+hosts.Registry)
		assert.Equal(t, e.Targets[0].Answers[0].Route, "direct")
		assert.Assert(t, cmp.Contains(strings.Join(e.Targets[0].Notes, "\n"), "the running dockerd still has other values and goes through the proxy"))
		assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "proxy")
		mustProxy(t, h, "restart", "--restart")
		e = explain(t, h, "https://"+hosts.Registry)
		assert.Equal(t, len(e.Targets[0].Notes), 0, "%v", e.Targets[0].Notes)
		assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "direct")

		// Nobody special can ask, too.
		r := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "explain", "alpine"}, User: "guest"})
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stdout, "registry-1.docker.io"))
	})
}
