package txn_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// A state directory may stand behind links of root (or of the user whose it is), inside the root; it is never a link itself.
func TestStateDirectoryBehindLinks(t *testing.T) {
	for _, text := range []string{"/data/lib", "../data/lib", "../../../../../../../../../../data/lib"} {
		s := newSite(t, txn.Options{})
		assert.NilError(t, os.MkdirAll(s.path("/data/lib"), 0o755))
		assert.NilError(t, os.Mkdir(s.path("/var"), 0o755))
		assert.NilError(t, os.Symlink(text, s.path("/var/lib")))
		s.run(t, change.Change{Path: "/etc/a", To: file("x", 0o644)})
		_, err := os.Stat(s.path("/data/lib/docker-proxy/000001.journal"))
		assert.NilError(t, err, text)
		list, err := s.store.List()
		assert.NilError(t, err)
		assert.Equal(t, len(list), 1)
		assert.Assert(t, s.store.Activity().Epoch != "")
	}
	s := newSite(t, txn.Options{})
	needRootFor(t, "a link of somebody else", func() {
		assert.NilError(t, os.Mkdir(s.path("/var"), 0o755))
		assert.NilError(t, os.MkdirAll(s.path("/root/state/docker-proxy"), 0o700))
		annLink(t, s, "/root/state", "/var/lib")
		_, err := s.store.Begin(t.Context(), "x")
		var planted *txn.JournalError
		var unsafe *txn.UnsafeError
		assert.Assert(t, errors.As(err, &planted) || errors.As(err, &unsafe), "%v", err)
		names, err := os.ReadDir(s.path("/root/state/docker-proxy"))
		assert.NilError(t, err)
		assert.Equal(t, len(names), 0)
	})
}

func needRootFor(t *testing.T, what string, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Logf("%s: the run as root covers this", what)
		return
	}
	f()
}

// The directory of a user is private, and so is all that is made for it (XDG Base Directory Specification); that of root is, and what is above it is for everybody.
func TestPrivateStateDirectory(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.run(t, change.Change{Path: "/etc/a", To: file("x", 0o644)})
	above := map[bool]os.FileMode{true: 0o755, false: 0o700}[os.Geteuid() == 0]
	for name, want := range map[string]os.FileMode{"/var": above, "/var/lib": above, stateDir: 0o700, stateDir + "/000001.journal": 0o600, stateDir + "/lock": 0o600} {
		st, err := os.Stat(s.path(name))
		assert.NilError(t, err)
		assert.Equal(t, st.Mode().Perm(), want, name)
	}
}

// A directory on the way that became a link out of the root after the crash is not followed by the recovery, and neither is one to another place inside.
func TestRecoverStaysInTheRoot(t *testing.T) {
	for _, inside := range []bool{false, true} {
		dir, outside := t.TempDir(), t.TempDir()
		s := siteAt(t, dir, txn.Options{})
		s.put(t, "/etc/a", "a", 0o644)
		s.put(t, "/etc/b", "b", 0o644)
		crash(t, dir, "rename", "/etc/b")
		if inside {
			outside = s.path("/srv")
			assert.NilError(t, os.Mkdir(outside, 0o755))
		}
		assert.NilError(t, os.Rename(s.path("/etc"), s.path("/away")))
		for _, name := range []string{"a", "b", ".b.docker-proxy-1-1.tmp"} {
			assert.NilError(t, os.WriteFile(filepath.Join(outside, name), []byte("1"), 0o644))
		}
		text := outside
		if inside {
			text = "srv"
		}
		assert.NilError(t, os.Symlink(text, s.path("/etc")))
		_, err := s.store.Recover(t.Context())
		assert.ErrorIs(t, err, unix.ENOTDIR)
		for _, name := range []string{"a", "b", ".b.docker-proxy-1-1.tmp"} {
			data, err := os.ReadFile(filepath.Join(outside, name))
			assert.NilError(t, err)
			assert.Equal(t, string(data), "1")
		}
		// With the directory back the recovery goes on.
		assert.NilError(t, os.Remove(s.path("/etc")))
		assert.NilError(t, os.Rename(s.path("/away"), s.path("/etc")))
		_, err = s.store.Recover(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, s.get(t, "/etc/a")+s.get(t, "/etc/b"), "ab")
	}
}

// What a removed file had beside its bytes comes back with it, in a later run, too.
func TestRollbackGivesAttributesBack(t *testing.T) {
	needRoot(t)
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/docker.service.d/a.conf", "old\n", 0o640)
	assert.NilError(t, os.Chown(s.path("/etc/docker.service.d/a.conf"), 7, 8))
	before := tree(t, s.dir)
	attrs := map[string]string{"trusted.t": "\x00\x01", "security.selinux": "system_u:object_r:etc_t:s0\x00"}
	for name, value := range attrs {
		assert.NilError(t, unix.Setxattr(s.path("/etc/docker.service.d/a.conf"), name, []byte(value), 0), name)
	}
	gone := s.to(t, "/etc/docker.service.d/a.conf", "")
	gone.To = change.State{}
	s.run(t, append([]change.Change{gone}, s.store.RemoveDirs([]string{"/etc/docker.service.d"})...)...)
	_, err := os.Stat(s.path("/etc/docker.service.d"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	takeBack(t, siteAt(t, s.dir, txn.Options{}))
	assert.DeepEqual(t, tree(t, s.dir), before)
	for name, value := range attrs {
		buf := make([]byte, 100)
		n, err := unix.Getxattr(s.path("/etc/docker.service.d/a.conf"), name, buf)
		assert.NilError(t, err, name)
		assert.Equal(t, string(buf[:n]), value, name)
	}
}

// Entries that lead elsewhere, or that nobody could have written, are refused as a whole before anything of them is used, even with right checksums.
func TestPlantedEntries(t *testing.T) {
	for _, tt := range []struct {
		name, old, neu string
	}{
		{"a path with ..", `"real":"/etc/a"`, `"real":"/etc/../b"`},
		{"a relative path", `"real":"/etc/a"`, `"real":"etc/a"`},
		{"a directory elsewhere", `"dirUid":`, `"dirs":["/srv"],"dirUid":`},
		{"a directory made elsewhere", `"dirUid":`, `"made":["/srv"],"dirUid":`},
		{"a temporary name", `"dirUid":`, `"temp":"x","dirUid":`},
		{"another version", `"version":1`, `"version":2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := siteAt(t, dir, txn.Options{})
			s.put(t, "/etc/a", "a", 0o644)
			s.put(t, "/etc/b", "b", 0o644)
			crash(t, dir, "rename", "/etc/b")
			replant(t, s.path(stateDir+"/000001.journal"), tt.old, tt.neu)
			before := tree(t, dir)
			_, err := s.store.Begin(t.Context(), "x")
			var planted *txn.JournalError
			assert.Assert(t, errors.As(err, &planted), "%v", err)
			assert.DeepEqual(t, tree(t, dir), before)
		})
	}
	t.Run("huge", func(t *testing.T) {
		s := newSite(t, txn.Options{})
		s.run(t, change.Change{Path: "/etc/a", To: file("x", 0o644)})
		assert.NilError(t, os.Truncate(s.path(stateDir+"/000001.journal"), 65<<20))
		_, err := s.store.Begin(t.Context(), "x")
		assert.ErrorContains(t, err, "too large")
	})
	t.Run("in a directory for everybody", func(t *testing.T) {
		needRoot(t)
		s := newSite(t, txn.Options{})
		assert.NilError(t, os.MkdirAll(s.path(filepath.Dir(stateDir)), 0o755))
		assert.NilError(t, os.Chmod(s.path(filepath.Dir(stateDir)), 0o777|os.ModeSticky))
		assert.NilError(t, os.Mkdir(s.path(stateDir), 0o700))
		assert.NilError(t, os.Chown(s.path(stateDir), ann, ann))
		_, err := s.store.Begin(t.Context(), "x")
		assert.ErrorContains(t, err, "belongs to somebody else")
	})
}

// replant changes the text of an entry and makes its checksums right again.
func replant(t *testing.T, name, old, neu string) {
	t.Helper()
	data, err := os.ReadFile(name)
	assert.NilError(t, err)
	var out strings.Builder
	done := false
	for line := range strings.Lines(string(data)) {
		body := strings.TrimSuffix(line[9:], "\n")
		if !done && strings.Contains(body, old) {
			body, done = strings.Replace(body, old, neu, 1), true
		}
		out.WriteString(checksummed(body))
	}
	assert.Assert(t, done, "%s", data)
	assert.NilError(t, os.WriteFile(name, []byte(out.String()), 0o600))
}

// checksummed is a line of the journal, written down here once more so that the program is not its own judge.
func checksummed(body string) string {
	return fmt.Sprintf("%08x %s\n", crc32.ChecksumIEEE([]byte(body)), body)
}
