package txn_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

var errStop = errors.New("stop")

// hold begins a transaction in a store of its own.
func hold(t *testing.T, dir, command string, need time.Duration) *txn.Tx {
	t.Helper()
	tx, err := siteAt(t, dir, txn.Options{Need: need}).store.Begin(t.Context(), command)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, tx.Close()) })
	return tx
}

func TestWhoIsWaitedForIsNamed(t *testing.T) {
	dir := t.TempDir()
	hold(t, dir, "docker proxy set --a-long-command-that-leaves-bytes-behind", 0)
	assert.NilError(t, siteAt(t, t.TempDir(), txn.Options{}).store.Await(t.Context()), "nobody holds a lock that does not exist")
	var told []txn.Holder
	s := siteAt(t, dir, txn.Options{Wait: 600 * time.Millisecond, Waiting: func(h txn.Holder) { told = append(told, h) }})
	for _, wait := range []func() error{
		func() error { _, err := s.store.Begin(t.Context(), "second"); return err },
		func() error { return s.store.Await(t.Context()) },
	} {
		told = nil
		err := wait()
		var locked *txn.LockedError
		assert.Assert(t, errors.As(err, &locked), "%v", err)
		assert.ErrorIs(t, err, txn.ErrLocked)
		assert.Equal(t, locked.Holder.PID, os.Getpid())
		assert.Equal(t, len(told), 1)
		assert.Equal(t, told[0], locked.Holder)
		assert.Assert(t, strings.Contains(err.Error(), ": docker proxy set --a-long-command-that-leaves-bytes-behind (pid "), "%v", err)
	}
}

// The second holder's name is shorter than the first one's, whose bytes are still in the file; a holder that died is not named.
func TestTheLockNamesThePresentHolder(t *testing.T) {
	dir := t.TempDir()
	s := siteAt(t, dir, txn.Options{Wait: time.Millisecond})
	first, err := s.store.Begin(t.Context(), "docker proxy set --much-longer")
	assert.NilError(t, err)
	assert.NilError(t, first.Close())
	hold(t, dir, "short", 0)
	_, err = s.store.Begin(t.Context(), "x")
	assert.ErrorContains(t, err, ": short (pid ")
	for _, text := range []string{"", "{", `{"pid":1}`, "{\"pid\":-1,\"command\":\"x\"}\n", "{\"pid\":4194999,\"command\":\"x\"}\n", "[]\n"} {
		assert.NilError(t, os.WriteFile(s.path(stateDir)+"/lock", []byte(text), 0o600))
		_, err = s.store.Begin(t.Context(), "x")
		assert.ErrorContains(t, err, "another docker proxy command is changing this host, and did not end", text)
	}
}

// A run that restarts a daemon says how long that may take; the second one waits for that and not only as long as it would for any run.
func TestAHolderGetsTheTimeItNeeds(t *testing.T) {
	dir := t.TempDir()
	tx := hold(t, dir, "slow", time.Hour)
	waiting := make(chan struct{})
	s := siteAt(t, dir, txn.Options{Wait: time.Millisecond, Waiting: func(txn.Holder) { close(waiting) }})
	result := make(chan error, 1)
	go func() {
		second, err := s.store.Begin(context.WithoutCancel(t.Context()), "second")
		if err == nil {
			err = second.Close()
		}
		result <- err
	}()
	select {
	case <-waiting: // which is long after Wait
	case err := <-result:
		t.Fatalf("it did not wait: %v", err)
	}
	assert.NilError(t, tx.Close())
	assert.NilError(t, <-result)
}

// Each holder's time is its own: a queue that moves is no reason to give up.
func TestAMovingQueueIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	errs := make(chan error, 12)
	for range cap(errs) {
		s := siteAt(t, dir, txn.Options{Wait: 2 * time.Second})
		wg.Go(func() {
			tx, err := s.store.Begin(t.Context(), "one of many")
			if err == nil {
				time.Sleep(300 * time.Millisecond) // all together longer than Wait
				err = tx.Close()
			}
			errs <- err
		})
	}
	wg.Wait()
	for range cap(errs) {
		assert.NilError(t, <-errs)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	tx := hold(t, dir, "first", time.Hour)
	ctx, cancel := context.WithCancelCause(t.Context())
	s := siteAt(t, dir, txn.Options{Waiting: func(txn.Holder) { cancel(errStop) }})
	_, err := s.store.Begin(ctx, "second")
	assert.ErrorIs(t, err, errStop)
	// The request that was given up still stands in the kernel's queue; it must not keep the lock when its turn comes.
	assert.NilError(t, tx.Close())
	hold(t, dir, "third", 0)
}

func TestStamp(t *testing.T) {
	s := newSite(t, txn.Options{})
	stamp := func() string {
		t.Helper()
		got, err := s.store.Stamp()
		assert.NilError(t, err)
		return got
	}
	assert.Equal(t, stamp(), "")
	tx, err := s.store.Begin(t.Context(), "first")
	assert.NilError(t, err)
	assert.Equal(t, tx.Stamp()+stamp(), "")
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a", To: file("1", 0o644)}}))
	assert.Equal(t, stamp(), "1 unfinished")
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
	assert.Equal(t, stamp(), "1 done")
	next, err := s.store.Begin(t.Context(), "second")
	assert.NilError(t, err)
	assert.Equal(t, next.Stamp(), "1 done")
	assert.NilError(t, next.Close())
}

// TestActivityFromOutside looks from the middle of every phase of a transaction.
func TestActivityFromOutside(t *testing.T) {
	dir := t.TempDir()
	outside := siteAt(t, dir, txn.Options{}).store
	assert.Equal(t, outside.Activity(), txn.Activity{})
	var during []txn.Activity
	s := siteAt(t, dir, txn.Options{Fault: func(op, name string) error {
		if op == "rename" || op == "unlink" && name == "/etc/a" {
			during = append(during, outside.Activity())
		}
		return nil
	}})
	tx, err := s.store.Begin(t.Context(), "first")
	assert.NilError(t, err)
	quiet := outside.Activity()
	assert.Assert(t, !quiet.Writing && quiet.Epoch != "", "holding the lock is not writing")
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/a", To: file("1", 0o644)}}))
	assert.NilError(t, tx.Commit())
	committed := outside.Activity()
	assert.NilError(t, tx.Undo())
	undone := outside.Activity()
	assert.NilError(t, tx.Close())
	assert.Equal(t, len(during), 2)
	for _, a := range during {
		assert.Assert(t, a.Writing)
	}
	assert.Assert(t, !committed.Writing && !undone.Writing)
	assert.Assert(t, quiet.Epoch != committed.Epoch && committed.Epoch != undone.Epoch)
}
