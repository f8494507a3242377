package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	if o.printUnit {
		_, err := fmt.Fprint(a.cli.Out(), unit.String())
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	switch {
	case v.site.Manager != daemon.ManagerSystemd || v.site.Flavor == daemon.FlavorRemote || v.site.Flavor == daemon.FlavorDesktop:
		return fmt.Errorf("this daemon is not one that systemd of this machine runs: --print-unit shows what the service would be")
	case os.Geteuid() != 0:
		return fmt.Errorf("the service is a file of the machine's: %s", rootCommand())
	}
	todo, err := unitChanges(v, unit, want)
	if err != nil {
		return err
	}
	if old := todo[len(todo)-1].From; old.Kind == change.File && !strings.HasPrefix(string(old.Data), watch.UnitMarker) && !o.yes {
		return fmt.Errorf("%s is not of docker proxy ca watch: nothing was changed (--yes overwrites it)", watch.UnitPath)
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
	verb := "enable --now"
	if len(todo) > 0 && todo[len(todo)-1].From.Kind == change.File {
		verb = "restart"
	}
	_, err = fmt.Fprintf(a.cli.Out(), "systemctl daemon-reload && systemctl %s %s\n", verb, watch.UnitName)
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
func unitChanges(v *view, unit watch.Unit, want []certs.Authority) (change.Plan, error) {
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
			to = from.WithData(to.Data)
		}
		todo = append(todo, change.Change{Path: path, From: from, To: to, Cause: "docker proxy ca watch --install", Layer: watchLayer})
		return nil
	}
	directory := change.State{Kind: change.Dir, Mode: 0o755, UID: change.Keep, GID: change.Keep}
	for _, dir := range []string{filepath.Dir(watch.CertDir), watch.CertDir} {
		if err := add(dir, directory); err != nil {
			return nil, err
		}
	}
	for _, c := range want {
		if err := add(certFile(c), change.NewFile(c.PEM(), 0o644)); err != nil {
			return nil, err
		}
	}
	return todo, add(watch.UnitPath, change.NewFile([]byte(unit.String()), 0o644))
}

// watchService tells about the service of `ca watch` on this machine, for `ca list`.
type watchService struct {
	Path         string   `json:"path"`
	Fingerprints []string `json:"fingerprints"` // the first 12 digits of each certificate
	Enabled      bool     `json:"enabled"`
}

// findWatch looks for the service; nil when there is none.
func findWatch(files *host.FS) *watchService {
	data, err := files.ReadFile(watch.UnitPath)
	if err != nil {
		return nil
	}
	s := &watchService{Path: watch.UnitPath, Fingerprints: []string{}}
	for _, w := range strings.Fields(string(data)) {
		w = strings.Trim(w, `"`)
		if rest, ok := strings.CutPrefix(w, watch.CertDir+"/"+certs.AnchorPrefix); ok {
			s.Fingerprints = append(s.Fingerprints, strings.TrimSuffix(rest, ".crt"))
		}
	}
	_, err = files.Lstat(filepath.Dir(watch.UnitPath) + "/multi-user.target.wants/" + watch.UnitName)
	s.Enabled = err == nil
	return s
}
