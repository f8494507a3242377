package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// activation makes written files effective: systemd reads its own anew, the daemon is restarted, and watched until it is healthy. Whatever fails, and a signal, puts the
// old files back (see back in giveback.go).
type activation struct {
	job     *job
	tx      *txn.Tx
	control daemon.Control
	logs    *daemon.Logs
	since   time.Time // after the last write
	files   []string  // that were written
	begun   bool      // the daemon was told to restart
}

// activate makes the written files effective, and puts them back when the daemon does not come up with them.
func (j *job) activate(ctx context.Context, tx *txn.Tx, todo change.Plan, control daemon.Control, restart bool) error {
	if control == nil {
		return nil
	}
	a := &activation{job: j, tx: tx, control: control, logs: daemon.MarkLogs(j.view.site), since: time.Now()}
	for _, c := range todo {
		a.files = append(a.files, c.Path)
	}
	if loaded := j.view.site.Loaded; todo.Needs().DaemonReload || loaded != nil && (loaded.NeedDaemonReload || j.view.obs.ReloadNeeded()) {
		if err := control.Reload(ctx); err != nil {
			return a.back(ctx, err)
		}
	}
	if ctx.Err() != nil {
		return a.back(ctx, context.Cause(ctx))
	}
	if !restart {
		return nil
	}
	if err := a.restart(ctx); err != nil {
		return a.back(ctx, err)
	}
	j.restarted = true
	return nil
}

// restart restarts the daemon and waits until it is healthy. The journal knows before and after, so that the next run can tell how far this one came.
func (a *activation) restart(ctx context.Context) error {
	j := a.job
	if err := a.tx.Note(noteRestart, noteBegun); err != nil {
		return err
	}
	a.begun = true
	verb := "Restarting"
	if !j.view.site.Active {
		verb = "Starting"
	}
	j.say("%s %s…", verb, unitName(j.view.site))
	until := time.Now().Add(j.opts.timeout)
	bounded, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := a.control.Restart(bounded)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return fmt.Errorf("%s was not ready within %s", unitName(j.view.site), j.opts.timeout)
	case err != nil:
		return err
	}
	h := daemon.Health{Locate: j.relocate, Since: a.since, Until: until, Want: j.plan.After, Engine: j.view.engine, Probe: j.opts.probe}
	if _, err := h.Wait(ctx); err != nil {
		return err
	}
	return a.tx.Note(noteRestart, noteHealthy)
}

// What the journal says about a restart.
const (
	noteRestart = "restart"
	noteBegun   = "begun"
	noteHealthy = "healthy"
)

// relocate looks at the daemon anew, through the same client.
func (j *job) relocate(ctx context.Context) (*daemon.Site, error) {
	env := j.view.env
	return daemon.Locate(ctx, env)
}

func unitName(s *daemon.Site) string {
	if s.Unit != "" {
		return s.Unit
	}
	return "dockerd"
}
