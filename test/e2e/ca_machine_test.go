//go:build hosts && linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestMachineCA shows, with a real squid that terminates TLS, that `set --ca` makes a failing pull work with one command and one restart, that the host's own tool finds
// nothing to do afterwards, and that a rollback takes the CA back with the settings.
func TestMachineCA(t *testing.T) {
	for _, kind := range []string{"trixie", "sysvinit"} {
		on(t, kind, playMachineCA)
	}
}

// stores is everything below the host's trust stores and Docker's own directory, links and bytes.
func stores(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return h.Sh(t, `for d in /etc/ssl /usr/local/share /usr/share/ca-certificates /etc/ca-certificates /etc/docker /etc/systemd; do
		[ -e "$d" ] || continue
		find "$d" -xdev -printf '%p %y %m %U:%G %l\n'
		find "$d" -xdev -type f -exec sha256sum {} +
	done | sort`)
}

func playMachineCA(t *testing.T, h *hosts.Host) {
	n := h.Network(t, hosts.Untrusted())
	inspecting := hosts.ProxyURL(hosts.InspectPort)
	start := stores(t, h)

	r := proxy(t, h, "set", "--proxy", inspecting, "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	for _, want := range []string{"does not trust", "nothing was changed", "--ca", "docker proxy ca fetch"} {
		assert.Assert(t, cmp.Contains(r.Stderr, want))
	}
	assert.Equal(t, stores(t, h), start)

	mustProxy(t, h, "set", "--proxy", inspecting, "--only", "daemon", "--restart", "--no-check")
	pull := n.Pull(t, hosts.Registry)
	assert.Assert(t, pull.Code != 0)
	assert.Assert(t, cmp.Contains(pull.Stderr, "x509"))
	settings, pid := stores(t, h), h.DaemonPID(t)

	t.Run("the wrong CA", func(t *testing.T) {
		r := proxy(t, h, "set", "--ca", hosts.CAFile, "--restart")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "does not trust"))
		assert.Equal(t, stores(t, h), settings)
		assert.Equal(t, h.DaemonPID(t), pid)
	})

	reboots := processes(t, h, func() { mustProxy(t, h, "set", "--ca", hosts.InspectionCAFile, "--restart") })
	pull = n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, pull.Route(), "proxy")
	assert.Equal(t, len(reboots), 1, "one restart")

	with := stores(t, h)
	assert.Assert(t, with != settings)
	h.Sh(t, "update-ca-certificates")
	assert.Equal(t, stores(t, h), with, "the host's own tool makes the same of it")
	again := mustProxy(t, h, "set", "--ca", hosts.InspectionCAFile, "--restart")
	assert.Assert(t, cmp.Contains(again.Stderr, "Nothing to do"))

	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, stores(t, h), settings)
	assert.Assert(t, n.Pull(t, hosts.Registry).Code != 0)
	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, stores(t, h), start)

	mustProxy(t, h, "set", "--proxy", inspecting, "--ca", hosts.InspectionCAFile, "--only", "daemon", "--restart")
	pull = n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	pendingCA(t, h)
}

// pendingCA shows that a CA which dockerd has not read yet is pending, until a restart.
func pendingCA(t *testing.T, h *hosts.Host) {
	t.Helper()
	pid := h.DaemonPID(t)
	mustProxy(t, h, "set", "--ca", hosts.CAFile, "--no-restart", "--format", "json")
	check := proxy(t, h, "restart", "--check")
	assert.Equal(t, check.Code, 3, "%s", check)
	check = proxy(t, h, "set", "--ca", hosts.CAFile, "--check")
	assert.Equal(t, check.Code, 3, "%s", check)
	assert.Equal(t, h.DaemonPID(t), pid)
	mustProxy(t, h, "restart", "--restart")
	assert.Assert(t, h.DaemonPID(t) != pid)
	assert.Equal(t, proxy(t, h, "restart", "--check").Code, 0)
}

// processes gives the process ids that dockerd has written to its pid file while do ran; it is run for other ends, too, such as --validate.
func processes(t *testing.T, h *hosts.Host, do func()) []string {
	t.Helper()
	const list = `cat /run/docker.pid 2>/dev/null || true`
	h.Sh(t, `rm -f /tmp/dockerds; setsid sh -c 'while [ ! -e /tmp/enough ]; do `+list+`; sleep 0.05; done >/tmp/dockerds' >/dev/null 2>&1 </dev/null &`)
	before := strings.Fields(h.Sh(t, list))
	do()
	h.Sh(t, "touch /tmp/enough; sleep 0.2")
	var out []string
	for _, pid := range strings.Fields(h.Sh(t, "sort -u /tmp/dockerds")) {
		if !slices.Contains(before, pid) {
			out = append(out, pid)
		}
	}
	h.Sh(t, "rm -f /tmp/enough /tmp/dockerds")
	return out
}
