package txn_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

const whileFile = "/etc/docker/daemon.json"

// forAWhile writes a file three times before the commit, with another new file beside it, and leaves last in it; "" removes it.
func forAWhile(ctx context.Context, s site, last string) error {
	tx, err := s.store.Begin(ctx, "docker proxy set --live-restore")
	if err != nil {
		return err
	}
	for _, text := range []string{"{\"live\": true}\n", "{\"new\": 1, \"live\": true}\n", last} {
		from, e := change.Observe(s.fs, whileFile)
		if err = e; err != nil {
			break
		}
		c := change.Change{Path: whileFile, From: from, To: from.WithData([]byte(text)), Secret: true}
		if text == "" {
			c.To = change.State{}
		}
		changes := change.Plan{c}
		if beside, e := change.Observe(s.fs, "/etc/beside/file"); e == nil && beside.Kind == change.Absent && last != "" {
			changes = append(changes, change.Change{Path: "/etc/beside/file", To: change.NewFile([]byte("x"), 0o644)})
		}
		if err = tx.Apply(ctx, changes); err != nil {
			break
		}
	}
	if err == nil {
		err = tx.Note("restart", "healthy")
	}
	if err == nil {
		err = tx.Commit()
	}
	return errors.Join(err, tx.Close())
}

// TestSquash: what stood in a file for a while leaves no trace in the record: rollback and history know the states before and after.
func TestSquash(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, whileFile, "{}\n", 0o640)
	assert.NilError(t, forAWhile(t.Context(), s, "{\"new\": 1}\n"))
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, len(list), 1)
	assert.Equal(t, list[0].State, txn.Done)
	assert.DeepEqual(t, list[0].Files, []string{whileFile, "/etc/beside/file"})
	assert.DeepEqual(t, list[0].Notes, []txn.Note{{Key: "restart", Value: "healthy"}})
	present, err := change.Observe(s.fs, whileFile)
	assert.NilError(t, err)
	past, err := s.store.History(whileFile, present)
	assert.NilError(t, err)
	assert.Equal(t, len(past), 1)
	assert.Equal(t, string(past[0].State.Data), "{}\n")
	assert.NilError(t, rollback(t.Context(), s))
	assert.Equal(t, s.get(t, whileFile), "{}\n")
	_, err = os.Stat(s.path("/etc/beside"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestSquashToNothing: when everything is as before, nothing is there to be rolled back, and directories made on the way are gone.
func TestSquashToNothing(t *testing.T) {
	s := newSite(t, txn.Options{})
	s.put(t, "/etc/hostname", "h", 0o644)
	before := tree(t, s.dir)
	assert.NilError(t, forAWhile(t.Context(), s, ""))
	assert.DeepEqual(t, tree(t, s.dir), before)
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, list[0].State, txn.Undone)
	_, _, err = s.store.Rollback("")
	assert.ErrorContains(t, err, "no recorded change")
}
