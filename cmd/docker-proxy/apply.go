package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
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
	notes   []string
	autos   map[autoSide]precedence.AutoList // the NO_PROXY lists that were computed for this plan
	// force restarts the daemon although no file changes: `restart`, or a value that is configured and does not run.
	force   bool
	reverts string // the journal entry this takes back

	restarted bool
}

// changes returns all effective changes of the job, in the order in which they are made.
func (j *job) changes() change.Plan {
	var all change.Plan
	if j.plan != nil {
		all = append(all, j.plan.Changes...)
	}
	return append(all, j.client...).Effective()
}

// wantsRestart reports whether the running daemon has to be restarted to have what will be configured. A stopped daemon stays stopped.
func (j *job) wantsRestart() bool {
	if j.plan == nil || !j.view.site.Live || !j.view.site.Active {
		return false
	}
	return j.force || j.plan.Changes.Needs().Restart && j.effectChanges() || j.plan.After.AnyPending()
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

// run carries the job out, or shows it, and reports.
func (j *job) run(ctx context.Context) error {
	todo, restart := j.changes(), j.wantsRestart()
	if j.opts.readOnly() {
		return j.show(todo, restart)
	}
	if len(todo) == 0 && !restart {
		j.say("Nothing to do: everything is as wanted%s.", j.runningToo())
		return j.report(todo)
	}
	if err := j.checkPrivileges(todo, restart); err != nil {
		return err
	}
	if restart && !j.opts.restart && !j.opts.noRestart {
		var err error
		if restart, err = j.askRestart(ctx); err != nil {
			return err
		}
	} else if j.opts.noRestart {
		restart = false
	}
	var control daemon.Control
	if restart || todo.Needs().DaemonReload && j.view.site.Live {
		var err error
		control, err = daemon.ControlOf(j.view.site)
		var manual *daemon.ManualError
		switch {
		case errors.As(err, &manual) && len(todo) > 0:
			restart, control = false, nil
			j.notes = append(j.notes, manual.Error())
		case err != nil && restart:
			return err
		}
	}
	if err := j.before(ctx, todo); err != nil {
		return err
	}
	if err := j.carryOut(ctx, todo, control, restart); err != nil {
		return err
	}
	j.summary(todo)
	return j.report(todo)
}

func (j *job) runningToo() string {
	if j.plan != nil && j.view.site.Live && j.view.site.Active {
		return ", and the running daemon has it"
	}
	return ""
}

// before is what happens before the first write: the proxy is tried and the candidates are shown to their readers.
func (j *job) before(ctx context.Context, todo change.Plan) error {
	if !j.opts.noCheck && j.plan != nil && j.plan.Wanted.HasValue() && j.view.site.Live && len(todo) > 0 {
		if err := j.preflight(j.plan.Wanted)(ctx); err != nil {
			return err
		}
	}
	return daemon.Validate(ctx, j.view.site, todo)
}

// stateDir is where the journal of this user stands.
func stateDir(live bool) string {
	if os.Geteuid() == 0 || !live {
		return "/var/lib/docker-proxy"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); strings.HasPrefix(dir, "/") {
		return dir + "/docker-proxy"
	}
	return homeDir() + "/.local/state/docker-proxy"
}

// openStore opens the journal of this run's root.
func (j *job) openStore() (*txn.Store, error) { return j.app.openStore(j.view) }

func (a *app) openStore(v *view) (*txn.Store, error) {
	waiting := func(h txn.Holder) { fmt.Fprintln(a.cli.Err(), a.redactor.Text(fmt.Sprintf("Waiting for %s to end…", h))) }
	return txn.Open(v.files, stateDir(v.files.Live()), txn.Options{Waiting: waiting})
}

// history adapts the journal to the planner. A journal that cannot be read means no history: bytes are then edited instead of restored.
func (a *app) history(v *view) daemon.History {
	store, err := a.openStore(v)
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

// carryOut writes, reloads and restarts in one transaction. Whatever fails is put back.
func (j *job) carryOut(ctx context.Context, todo change.Plan, control daemon.Control, restart bool) error {
	store, err := j.openStore()
	if err != nil {
		return err
	}
	tx, err := store.Begin(ctx, j.command)
	if err != nil {
		return j.transactionError(err)
	}
	defer tx.Close()
	if r := tx.Recovered(); r != nil {
		j.say("An earlier interrupted change was finished or undone first.")
	}
	if j.reverts != "" {
		tx.Reverts(j.reverts)
	}
	if err := tx.Apply(ctx, todo); err != nil {
		return j.notRestored(tx, err)
	}
	for _, o := range tx.Outcomes() {
		if o.InPlace != "" {
			j.notes = append(j.notes, fmt.Sprintf("%s was rewritten in place (%s), which a crash can interrupt", o.Path, o.InPlace))
		}
	}
	if err := tx.Commit(); err != nil {
		return j.notRestored(tx, err)
	}
	if err := j.activate(ctx, tx, todo, control, restart); err != nil {
		return err
	}
	return j.transactionError(tx.Close())
}
