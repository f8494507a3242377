package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// watchLayer is what the files of the service count to: none of the daemon's layers.
const watchLayer = "ca"

// watchUnit prints the service, or writes it.
func (a *app) watchUnit(ctx context.Context, o *caWatchOptions, want []certs.Authority) error {
	unit, err := a.unitOf(o, want)
	if err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err == nil {
		defer v.Close()
	}
	if o.printUnit {
		_, err := fmt.Fprint(a.cli.Out(), unit.For(o.serviceManager(v)).Text)
		return err
	}
	if err != nil {
		return err
	}
	switch {
	case !a.runsServices(o, v):
		return errors.New("this daemon is not one that this machine runs as a service: --print-unit shows what the service would be")
	case os.Geteuid() != 0:
		return fmt.Errorf("the service is a file of the machine's: %s", rootCommand())
	}
	return a.installWatch(ctx, o, v, unit.For(o.serviceManager(v)), want)
}

// serviceManager is the manager whose service is meant: the one that was named, or the one that runs the daemon here; v may be nil.
func (o *caWatchOptions) serviceManager(v *view) watch.Manager {
	if o.manager != "" {
		return watch.Manager(o.manager)
	}
	if v != nil {
		switch v.site.Manager {
		case daemon.ManagerOpenRC:
			return watch.OpenRC
		case daemon.ManagerSysV:
			return watch.SysV
		case daemon.ManagerRunit:
			return watch.Runit
		}
	}
	return watch.Systemd
}

// runsServices reports whether the manager that is meant is one that runs the daemon on this machine.
func (a *app) runsServices(o *caWatchOptions, v *view) bool {
	switch v.site.Flavor {
	case daemon.FlavorRemote, daemon.FlavorDesktop:
		return false
	}
	switch v.site.Manager {
	case daemon.ManagerSystemd, daemon.ManagerOpenRC, daemon.ManagerSysV, daemon.ManagerRunit:
		return true
	}
	return o.manager != "" && v.site.Manager == daemon.ManagerManual // it may be known better
}

// installWatch writes the service, and says how it is started.
func (a *app) installWatch(ctx context.Context, o *caWatchOptions, v *view, service watch.Service, want []certs.Authority) error {
	todo, err := unitChanges(v, service, want)
	if err != nil {
		return err
	}
	old := todo[len(todo)-1].From
	if old.Kind == change.File && !watch.Ours(old.Data) && !o.yes {
		return fmt.Errorf("%s is not of docker proxy ca watch: nothing was changed (--yes overwrites it)", service.Path)
	}
	if todo = todo.Effective(); len(todo) > 0 {
		x := &exportRun{app: a, view: v}
		if err := x.commit(ctx, todo); err != nil {
			return err
		}
	}
	for _, c := range todo {
		fmt.Fprintf(a.cli.Err(), "%s %s\n", past(c.Verb()), c.Path)
	}
	next := service.Enable
	if len(todo) > 0 && old.Kind == change.File {
		next = service.Again
	}
	_, err = fmt.Fprintln(a.cli.Out(), next)
	return err
}

// unitOf is the service with the options of this run. The certificates are copies, since what was named may be stdin, or go away.
func (a *app) unitOf(o *caWatchOptions, want []certs.Authority) (watch.Unit, error) {
	self, err := os.Executable()
	if err != nil {
		return watch.Unit{}, fmt.Errorf("finding this program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return watch.Unit{}, fmt.Errorf("finding this program: %w", err)
	}
	u := watch.Unit{Argv: []string{self, "ca", "watch"}, StateDir: strings.TrimPrefix(rootStateDir, "/var/lib/")}
	for _, c := range want {
		u.Argv = append(u.Argv, "--cert", certFile(c))
	}
	if o.force {
		u.Argv = append(u.Argv, "--force")
	}
	if o.all {
		u.Argv = append(u.Argv, "--all")
	}
	for _, f := range o.filters {
		u.Argv = append(u.Argv, "--filter", f)
	}
	if o.project != "" {
		u.Argv = append(u.Argv, "--project", o.project)
	}
	for _, b := range o.bundles {
		u.Argv = append(u.Argv, "--bundle", b)
	}
	if o.mounts {
		u.Argv = append(u.Argv, "--through-mounts")
	}
	if len(o.names) > 0 {
		u.Argv = append(append(u.Argv, "--"), o.names...)
	}
	ep, err := resolveEndpoint(a.cli)
	if err != nil {
		return u, err
	}
	if ep.host != "" && ep.host != "unix:///var/run/docker.sock" {
		if ep.docker.TLSData != nil {
			return u, errors.New("the daemon wants certificates of this user: a service of the machine cannot use them")
		}
		u.Environment = append(u.Environment, "DOCKER_HOST="+ep.host)
	}
	return u, nil
}

func certFile(c certs.Authority) string { return watch.CertDir + "/" + c.Fingerprint.AnchorName() }

// unitChanges are the changes that make the service: its directory, the certificates, the unit last.
func unitChanges(v *view, service watch.Service, want []certs.Authority) (change.Plan, error) {
	var todo change.Plan
	add := func(path string, to change.State) error {
		from, err := change.Observe(v.files, path)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, plainPathError(err))
		}
		if to.Kind == change.Dir && from.Kind == change.Dir {
			return nil
		}
		if from.Kind == change.File {
			to = from.WithData(to.Data).WithMode(from.Mode | to.Mode&0o111)
		}
		todo = append(todo, change.Change{Path: path, From: from, To: to, Cause: "docker proxy ca watch --install", Layer: watchLayer})
		return nil
	}
	directory := change.State{Kind: change.Dir, Mode: 0o755, UID: change.Keep, GID: change.Keep}
	for _, dir := range []string{filepath.Dir(watch.CertDir), watch.CertDir, filepath.Dir(service.Path)} {
		if err := add(dir, directory); err != nil {
			return nil, err
		}
	}
	for _, c := range want {
		if err := add(certFile(c), change.NewFile(c.PEM(), 0o644)); err != nil {
			return nil, err
		}
	}
	return todo, add(service.Path, change.NewFile([]byte(service.Text), service.Mode))
}

// watchService tells about the service of `ca watch` on this machine, for `ca list`.
type watchService struct {
	Path         string   `json:"path"`
	Fingerprints []string `json:"fingerprints"` // the first 12 digits of each certificate
	Enabled      bool     `json:"enabled"`
}

// findWatch looks for the service, whichever manager it is for; nil when there is none.
func findWatch(files *host.FS) *watchService {
	for _, m := range watch.Managers() {
		service := watch.Unit{Argv: []string{""}}.For(m)
		data, err := files.ReadFile(service.Path)
		if err != nil || !strings.Contains(string(data), watch.CertDir+"/") {
			continue
		}
		s := &watchService{Path: service.Path, Fingerprints: []string{}}
		for _, part := range strings.Split(string(data), watch.CertDir+"/"+certs.AnchorPrefix)[1:] {
			if short, _, ok := strings.Cut(part, ".crt"); ok && !slices.Contains(s.Fingerprints, short) {
				s.Fingerprints = append(s.Fingerprints, short)
			}
		}
		for _, other := range watch.Managers() { // OpenRC and SysV scripts have one place, and links in two
			if u := (watch.Unit{Argv: []string{""}}).For(other); u.Path == service.Path {
				s.Enabled = s.Enabled || slices.ContainsFunc(u.Enabled, func(pattern string) bool { return stands(files, pattern) })
			}
		}
		return s
	}
	return nil
}

// stands reports whether a name is there, whose last element may be a pattern.
func stands(files *host.FS, pattern string) bool {
	if !strings.Contains(pattern, "*") {
		_, err := files.Lstat(pattern)
		return err == nil
	}
	list, err := files.ReadDir(path.Dir(pattern))
	return err == nil && slices.ContainsFunc(list, func(name string) bool {
		ok, err := path.Match(path.Base(pattern), name)
		return ok && err == nil
	})
}
