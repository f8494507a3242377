package txn_test

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// TestMain makes this test binary stand for the program that answers as a child.
func TestMain(m *testing.M) {
	if status, child := txn.RunChild(os.Args); child {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

const stateDir = "/var/lib/docker-proxy"

// site is a root directory of a test with a store in it.
type site struct {
	dir   string
	fs    *host.FS
	store *txn.Store
}

func newSite(t *testing.T, opt txn.Options) site {
	t.Helper()
	return siteAt(t, t.TempDir(), opt)
}

func siteAt(t *testing.T, dir string, opt txn.Options) site {
	t.Helper()
	f, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { f.Close() })
	s, err := txn.Open(f, stateDir, opt)
	assert.NilError(t, err)
	return site{dir: dir, fs: f, store: s}
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) put(t *testing.T, name, data string, mode os.FileMode) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	assert.NilError(t, os.WriteFile(s.path(name), []byte(data), 0o600))
	assert.NilError(t, os.Chmod(s.path(name), mode))
}

func (s site) get(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(s.path(name))
	assert.NilError(t, err)
	return string(data)
}

// has compares files with lines of tree.
func (s site) has(t *testing.T, files map[string]string) {
	t.Helper()
	got := tree(t, s.dir)
	for name, want := range files {
		assert.Equal(t, got[name], want, name)
	}
}

// to is the change of name, as it is now, to other bytes.
func (s site) to(t *testing.T, name, data string) change.Change {
	t.Helper()
	from, err := change.Observe(s.fs, name)
	assert.NilError(t, err)
	return change.Change{Path: name, From: from, To: from.WithData([]byte(data)), Cause: "test"}
}

// run makes changes in one transaction and commits it.
func (s site) run(t *testing.T, changes ...change.Change) *txn.Tx {
	t.Helper()
	tx, err := s.store.Begin(t.Context(), "docker proxy test")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), changes))
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
	return tx
}

func TestWriteAndUndo(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/default/docker", "# old\n", 0o640)
	before := tree(t, s.dir)
	tx, err := s.store.Begin(t.Context(), "docker proxy set")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{
		s.to(t, "/etc/default/docker", "# new\n"),
		s.to(t, "/etc/docker/daemon.json", "{}\n"),
	}))
	assert.Equal(t, s.get(t, "/etc/default/docker"), "# new\n")
	assert.Equal(t, s.get(t, "/etc/docker/daemon.json"), "{}\n")
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Undo())
	assert.Assert(t, tx.Restored())
	assert.NilError(t, tx.Close())
	assert.DeepEqual(t, tree(t, s.dir), before)
}
