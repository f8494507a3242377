package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// notRestored is transactionError for a transaction whose own undo may have failed.
func (j *job) notRestored(tx *txn.Tx, err error) error {
	if tx.Restored() {
		return j.transactionError(err)
	}
	return withStatus(exitUnrestored, fmt.Errorf("%w; the state before is not fully back: type docker proxy rollback --list", err))
}

// transactionError gives an error of the transaction its exit status: 6 when files were left that are neither old nor new, 130 when a signal ended it, else 1.
func (j *job) transactionError(err error) error {
	var foreign *txn.ForeignError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &foreign):
		return withStatus(exitUnrestored, fmt.Errorf("%w; compare %s with what you want, then run docker proxy show --effective", err, strings.Join(foreign.Paths, " and ")))
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return withStatus(exitInterrupted, fmt.Errorf("interrupted; nothing was changed"))
	}
	return withStatus(exitFailed, err)
}

// activate makes the written files effective, and puts them back when the daemon does not come up with them.
func (j *job) activate(ctx context.Context, tx *txn.Tx, todo change.Plan, control daemon.Control, restart bool) error {
	site := j.view.site
	if control == nil {
		return nil
	}
	since := time.Now()
	var err error
	if todo.Needs().DaemonReload || site.Loaded != nil && site.Loaded.NeedDaemonReload {
		err = control.Reload(ctx)
	}
	if err != nil || !restart {
		return j.orBack(ctx, tx, control, err, since, false)
	}
	if err := tx.Note("restart", "begun"); err != nil {
		return j.orBack(ctx, tx, control, err, since, false)
	}
	j.say("Restarting %s…", unitName(site))
	bounded, cancel := context.WithTimeout(ctx, j.opts.timeout)
	defer cancel()
	h := daemon.Health{Locate: j.relocate, OldPID: site.PID, Since: since, Engine: j.view.engine, Probe: j.opts.probe}
	switch err = control.Restart(bounded); {
	case err == nil:
		_, err = h.Wait(bounded)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = fmt.Errorf("%s was not ready within %s", unitName(site), j.opts.timeout)
	}
	if err == nil {
		j.restarted = true
		err = tx.Note("restart", "healthy")
	}
	return j.orBack(ctx, tx, control, err, since, true)
}

// relocate looks at the daemon anew, through the same client.
func (j *job) relocate(ctx context.Context) (*daemon.Site, error) {
	env := j.view.env
	return daemon.Locate(ctx, env)
}

// orBack returns nil when err is nil; otherwise it puts the old state back and says how that went.
func (j *job) orBack(ctx context.Context, tx *txn.Tx, control daemon.Control, err error, since time.Time, restarted bool) error {
	if err == nil {
		return nil
	}
	site := j.view.site
	interrupted := ctx.Err() != nil
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.opts.timeout)
	defer cancel()
	lines := daemon.ErrorLines(back, site, since)
	j.restarted = false
	undoErr := tx.Undo()
	if undoErr == nil {
		undoErr = control.Reload(back)
	}
	if undoErr == nil && restarted {
		undoErr = control.Restart(back)
		if undoErr == nil {
			_, undoErr = daemon.Health{Locate: j.relocate, OldPID: -1, Since: since}.Alive(back)
		}
	}
	text := "the daemon is not healthy with the new settings: " + err.Error()
	for _, l := range lines {
		text += "\n  " + l
	}
	switch {
	case undoErr != nil:
		return withStatus(exitUnrestored, fmt.Errorf("%s\nputting the old state back failed: %w\ntype: docker proxy rollback; %s", text, undoErr, control.Command()))
	case interrupted:
		return withStatus(exitInterrupted, errors.New("interrupted; the state before is back"))
	}
	return withStatus(exitRestored, errors.New(text+"\nthe state before is back"))
}

func unitName(s *daemon.Site) string {
	if s.Unit != "" {
		return s.Unit
	}
	return "dockerd"
}
