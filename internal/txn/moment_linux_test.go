package txn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// momentFiles are a file that is replaced, one that is removed, one that is made and a link that is changed.
func momentFiles(t *testing.T, s site) {
	t.Helper()
	s.put(t, "/etc/replaced", "old\n", 0o640)
	s.put(t, "/etc/removed", "old\n", 0o640)
	assert.NilError(t, os.Symlink("old", s.path("/etc/link")))
}

func momentPlan(s site) (change.Plan, error) {
	var plan change.Plan
	for _, e := range []struct {
		name string
		to   change.State
	}{{"/etc/replaced", file("new\n", 0o640)}, {"/etc/removed", change.State{}}, {"/etc/made", file("new\n", 0o640)}, {"/etc/link", change.NewLink("new")}} {
		from, err := change.ObserveLink(s.fs, e.name)
		if err != nil {
			return nil, err
		}
		plan = append(plan, change.Change{Path: e.name, From: from, To: e.to})
	}
	return plan, nil
}

// TestForeignChangeAtEveryMoment lets somebody else change one of the files before every single call of a change and of its undoing, directly before the rename, too: whatever
// comes of the change, what they did stays, and nothing is left over.
func TestForeignChangeAtEveryMoment(t *testing.T) {
	for _, target := range []string{"/etc/replaced", "/etc/removed", "/etc/made", "/etc/link"} {
		for _, foreign := range []struct {
			name string
			do   func(path string) error
			want string // in the words of tree
		}{
			{"replaced by them", func(path string) error {
				return errors.Join(os.WriteFile(path+".theirs", []byte("theirs"), 0o600), os.Rename(path+".theirs", path))
			}, "-rw------- UID:GID theirs"},
			{"removed by them", func(path string) error {
				if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
					return err
				}
				return nil
			}, ""},
			{"a link by them", func(path string) error {
				return errors.Join(os.Symlink("theirs", path+".theirs"), os.Rename(path+".theirs", path))
			}, "Lrwxrwxrwx UID:GID -> theirs"},
		} {
			if foreign.want == "" && (target == "/etc/removed" || target == "/etc/made") {
				continue // what this program does itself, or nothing at all
			}
			for i, run := range []func(context.Context, site, func(site) (change.Plan, error)) error{set, setThenUndo} {
				t.Run(fmt.Sprintf("%s %s %d", target, foreign.name, i), func(t *testing.T) {
					for at := 1; everyMoment(t, at, target, foreign.do, foreign.want, run); at++ {
					}
				})
			}
		}
	}
}

// everyMoment is one run with a foreign change before call at; false when there were not that many calls.
func everyMoment(t *testing.T, at int, target string, do func(string) error, want string, run func(context.Context, site, func(site) (change.Plan, error)) error) bool {
	t.Helper()
	n, planned, what := 0, false, ""
	var s site
	s = siteAt(t, memory(t), txn.Options{Fault: func(op, name string) error {
		if !planned {
			return nil
		}
		if n++; n == at {
			what = "before " + op + " " + name
			return do(s.path(target))
		}
		return nil
	}})
	momentFiles(t, s)
	err := run(t.Context(), s, func(s site) (change.Plan, error) {
		plan, err := momentPlan(s)
		planned = true
		return plan, err
	})
	if n < at {
		return false
	}
	got := tree(t, s.dir)
	want = strings.Replace(want, "UID:GID", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), 1)
	assert.Equal(t, got[target], want, "%s: %v", what, err)
	for name := range got {
		assert.Assert(t, !strings.Contains(name, ".docker-proxy-"), "%s: %s is left over (%v)", what, name, err)
	}
	return true
}

// A file that has to be rewritten in place, and a directory, are compared once more before that.
func TestForeignChangeInPlace(t *testing.T) {
	for _, name := range []string{"/etc/hard", "/etc/dir"} {
		var s site
		s = siteAt(t, memory(t), txn.Options{Fault: func(op, path string) error {
			if op == "create" && strings.HasSuffix(path, ".journal") {
				if name == "/etc/dir" {
					return os.Chmod(s.path(name), 0o711)
				}
				return os.WriteFile(s.path(name), []byte("theirs"), 0o600)
			}
			return nil
		}})
		s.put(t, "/etc/hard", "old and longer", 0o640)
		assert.NilError(t, os.Link(s.path("/etc/hard"), s.path("/etc/other")))
		assert.NilError(t, os.Mkdir(s.path("/etc/dir"), 0o755))
		err := set(t.Context(), s, func(s site) (change.Plan, error) {
			hard, dir := s.to(t, "/etc/hard", "new"), s.to(t, "/etc/dir", "")
			dir.To = dir.From.WithMode(0o700)
			return change.Plan{hard, dir}, nil
		})
		var changed *txn.ChangedError
		assert.Assert(t, errors.As(err, &changed), "%v", err)
		assert.Equal(t, changed.Path, name)
		want := map[string][2]string{"/etc/hard": {"theirs", "drwxr-xr-x"}, "/etc/dir": {"old and longer", "drwx--x--x"}}[name]
		st, err := os.Stat(s.path("/etc/dir"))
		assert.NilError(t, err)
		assert.Equal(t, s.get(t, "/etc/hard")+st.Mode().String(), want[0]+want[1])
	}
}

// TestOrder: the journal is durable before the first file is touched, each file before the commit record, and that before whatever the caller records next.
func TestOrder(t *testing.T) {
	var ops []string
	s := newSite(t, txn.Options{Fault: func(op, name string) error {
		if op != "utimes" { // for readers only
			ops = append(ops, op+" "+name)
		}
		return nil
	}})
	s.put(t, "/etc/a", "a", 0o644)
	s.put(t, "/etc/gone", "gone", 0o644)
	tx, err := s.store.Begin(t.Context(), "docker proxy set")
	assert.NilError(t, err)
	step := func(want ...string) {
		t.Helper()
		assert.DeepEqual(t, ops, want)
		ops = nil
	}
	const lib, entry = "/var/lib/docker-proxy", "/var/lib/docker-proxy/000001.journal"
	for _, dir := range []string{"/var", "/var/lib", lib} {
		for _, op := range []string{"mkdir " + dir, "fsync " + dir, "fsync " + strings.TrimSuffix(dir, dir[strings.LastIndex(dir, "/"):])} {
			if op == "fsync " {
				op = "fsync /"
			}
			at := -1
			for i, o := range ops {
				if o == op {
					at = i
					break
				}
			}
			assert.Assert(t, at >= 0, "%s is not among %q", op, ops)
			ops = append(ops[:at], ops[at+1:]...)
		}
	}
	ops = nil
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{
		s.to(t, "/etc/a", "new"), {Path: "/etc/d/new", To: file("x", 0o600)}, {Path: "/etc/gone", From: s.to(t, "/etc/gone", "").From},
	}))
	step(
		"create "+entry, "chmod "+entry, "write "+entry, "fsync "+entry, "fsync "+lib,
		"create /etc/.a.docker-proxy-1-0.tmp", "write /etc/.a.docker-proxy-1-0.tmp", "chmod /etc/.a.docker-proxy-1-0.tmp", "fsync /etc/.a.docker-proxy-1-0.tmp",
		"rename /etc/a", "unlink /etc/.a.docker-proxy-1-0.tmp", "fsync /etc",
		"mkdir /etc/d", "chmod /etc/d", "fsync /etc/d", "fsync /etc",
		"create /etc/d/.new.docker-proxy-1-1.tmp", "write /etc/d/.new.docker-proxy-1-1.tmp", "chmod /etc/d/.new.docker-proxy-1-1.tmp", "fsync /etc/d/.new.docker-proxy-1-1.tmp",
		"rename /etc/d/new", "fsync /etc/d",
		"rename /etc/gone", "unlink /etc/.gone.docker-proxy-1-2.tmp", "fsync /etc",
	)
	assert.NilError(t, tx.Commit())
	step("write "+entry, "fsync "+entry)
	assert.NilError(t, tx.Note("restart", "begun"))
	step("write "+entry, "fsync "+entry)
	assert.NilError(t, tx.Note("restart", "healthy"))
	step("write "+entry, "fsync "+entry)
	assert.NilError(t, tx.Close())
	assert.DeepEqual(t, ops[:2], []string{"write " + entry, "fsync " + entry})
	assert.Equal(t, s.get(t, "/etc/a"), "new")
}
