//go:build hosts && linux

package e2e

import (
	"fmt"
	"os/exec"
	"path"
	"strings"
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

// TestProtectedFiles: a file that nobody may change, one with an access list, and a journal that has no room, each without anything lost.
func TestProtectedFiles(t *testing.T) { on(t, "trixie", playProtectedFiles) }

func playProtectedFiles(t *testing.T, h *hosts.Host) {
	const file, text = "/etc/docker/daemon.json", "{\n  \"debug\": false\n}\n"
	set := func(args ...string) hosts.Result {
		return proxy(t, h, append([]string{"set", "--layer", "daemon.json", "--proxy", "http://p.corp:1", "--no-proxy", "a.corp", "--only", "daemon", "--no-check", "--no-restart"}, args...)...)
	}
	describe := func() string {
		return h.Sh(t, "find /etc/docker -printf '%p %y %m %U:%G %s\n' | sort; cat "+file+"; getfattr -d -m - -e hex "+file)
	}
	for _, what := range []string{file, "/etc/docker"} {
		t.Run("immutable "+path.Base(what), func(t *testing.T) {
			h.WriteFile(t, file, text, 0o644)
			before := describe()
			immutable(t, h, "+i", what)
			r := set()
			immutable(t, h, "-i", what)
			assert.Equal(t, r.Code, 1, "%s", r)
			assert.Assert(t, cmp.Contains(r.Stderr, "/etc/docker"))
			assert.Assert(t, cmp.Contains(r.Stderr, "operation not permitted"))
			assert.Assert(t, cmp.Contains(r.Stderr, "nothing was changed"))
			assert.Equal(t, describe(), before)
			assert.Assert(t, !show(t, h).has("unfinished-change"))
		})
	}
	t.Run("an access list", func(t *testing.T) {
		h.WriteFile(t, file, text, 0o640)
		// version 2; user::rw-, user:1500:r--, group::r--, mask::r--, other::--- (acl(5), linux/posix_acl_xattr.h)
		h.Sh(t, "setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400dc05000004000400ffffffff10000400ffffffff20000000ffffffff "+file)
		before := describe()
		assert.Assert(t, cmp.Contains(before, "system.posix_acl_access"))
		mayRead := func() int { return h.Do(t, hosts.Cmd{Argv: []string{"cat", file}, User: "dev"}).Code }
		assert.Equal(t, mayRead(), 0)
		r := set()
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Assert(t, cmp.Contains(describe(), "system.posix_acl_access"))
		assert.Equal(t, mayRead(), 0)
		// Credentials are for its owner alone, whatever the list says; it counts again when they are gone.
		r = withPassword(t, h, "pa55word", "set", "--only", "daemon", "--no-check", "--no-restart", "--username", "ann", "--password-stdin")
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Assert(t, mayRead() != 0, "the access list lets others read the password: %s", describe())
		mustProxy(t, h, "unset", "--all", "--only", "daemon", "--no-restart")
		assert.Equal(t, describe(), before)
		assert.Equal(t, mayRead(), 0)
		h.Remove(t, file)
	})
	t.Run("a full journal", func(t *testing.T) { fullJournal(t, h, file, set) })
}

// fullJournal gives the journal one page, and files of such lengths that the room ends at different records: before the first write nothing is changed, afterwards it is undone, or the
// change stands; and what the next run needs to know is there.
func fullJournal(t *testing.T, h *hosts.Host, file string, set func(...string) hosts.Result) {
	h.Sh(t, "rm -rf /var/lib/docker-proxy; mkdir -m 0700 /var/lib/docker-proxy; mount -t tmpfs -o size=8k,mode=0700 tmpfs /var/lib/docker-proxy")
	ends := map[int]int{}
	for length := 2000; length <= 3000; length += 50 {
		text := fmt.Sprintf("{\n  \"labels\": [\"filler=%s\"]\n}\n", strings.Repeat("x", length))
		h.WriteFile(t, file, text, 0o644)
		r := set()
		ends[r.Code]++
		now := h.ReadFile(t, file)
		switch r.Code {
		case 0, 4:
			assert.Assert(t, cmp.Contains(now, "http://p.corp:1"))
		case 1:
			assert.Assert(t, cmp.Contains(r.Stderr, "no space left on device"))
			assert.Equal(t, now, text, "%s", r)
		default:
			t.Fatalf("%d bytes: %s", length, r)
		}
		assert.Assert(t, cmp.Contains(now, strings.Repeat("x", length)))
		// With room again the next run ends what is not ended, and this change can be taken back when it stands.
		h.Sh(t, "mount -o remount,size=1m /var/lib/docker-proxy")
		mustProxy(t, h, "unset", "--all", "--only", "daemon", "--no-restart")
		assert.Equal(t, h.ReadFile(t, file), text, "%d bytes: %s", length, r)
		assert.Assert(t, !show(t, h).has("unfinished-change"))
		h.Sh(t, "rm -rf /var/lib/docker-proxy/* && mount -o remount,size=8k /var/lib/docker-proxy")
	}
	assert.Assert(t, ends[1] > 0 && len(ends) > 1, "the room never ended, or always did: %v", ends)
	t.Logf("statuses: %v", ends)
	h.Sh(t, "umount /var/lib/docker-proxy")
}

// immutable sets or clears the immutable flag (chattr(1)), from outside: the hosts have no program for it.
func immutable(t *testing.T, h *hosts.Host, flag, name string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "chattr", flag, h.Root()+name).CombinedOutput()
	assert.NilError(t, err, "%s", out)
}
