package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// caSession is one run over containers.
type caSession struct {
	app     *app
	opts    *caOptions
	view    *view
	engine  engine.Engine
	files   *host.FS
	records *txn.Records
	in      *install.Installer
	images  target.Images
	listed  []fleet.Chosen // every container of the daemon, when all were asked for
}

// openCA connects to the daemon and opens the records: with write under their lock. What is to be closed is closed by close.
func (a *app) openCA(ctx context.Context, o *caOptions, write bool) (*caSession, error) {
	v, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	seed, err := readSeed(v.files, o.seed)
	if err != nil {
		v.Close()
		return nil, err
	}
	s := &caSession{app: a, opts: o, view: v, engine: v.engine, files: v.root}
	if err := s.reachable(); err != nil {
		v.Close()
		return nil, err
	}
	opt := txn.Options{Waiting: func(h txn.Holder) {
		fmt.Fprintln(a.cli.Err(), a.redactor.Text(fmt.Sprintf("Waiting for %s to end…", h)))
	}}
	if write {
		s.records, err = txn.OpenRecords(ctx, s.files, stateDir(true), caRecords, a.commandLine(), opt)
	} else {
		s.records, err = txn.ReadRecords(s.files, stateDir(true), caRecords, opt)
	}
	if err != nil {
		v.Close()
		return nil, (&job{app: a}).transactionError(err)
	}
	s.in = &install.Installer{
		Survey:    install.Surveyor(install.SurveyOptions{Bundles: o.bundles, ThroughMounts: o.mounts, Seed: seed, Databases: o.refresh == refreshTool, Now: time.Now}),
		Processes: s.processes,
		Records:   s.records, Daemon: v.site.Info.ID, ThroughMounts: o.mounts, PlanOnly: o.readOnly(), Now: time.Now,
	}
	if o.refresh == refreshTool {
		s.in.Tool = s.runTool
	}
	return s, nil
}

// processes are what runs in a container, where it runs on this machine.
func (s *caSession) processes(c engine.Inspected) []runtime.Process {
	if !s.view.site.Local || c.PID == 0 {
		return nil
	}
	return runtime.Running(s.files, c.PID)
}

// reachable refuses what has no containers to ask for.
func (s *caSession) reachable() error {
	switch {
	case s.view.broken != nil:
		return s.view.broken
	case s.engine == nil || s.view.site.Info == nil:
		return errors.New("the daemon does not run or does not answer, so its containers are not known")
	}
	return nil
}

func (s *caSession) close() error {
	err := s.records.Close()
	s.view.Close()
	return err
}

// runTool runs the family's own tool as root of the container. How it ends says little: what it left is looked at.
func (s *caSession) runTool(ctx context.Context, c engine.Inspected, argv []string) error {
	status, output, err := s.engine.Exec(ctx, c.ID, argv...)
	if err != nil {
		return fmt.Errorf("running %s: %w", argv[0], err)
	}
	if status != 0 {
		lines := strings.Split(strings.TrimSpace(output), "\n")
		return fmt.Errorf("%s ended with status %d: %s", argv[0], status, lines[len(lines)-1])
	}
	return nil
}

// work is done to one container whose files are open.
type work func(ctx context.Context, t target.Target, c engine.Inspected) (install.Result, error)

// run does the work in the selected containers.
func (s *caSession) run(ctx context.Context, do work) ([]fleet.Outcome, error) {
	selector, err := s.opts.selector()
	if err != nil {
		return nil, err
	}
	builders, err := s.builderContainers(ctx)
	if err != nil {
		return nil, err
	}
	selector.Names = append(slices.Clone(selector.Names), builders...)
	chosen, err := selector.Find(ctx, s.engine)
	if err != nil {
		return nil, err
	}
	if selector.All && len(selector.Filters) == 0 && selector.Project == "" {
		s.listed = chosen
	}
	if len(chosen) == 0 {
		s.say("No container matches.")
	}
	out := fleet.Run(ctx, s.engine, chosen, func(ctx context.Context, c engine.Inspected) (install.Result, error) {
		t, err := s.images.Open(ctx, s.engine, c, target.Auto)
		if err != nil {
			return install.Result{Files: []install.File{}, Notes: []certs.Note{}, Unrestored: []string{}}, err
		}
		defer t.Close()
		res, err := do(ctx, t, c)
		noticeBuilder(c, &res)
		return res, err
	}, fleet.Options{Done: s.progress, Err: func(err error) string { return s.app.redactor.Text(err.Error()) }})
	return out, nil
}

// progress says on a terminal what is done, one line a container as it finishes.
func (s *caSession) progress(o fleet.Outcome) {
	if s.opts.quiet || !s.app.cli.Err().IsTerminal() {
		return
	}
	s.say("%-9s %s%s", o.State, o.Name, detail(o))
}

func (s *caSession) say(format string, args ...any) {
	fmt.Fprintln(s.app.cli.Err(), s.app.redactor.Text(fmt.Sprintf(format, args...)))
}

// prune forgets the containers that are gone, and the certificates that were removed.
func (s *caSession) prune(ctx context.Context, forget []certs.Fingerprint) error {
	names, err := s.records.Names("")
	if err != nil || len(names) == 0 {
		return err
	}
	// A list of all containers takes dockerd longer than the work in some of them: without need only a run that has one anyway clears up.
	if s.listed == nil && len(forget) == 0 {
		return nil
	}
	if s.listed == nil {
		if s.listed, err = (fleet.Selector{All: true}).Find(ctx, s.engine); err != nil {
			return err
		}
	}
	there := map[string]bool{}
	for _, c := range s.listed {
		there[c.ID] = true
	}
	// A container that was made meanwhile is not in the list, and has no record yet that could be missed: records are written under the lock that is held.
	return install.Prune(s.records, s.in.Daemon, func(id string) bool { return there[id] }, forget)
}

// restart restarts the containers in which a program has to start again to notice, with the consent that --restart gives, or a person at the terminal.
func (s *caSession) restart(ctx context.Context, out []fleet.Outcome) error {
	var todo []*fleet.Outcome
	var names []string
	for i := range out {
		if out[i].State == fleet.Changed && needsRestart(out[i]) {
			todo, names = append(todo, &out[i]), append(names, out[i].Name)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if !s.opts.restart {
		if !s.app.cli.In().IsTerminal() || !s.opts.format.isTable() {
			return nil
		}
		for _, o := range todo {
			for _, n := range restartNotes(*o) {
				s.say("%s: %s", o.Name, n.String())
			}
		}
		yes, err := s.app.ask(ctx, fmt.Sprintf("Restart %s now?", strings.Join(names, ", ")))
		if err != nil || !yes {
			return err
		}
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, fleet.Workers)
	for _, o := range todo {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := s.engine.RestartContainer(ctx, o.ID); err != nil {
				o.State, o.Reason = fleet.Failed, redact.Terminal(s.app.redactor.Text("restarting it: "+err.Error()))
				return
			}
			o.Restarted = true
		})
	}
	wait.Wait()
	return nil
}

func restartNotes(o fleet.Outcome) []certs.Note {
	return slices.DeleteFunc(slices.Clone(o.Notes), func(n certs.Note) bool { return n.Kind != certs.NeedsRestart })
}

func needsRestart(o fleet.Outcome) bool { return len(restartNotes(o)) > 0 }
