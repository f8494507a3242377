package txn_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// journal is the text of all entries together.
func (s site) journal(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob(s.path(stateDir + "/*.journal"))
	assert.NilError(t, err)
	var b strings.Builder
	for _, n := range names {
		data, err := os.ReadFile(n)
		assert.NilError(t, err)
		b.Write(data)
	}
	return b.String()
}

// A journal that somebody else could have written is refused by every command, and nothing in it is followed.
func TestPlantedJournal(t *testing.T) {
	entry := "/000001.journal"
	for _, tt := range []struct {
		name, want string
		plant      func(t *testing.T, s site, dir string)
	}{
		{name: "directory of somebody else", want: "belongs to", plant: func(t *testing.T, s site, dir string) { assert.NilError(t, os.Chown(dir, 12345, 0)) }},
		{name: "directory above of somebody else", want: "belongs to", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Chown(filepath.Dir(dir), 12345, 0))
		}},
		{name: "directory open to all", want: "others have access", plant: func(t *testing.T, s site, dir string) { assert.NilError(t, os.Chmod(dir, 0o755)) }},
		{name: "directory is a link", want: "not a directory", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Rename(dir, dir+"2"))
			assert.NilError(t, os.Symlink(dir+"2", dir))
		}},
		{name: "entry of somebody else", want: "belongs to", plant: func(t *testing.T, s site, dir string) { assert.NilError(t, os.Chown(dir+entry, 12345, 0)) }},
		{name: "entry open to the group", want: "others have access", plant: func(t *testing.T, s site, dir string) { assert.NilError(t, os.Chmod(dir+entry, 0o640)) }},
		{name: "entry is a link", want: "is a link", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Rename(dir+entry, dir+"/x"))
			assert.NilError(t, os.Symlink("x", dir+entry))
		}},
		{name: "entry has a second name", want: "several names", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Link(dir+entry, s.path("/second")))
		}},
		{name: "entry is a FIFO", want: "not what this program makes", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Remove(dir+entry))
			assert.NilError(t, unix.Mkfifo(dir+entry, 0o600))
		}},
		{name: "lock is a link", want: "is a link", plant: func(t *testing.T, s site, dir string) {
			assert.NilError(t, os.Remove(dir+"/lock"))
			assert.NilError(t, os.Symlink("/etc/a", dir+"/lock"))
		}},
		{name: "damaged in the middle", want: "record 1: bad checksum", plant: func(t *testing.T, s site, dir string) {
			text, err := os.ReadFile(dir + entry)
			assert.NilError(t, err)
			text[20] ^= 1
			assert.NilError(t, os.WriteFile(dir+entry, text, 0o600))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, txn.Options{Wait: time.Second})
			s.put(t, "/etc/a", "1", 0o644)
			s.run(t, s.to(t, "/etc/a", "2"))
			tt.plant(t, s, s.path(stateDir))
			_, err := s.store.Begin(t.Context(), "x")
			assert.ErrorContains(t, err, tt.want)
			if !strings.HasPrefix(tt.name, "lock") {
				_, err = s.store.List()
				assert.ErrorContains(t, err, tt.want)
			}
			_, err = s.store.Unfinished()
			assert.ErrorContains(t, err, tt.want)
			assert.Equal(t, s.get(t, "/etc/a"), "2")
		})
	}
}

// crash leaves a change of /etc/a and /etc/b behind whose process died before operation op of file name.
func crash(t *testing.T, dir, op, name string) {
	t.Helper()
	dead := errors.New("dead")
	died := false
	s := siteAt(t, dir, txn.Options{Fault: func(o, p string) error {
		if died = died || o == op && strings.HasSuffix(p, name); died {
			return dead
		}
		return nil
	}})
	tx, err := s.store.Begin(t.Context(), "docker proxy set")
	assert.NilError(t, err)
	assert.ErrorIs(t, tx.Apply(t.Context(), []change.Change{s.to(t, "/etc/a", "1"), s.to(t, "/etc/b", "2"), s.to(t, "/etc/c", "3")}), dead)
	assert.Assert(t, !tx.Restored())
	assert.Assert(t, tx.Close() != nil)
}

// The next changing run ends what a crash left, and tells; a read-only command only tells.
func TestBeginRecovers(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{})
	s.put(t, "/etc/a", "a", 0o644)
	s.put(t, "/etc/b", "b", 0o644)
	before := tree(t, dir)
	crash(t, dir, "rename", "/etc/b")
	e, err := s.store.Unfinished()
	assert.NilError(t, err)
	assert.Equal(t, e.State, txn.Applying)
	assert.DeepEqual(t, e.Files, []string{"/etc/a", "/etc/b", "/etc/c"})
	assert.Equal(t, s.get(t, "/etc/a"), "1")

	tx, err := s.store.Begin(t.Context(), "next")
	assert.NilError(t, err)
	assert.Assert(t, !tx.Recovered().Finished)
	assert.Equal(t, tx.Recovered().Entry.Command, "docker proxy set")
	assert.NilError(t, tx.Close())
	assert.DeepEqual(t, tree(t, dir), before)
	again, err := s.store.Recover(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, again == nil)
}

// A file that is neither old nor new is left alone and named once; the others go back.
func TestRecoverLeavesForeignBytes(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{})
	s.put(t, "/etc/a", "a", 0o644)
	s.put(t, "/etc/b", "b", 0o644)
	crash(t, dir, "create", ".c.docker-proxy-1-2.tmp")
	s.put(t, "/etc/a", "foreign", 0o644)
	_, err := s.store.Begin(t.Context(), "next")
	var foreign *txn.ForeignError
	assert.Assert(t, errors.As(err, &foreign))
	assert.DeepEqual(t, foreign.Paths, []string{"/etc/a"})
	assert.Equal(t, s.get(t, "/etc/a")+" "+s.get(t, "/etc/b"), "foreign b")
	tx, err := s.store.Begin(t.Context(), "next")
	assert.NilError(t, err)
	assert.NilError(t, tx.Close())
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, list[0].State, txn.PartUndone)
	assert.DeepEqual(t, list[0].Foreign, []string{"/etc/a"})
}

// A half-written record is the end of the journal, not damage: the machine stopped there.
func TestTornRecord(t *testing.T) {
	dir := memory(t)
	s := siteAt(t, dir, txn.Options{})
	s.put(t, "/etc/a", "a", 0o644)
	s.run(t, s.to(t, "/etc/a", "b"))
	name := s.path(stateDir + "/000001.journal")
	text, err := os.ReadFile(name)
	assert.NilError(t, err)
	for cut := range text {
		assert.NilError(t, os.WriteFile(name, text[:cut], 0o600))
		s.put(t, "/etc/a", "b", 0o644)
		e, err := s.store.Unfinished()
		assert.NilError(t, err)
		r, err := s.store.Recover(t.Context())
		assert.NilError(t, err, "cut at %d", cut)
		switch {
		case r == nil:
			// Not one whole record, or a beginning without files: no file was touched by then, since Apply writes both records before.
			assert.Assert(t, e == nil)
			assert.Equal(t, s.get(t, "/etc/a"), "b")
		case r.Finished:
			assert.Equal(t, s.get(t, "/etc/a"), "b")
		case len(r.Entry.Files) > 0:
			assert.Equal(t, s.get(t, "/etc/a"), "a")
		}
		again, err := s.store.Recover(t.Context())
		assert.NilError(t, err)
		assert.Assert(t, again == nil, "cut at %d", cut)
	}
}

func TestHistory(t *testing.T) {
	s := newSite(t, txn.Options{})
	const name = "/etc/docker/daemon.json"
	now := func() change.State { return s.to(t, name, "").From }
	s.run(t, change.Change{Path: name, To: file("one", 0o600)})
	s.run(t, s.to(t, name, "two"))
	past, err := s.store.History(name, now())
	assert.NilError(t, err)
	assert.Equal(t, len(past), 2)
	assert.Equal(t, string(past[0].State.Data)+" "+past[0].State.Mode.String(), "one -rw-------")
	assert.Equal(t, past[1].State.Kind, change.Absent)
	assert.DeepEqual(t, past[1].Dirs, []string{"/etc", "/etc/docker"})
	assert.Assert(t, past[0].Known && past[1].Known)

	s.run(t, append([]change.Change{{Path: name, From: now(), To: past[1].State}}, s.store.RemoveDirs(past[1].Dirs)...)...)
	assert.Equal(t, len(tree(t, s.dir)), 1)

	past, err = s.store.History(name, change.State{})
	assert.NilError(t, err)
	assert.Equal(t, len(past), 3)
	assert.Equal(t, string(past[0].State.Data), "two")

	s.put(t, name, "foreign", 0o600)
	past, err = s.store.History(name, now())
	assert.NilError(t, err)
	assert.Equal(t, len(past), 0, "bytes of somebody else have no history")
}

func TestRollback(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "0", 0o644)
	for _, v := range []string{"1", "2", "3"} {
		s.run(t, s.to(t, "/etc/a", v))
	}
	_, _, err := s.store.Rollback("1")
	var changed *txn.ChangedError
	assert.Assert(t, errors.As(err, &changed))
	assert.Equal(t, changed.Path, "/etc/a")
	// Each rollback goes one change further back, never forward again.
	for _, want := range []string{"2", "1", "0"} {
		takeBack(t, s)
		assert.Equal(t, s.get(t, "/etc/a"), want)
	}
	_, _, err = s.store.Rollback("")
	assert.ErrorContains(t, err, "no recorded change to take back")
	_, _, err = s.store.Rollback("99")
	assert.ErrorContains(t, err, `no recorded change "99"`)
	// By name a rollback can be taken back like any change.
	_, plan, err := s.store.Rollback("6")
	assert.NilError(t, err)
	assert.Equal(t, string(plan[0].To.Data), "1")
}

func TestWriter(t *testing.T) {
	s := newSite(t, txn.Options{})
	who := func() string {
		t.Helper()
		id, err := s.store.Writer("/etc/a")
		assert.NilError(t, err)
		return id
	}
	s.put(t, "/etc/a", "0", 0o644)
	assert.Equal(t, who(), "")
	s.run(t, s.to(t, "/etc/a", "1"))
	s.run(t, s.to(t, "/etc/b", "1"))
	s.run(t, s.to(t, "/etc/a", "2"))
	assert.Equal(t, who(), "3")
	s.put(t, "/etc/a", "1", 0o644)
	assert.Equal(t, who(), "1")
	s.put(t, "/etc/a", "foreign", 0o644)
	assert.Equal(t, who(), "")
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{})
	s.put(t, "/etc/a", "0", 0o644)
	s.put(t, "/etc/b", "0", 0o644)
	s.run(t, s.to(t, "/etc/a", "1"))
	assert.ErrorContains(t, s.store.Forget(t.Context(), "7"), "no recorded change")
	assert.NilError(t, s.store.Forget(t.Context(), "1"))
	assert.Equal(t, s.journal(t), "")
	crash(t, dir, "rename", "/etc/b")
	assert.ErrorContains(t, s.store.Forget(t.Context(), "1"), "unfinished")
}

// Old credentials stay in the newest entry only, and there for a week.
func TestSecretsLeaveTheJournal(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newSite(t, txn.Options{Now: func() time.Time { return clock }})
	const one, two, three, clean = "PASSWORD-ONE", "PASSWORD-TWO", "PASSWORD-THREE", "NO-SECRET"
	encoded := map[string]string{one: "UEFTU1dPUkQtT05F", two: "UEFTU1dPUkQtVFdP", three: "UEFTU1dPUkQtVEhSRUU=", clean: "Tk8tU0VDUkVU"}
	holds := func(want ...string) {
		t.Helper()
		text := s.journal(t)
		got := map[string]bool{}
		for _, w := range want {
			got[w] = true
		}
		for name, code := range encoded {
			assert.Equal(t, strings.Contains(text, code), got[name], name)
		}
	}
	secret := func(data string) change.Change {
		c := s.to(t, "/etc/a", data)
		c.Secret = true
		return c
	}
	s.put(t, "/etc/a", clean, 0o600)
	first := secret(one)
	first.CleanFrom = true
	s.run(t, first)
	holds(clean)
	s.run(t, secret(two))
	holds(clean, one)
	s.run(t, secret(three))
	holds(clean, two)
	past, err := s.store.History("/etc/a", s.to(t, "/etc/a", "").From)
	assert.NilError(t, err)
	assert.Equal(t, len(past), 3)
	assert.Assert(t, past[0].Known && !past[1].Known && past[2].Known)
	assert.Equal(t, string(past[2].State.Data), clean)
	clock = clock.Add(8 * 24 * time.Hour)
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Close())
	holds(clean)
	_, _, err = s.store.Rollback("3")
	assert.ErrorContains(t, err, "not kept any more")
}

// What was undone leaves no bytes behind.
func TestUndoneKeepsNoBytes(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "PASSWORD-ONE", 0o600)
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{s.to(t, "/etc/a", "x")}))
	assert.Assert(t, strings.Contains(s.journal(t), "UEFTU1dPUkQtT05F"))
	assert.NilError(t, tx.Undo())
	assert.NilError(t, tx.Close())
	assert.Assert(t, !strings.Contains(s.journal(t), "UEFTU1dPUkQtT05F"))
}

// Of a file with secrets of others only the bytes that we changed go into the journal, also when it has to be rewritten in place.
func TestPartial(t *testing.T) {
	for _, linked := range []bool{false, true} {
		s := newSite(t, txn.Options{})
		before := `{"auths":{"r":{"auth":"FOREIGN"}},"proxies":{"default":{"httpProxy":"OLD"}},"tail":"FOREIGN"}`
		s.put(t, "/root/.docker/config.json", before, 0o600)
		if linked {
			assert.NilError(t, os.Link(s.path("/root/.docker/config.json"), s.path("/root/second")))
		}
		for _, v := range []string{"NEWER", "N"} {
			c := s.to(t, "/root/.docker/config.json", strings.Replace(before, "OLD", v, 1))
			c.Partial, c.Secret, c.CleanFrom = true, true, true
			s.run(t, c)
		}
		text := s.journal(t)
		assert.Assert(t, !strings.Contains(text, "Rk9SRUlHT") && !strings.Contains(text, "FOREIGN") && !strings.Contains(text, "auth"))
		past, err := s.store.History("/root/.docker/config.json", s.to(t, "/root/.docker/config.json", "").From)
		assert.NilError(t, err)
		assert.Equal(t, len(past), 2)
		assert.Equal(t, string(past[1].State.Data), before)
		takeBack(t, s)
		takeBack(t, s)
		assert.Equal(t, s.get(t, "/root/.docker/config.json"), before)
	}
}

func TestPruning(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/a", "0", 0o644)
	for i := 1; i <= 23; i++ {
		s.run(t, s.to(t, "/etc/a", strconv.Itoa(i)))
	}
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, len(list), 20)
	assert.Equal(t, list[0].ID+" "+list[19].ID, "23 4")
	assert.Equal(t, list[0].State, txn.Done)
}

func TestNotes(t *testing.T) {
	s := newSite(t, txn.Options{})
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Note("early", "is not recorded"))
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a", To: file("x", 0o644)}}))
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Note("restart", "begun"))
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.DeepEqual(t, list[0].Notes, []txn.Note{{Key: "restart", Value: "begun"}})
	assert.Equal(t, list[0].State, txn.Committed)
	assert.NilError(t, tx.Close())
}
