package txn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

func file(data string, mode os.FileMode) change.State { return change.NewFile([]byte(data), mode) }

// A plan of which one file is not as observed changes nothing, and leaves no entry.
func TestForeignChange(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, s site)
	}{
		{name: "other bytes", spoil: func(t *testing.T, s site) { s.put(t, "/etc/b", "foreign\n", 0o644) }},
		{name: "other mode", spoil: func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/etc/b"), 0o600)) }},
		{name: "other owner", spoil: func(t *testing.T, s site) { assert.NilError(t, os.Chown(s.path("/etc/b"), 0, 7)) }},
		{name: "removed", spoil: func(t *testing.T, s site) { assert.NilError(t, os.Remove(s.path("/etc/b"))) }},
		{name: "a file that was absent", spoil: func(t *testing.T, s site) { s.put(t, "/etc/c", "", 0o644) }},
		{name: "a directory instead", spoil: func(t *testing.T, s site) { assert.NilError(t, os.Mkdir(s.path("/etc/c"), 0o755)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, txn.Options{})
			s.put(t, "/etc/a", "a\n", 0o644)
			s.put(t, "/etc/b", "b\n", 0o644)
			plan := []change.Change{s.to(t, "/etc/a", "1"), s.to(t, "/etc/b", "2"), s.to(t, "/etc/c", "3")}
			tt.spoil(t, s)
			before := tree(t, s.dir)
			tx, err := s.store.Begin(t.Context(), "docker proxy set")
			assert.NilError(t, err)
			var changed *txn.ChangedError
			assert.Assert(t, errors.As(tx.Apply(t.Context(), plan), &changed))
			assert.Assert(t, changed.Path == "/etc/b" || changed.Path == "/etc/c")
			assert.Assert(t, tx.Restored())
			assert.NilError(t, tx.Close())
			assert.DeepEqual(t, tree(t, s.dir), before)
			list, err := s.store.List()
			assert.NilError(t, err)
			assert.Equal(t, len(list), 0)
		})
	}
}

// A change between the comparison and the rename is found, too: the fault function plays the other process.
func TestForeignChangeInTheLastMoment(t *testing.T) {
	for _, name := range []string{"/etc/present", "/etc/absent"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := siteAt(t, dir, txn.Options{})
			s.put(t, "/etc/present", "old\n", 0o644)
			hit := siteAt(t, dir, txn.Options{Fault: func(op, path string) error {
				if op == "create" && strings.HasPrefix(path, "/etc/") {
					s.put(t, name, "foreign\n", 0o644)
				}
				return nil
			}})
			plan := []change.Change{s.to(t, name, "new\n")}
			tx, err := hit.store.Begin(t.Context(), "docker proxy set")
			assert.NilError(t, err)
			var changed *txn.ChangedError
			assert.Assert(t, errors.As(tx.Apply(t.Context(), plan), &changed))
			assert.NilError(t, tx.Close())
			assert.Equal(t, s.get(t, name), "foreign\n")
			assert.Equal(t, len(tree(t, dir)), map[string]int{"/etc/present": 3, "/etc/absent": 4}[name])
		})
	}
}

func TestLinks(t *testing.T) {
	for _, tt := range []struct {
		name, text, real string
	}{
		{name: "absolute, inside the root", text: "/opt/real.json", real: "/opt/real.json"},
		{name: "relative", text: "../../opt/real.json", real: "/opt/real.json"},
		{name: "climbing out of the root", text: "../../../../../../../../opt/real.json", real: "/opt/real.json"},
		{name: "through another link", text: "/hop/real.json", real: "/opt/real.json"},
		{name: "dangling", text: "/opt/none.json", real: "/opt/none.json"},
		{name: "dangling with missing directories", text: "/srv/a/none.json", real: "/srv/a/none.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, txn.Options{})
			s.put(t, "/opt/real.json", "{}\n", 0o644)
			assert.NilError(t, os.MkdirAll(s.path("/etc/docker"), 0o755))
			assert.NilError(t, os.Symlink("/opt", s.path("/hop")))
			assert.NilError(t, os.Symlink(tt.text, s.path("/etc/docker/daemon.json")))
			before := tree(t, s.dir)
			s.run(t, s.to(t, "/etc/docker/daemon.json", "new\n"))
			text, err := os.Readlink(s.path("/etc/docker/daemon.json"))
			assert.NilError(t, err)
			assert.Equal(t, text, tt.text)
			assert.Equal(t, s.get(t, tt.real), "new\n")
			takeBack(t, s)
			assert.DeepEqual(t, tree(t, s.dir), before)
		})
	}
}

// takeBack rolls the newest change back.
func takeBack(t *testing.T, s site) {
	t.Helper()
	entry, plan, err := s.store.Rollback("")
	assert.NilError(t, err)
	tx, err := s.store.Begin(t.Context(), "docker proxy rollback")
	assert.NilError(t, err)
	tx.Reverts(entry.ID)
	assert.NilError(t, tx.Apply(t.Context(), plan))
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
}

func TestLinkLoop(t *testing.T) {
	s := newSite(t, txn.Options{})
	assert.NilError(t, os.Symlink("b", s.path("/a")))
	assert.NilError(t, os.Symlink("a", s.path("/b")))
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.ErrorIs(t, tx.Apply(t.Context(), []change.Change{{Path: "/a", To: file("x", 0o644)}}), unix.ELOOP)
	assert.NilError(t, tx.Close())
}

func TestRefusedPlans(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "a\n", 0o644)
	assert.NilError(t, os.Symlink("a", s.path("/etc/b")))
	assert.NilError(t, os.Mkdir(s.path("/etc/dir"), 0o755))
	assert.NilError(t, unix.Mkfifo(s.path("/etc/pipe"), 0o600))
	before := tree(t, s.dir)
	dir := change.State{Kind: change.Dir, Mode: 0o755}
	for _, tt := range []struct {
		name, want string
		plan       []change.Change
	}{
		{name: "twice", want: "the same file", plan: []change.Change{s.to(t, "/etc/a", "1"), s.to(t, "/etc/b", "2")}},
		{name: "relative path", want: "clean absolute path", plan: []change.Change{{Path: "etc/a", To: file("", 0o644)}}},
		{name: "path with ..", want: "clean absolute path", plan: []change.Change{{Path: "/etc/../a", To: file("", 0o644)}}},
		{name: "NUL", want: "clean absolute path", plan: []change.Change{{Path: "/etc/\x00a", To: file("", 0o644)}}},
		{name: "the root itself", want: "root directory", plan: []change.Change{{Path: "/", From: dir}}},
		{name: "a directory becomes a file", want: "does not become a file", plan: []change.Change{s.to(t, "/etc/a", "1"), {Path: "/etc/dir", From: dir, To: file("", 0o644)}}},
		{name: "a file becomes a directory", want: "does not become a directory", plan: []change.Change{{Path: "/etc/a", From: s.to(t, "/etc/a", "").From, To: dir}}},
		{name: "a FIFO", want: "not a regular file", plan: []change.Change{{Path: "/etc/pipe", To: file("", 0o644)}}},
		{name: "a file on the way", want: "not a directory", plan: []change.Change{{Path: "/etc/a/b", To: file("", 0o644)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx, err := s.store.Begin(t.Context(), "x")
			assert.NilError(t, err)
			assert.ErrorContains(t, tx.Apply(t.Context(), tt.plan), tt.want)
			assert.Assert(t, tx.Restored())
			assert.NilError(t, tx.Close())
			assert.DeepEqual(t, tree(t, s.dir), before)
		})
	}
}

// A directory that is not empty stays, and the report says so.
func TestDirectoryThatIsNotEmpty(t *testing.T) {
	s := newSite(t, txn.Options{})
	tx := s.run(t, change.Change{Path: "/etc/docker/certs.d/a", To: file("x", 0o644)})
	assert.DeepEqual(t, tx.Outcomes(), []txn.Outcome{{Path: "/etc/docker/certs.d/a", Real: "/etc/docker/certs.d/a", Verb: "create"}})
	s.put(t, "/etc/docker/foreign", "x", 0o644)
	past, err := s.store.History("/etc/docker/certs.d/a", s.to(t, "/etc/docker/certs.d/a", "").From)
	assert.NilError(t, err)
	assert.DeepEqual(t, past[0].Dirs, []string{"/etc", "/etc/docker", "/etc/docker/certs.d"})
	plan := append([]change.Change{{Path: "/etc/docker/certs.d/a", From: s.to(t, "/etc/docker/certs.d/a", "").From}}, s.store.RemoveDirs(past[0].Dirs)...)
	tx = s.run(t, plan...)
	var kept []string
	for _, o := range tx.Outcomes() {
		if o.Kept {
			kept = append(kept, o.Path)
		}
	}
	assert.DeepEqual(t, kept, []string{"/etc/docker", "/etc"})
	_, err = os.Stat(s.path("/etc/docker/certs.d"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestModesUnderUmasks(t *testing.T) {
	for _, mask := range []int{0o022, 0o077, 0o000, 0o777} {
		t.Run(fmt.Sprintf("%04o", mask), func(t *testing.T) {
			s := newSite(t, txn.Options{})
			s.put(t, "/etc/default/docker", "old", 0o664)
			old := unix.Umask(mask)
			defer unix.Umask(old)
			s.run(t,
				s.to(t, "/etc/default/docker", "new"),
				change.Change{Path: "/etc/docker/daemon.json", To: file("{}", 0o644)},
				change.Change{Path: "/etc/docker/secret.env", To: file("x", 0o600)},
				change.Change{Path: "/etc/sgid", To: file("x", 0o755|os.ModeSetgid)},
			)
			got := tree(t, s.dir)
			assert.Equal(t, got["/etc/default/docker"], "-rw-rw-r-- 0:0 new")
			assert.Equal(t, got["/etc/docker"], "drwxr-xr-x 0:0")
			assert.Equal(t, got["/etc/docker/daemon.json"], "-rw-r--r-- 0:0 {}")
			assert.Equal(t, got["/etc/docker/secret.env"], "-rw------- 0:0 x")
			assert.Equal(t, got["/etc/sgid"], "grwxr-xr-x 0:0 x")
			for name, want := range map[string]string{"": "drwx------", "lock": "-rw-------", "000001.journal": "-rw-------"} {
				st, err := os.Stat(s.path(filepath.Join(stateDir, name)))
				assert.NilError(t, err)
				assert.Equal(t, st.Mode().String(), want)
			}
		})
	}
}

// Other names of a file keep leading to it.
func TestHardLinks(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "a long old text\n", 0o644)
	assert.NilError(t, os.Link(s.path("/etc/a"), s.path("/etc/b")))
	tx := s.run(t, s.to(t, "/etc/a", "new\n"))
	assert.Equal(t, tx.Outcomes()[0].InPlace, txn.HardLinks)
	assert.Equal(t, s.get(t, "/etc/b"), "new\n")
	takeBack(t, s)
	assert.Equal(t, s.get(t, "/etc/b"), "a long old text\n")
}

func TestBindMount(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/daemon.json", "under\n", 0o644)
	s.put(t, "/outside/source.json", "old and longer\n", 0o644)
	if err := unix.Mount(s.path("/outside/source.json"), s.path("/etc/daemon.json"), "", unix.MS_BIND, ""); err != nil {
		t.Skipf("bind mounts need root: %v; the run as root covers this", err)
	}
	defer func() { assert.NilError(t, unix.Unmount(s.path("/etc/daemon.json"), unix.MNT_DETACH)) }()
	tx := s.run(t, s.to(t, "/etc/daemon.json", "new\n"))
	assert.Equal(t, tx.Outcomes()[0].InPlace, txn.MountPoint)
	assert.Equal(t, s.get(t, "/outside/source.json"), "new\n")

	gone := s.to(t, "/etc/daemon.json", "")
	gone.To = change.State{}
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.ErrorContains(t, tx.Apply(t.Context(), []change.Change{s.to(t, "/etc/other", "x"), gone}), "mount point cannot be removed")
	assert.Assert(t, tx.Restored())
	assert.NilError(t, tx.Close())
	_, err = os.Stat(s.path("/etc/other"))
	assert.ErrorIs(t, err, os.ErrNotExist)

	takeBack(t, s)
	assert.Equal(t, s.get(t, "/outside/source.json"), "old and longer\n")
}

// A directory that could not be made for want of a writable file system needs no undoing: the change is refused as a whole.
func TestReadOnlyFileSystem(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "old\n", 0o644)
	flags := uintptr(unix.MS_BIND)
	if err := unix.Mount(s.path("/etc"), s.path("/etc"), "", flags, ""); err != nil {
		t.Skipf("mounts need root: %v; the run as root covers this", err)
	}
	defer func() { assert.NilError(t, unix.Unmount(s.path("/etc"), unix.MNT_DETACH)) }()
	assert.NilError(t, unix.Mount("", s.path("/etc"), "", flags|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.ErrorIs(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/d/e/new", To: file("x", 0o644)}, {Path: "/etc/d/e/two", To: file("y", 0o644)}}), unix.EROFS)
	assert.Assert(t, tx.Restored())
	assert.NilError(t, tx.Close())
	left, err := s.store.Unfinished()
	assert.NilError(t, err)
	assert.Assert(t, left == nil)
}

// Extended attributes stay with a file that is replaced, and come back with one whose removal is undone.
func TestXattrs(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "old\n", 0o644)
	s.put(t, "/etc/b", "old\n", 0o640)
	attrs := map[string]string{"user.note": "hello", "trusted.t": "\x00\x01", "security.selinux": "system_u:object_r:etc_t:s0\x00"}
	// version 2; user::rw-, user:1:rw-, group::r--, mask::rw-, other::--- (acl(5), linux/posix_acl_xattr.h)
	acl := "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x06\x00\x01\x00\x00\x00\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x06\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff"
	attrs["system.posix_acl_access"] = acl
	for name, value := range attrs {
		for _, f := range []string{"/etc/a", "/etc/b"} {
			assert.NilError(t, unix.Setxattr(s.path(f), name, []byte(value), 0), name)
		}
	}
	check := func(f string) {
		t.Helper()
		for name, value := range attrs {
			buf := make([]byte, 200)
			n, err := unix.Getxattr(s.path(f), name, buf)
			assert.NilError(t, err, name)
			assert.Equal(t, string(buf[:n]), value, name)
		}
	}
	before := tree(t, s.dir)
	gone := s.to(t, "/etc/b", "")
	gone.To = change.State{}
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{s.to(t, "/etc/a", "new\n"), gone}))
	check("/etc/a")
	assert.NilError(t, tx.Undo())
	assert.NilError(t, tx.Close())
	check("/etc/a")
	check("/etc/b")
	assert.DeepEqual(t, tree(t, s.dir), before)
}

// An interrupted command undoes what it wrote.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	s := siteAt(t, dir, txn.Options{Fault: func(op, path string) error {
		if op == "rename" && path == "/etc/b" {
			cancel(stop)
		}
		return nil
	}})
	s.put(t, "/etc/a", "a", 0o644)
	before := tree(t, dir)
	tx, err := s.store.Begin(ctx, "x")
	assert.NilError(t, err)
	err = tx.Apply(ctx, []change.Change{s.to(t, "/etc/a", "1"), s.to(t, "/etc/b", "2"), s.to(t, "/etc/c", "3")})
	assert.ErrorIs(t, err, stop)
	assert.Assert(t, tx.Restored())
	assert.ErrorIs(t, tx.Apply(t.Context(), nil), txn.ErrEnded)
	assert.NilError(t, tx.Close())
	assert.NilError(t, tx.Close())
	assert.DeepEqual(t, tree(t, dir), before)
}

// A transaction that is closed without a commit is undone.
func TestCloseWithoutCommit(t *testing.T) {
	s := newSite(t, txn.Options{})
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a/b", To: file("x", 0o644)}}))
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a/c", To: file("x", 0o644)}}))
	assert.NilError(t, tx.Close())
	assert.Equal(t, len(tree(t, s.dir)), 1)
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, list[0].State, txn.Undone)
	assert.DeepEqual(t, list[0].Files, []string{"/etc/a/b", "/etc/a/c"})
}

// Nothing to do is not recorded and touches no file.
func TestNoOp(t *testing.T) {
	dir := t.TempDir()
	var ops []string
	s := siteAt(t, dir, txn.Options{Fault: func(op, path string) error {
		ops = append(ops, op+" "+path)
		return nil
	}})
	s.put(t, "/etc/a", "a", 0o644)
	tx := s.run(t, s.to(t, "/etc/a", "a"))
	assert.Equal(t, tx.ID(), "")
	for _, op := range ops {
		assert.Assert(t, op == "fsync /" || strings.Contains(op, " /var"), op)
		assert.Assert(t, !strings.Contains(op, ".journal"), op)
	}
}

func TestSecondRunWaits(t *testing.T) {
	dir := t.TempDir()
	first := siteAt(t, dir, txn.Options{})
	tx, err := first.store.Begin(t.Context(), "first")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a", To: file("1", 0o644)}}))
	e, err := first.store.Unfinished()
	assert.NilError(t, err)
	assert.Assert(t, e == nil, "a run in progress is not unfinished")

	impatient := siteAt(t, dir, txn.Options{Wait: time.Millisecond})
	_, err = impatient.store.Begin(t.Context(), "impatient")
	assert.ErrorIs(t, err, txn.ErrLocked)

	waiting := make(chan struct{})
	second := siteAt(t, dir, txn.Options{Waiting: func(txn.Holder) { close(waiting) }})
	result := make(chan error, 1)
	go func() {
		tx, err := second.store.Begin(context.WithoutCancel(t.Context()), "second")
		if err == nil {
			err = errors.Join(tx.Apply(context.WithoutCancel(t.Context()), []change.Change{{Path: "/etc/b", To: file("2", 0o644)}}), tx.Commit(), tx.Close())
		}
		result <- err
	}()
	<-waiting
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
	assert.NilError(t, <-result)
	assert.Equal(t, first.get(t, "/etc/a")+first.get(t, "/etc/b"), "12")
	list, err := first.store.List()
	assert.NilError(t, err)
	assert.Equal(t, list[0].Command+" "+list[1].Command, "second first")
}
