//go:build hosts && linux

package e2e

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestAwkwardPlaces: a full disk, a read-only one, and a daemon.json that is a mount point or a link, each with an error or a note that says what became of the file.
func TestAwkwardPlaces(t *testing.T) { on(t, "trixie", playAwkwardPlaces) }

func playAwkwardPlaces(t *testing.T, h *hosts.Host) {
	const file = "/etc/docker/daemon.json"
	set := func(url string) hosts.Result {
		return proxy(t, h, "set", "--proxy", url, "--only", "daemon", "--no-check", "--no-restart")
	}
	refused := func(why string) {
		t.Helper()
		before := h.Sh(t, "find /etc/docker -printf '%p %m %s\n' | sort; cat "+file)
		r := set("http://p:1")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, why))
		assert.Assert(t, cmp.Contains(r.Stderr, "nothing was changed"))
		assert.Equal(t, h.Sh(t, "find /etc/docker -printf '%p %m %s\n' | sort; cat "+file), before)
	}
	h.WriteFile(t, file, `{"debug": false}`, 0o644)
	h.Sh(t, "mount --bind /etc/docker /etc/docker && mount -o remount,ro,bind /etc/docker")
	refused("read-only file system")
	h.Sh(t, "umount /etc/docker && mount -t tmpfs -o size=8k tmpfs /etc/docker")
	h.Sh(t, "echo '{\"debug\": false}' >"+file+"; dd if=/dev/zero of=/etc/docker/fill bs=4k 2>/dev/null || :")
	refused("no space left on device")
	h.Sh(t, "umount /etc/docker; echo '{}' >/root/real.json; mount --bind /root/real.json "+file)
	r := set("http://p:1")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "rewritten in place (it is a mount point)"))
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/root/real.json"), "http://p:1"))
	mustProxy(t, h, "unset", "--only", "daemon", "--no-restart")
	assert.Equal(t, h.ReadFile(t, "/root/real.json"), "{}\n")
	h.Sh(t, "umount "+file+"; rm "+file+"; ln -s ../../root/real.json "+file+"; setfattr -n user.mine -v x /root/real.json; setfattr -n security.selinux -v system_u:object_r:etc_t:s0 /root/real.json")
	before := h.Sh(t, "getfattr -d -m - /root/real.json; readlink "+file)
	mustProxy(t, h, "set", "--proxy", "http://p:1", "--only", "daemon", "--no-check", "--no-restart")
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/root/real.json"), "http://p:1"))
	assert.Equal(t, h.Sh(t, "getfattr -d -m - /root/real.json; readlink "+file), before)
}
