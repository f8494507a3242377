package txn_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/txn"
)

func openRecords(t *testing.T, s site, opt txn.Options) *txn.Records {
	t.Helper()
	r, err := txn.OpenRecords(t.Context(), s.fs, stateDir, "ca", "docker proxy ca add", opt)
	assert.NilError(t, err)
	return r
}

func TestRecords(t *testing.T) {
	s := newSite(t, txn.Options{})
	none, err := txn.ReadRecords(s.fs, stateDir, "ca", txn.Options{})
	assert.NilError(t, err)
	names, err := none.Names("")
	assert.NilError(t, err)
	assert.Equal(t, len(names), 0)
	_, err = none.Read("c-1")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NilError(t, none.Close())
	_, err = os.Lstat(s.path(stateDir))
	assert.ErrorIs(t, err, fs.ErrNotExist) // reading makes nothing

	r := openRecords(t, s, txn.Options{})
	assert.NilError(t, r.Write("c-1", []byte("one")))
	assert.NilError(t, r.Write("c-1", []byte("two")))
	assert.NilError(t, r.Write("blob-x", []byte("b")))
	assert.NilError(t, r.Remove("c-2"))
	assert.NilError(t, r.Append("log", []byte("one\n")))
	assert.NilError(t, r.Append("log", []byte("two\n")))
	assert.NilError(t, r.Write("gone", []byte("x")))
	assert.NilError(t, r.Remove("gone"))
	assert.NilError(t, r.Sync())
	assert.NilError(t, r.Close())

	r, err = txn.ReadRecords(s.fs, stateDir, "ca", txn.Options{})
	assert.NilError(t, err)
	defer r.Close()
	names, err = r.Names("")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"blob-x", "c-1", "log"})
	data, err := r.Read("log")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "one\ntwo\n")
	names, err = r.Names("c-")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"c-1"})
	data, err = r.Read("c-1")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "two")
	assert.ErrorContains(t, r.Write("c-1", nil), "reading only")
	assert.ErrorContains(t, r.Append("c-1", nil), "reading only")
	assert.ErrorContains(t, r.Remove("c-1"), "reading only")

	for _, dir := range []string{stateDir, stateDir + "/ca"} {
		st, err := os.Lstat(s.path(dir))
		assert.NilError(t, err)
		assert.Equal(t, st.Mode().Perm(), fs.FileMode(0o700), dir)
	}
	for _, name := range []string{"c-1", "log"} {
		st, err := os.Lstat(s.path(stateDir + "/ca/" + name))
		assert.NilError(t, err)
		assert.Equal(t, st.Mode().Perm(), fs.FileMode(0o600), name)
	}
}

// The journal beside the records goes on working, and its lock is another one.
func TestRecordsBesideTheJournal(t *testing.T) {
	s := newSite(t, txn.Options{})
	r := openRecords(t, s, txn.Options{})
	defer r.Close()
	tx, err := s.store.Begin(t.Context(), "docker proxy set")
	assert.NilError(t, err)
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
	assert.NilError(t, r.Write("c-1", []byte("one")))
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, len(list), 0)

	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = txn.OpenRecords(short, s.fs, stateDir, "ca", "docker proxy ca remove", txn.Options{Wait: time.Millisecond})
	var locked *txn.LockedError
	assert.Assert(t, errors.As(err, &locked), "%v", err)
	assert.Equal(t, locked.Holder.Command, "docker proxy ca add")
}

func TestRecordNames(t *testing.T) {
	s := newSite(t, txn.Options{})
	r := openRecords(t, s, txn.Options{})
	defer r.Close()
	for _, name := range []string{"", ".", "..", "../x", "a/b", "lock", "lock.json", ".journal.tmp", "1.journal", "a b", "a\x00", "ü"} {
		assert.ErrorContains(t, r.Write(name, nil), "no name of a record", name)
		assert.ErrorContains(t, r.Append(name, nil), "no name of a record", name)
		_, err := r.Read(name)
		assert.ErrorContains(t, err, "no name of a record", name)
	}
	_, err := txn.ReadRecords(s.fs, stateDir, "../ca", txn.Options{})
	assert.ErrorContains(t, err, "no name of a record")
}

// Hundreds of notes wait for the disk once, when all is over, and the records that are written whole once each.
func TestAppendDoesNotWait(t *testing.T) {
	var synced []string
	s := newSite(t, txn.Options{})
	r := openRecords(t, s, txn.Options{Fault: func(op, name string) error {
		if op == "fsync" {
			synced = append(synced, filepath.Base(name))
		}
		return nil
	}})
	synced = nil
	for i := range 300 {
		name := fmt.Sprintf("c-%d", i)
		assert.NilError(t, r.Append(name, []byte("before\n")))
		assert.NilError(t, r.Append(name, []byte("after\n")))
		if i%2 == 0 {
			assert.NilError(t, r.Remove(name))
		}
	}
	assert.NilError(t, r.Write("bytes", []byte("x")))
	assert.Equal(t, len(synced), 0)
	assert.NilError(t, r.Close())
	assert.DeepEqual(t, synced, []string{"bytes", "ca"})
}

// What cannot be added whole is not added at all, so that what comes next is not joined to half a line.
func TestAppendHalf(t *testing.T) {
	full := false
	writes := 0
	s := newSite(t, txn.Options{})
	r := openRecords(t, s, txn.Options{Fault: func(op, _ string) error {
		if op == "write" {
			writes++
		}
		if full && op == "write" && writes > 1 {
			return errors.New("no space left on device")
		}
		return nil
	}})
	defer r.Close()
	assert.NilError(t, r.Append("c-1", []byte("one\n")))
	full, writes = true, 0
	assert.ErrorContains(t, r.Append("c-1", make([]byte, 10000)), "no space left")
	full = false
	assert.NilError(t, r.Append("c-1", []byte("two\n")))
	data, err := r.Read("c-1")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "one\ntwo\n")
}

// What somebody else planted is refused, as the journal's own files are.
func TestPlantedRecords(t *testing.T) {
	for _, tc := range []struct {
		name  string
		plant func(t *testing.T, s site)
		open  bool // the directory itself is refused
	}{
		{name: "a link", plant: func(t *testing.T, s site) {
			assert.NilError(t, os.Symlink("/etc/shadow", s.path(stateDir+"/ca/c-1")))
		}},
		{name: "open to others", plant: func(t *testing.T, s site) {
			s.put(t, stateDir+"/ca/c-1", "x", 0o644)
		}},
		{name: "a directory", plant: func(t *testing.T, s site) {
			assert.NilError(t, os.Mkdir(s.path(stateDir+"/ca/c-1"), 0o700))
		}},
		{name: "the directory is open to others", open: true, plant: func(t *testing.T, s site) {
			assert.NilError(t, os.Chmod(s.path(stateDir+"/ca"), 0o755))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, txn.Options{})
			assert.NilError(t, openRecords(t, s, txn.Options{}).Close())
			tc.plant(t, s)
			r, err := txn.ReadRecords(s.fs, stateDir, "ca", txn.Options{})
			var planted *txn.JournalError
			if tc.open {
				assert.Assert(t, errors.As(err, &planted), "%v", err)
				_, err = txn.OpenRecords(t.Context(), s.fs, stateDir, "ca", "x", txn.Options{})
				assert.Assert(t, errors.As(err, &planted), "%v", err)
				return
			}
			assert.NilError(t, err)
			defer r.Close()
			_, err = r.Read("c-1")
			assert.Assert(t, errors.As(err, &planted), "%v", err)
			w := openRecords(t, s, txn.Options{})
			defer w.Close()
			assert.Assert(t, w.Append("c-1", []byte("x")) != nil)
		})
	}
}
