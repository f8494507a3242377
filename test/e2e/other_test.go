//go:build hosts && linux

package e2e

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestDeadAfterScript: an init script reports success for a dockerd that dies at once. The old state is back without waiting until the time for a slow one is up,
// and what a person without rights did to their own config.json they take back themselves.
func TestDeadAfterScript(t *testing.T) { on(t, "sysvinit", playDeadAfterScript) }

func playDeadAfterScript(t *testing.T, h *hosts.Host) {
	// The init script gives dockerd a flag that it does not know as soon as there is a proxy: no check of the files can see that.
	h.Sh(t, `sed -i -e '2i [ ! -f /etc/default/docker ] || . /etc/default/docker; extra=${HTTP_PROXY:+--no-such-flag}' -e 's/\$DOCKER_OPTS/$DOCKER_OPTS $extra/' /etc/init.d/docker && grep -q 'DOCKER_OPTS \$extra' /etc/init.d/docker`)
	h.RestartDocker(t)
	before := snapshot(t, h)
	r := proxy(t, h, "set", "--layer", "startup", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--restart", "--timeout", "10m")
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "dockerd is not running"))
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, h.Info(t).HTTPProxy, "")

	guest := func(args ...string) hosts.Result {
		return h.Do(t, hosts.Cmd{Argv: append([]string{"docker", "proxy"}, args...), User: "guest"})
	}
	set := guest("set", "--only", "client", "--proxy", "http://10.200.0.9:1")
	assert.Equal(t, set.Code, 0, "%s", set)
	back := guest("rollback")
	assert.Equal(t, back.Code, 0, "%s", back)
	h.Sh(t, "! test -e /home/guest/.docker/config.json")
}
