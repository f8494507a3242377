package txn_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// ann and bob are users without any rights of their own.
const (
	ann = 12345
	bob = 23456
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files to other users; the run as root covers this")
	}
}

// homes makes /home/ann with a .docker directory and /home/bob, each owned by its user.
func homes(t *testing.T, s site) {
	t.Helper()
	needRoot(t)
	s.put(t, "/etc/docker/daemon.json", "{}", 0o644)
	s.put(t, "/home/ann/.docker/config.json", "old", 0o600)
	s.put(t, "/home/bob/file", "bob's", 0o644)
	for name, uid := range map[string]int{"/home/ann": ann, "/home/bob": bob} {
		assert.NilError(t, filepath.WalkDir(s.path(name), func(p string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(p, uid, uid))
		}))
	}
}

// annLink makes a link that belongs to ann.
func annLink(t *testing.T, s site, text, name string) {
	t.Helper()
	assert.NilError(t, os.Symlink(text, s.path(name)))
	assert.NilError(t, os.Lchown(s.path(name), ann, ann))
}

// Root changes a user's files with the user's rights: what is made belongs to them, and what they may not do fails.
func TestUsersFiles(t *testing.T) {
	s := newSite(t, txn.Options{})
	homes(t, s)
	annLink(t, s, "/home/ann/.docker/config.json", "/home/ann/absolute")
	annLink(t, s, "missing/x", "/home/ann/relative")
	before := tree(t, s.dir)
	s.run(t,
		s.to(t, "/home/ann/absolute", "new"),
		change.Change{Path: "/home/ann/.config/a/b", To: file("made", 0o600)},
		change.Change{Path: "/home/ann/zero", To: change.State{Kind: change.File, Mode: 0o644}},
		change.Change{Path: "/home/ann/relative", To: file("through", 0o600)},
		s.to(t, "/etc/docker/daemon.json", "root's"),
	)
	s.has(t, map[string]string{
		"/home/ann/.docker/config.json": "-rw------- 12345:12345 new",
		"/home/ann/.config":             "drwxr-xr-x 12345:12345",
		"/home/ann/.config/a":           "drwxr-xr-x 12345:12345",
		"/home/ann/.config/a/b":         "-rw------- 12345:12345 made",
		"/home/ann/zero":                "-rw-r--r-- 12345:12345 ",
		"/home/ann/missing/x":           "-rw------- 12345:12345 through",
		"/etc/docker/daemon.json":       "-rw-r--r-- 0:0 root's",
	})
	takeBack(t, s)
	assert.DeepEqual(t, tree(t, s.dir), before)
	assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0o500))
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	err = tx.Apply(t.Context(), []change.Change{s.to(t, "/home/ann/.docker/config.json", "x")})
	assert.ErrorIs(t, err, unix.EACCES)
	assert.NilError(t, tx.Close())
}

func TestUnsafePaths(t *testing.T) {
	for _, tt := range []struct {
		name string
		path string
		make func(t *testing.T, s site)
	}{
		{name: "a user's link to a file of root", path: "/home/ann/.docker/daemon.json", make: func(t *testing.T, s site) {
			annLink(t, s, "/etc/docker/daemon.json", "/home/ann/.docker/daemon.json")
		}},
		{name: "a user's link to a directory of root", path: "/home/ann/dir/new.json", make: func(t *testing.T, s site) { annLink(t, s, "/etc/docker", "/home/ann/dir") }},
		{name: "a relative one", path: "/home/ann/dir/new.json", make: func(t *testing.T, s site) { annLink(t, s, "../../etc/docker", "/home/ann/dir") }},
		{name: "a dangling one to a place of root", path: "/home/ann/new", make: func(t *testing.T, s site) { annLink(t, s, "/etc/docker/new", "/home/ann/new") }},
		{name: "a user's link to another user's file", path: "/home/ann/bob", make: func(t *testing.T, s site) { annLink(t, s, "/home/bob/file", "/home/ann/bob") }},
		{name: "a user's link in a shared directory", path: "/tmp/a.json", make: func(t *testing.T, s site) {
			assert.NilError(t, os.Mkdir(s.path("/tmp"), 0o755))
			assert.NilError(t, os.Chmod(s.path("/tmp"), 0o777|os.ModeSticky))
			annLink(t, s, "/etc/docker/daemon.json", "/tmp/a.json")
		}},
		{name: "a file of root in a user's directory", path: "/home/ann/rooted", make: func(t *testing.T, s site) { s.put(t, "/home/ann/rooted", "x", 0o600) }},
		{name: "a directory of root in a user's directory", path: "/home/ann/rooted/x", make: func(t *testing.T, s site) { s.put(t, "/home/ann/rooted/x", "x", 0o600) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, txn.Options{})
			homes(t, s)
			tt.make(t, s)
			before := tree(t, s.dir)
			tx, err := s.store.Begin(t.Context(), "x")
			assert.NilError(t, err)
			err = tx.Apply(t.Context(), []change.Change{s.to(t, tt.path, "evil")})
			var unsafe *txn.UnsafeError
			assert.Assert(t, errors.As(err, &unsafe), "%v", err)
			assert.NilError(t, tx.Close())
			assert.DeepEqual(t, tree(t, s.dir), before)
		})
	}
}

// A user who exchanges a directory for a link after it was looked at gets an error, not root's file.
func TestExchangedDirectory(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{Fault: func(op, path string) error {
		if op == "create" && strings.HasSuffix(path, ".journal") {
			return errors.Join(
				os.Rename(filepath.Join(dir, "/home/ann/.docker"), filepath.Join(dir, "/home/ann/away")),
				os.Symlink("/etc/docker", filepath.Join(dir, "/home/ann/.docker")))
		}
		return nil
	}})
	homes(t, s)
	s.put(t, "/etc/docker/config.json", "old", 0o600)
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	err = tx.Apply(t.Context(), []change.Change{s.to(t, "/home/ann/.docker/config.json", "evil")})
	assert.ErrorIs(t, err, unix.ENOTDIR)
	assert.Equal(t, s.get(t, "/etc/docker/config.json"), "old")
}

// TestAsUser runs the tests of this package that need no root again as an unprivileged user.
func TestAsUser(t *testing.T) {
	needRoot(t)
	tmp := memory(t)
	assert.NilError(t, os.Chown(tmp, ann, ann))
	names := "WriteAndUndo|Links|LinkLoop|DirectoryThatIsNotEmpty|HardLinks|Interrupted|CloseWithoutCommit|SecondRunWaits|BeginRecovers|RecoverLeavesForeignBytes|History|Rollback|SecretsLeaveTheJournal|Partial|Unreadable|Forget|Pruning|TornRecord|ForeignChangeAtEveryMoment|Order|StateDirectoryBehindLinks|RecoverStaysInTheRoot|" +
		"OriginSurvivesManyChanges|OriginAfterAForeignEdit|PrivateStateDirectory"
	// The path of a test binary lies below a private directory; this link does not need it.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run=^Test("+names+")$")
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ann, Gid: ann}}
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	for name := range strings.SplitSeq(names, "|") {
		assert.Assert(t, strings.Contains(string(out), "--- PASS: Test"+name+" "), "%s: %s", name, out)
	}
}

// A user without the right to read or write somewhere gets the kernel's answer, and nothing is changed; root's journal cannot be read.
func TestUnreadable(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "a", 0o644)
	plan := []change.Change{s.to(t, "/etc/b", "b"), s.to(t, "/etc/a", "x")}
	s.run(t, s.to(t, "/etc/c", "c"))
	if os.Geteuid() == 0 {
		return // the rest is about somebody without root's rights, see TestAsUser
	}
	assert.NilError(t, os.Chmod(s.path("/etc"), 0o555))
	defer os.Chmod(s.path("/etc"), 0o755)
	before := tree(t, s.dir)
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.ErrorIs(t, tx.Apply(t.Context(), plan), os.ErrPermission)
	assert.Assert(t, tx.Restored())
	assert.NilError(t, tx.Close())
	assert.DeepEqual(t, tree(t, s.dir), before)
	assert.NilError(t, os.Chmod(s.path(stateDir), 0))
	defer os.Chmod(s.path(stateDir), 0o700)
	_, err = s.store.List()
	assert.ErrorIs(t, err, os.ErrPermission)
}
