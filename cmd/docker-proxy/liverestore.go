package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// How long dockerd may take to read its configuration file anew, and how often it is asked. It does so within milliseconds.
const (
	reloadLimit = 15 * time.Second
	reloadPoll  = 50 * time.Millisecond
)

// applyLive writes the changes while the running daemon has live-restore: it is turned on first, and dockerd is told. Nothing is committed before endLive, so that a crash leaves the
// state before. After an error nothing is changed, or the transaction says otherwise.
func (j *job) applyLive(ctx context.Context, tx *txn.Tx, todo change.Plan) error {
	var err error
	if j.live, err = daemon.NewLivePlan(j.view.site, j.view.files, todo); err != nil {
		return err
	}
	if err := tx.Apply(ctx, j.live.On); err != nil {
		return err
	}
	if err := tx.Note(noteLiveRestore, "on"); err != nil {
		return errors.Join(err, tx.Undo())
	}
	logs := daemon.MarkLogs(j.view.site)
	if err := j.turnLiveRestore(ctx, j.control, true); err != nil {
		for _, l := range logs.ErrorLines(context.WithoutCancel(ctx)) {
			err = fmt.Errorf("%w\n  %s", err, l)
		}
		// It may have come on after the wait was over.
		endErr := j.endLive(ctx, tx, j.live.BackOff, j.live.BackLast)
		return errors.Join(fmt.Errorf("turning live-restore on: %w", err), endErr)
	}
	if err := tx.Apply(ctx, j.live.During); err != nil {
		// The files are back, but the daemon still has it in memory.
		return errors.Join(err, j.turnLiveRestore(context.WithoutCancel(ctx), j.control, false))
	}
	return nil
}

// takeBack puts the files back after a restart that failed. Under live-restore that key stays until the daemon runs again.
func (j *job) takeBack(ctx context.Context, tx *txn.Tx) error {
	if j.live == nil {
		return tx.Undo()
	}
	return tx.Apply(ctx, j.live.Back)
}

// afterTakeBack turns live-restore off again when the daemon runs with its old files; when it does not, the files are put back without it.
func (j *job) afterTakeBack(ctx context.Context, tx *txn.Tx, runs bool) error {
	switch {
	case j.live == nil:
		return nil
	case !runs:
		return tx.Undo()
	}
	return j.endLive(ctx, tx, j.live.BackOff, j.live.BackLast)
}

// endLive turns live-restore off in the running daemon and commits. It is not interrupted. A daemon that keeps it in memory is a note, no failure: the files are right.
func (j *job) endLive(ctx context.Context, tx *txn.Tx, off, last change.Plan) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*reloadLimit)
	defer cancel()
	if err := tx.Apply(ctx, off); err != nil {
		return err
	}
	if len(off) > 0 {
		site, err := j.relocate(ctx)
		var control daemon.Control
		if err == nil {
			control, err = daemon.ControlOf(site, nil)
		}
		if err == nil {
			err = j.turnLiveRestore(ctx, control, false)
		}
		if err != nil {
			j.notes = append(j.notes, liveRestoreStays(err))
		}
	}
	if err := tx.Apply(ctx, last); err != nil {
		return err
	}
	return tx.Commit()
}

// turnLiveRestore makes dockerd read its file and waits until /info says that it did.
func (j *job) turnLiveRestore(ctx context.Context, control daemon.Control, on bool) error {
	ctx, cancel := context.WithTimeout(ctx, reloadLimit)
	defer cancel()
	if err := control.ReloadConfig(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(reloadPoll)
	defer tick.Stop()
	for {
		info, err := j.view.engine.Info(ctx)
		switch {
		case err == nil && info.LiveRestore == on:
			return nil
		case err == nil:
			err = fmt.Errorf("dockerd was told to read %s anew and did not take it over", j.view.site.ConfigFile)
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// write makes the changes, and commits unless live-restore has to be turned off first.
func (j *job) write(ctx context.Context, tx *txn.Tx, todo change.Plan) error {
	if j.restart && j.useLive {
		return j.applyLive(ctx, tx, todo)
	}
	if err := tx.Apply(ctx, todo); err != nil {
		return err
	}
	return tx.Commit()
}

// finishLive ends a run under live-restore after a restart that went well.
func (j *job) finishLive(ctx context.Context, tx *txn.Tx) error {
	if j.live == nil {
		return nil
	}
	if err := j.endLive(ctx, tx, j.live.Off, j.live.Last); err != nil {
		return withStatus(exitUnrestored, fmt.Errorf("the daemon runs with the new settings, but turning live-restore off again failed, and its files are as before: %w\ntype: docker proxy show --effective; %s", err, j.control.Command()))
	}
	return nil
}

// recoverLive turns live-restore off in a daemon in which an interrupted run left it: the files are as they were already.
func (j *job) recoverLive(ctx context.Context, tx *txn.Tx) error {
	r := tx.Recovered()
	if r == nil || !slices.ContainsFunc(r.Entry.Notes, func(n txn.Note) bool { return n.Key == noteLiveRestore }) || !j.view.site.Active {
		return nil
	}
	if l := daemon.LiveRestoreOf(j.view.site, j.view.files); !l.Running || l.Configured {
		return nil
	}
	control, err := daemon.ControlOf(j.view.site, nil)
	if err != nil {
		return err
	}
	off, last, err := daemon.OffForOnce(j.view.site, j.view.files)
	if err != nil {
		return err
	}
	if err := tx.Apply(ctx, off); err != nil {
		return err
	}
	if err := j.turnLiveRestore(ctx, control, false); err != nil {
		j.notes = append(j.notes, liveRestoreStays(err))
	}
	return tx.Apply(ctx, last)
}

// liveRestoreStays says that the running daemon keeps what its files do not say any more.
func liveRestoreStays(err error) string {
	return fmt.Sprintf("the running daemon could not be told to turn live-restore off (%v); it has it until it is started the next time", err)
}

// noteLiveRestore marks the journal's entry of a run under live-restore.
const noteLiveRestore = "live-restore"

// liveText says what live-restore does in this run, for the plan and the question.
func (j *job) liveText(running int) string {
	subject := "Running containers keep"
	if running > 0 {
		subject = plural(running, "The running container keeps", "The %d running containers keep")
	}
	file := j.view.site.ConfigFile
	if j.opts.keepLiveRestore {
		return subject + " running: live-restore is turned on in " + file + " and stays on."
	}
	return subject + " running: live-restore is turned on in " + file + " for the restart, and off again afterwards."
}

// plural chooses the form for a number; many may have one %d.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	if strings.Contains(many, "%d") {
		return fmt.Sprintf(many, n)
	}
	return many
}
