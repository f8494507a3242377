package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// restoreTime is how long putting the old state back may take at least, whatever --timeout says: systemd alone gives a daemon that does not want to end 90 seconds
// (DefaultTimeoutStopSec=), and there is nothing to fall back to.
const restoreTime = 4 * time.Minute

// back puts the old state back after cause, and says how that went: status 130 after a signal, 5 after a failure, 6 when something is not as it was.
//
// Neither a signal nor a step that fails ends it: whatever became of the files, the daemon is started. That is one restart, and not a stop before the files and a start after them,
// since between those two a connection to docker.socket would start dockerd with the files that failed, and a killed run would leave it stopped.
func (a *activation) back(ctx context.Context, cause error) error {
	j := a.job
	j.restarted = false
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(j.opts.timeout, restoreTime))
	defer cancel()
	text := a.reason(cause)
	if interrupted {
		text = "interrupted"
		j.say("Interrupted: putting the state before back…")
	} else {
		text += a.logLines(ctx, "  ")
		j.say("Putting the state before back…")
	}
	failed := a.restore(ctx)
	switch {
	case len(failed) > 0:
		return withStatus(exitUnrestored, errors.New(text+a.repair(ctx, failed)))
	case interrupted:
		return withStatus(exitInterrupted, errors.New("interrupted; the state before is back"))
	case !a.begun:
		return withStatus(exitRestored, errors.New(text+"\nthe state before is back"))
	}
	return withStatus(exitRestored, fmt.Errorf("%s\nthe state before is back, and %s", text, j.afterwards()))
}

// afterwards says what the daemon does with the old state.
func (j *job) afterwards() string {
	unit := unitName(j.view.site)
	switch {
	case j.view.site.Active || starting(j.view.site):
		return unit + " runs with it"
	case j.cutShort && j.reverts == "":
		return unit + " does not run, as before; to take back the change that was interrupted: docker proxy rollback --restart"
	}
	return unit + " does not run, as before"
}

// reason says what failed, for people.
func (a *activation) reason(cause error) string {
	if !a.begun {
		return cause.Error()
	}
	return "the daemon is not healthy with the new settings: " + cause.Error()
}

// restore undoes the files, then has the manager forget the new ones and start the daemon with the old. It returns what failed.
func (a *activation) restore(ctx context.Context) []error {
	var failed []error
	fail := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	fail(a.job.takeBack(ctx, a.tx))
	a.logs = daemon.MarkLogs(a.job.view.site) // what the daemon says from here on is about the old state
	fail(a.control.Reload(ctx))
	if a.begun {
		fail(a.startOld(ctx))
	}
	fail(a.job.afterTakeBack(ctx, a.tx, len(failed) == 0))
	return failed
}

// startOld brings the daemon back to where it was before: running, with what is configured again, whatever became of the files; or not running.
func (a *activation) startOld(ctx context.Context) error {
	if site := a.job.view.site; !site.Active && !starting(site) {
		return a.control.Stop(ctx)
	}
	since := time.Now()
	if err := a.control.Restart(ctx); err != nil {
		if a.untouched(ctx) {
			return nil
		}
		return err
	}
	_, err := daemon.Health{Locate: a.job.relocate, Since: since, Until: since.Add(restoreTime), Any: true}.Wait(ctx)
	return err
}

// untouched reports whether the daemon from before still runs: its manager refused to restart it, twice.
func (a *activation) untouched(ctx context.Context) bool {
	before := a.job.view.site
	now, err := a.job.relocate(ctx)
	return err == nil && now.Info != nil && now.Process.Same(before.Process)
}

// repair says what is not as it was before, and what a person has to type.
func (a *activation) repair(ctx context.Context, failed []error) string {
	var b strings.Builder
	b.WriteString("\nthe state before is not fully back:")
	for _, err := range failed {
		fmt.Fprintf(&b, "\n  %v", err)
	}
	if a.begun {
		b.WriteString(a.logLines(ctx, "    "))
	}
	if a.tx.Restored() && len(a.files) > 0 {
		b.WriteString("\n  (as they were again: " + strings.Join(a.files, ", ") + ")")
	}
	b.WriteString("\nto repair it by hand:")
	for _, line := range append(a.fileLines(failed), a.control.Repair()...) {
		fmt.Fprintf(&b, "\n  %s", line)
	}
	if where := a.logs.Where(); where != "" && a.begun {
		fmt.Fprintf(&b, "\n  %s", where)
	}
	return b.String()
}

// logLines is what the daemon's log says since the mark, or where to look, each on a line of its own.
func (a *activation) logLines(ctx context.Context, indent string) string {
	if !a.begun {
		return ""
	}
	lines := a.logs.ErrorLines(ctx)
	if where := a.logs.Where(); len(lines) == 0 && where != "" {
		lines = []string{"(its log names no error; all of it: " + where + ")"}
	}
	text := ""
	for _, l := range lines {
		text += "\n" + indent + l
	}
	return text
}

// fileLines names the files a person has to look at first.
func (a *activation) fileLines(failed []error) []string {
	var foreign *txn.ForeignError
	if errors.As(errors.Join(failed...), &foreign) {
		var out []string
		for _, p := range foreign.Paths {
			out = append(out, "look at "+p+": somebody else changed it meanwhile, so it was left alone")
		}
		return out
	}
	if a.tx.Restored() {
		return nil
	}
	return []string{"docker proxy rollback --list  # any command that changes something tries again to put the files back"}
}

// notRestored is transactionError for a transaction whose own undo may have failed.
func (j *job) notRestored(tx *txn.Tx, err error) error {
	if tx.Restored() {
		err = j.transactionError(err)
		var own *exitError
		if errors.As(err, &own) && own.status == exitFailed {
			return withStatus(exitFailed, fmt.Errorf("%w; nothing was changed", err))
		}
		return err
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
