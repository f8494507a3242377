package txn_test

import (
	"errors"
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
