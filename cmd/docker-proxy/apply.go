package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// job is one changing command: what it would do, and how far it has come.
type job struct {
	app     *app
	view    *view
	opts    applyOptions
	command string       // for the journal, masked
	plan    *daemon.Plan // of the daemon; nil with --only client
	client  change.Plan  // of config.json
	ca      caJob        // of what this machine trusts
	// clientSecret tells which of these files receive credentials.
	clientSecret map[string]bool
	notes        []string
	autos        map[autoSide]precedence.AutoList // the NO_PROXY lists that were computed for this plan
	// force restarts the daemon although no file changes: `restart`, or a value that is configured and does not run.
	force bool
	// reload lets systemd read its unit files again when they are newer than what it has in memory, although no file changes.
	reload  bool
	reverts string // the journal entry this takes back
	// cutShort says that an earlier run was killed in the middle of its restart.
	cutShort bool
	nothing  string // what to say when there is nothing to do; "" for the usual sentence
	// recovered is what was done, before this job was planned, about a change that an earlier run did not end; nil for nothing.
	recovered *txn.Recovery

	approved  bool             // a person has seen the plan and wants it
	planned   bool             // the plan is made: the fields above hold it
	ready     bool             // it has been through prepare
	restart   bool             // with ready: the daemon is restarted
	asked     bool             // consent was given or denied, after told was said
	told      []string         // see costLines
	cost      *daemon.Cost     // of the restart; nil before it was weighed
	useLive   bool             // live-restore is turned on for the restart
	live      *daemon.LivePlan // the way there and back, once begun
	control   daemon.Control   // with ready: what reloads and restarts; nil when neither is to be done
	accepted  bool             // the readers have accepted these very files before
	memo      *memo
	restarted bool
}

// memo is what all plans of one request share: the proxies that were tried are not tried again.
type memo struct {
	tried map[trial]bool
	notes []string // what the trials and the readers found
}

func (m *memo) remember(t trial) {
	if m.tried == nil {
		m.tried = map[trial]bool{}
	}
	m.tried[t] = true
}

// changes returns all effective changes of the job, in the order in which they are made.
func (j *job) changes() change.Plan {
	var all change.Plan
	if j.plan != nil {
		all = append(all, j.plan.Changes...)
	}
	all = append(all, j.ca.plan...)
	return append(all, j.client...).Effective()
}

// wantsRestart reports whether the daemon has to be restarted to have what will be configured. A stopped daemon stays stopped.
func (j *job) wantsRestart() bool {
	switch {
	case j.plan == nil, !j.view.site.Live, !j.view.site.Active && !j.mayStart():
		return false
	case j.cutShort && !j.view.site.Active:
		return true
	}
	return j.force || j.caRestarts(j.changes()) || j.plan.Changes.Needs().Restart && j.effectChanges() && !j.plan.After.Runs() || j.plan.After.AnyPending()
}

// effectChanges reports whether the plan changes what dockerd uses, and not only what it does not look at.
func (j *job) effectChanges() bool {
	before, after := j.view.obs.Verdicts, j.plan.After.Verdicts
	for i := range after {
		if !sameVerdict(before[i], after[i]) {
			return true
		}
	}
	return false
}

func sameVerdict(a, b precedence.Verdict) bool {
	if a.Winner == nil || b.Winner == nil {
		return a.Winner == nil && b.Winner == nil && a.Lower == nil && b.Lower == nil
	}
	sameLower := a.Lower == nil && b.Lower == nil || a.Lower != nil && b.Lower != nil && a.Lower.Value == b.Lower.Value
	return a.Winner.Value == b.Winner.Value && a.Winner.Unknown == b.Winner.Unknown && sameLower
}

// idle reports whether the plan is to do nothing.
func (j *job) idle() bool {
	return j.planned && len(j.changes()) == 0 && !j.wantsRestart() && !j.wantsReload(nil)
}

// wantsReload reports whether systemd has to read its unit files again: because of what is written, or because that is what was asked for.
func (j *job) wantsReload(todo change.Plan) bool {
	loaded := j.view.site.Loaded
	return j.view.site.Live && (todo.Needs().DaemonReload || j.reload && loaded != nil && loaded.NeedDaemonReload)
}

// noteNothing gives a job that has no words of its own for it the usual sentence.
func (j *job) noteNothing() {
	if j.nothing == "" {
		j.nothing = "Nothing to do: everything is as wanted" + j.runningToo() + "."
	}
}

// nothingToDo says so.
func (j *job) nothingToDo() error {
	j.noteNothing()
	j.say("%s", j.nothing)
	return j.report(nil)
}

// prepare does everything before the first write that takes time: it asks for consent to the restart, finds out who restarts, tries the proxy, and shows the candidates to their
// readers. What prev, the job as it was planned before, has been through and is still the same is not done again; prev is nil the first time. A job without a plan
// has nothing to prepare.
func (j *job) prepare(ctx context.Context, prev *job) error {
	if !j.planned {
		return nil
	}
	todo := j.changes()
	if err := j.checkPrivileges(todo, j.wantsRestart()); err != nil {
		return err
	}
	if err := j.consent(ctx, prev); err != nil {
		return err
	}
	if err := j.chooseControl(ctx, todo); err != nil {
		return err
	}
	j.accepted = prev != nil && prev.ready && prev.sameDaemonFiles(j)
	if err := j.before(ctx, todo); err != nil {
		return err
	}
	j.ready = true
	return nil
}

// runningToo is what "nothing to do" says about the running daemon; a daemon that does not answer is not claimed to have anything.
func (j *job) runningToo() string {
	switch {
	case j.plan == nil || !j.view.site.Live || !j.view.site.Active:
		return ""
	case j.plan.After.AnyUnknown():
		return "; what the running daemon has is not known"
	}
	return ", and the running daemon has it"
}

// before is what happens before the first write: the proxy is tried and the candidates are shown to their readers.
func (j *job) before(ctx context.Context, todo change.Plan) error {
	known := len(j.notes)
	err := j.tryAndAsk(ctx, todo)
	found := slices.DeleteFunc(slices.Clone(j.notes[known:]), func(n string) bool { return slices.Contains(j.memo.notes, n) })
	j.notes = append(j.notes[:known:known], append(j.memo.notes, found...)...)
	j.memo.notes = append(j.memo.notes, found...)
	return err
}

func (j *job) tryAndAsk(ctx context.Context, todo change.Plan) error {
	if !j.opts.noCheck && j.view.site.Live && (len(todo) > 0 || j.restart) {
		if err := j.preflight(ctx); err != nil {
			return err
		}
	}
	if j.accepted {
		return nil
	}
	notes, err := daemon.Validate(ctx, j.view.site, todo, j.restart, j.reverts != "")
	j.notes = append(j.notes, notes...)
	return err
}

// rootStateDir is where root's journal stands, and that of a directory.
const rootStateDir = "/var/lib/docker-proxy"

// stateDir is where the journal of this user stands.
func stateDir(live bool) string {
	if os.Geteuid() == 0 || !live {
		return rootStateDir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); strings.HasPrefix(dir, "/") {
		return dir + "/docker-proxy"
	}
	return homeDir() + "/.local/state/docker-proxy"
}

// openStore opens this user's journal below a root; need is how long this run may have to hold the lock.
func (a *app) openStore(files *host.FS, need time.Duration) (*txn.Store, error) {
	waiting := func(h txn.Holder) {
		fmt.Fprintln(a.cli.Err(), a.redactor.Text(fmt.Sprintf("Waiting for %s to end…", h)))
	}
	return txn.Open(files, stateDir(files.Live()), txn.Options{Need: need, Waiting: waiting, Fault: a.fault})
}

// history adapts the journal to the planner. A journal that cannot be read means no history: bytes are then edited instead of restored.
func (a *app) history(v *view) daemon.History {
	store, err := a.openStore(v.files, 0)
	if err != nil {
		return nil
	}
	return func(path string, present change.State) []daemon.Past {
		past, err := store.History(path, present)
		if err != nil {
			return nil
		}
		var out []daemon.Past
		for _, p := range past {
			if !p.Known {
				continue // old credentials are not kept; what was there before them may be
			}
			out = append(out, daemon.Past{State: p.State, Dirs: p.Dirs})
		}
		return out
	}
}

// inPlaceReason says for people why a file was not replaced.
func inPlaceReason(why txn.InPlace) string {
	switch why {
	case txn.MountPoint:
		return "it is a mount point"
	case txn.HardLinks:
		return "other names lead to the same file"
	}
	return string(why)
}

// carryOut writes, reloads and restarts in one transaction, and reports. Whatever fails is put back.
func (j *job) carryOut(ctx context.Context, tx *txn.Tx) error {
	todo := j.changes()
	if j.reverts != "" {
		tx.Reverts(j.reverts)
	}
	if err := j.write(ctx, tx, todo); err != nil {
		return j.notRestored(tx, err)
	}
	if err := j.readBackCA(); err != nil {
		return j.notRestored(tx, errors.Join(err, tx.Undo()))
	}
	for _, o := range tx.Outcomes() {
		if note := fmt.Sprintf("%s was rewritten in place (%s), which a crash can interrupt", o.Path, inPlaceReason(o.InPlace)); o.InPlace != "" && !slices.Contains(j.notes, note) {
			j.notes = append(j.notes, note)
		}
	}
	if err := j.activate(ctx, tx, todo, j.control, j.restart); err != nil {
		return err
	}
	if err := j.finishLive(ctx, tx); err != nil {
		return err
	}
	closed := tx.Close()
	j.summary(todo)
	if err := j.report(todo); err != nil || closed == nil {
		return err
	}
	return withStatus(exitPartly, fmt.Errorf("the change is made, but its record could not be ended: %w; the next docker proxy command that changes something does that", closed))
}
