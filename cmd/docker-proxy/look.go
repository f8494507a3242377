package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// view is what a command sees of this host: the daemon, its layers, the client's file.
type view struct {
	root       *host.FS // as it is at each moment
	files      *host.FS // as it was when it was looked at first
	site       *daemon.Site
	obs        *daemon.Observation
	clients    []client.File
	at         *client.Location // the caller's config.json; nil under --root
	extra      []precedence.Finding
	notes      []string // sentences about the looking itself: who could not be asked
	engine     engine.Engine
	env        daemon.Env // to look at the daemon anew after a restart
	stamp      string     // of this user's journal before anything was read
	unfinished bool       // an earlier change was interrupted: what was seen does not last
	torn       bool       // files were being written during the look
	broken     error      // *contextError: nobody knows which daemon is meant, and the site is a guess; nil otherwise
}

// Close releases the root's directory descriptor.
func (v *view) Close() { _ = v.root.Close() } // nothing was written through it

// findings returns everything that was found, sorted.
func (v *view) findings() []precedence.Finding {
	out := precedence.SortFindings(append(append([]precedence.Finding{}, v.obs.Findings...), v.extra...))
	if out == nil {
		out = []precedence.Finding{}
	}
	return out
}

// look locates the daemon and observes everything. It fails only when the root cannot be opened; what cannot be read or reached is in the view as a finding.
func (a *app) look(ctx context.Context) (*view, error) {
	root, err := host.Open(a.root)
	if err != nil {
		return nil, err
	}
	return a.lookThrough(ctx, root, root.Steady(), a.stamp(root))
}

// lookThrough is look with files as a steady view of root, which the result closes. stamp is that of the journal before anything was read through files.
func (a *app) lookThrough(ctx context.Context, root, files *host.FS, stamp string) (v *view, err error) {
	v = &view{root: root, files: files, stamp: stamp}
	env := daemon.Env{FS: files, UID: os.Geteuid(), Getenv: os.Getenv, Home: homeDir()}
	if files.Live() {
		ep, err := resolveEndpoint(a.cli)
		var broken *contextError
		switch {
		case errors.As(err, &broken):
			v.extra = append(v.extra, precedence.NewFinding("context-broken", nil, "docker context use default", "%s", a.redactor.Text(broken.Error())))
			env.Context, v.broken = ep.context, broken
		default:
			env.Context, env.Endpoint = ep.context, ep.host
			if c, err := newEngineClient(a.cli, ep); err == nil {
				v.engine = engine.New(c)
				env.Engine = v.engine
			}
		}
	}
	v.env = env
	v.env.FS = root              // what is looked at later has changed by then
	store := startReading(files) // while the manager and the daemon are asked
	if v.site, err = daemon.Locate(ctx, env); err != nil {
		<-store
		v.Close()
		return nil, err
	}
	v.obs = daemon.Observe(v.site)
	for _, b := range v.obs.Bindings {
		a.redactor.AddValue(b.Value)
	}
	v.lookClient(a)
	v.lookCA(<-store)
	v.lookJournal(a)
	return v, nil
}

// lookJournal tells of a change that was interrupted. It changes nothing; the next command that changes something ends it first.
func (v *view) lookJournal(a *app) {
	store, err := a.openStore(v.files, 0)
	if err != nil {
		return
	}
	if e, err := store.Unfinished(); err == nil && e != nil {
		v.unfinished = true
		how, fix := "was interrupted", "docker proxy rollback --list"
		if restartCutShort(*e) && !v.site.Active {
			how, fix = "was interrupted in the restart of "+unitName(v.site)+", which is not running", "docker proxy rollback --restart"
		}
		v.extra = append(v.extra, precedence.NewFinding("unfinished-change", nil, fix,
			"the change %s (%s) %s; the next changing command undoes or finishes it first", e.ID, a.redactor.Text(e.Command), how))
	}
}

// lookClient reads the caller's config.json, and judges it and that of the person behind sudo. Under --root it judges those of the directory's homes.
func (v *view) lookClient(a *app) {
	if !v.files.Live() {
		v.checkHomes(a)
		return
	}
	path, err := filepath.Abs(filepath.Join(config.Dir(), config.ConfigFileName))
	if err != nil {
		return
	}
	v.at = &client.Location{Path: path, User: userName(), UID: -1, GID: -1}
	v.checkClients(a)
	f, _, err := client.ObserveFor(v.files, *v.at, client.Lookup(v.env.Endpoint))
	if err != nil {
		return // a finding
	}
	for _, s := range f.Settings {
		a.redactor.AddValue(s.Value)
	}
	v.clients = append(v.clients, f)
}
