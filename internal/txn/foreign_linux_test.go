package txn_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// A file that changes after the plan was compared and before it is taken away stays: there is no later moment at which a removal looks at it. The fault function
// plays the other process while the journal is written.
func TestForeignChangeBeforeARemoval(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{})
	s.put(t, "/etc/present", "old\n", 0o644)
	done := false
	hit := siteAt(t, dir, txn.Options{Fault: func(_, path string) error {
		if !done && !strings.HasPrefix(path, "/etc/") {
			done = true
			s.put(t, "/etc/present", "foreign\n", 0o644)
		}
		return nil
	}})
	tx, err := hit.store.Begin(t.Context(), "docker proxy unset")
	assert.NilError(t, err)
	done = false
	s.put(t, "/etc/present", "old\n", 0o644)
	gone := s.to(t, "/etc/present", "")
	gone.To = change.State{}
	var changed *txn.ChangedError
	assert.Assert(t, errors.As(tx.Apply(t.Context(), []change.Change{gone}), &changed))
	assert.Assert(t, done)
	assert.NilError(t, tx.Close())
	assert.Equal(t, s.get(t, "/etc/present"), "foreign\n")
}

// TestForeignChangeDuringTheWrites changes the second and the third file while the first one is written: the first one goes back, the others were never touched, and so nothing is
// left that is neither old nor new.
func TestForeignChangeDuringTheWrites(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{})
	names := []string{"/etc/a", "/etc/b", "/etc/new/c"}
	s.put(t, "/etc/a", "old\n", 0o644)
	s.put(t, "/etc/b", "old\n", 0o644)
	before := tree(t, dir)
	hit := siteAt(t, dir, txn.Options{Fault: func(op, path string) error {
		if op == "rename" && path == "/etc/a" && s.get(t, "/etc/b") == "old\n" {
			s.put(t, "/etc/b", "foreign\n", 0o644)
			s.put(t, "/etc/new/c", "foreign\n", 0o644)
		}
		return nil
	}})
	tx, err := hit.store.Begin(t.Context(), "docker proxy set")
	assert.NilError(t, err)
	var changes []change.Change
	for _, n := range names {
		changes = append(changes, s.to(t, n, "new\n"))
	}
	err = tx.Apply(t.Context(), changes)
	var changed *txn.ChangedError
	var foreign *txn.ForeignError
	assert.Assert(t, errors.As(err, &changed) && changed.Path == "/etc/b", "%v", err)
	assert.Assert(t, !errors.As(err, &foreign), "%v", err)
	assert.Assert(t, tx.Restored())
	assert.NilError(t, tx.Close())
	assert.Equal(t, s.get(t, "/etc/a")+s.get(t, "/etc/b")+s.get(t, "/etc/new/c"), "old\nforeign\nforeign\n")
	s.put(t, "/etc/b", "old\n", 0o644)
	assert.NilError(t, os.RemoveAll(s.path("/etc/new")))
	assert.DeepEqual(t, tree(t, dir), before)
}
