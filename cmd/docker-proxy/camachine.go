package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/health"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// caJob is the part of a job that concerns this machine's trust.
type caJob struct {
	list []certs.Authority // that are to be trusted
	plan change.Plan
	// stale is the file of a CA that the running dockerd has not read, since it is newer than the process; "" for none.
	stale string
}

// machineAdd is what `ca add --machine` wants.
type machineAdd struct {
	list []certs.Authority
	// registries are those for which alone dockerd is to trust the list, by certs.d; none means the whole machine.
	registries []string
}

// runMachineAdd makes this machine trust authorities, in one transaction, and restarts dockerd where that is needed and allowed, as `set` does.
func runMachineAdd(ctx context.Context, a *app, o applyOptions, want machineAdd) error {
	r := request{app: a, opts: o, early: (*job).refuseMachineEarly, plan: func(_ context.Context, j *job) error {
		j.plan = &daemon.Plan{After: j.view.obs}
		if len(want.registries) > 0 {
			return j.planRegistries(want)
		}
		return j.planCA(want.list)
	}}
	return r.run(ctx)
}

// runMachineRemove takes certificates out of this machine's trust, of certs.d too.
func runMachineRemove(ctx context.Context, a *app, o applyOptions, list []certs.Fingerprint, foreign bool) error {
	r := request{app: a, opts: o, early: (*job).refuseMachineEarly, plan: func(_ context.Context, j *job) error {
		j.plan = &daemon.Plan{After: j.view.obs}
		m, err := machine.Look(j.view.files)
		if err != nil {
			return err
		}
		plan, notes, err := m.Remove(list, foreign, certsDir(j.view.site))
		if err != nil {
			return err
		}
		j.ca.plan = plan
		j.addNotes(notes)
		return nil
	}}
	return r.run(ctx)
}

// runMachineReplace puts authorities into the place of others, in one transaction and with one restart.
func runMachineReplace(ctx context.Context, a *app, o applyOptions, gone []certs.Fingerprint, want []certs.Authority, foreign bool) error {
	r := request{app: a, opts: o, early: (*job).refuseMachineEarly, plan: func(_ context.Context, j *job) error {
		j.plan = &daemon.Plan{After: j.view.obs}
		m, err := machine.Look(j.view.files)
		if err != nil {
			return err
		}
		plan, notes, err := m.Replace(gone, want, machine.ReplaceOptions{Seed: probe.PublicPEM(), Foreign: foreign, CertsDir: certsDir(j.view.site)})
		if err != nil {
			return err
		}
		j.ca = caJob{list: want, plan: plan, stale: j.staleCA(m)}
		j.addAuthorities(want)
		j.addNotes(notes)
		j.otherRoots(m)
		return nil
	}}
	return r.run(ctx)
}

// machineList returns what this program has added to this machine's trust.
func (a *app) machineList(v *view) ([]machine.Held, error) {
	m, err := machine.Look(v.files)
	if err != nil {
		return nil, err
	}
	return m.List(certsDir(v.site)), nil
}

// refuseMachineEarly refuses what needs root.
func (j *job) refuseMachineEarly() error {
	if j.view.files.Live() && os.Geteuid() != 0 && !j.opts.readOnly() {
		return fmt.Errorf("changing this machine's trust store needs root: %s", rootCommand())
	}
	return nil
}

// refuseCAEarly refuses a CA for the machine where the daemon's owner cannot change the machine.
func (j *job) refuseCAEarly(arg string) error {
	if os.Geteuid() == 0 || !j.view.files.Live() || j.opts.readOnly() || j.view.site.Manager != daemon.ManagerSystemdUser {
		return nil
	}
	return fmt.Errorf("--ca %s: this dockerd is yours, but what it trusts is the machine's trust store, which needs root: sudo docker proxy ca add --machine %s, then the same command without --ca", arg, arg)
}

// planCA plans that this machine trusts authorities.
func (j *job) planCA(list []certs.Authority) error {
	j.ca.list = list
	m, err := machine.Look(j.view.files)
	if err != nil {
		return err
	}
	plan, notes, err := m.Add(list, probe.PublicPEM())
	if err != nil {
		return err
	}
	j.ca.plan = plan
	j.ca.stale = j.staleCA(m)
	j.addAuthorities(list)
	j.addNotes(notes)
	j.otherRoots(m)
	return nil
}

// addAuthorities notes what is to be trusted.
func (j *job) addAuthorities(list []certs.Authority) {
	for _, c := range list {
		j.notes = append(j.notes, "CA "+authorityLine(c))
		for _, w := range c.Warnings {
			j.notes = append(j.notes, "CA "+c.Fingerprint.Short()+": "+w)
		}
	}
}

// readBackCA reads the trust store as it is now: what was written for an authority is no good when a bundle that was to hold it does not.
func (j *job) readBackCA() error {
	if len(j.ca.plan.Effective()) == 0 || len(j.ca.list) == 0 {
		return nil
	}
	before, err := machine.Look(j.view.files)
	if err != nil {
		return err
	}
	planned, err := before.After(j.ca.plan)
	if err != nil {
		return err
	}
	now, err := machine.Look(j.view.root)
	if err != nil {
		return err
	}
	for _, c := range j.ca.list {
		if planned.Trusts(c.Fingerprint) && !now.Trusts(c.Fingerprint) {
			return fmt.Errorf("this machine's trust store (%s) does not hold %s after it was written", now.Family(), c.Fingerprint.Short())
		}
	}
	return nil
}

// planRegistries plans that dockerd alone trusts authorities, for some registries.
func (j *job) planRegistries(want machineAdd) error {
	j.ca.list = want.list
	m, err := machine.Look(j.view.files)
	if err != nil {
		return err
	}
	j.ca.plan, err = m.AddForRegistries(certsDir(j.view.site), want.registries, want.list)
	var hub *machine.HubError
	if errors.As(err, &hub) {
		return usageErrorf("%w", err)
	}
	for _, c := range want.list {
		j.notes = append(j.notes, "CA "+authorityLine(c))
	}
	return err
}

func (j *job) addNotes(notes []certs.Note) {
	for _, n := range notes {
		if text := n.String(); !slices.Contains(j.notes, text) {
			j.notes = append(j.notes, text)
		}
	}
}

// caRestarts reports whether dockerd has to restart for the CAs. One that is not on this machine, or not run by anything here, has trust of its own.
func (j *job) caRestarts(todo change.Plan) bool {
	switch j.view.site.Flavor {
	case daemon.FlavorRemote, daemon.FlavorDesktop:
		return false
	}
	if j.view.site.Manager == daemon.ManagerNone || j.view.broken != nil || j.ownRoots() != "" {
		return false
	}
	return j.ca.stale != "" || slices.ContainsFunc(todo, func(c change.Change) bool { return c.Layer == machine.Layer && c.Needs.Restart })
}

// staleCA returns a CA of ours that the running dockerd may not have: it reads the machine's roots once.
func (j *job) staleCA(m *machine.Machine) string {
	p := j.view.site.Process
	if p == nil || p.Start.IsZero() || !j.view.site.Live {
		return ""
	}
	return m.ChangedAfter(p.Start.Add(daemon.StartPrecision))
}

// lookStaleCA is staleCA for a command that plans nothing about CAs, and counts those that somebody else gave to this machine, too. What cannot be read is not pending.
func (j *job) lookStaleCA() {
	if m, err := machine.Look(j.view.files); err == nil {
		j.ca.stale = j.staleCA(m)
	}
	d := j.view.trust()
	if m, err := health.Look(j.view.files); err == nil && j.ca.stale == "" && !d.Started.IsZero() {
		j.ca.stale, _ = m.NewerThan(d.Started)
	}
}

// ownRoots is the variable with which the running dockerd has been given other roots than the machine's, as NAME=VALUE, or "" (crypto/x509, root_unix.go:
// SSL_CERT_FILE and SSL_CERT_DIR replace the places that are searched).
func (j *job) ownRoots() string {
	p := j.view.site.Process
	if p == nil || p.Environ == nil {
		return ""
	}
	file, _ := p.Variable("SSL_CERT_FILE")
	dir, _ := p.Variable("SSL_CERT_DIR")
	if file != "" && dir != "" {
		return "SSL_CERT_FILE=" + file + " and SSL_CERT_DIR=" + dir
	}
	return ""
}

// otherRoots warns where dockerd does not look at all that is changed.
func (j *job) otherRoots(m *machine.Machine) {
	if own := j.ownRoots(); own != "" {
		j.notes = append(j.notes, fmt.Sprintf("this dockerd runs with %s and does not read the machine's trust store: put the CA into that file, or take the variables out of its environment", own))
		return
	}
	p := j.view.site.Process
	if p == nil || p.Environ == nil {
		return
	}
	if file, ok := p.Variable("SSL_CERT_FILE"); ok && file != "" && !slices.Contains(m.Bundles(), file) {
		j.notes = append(j.notes, fmt.Sprintf("this dockerd runs with SSL_CERT_FILE=%s, which it reads instead of the machine's bundle", file))
	}
}

// certsDir is the directory in which dockerd looks for the authorities of single registries (moby registry.CertsDir; for rootless dockerd SetCertsDir below the
// account's configuration, and in the snap's own data directory).
func certsDir(site *daemon.Site) string {
	switch {
	case site.Flavor == daemon.FlavorRootless && site.User != nil:
		return path.Join(site.User.XDGConfigHome, "docker/certs.d")
	case site.Flavor == daemon.FlavorSnap:
		return "/var/snap/docker/current/etc/docker/certs.d"
	}
	return "/etc/docker/certs.d"
}

// readOnce reports whether a recorded change concerns what dockerd reads only once: the machine's trust store, but not the directories of single registries.
func (j *job) readOnce(c change.Change) bool {
	return c.Layer == machine.Layer && c.From.Kind != change.Dir && c.To.Kind != change.Dir && !strings.HasPrefix(c.Path, certsDir(j.view.site)+"/")
}
