package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/client"
)

// request is one changing command as it was asked for. It is planned at least twice: first without the lock, so that mistakes, questions, the trial of the proxy and
// the validation keep nobody waiting, and then once more under the lock, on a new look at the host, since another docker proxy command may have changed it in between.
// What is written is always the plan that was made under the lock. Start at run.
type request struct {
	app  *app
	opts applyOptions
	// early runs once, on the first view: it refuses what cannot work, and reads what has to be asked for, such as a password. nil when there is nothing of this kind.
	early func(*job) error
	// plan fills in what the job does on its view. It runs several times, so it asks nothing, reads no stdin, and what it found in one run it does not use in the next.
	plan func(context.Context, *job) error
	// approve shows a plan and asks whether it is wanted; nil for a command whose line already says what it does.
	approve func(context.Context, *job) error

	views []*view
	memo  memo
	// cutShort: this command has recovered from a run that was killed in its restart.
	cutShort bool
}

// maxAttempts is how often a command is planned anew because somebody else keeps changing what it is about to change.
const maxAttempts = 25

// run carries the request out, or shows the plan.
func (r *request) run(ctx context.Context) error {
	err := r.runOnce(ctx)
	var told *exitError // what has changed something says how it was undone
	if err != nil && ctx.Err() != nil && !errors.As(err, &told) {
		return (&job{app: r.app}).transactionError(context.Canceled)
	}
	return err
}

// runOnce is run without a word about a signal.
func (r *request) runOnce(ctx context.Context) error {
	defer func() {
		for _, v := range r.views {
			v.Close()
		}
	}()
	j, err := r.first(ctx)
	if err != nil {
		return err
	}
	if r.opts.readOnly() {
		if j.wantsRestart() {
			j.weigh(ctx)
		}
		return j.show(j.changes(), j.wantsRestart())
	}
	if err := j.tryFormat(); err != nil {
		return err
	}
	for range maxAttempts {
		if j.idle() && r.still(ctx, j) {
			return j.nothingToDo()
		}
		if r.approve != nil && j.planned && !j.idle() && !j.approved {
			if err := r.approve(ctx, j); err != nil {
				return err
			}
			j.approved = true
		}
		if !j.idle() && !j.ready {
			if err := j.prepare(ctx, nil); err != nil {
				return err
			}
		}
		next, again, err := r.locked(ctx, j)
		if !again || err != nil {
			return err
		}
		j = next
	}
	return fmt.Errorf("somebody else changed the files of this plan %d times while it was carried out; nothing was changed", maxAttempts)
}

// first is the opening of every changing command: a run in progress is waited for, the host is looked at, what cannot work is refused, and the plan is made. After an interrupted
// change the files tell nothing that lasts: then the job has no plan yet, and gets one under the lock, which recovers first.
func (r *request) first(ctx context.Context) (*job, error) {
	if !r.opts.readOnly() {
		if err := r.app.await(ctx); err != nil {
			return nil, (&job{app: r.app}).transactionError(err)
		}
	}
	j, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	if r.early != nil {
		if err := r.early(j); err != nil {
			return nil, err
		}
	}
	if j.view.unfinished && !r.opts.readOnly() {
		return j, nil
	}
	j.planned = true
	err = r.planAll(ctx, j)
	if j.view.torn && r.opts.readOnly() {
		j.notes = append(j.notes, "a docker proxy command was writing its changes while this was planned: the plan may look different in a moment")
	}
	return j, err
}

// planAll is plan with what the apply options add to it.
func (r *request) planAll(ctx context.Context, j *job) error {
	if err := r.plan(ctx, j); err != nil {
		return err
	}
	return j.planLiveRestore()
}

// look gives a job on a new view, without a plan.
func (r *request) look(ctx context.Context) (*job, error) {
	v, err := r.app.lookSettled(ctx)
	if err != nil {
		return nil, err
	}
	r.views = append(r.views, v)
	return &job{app: r.app, view: v, opts: r.opts, command: r.app.commandLine(), memo: &r.memo, cutShort: r.cutShort}, nil
}

// still reports whether what the job saw is what stays: no run was in progress then, and none has begun since. Otherwise that there is nothing to do has to be found out again,
// under the lock: what another run wrote it may just be putting back.
func (r *request) still(ctx context.Context, j *job) bool {
	if !j.planned || j.view.torn || r.app.await(ctx) != nil {
		return false
	}
	return r.app.stamp(j.view.files) == j.view.stamp
}

// locked carries the job out under the lock, by a plan made there. again says that it has to be tried once more, with next as the job to go on from: because a question has to be
// asked, during which nobody is kept waiting, or because somebody who does not take this lock wrote the same config.json.
func (r *request) locked(ctx context.Context, j *job) (next *job, again bool, err error) {
	store, err := r.app.openStore(j.view.files, 3*r.opts.timeout+lockMargin)
	if err != nil {
		return nil, false, err
	}
	tx, err := store.Begin(ctx, j.command)
	if err != nil {
		return nil, false, j.transactionError(err)
	}
	defer tx.Close()
	if rec := tx.Recovered(); rec != nil {
		r.cutShort = r.cutShort || restartCutShort(rec.Entry)
		j.tellRecovery(rec)
	}
	if next, err = r.look(ctx); err == nil {
		next.recovered = tx.Recovered()
		err = r.planAll(ctx, next)
	}
	if err == nil {
		err = next.recoverLive(ctx, tx)
	}
	if err != nil {
		return nil, false, err
	}
	next.planned = true
	if path := j.overtaken(next); path != "" && tx.Stamp() == j.view.stamp {
		return nil, false, j.transactionError(fmt.Errorf("%w while this was being prepared; nothing was changed", &txn.ChangedError{Path: path}))
	}
	if next.idle() {
		return nil, false, errors.Join(tx.Commit(), tx.Close(), next.nothingToDo())
	}
	same := j.sameWork(next)
	next.approved = j.approved && same
	if !same && (r.approve != nil || next.mustAsk(ctx, j)) {
		return next, true, nil
	}
	if err := next.prepare(ctx, j); err != nil {
		return nil, false, err
	}
	err = next.carryOut(ctx, tx)
	var changed *txn.ChangedError
	if errors.As(err, &changed) && tx.Restored() && next.isClient(changed.Path) {
		return next, true, nil
	}
	return nil, false, err
}

// tellRecovery says what was done about an interrupted change.
func (j *job) tellRecovery(r *txn.Recovery) {
	j.say("The interrupted change %s (%s) was %s first.", r.Entry.ID, r.Entry.Command, recoveredHow(r))
}

func recoveredHow(r *txn.Recovery) string {
	if r.Finished {
		return "finished"
	}
	return "undone"
}

// isClient reports whether a path is a config.json of the plan. People's own tools write those without our lock (docker login, their own docker proxy), all of them by key: the plan
// is then made anew, on what they wrote.
func (j *job) isClient(path string) bool {
	return slices.ContainsFunc(j.changes(), func(c change.Change) bool { return c.Layer == client.Layer && c.Path == path })
}

// overtaken returns the first of the daemon's files that is not as it was when j was planned, or "".
func (j *job) overtaken(next *job) string {
	if !j.planned {
		return ""
	}
	before, now := j.changes(), next.changes()
	for _, c := range slices.Concat(before, now) {
		if c.Layer == client.Layer {
			continue
		}
		a, inBefore := find(before, c.Path)
		b, inNow := find(now, c.Path)
		if inBefore != inNow || !a.From.Equal(b.From) {
			return c.Path
		}
	}
	return ""
}

func find(p change.Plan, path string) (change.Change, bool) {
	i := slices.IndexFunc(p, func(c change.Change) bool { return c.Path == path })
	if i < 0 {
		return change.Change{}, false
	}
	return p[i], true
}

// sameWork reports whether both jobs make the same changes and ask for the same restart.
func (j *job) sameWork(next *job) bool {
	return j.planned && j.wantsRestart() == next.wantsRestart() && slices.EqualFunc(j.changes(), next.changes(), sameChange)
}

// sameDaemonFiles reports whether both jobs leave the same files for the daemon: what accepted the one accepts the other.
func (j *job) sameDaemonFiles(next *job) bool {
	return slices.EqualFunc(j.changes(), next.changes(), func(a, b change.Change) bool {
		return a.Layer == client.Layer && b.Layer == client.Layer || sameChange(a, b)
	})
}

func sameChange(a, b change.Change) bool {
	return a.Path == b.Path && a.From.Equal(b.From) && a.To.Equal(b.To)
}
