package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// caWatch is `ca watch` while it runs. The records are open, and locked, only while a container is being changed, so that other commands get their turn.
type caWatch struct {
	caSession
	want     []certs.Authority
	selector fleet.Selector

	out sync.Mutex // for what is printed

	mu      sync.Mutex // for what follows, and caSession.records and in
	users   int        // containers that are being changed
	changed int        // containers that were changed since records of gone ones were cleared
	failed  error      // of closing the records
}

// How long one container may take, and after how many the records of containers that are gone are cleared.
const (
	watchDeadline = time.Minute
	pruneEvery    = 100
)

func (a *app) newWatch(ctx context.Context, o *caWatchOptions, want []certs.Authority) (*caWatch, error) {
	v, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	w := &caWatch{caSession: caSession{app: a, opts: &o.caOptions, view: v, engine: v.engine, files: v.root}, want: want}
	w.selector, err = o.selector()
	switch {
	case err != nil:
	case v.broken != nil:
		err = v.broken
	case w.engine == nil:
		err = errors.New("there is no daemon to watch")
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return w, nil
}

// awake reports whether the daemon runs, without a connection that would start it. Of one on another machine nothing is known.
func (w *caWatch) awake(ctx context.Context) bool {
	env := w.view.env
	env.Engine = nil
	site, err := daemon.Locate(ctx, env)
	return err == nil && (site.Active || site.Flavor == daemon.FlavorRemote || site.Flavor == daemon.FlavorDesktop)
}

// list names the containers that are meant.
func (w *caWatch) list(ctx context.Context) ([]engine.Event, error) {
	chosen, err := w.selector.Find(ctx, w.engine)
	if err != nil {
		return nil, err
	}
	var out []engine.Event
	for _, c := range chosen {
		id := c.ID
		if id == "" { // named: it may not be there yet
			found, err := w.engine.Inspect(ctx, c.Name)
			if err != nil {
				continue
			}
			id = found.ID
		}
		out = append(out, engine.Event{ID: id, Name: c.Name})
	}
	return out, nil
}

// meant reports whether a container is one of those that were selected.
func (w *caWatch) meant(ctx context.Context, e engine.Event) (bool, error) {
	if w.selector.All && len(w.selector.Filters) == 0 && w.selector.Project == "" {
		return true, nil
	}
	if slices.ContainsFunc(w.selector.Names, func(n string) bool {
		return n == e.Name || n == e.ID || len(n) >= shortIDLength && strings.HasPrefix(e.ID, n)
	}) {
		return true, nil
	}
	if !w.selector.Lists() {
		return false, nil
	}
	one := fleet.Selector{All: w.selector.All, Project: w.selector.Project, Filters: map[string][]string{}}
	for name, values := range w.selector.Filters {
		one.Filters[name] = values
	}
	if len(one.Filters["id"]) > 0 { // Docker takes any of several
		if !slices.ContainsFunc(one.Filters["id"], func(id string) bool { return strings.HasPrefix(e.ID, id) }) {
			return false, nil
		}
	}
	one.Filters["id"] = []string{e.ID}
	found, err := one.Find(ctx, w.engine)
	return len(found) > 0, err
}

// shortIDLength is how many digits of an ID docker ps shows.
const shortIDLength = 12

// do makes one container trust the authorities, when it is meant, and says what was done.
func (w *caWatch) do(ctx context.Context, e engine.Event) {
	ctx, cancel := context.WithTimeout(ctx, watchDeadline)
	defer cancel()
	meant, err := w.meant(ctx, e)
	if !meant && err == nil {
		return
	}
	before, after, res, err := w.add(ctx, e, err)
	switch {
	case errdefs.IsNotFound(err), errors.Is(err, target.ErrGone): // it is gone already
		return
	case err != nil && errors.Is(context.Cause(ctx), errInterrupted):
		return // what was done is taken back
	case err != nil:
		w.say("%s: not done: %v", cmpName(before, e), err)
		return
	case res.Skipped != "":
		w.say("%s: left alone: %s", name(before), res.Skipped)
		return
	case !res.Changed:
		return
	}
	w.say("%s%s", w.trusted(e, before, after), late(res.Notes, after))
}

func cmpName(c engine.Inspected, e engine.Event) string {
	if c.ID == "" {
		return e.Name
	}
	return name(c)
}

// late says which programs of a container cannot notice any more, and what helps.
func late(notes []certs.Note, c engine.Inspected) string {
	var parts []string
	restart := false
	for _, n := range notes {
		switch n.Kind {
		case certs.NeedsRestart:
			if c.PID != 0 {
				parts, restart = append(parts, n.String()), true
			}
		case certs.NeedsRecreate, certs.Limit:
			parts = append(parts, n.String())
		case certs.Skipped, certs.Unrestored, certs.Remark:
		}
	}
	if len(parts) == 0 {
		return ""
	}
	text := "; too late or out of reach: " + strings.Join(parts, "; ")
	if restart {
		return text + fmt.Sprintf(" (docker restart %s; in time from the start: docker proxy ca bake %s, or docker proxy ca export run)", name(c), c.Image)
	}
	return text
}

// add does the work in one container; failed is an error that came before.
func (w *caWatch) add(ctx context.Context, e engine.Event, failed error) (before, after engine.Inspected, res install.Result, err error) {
	if failed != nil {
		return before, after, res, failed
	}
	if before, err = w.engine.Inspect(ctx, e.ID); err != nil {
		return before, before, res, err
	}
	if reason := fleet.Unfit(before); reason != "" {
		if e.Action == "create" { // once is enough
			res.Skipped = reason
		}
		return before, before, res, nil
	}
	in, err := w.acquire(ctx)
	if err != nil {
		return before, before, res, err
	}
	defer w.release(ctx, &res)
	t, err := target.OpenInspected(ctx, w.engine, before, target.Auto)
	if err != nil {
		return before, before, res, err
	}
	defer t.Close()
	res, err = in.Add(ctx, t, before, w.want)
	after = before
	if err == nil && res.Changed && before.PID == 0 {
		if now, seen := w.engine.Inspect(ctx, e.ID); seen == nil {
			after = now
		}
	}
	return before, after, res, err
}

// acquire opens the records for the first of several containers that are changed at the same time.
func (w *caWatch) acquire(ctx context.Context) (*install.Installer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users == 0 {
		if w.view.site.Info == nil { // the daemon did not run before
			site, err := daemon.Locate(ctx, w.view.env)
			if err != nil {
				return nil, err
			}
			if w.view.site = site; site.Info == nil {
				return nil, errors.New("the daemon does not answer")
			}
		}
		records, err := txn.OpenRecords(ctx, w.files, stateDir(true), caRecords, w.app.commandLine(), txn.Options{})
		if err != nil {
			return nil, (&job{app: w.app}).transactionError(err)
		}
		w.records = records
		w.in = &install.Installer{
			Survey: install.Surveyor(install.SurveyOptions{Bundles: w.opts.bundles, ThroughMounts: w.opts.mounts, Now: time.Now}), Processes: w.processes,
			Records: records, Daemon: w.view.site.Info.ID, ThroughMounts: w.opts.mounts, Now: time.Now,
		}
	}
	w.users++
	return w.in, nil
}

// release closes the records behind the last one, and clears those of containers that are gone now and then: without that they would grow with every docker run.
func (w *caWatch) release(ctx context.Context, res *install.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if res.Changed {
		w.changed++
	}
	if w.users--; w.users > 0 {
		return
	}
	if w.changed >= pruneEvery {
		w.changed, w.listed = 0, nil
		if err := w.prune(ctx, nil); err != nil && ctx.Err() == nil {
			w.say("the records of containers that are gone could not be cleared: %v", err)
		}
	}
	if err := w.records.Close(); err != nil {
		w.failed = err
		w.say("closing the records: %v", err)
	}
}

func (w *caWatch) closed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}
