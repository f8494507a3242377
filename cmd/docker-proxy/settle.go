package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// The files of one change are written one after the other: who reads in between sees a mixture that nobody configured. A look is therefore repeated when files were being
// written during it, for at most settleLimit; after that what was seen is given with a finding.
const (
	settleLimit = 3 * time.Second
	settlePoll  = 10 * time.Millisecond
)

// lockMargin is what a run may need the lock for beside its restarts: looking, validation, and the trial of a proxy that it could not try before.
const lockMargin = 2 * time.Minute

// await returns when no other docker proxy command of this user changes the host. What keeps the journal from being read is not its business: the lock will tell.
func (a *app) await(ctx context.Context) error {
	files, err := host.Open(a.root)
	if err != nil {
		return err
	}
	defer files.Close()
	store, err := a.openStore(files, 0)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	err = store.Await(ctx)
	if errors.Is(err, txn.ErrLocked) || ctx.Err() != nil {
		return err
	}
	return nil
}

// stamp is the state of this user's journal; "" when there is none or it cannot be read.
func (a *app) stamp(files *host.FS) string {
	store, err := a.openStore(files, 0)
	if err != nil {
		return ""
	}
	s, err := store.Stamp()
	if err != nil {
		return ""
	}
	return s
}

// writers are the state directories of the runs that may be changing what this one reads: those of root, and this user's own.
type writers []*txn.Store

func writersOf(files *host.FS) writers {
	dirs := []string{rootStateDir}
	if own := stateDir(files.Live()); own != rootStateDir {
		dirs = append(dirs, own)
	}
	var out writers
	for _, dir := range dirs {
		if store, err := txn.Open(files, dir, txn.Options{}); err == nil {
			out = append(out, store)
		}
	}
	return out
}

// activity says whether one of them is writing, and gives a text that changes when one begins to.
func (w writers) activity() (writing bool, epoch string) {
	for _, store := range w {
		now := store.Activity()
		writing, epoch = writing || now.Writing, epoch+now.Epoch+"\n"
	}
	return writing, epoch
}

// lookSettled is look at a moment at which no docker proxy command is writing, as far as this user can know of it, and the daemon is the same from beginning to end.
func (a *app) lookSettled(ctx context.Context) (*view, error) {
	root, err := host.Open(a.root)
	if err != nil {
		return nil, err
	}
	var v *view
	w := writersOf(root)
	for deadline := time.Now().Add(settleLimit); ; {
		quiet := false
		last := time.Now().After(deadline)
		if v, quiet, err = a.lookOnce(ctx, root, w, v, last); err != nil {
			root.Close()
			return nil, err
		}
		if quiet {
			return v, nil
		}
		if last {
			v.torn = true
			v.extra = append(v.extra, precedence.NewFinding("change-in-progress", nil, "docker proxy show",
				"a docker proxy command is writing its changes right now: what was read may be half old and half new"))
			return v, nil
		}
		select {
		case <-ctx.Done():
			root.Close()
			return nil, context.Cause(ctx)
		case <-time.After(settlePoll):
		}
	}
}

// lookOnce looks, unless files are being written; with last it does in any case. quiet says that nothing was written meanwhile. Where others write all the time that seldom comes
// true for a whole look: with the view before it, everything which that one asked of the files is asked anew in one go, and the look goes on from there.
func (a *app) lookOnce(ctx context.Context, root *host.FS, w writers, before *view, last bool) (v *view, quiet bool, err error) {
	writing, epoch := w.activity()
	if writing && !last {
		return before, false, nil
	}
	files, stamp := root.Steady(), a.stamp(root)
	if before != nil {
		files = before.files.Again()
		if now, after := w.activity(); !last && (now || after != epoch) {
			return before, false, nil
		}
	}
	if v, err = a.lookThrough(ctx, root, files, stamp); err != nil {
		return nil, false, err
	}
	now, after := w.activity()
	quiet = !writing && !now && epoch == after || before != nil && !writing && files.Known()
	return v, quiet && v.sameProcess(), nil
}

// sameProcess reports whether the daemon that was found at the beginning of the look still runs.
func (v *view) sameProcess() bool {
	p := v.site.Process
	if p == nil || !v.site.Live || p.PID == os.Getpid() {
		return true
	}
	now, err := proc.Read(v.files, p.PID)
	return err == nil && now.Start.Sub(p.Start).Abs() < time.Second // it is counted back from now, so that it differs a little
}
