package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
)

// addMachineFlags adds the options that make a command about containers one about this machine, or about both.
func addMachineFlags(cmd *cobra.Command, o *caOptions) {
	f := cmd.Flags()
	f.BoolVar(&o.machine, "machine", false, "This machine's own trust store, which dockerd reads; --restart restarts dockerd then")
	f.BoolVar(&o.noRestart, "no-restart", false, "With --machine: do not restart dockerd, which trusts what it trusts today until it restarts")
	cmd.MarkFlagsMutuallyExclusive("restart", "no-restart")
}

// machineOnly reports whether nothing but this machine is meant.
func (o *caOptions) machineOnly() bool {
	s, err := o.selector()
	return o.machine && err == nil && s.Empty()
}

// checkMachine refuses options that mean nothing together.
func (o *caOptions) checkMachine() error {
	switch {
	case !o.machine && len(o.registries) > 0:
		return usageErrorf("--registry goes with --machine: it is about what dockerd trusts")
	case !o.machine && o.noRestart:
		return usageErrorf("--no-restart goes with --machine: containers are restarted by --restart alone")
	case o.machine && !o.machineOnly() && !o.format.isTable():
		return usageErrorf("--format has one result, and containers and --machine have two: use two commands")
	case o.machineOnly() && (len(o.bundles) > 0 || o.mounts || o.refresh == refreshTool || o.seed != ""):
		return usageErrorf("--bundle, --through-mounts, --refresh and --seed are about containers, and only --machine is given")
	}
	for _, r := range o.registries {
		if err := machine.CheckRegistry(r); err != nil {
			return usageErrorf("--registry: %w", err)
		}
	}
	return nil
}

// machineApply are the options for the machine's transaction.
func (o *caOptions) machineApply() applyOptions {
	return applyOptions{restart: o.restart, noRestart: o.noRestart, check: o.check, dryRun: o.dryRun, yes: o.yes, format: o.format, timeout: defaultTimeout, noCheck: true}
}

// alsoMachine does the machine's part after the containers', also where some of these failed.
func (o *caOptions) alsoMachine(containers error, machine func() error) error {
	return together(containers, machine())
}

// together is the end of two things of which each has a status: one that is done beside one that failed is partly done, and what is worse goes before what is better. Every
// message is kept.
func together(first, second error) error {
	a, b := statusOf(first), statusOf(second)
	switch {
	case first == nil && second == nil:
		return nil
	case first == nil && b == exitPending, second == nil && a == exitPending:
		return silently(exitPending)
	}
	status := exitPartly
	switch {
	case a == exitUnrestored || b == exitUnrestored:
		status = exitUnrestored
	case a == exitInterrupted || b == exitInterrupted:
		status = exitInterrupted
	case a == exitUsage && b == exitUsage:
		status = exitUsage
	case a == exitPartly || b == exitPartly || a == exitDone || b == exitDone || a == exitPending || b == exitPending:
	case a == exitRestored || b == exitRestored:
		status = exitRestored
	default:
		status = exitFailed
	}
	var said []error
	for _, err := range []error{first, second} {
		var own *exitError
		if err != nil && (!errors.As(err, &own) || own.err != nil) {
			said = append(said, err)
		}
	}
	if len(said) == 0 {
		return silently(status)
	}
	return withStatus(status, errors.Join(said...))
}

// statusOf is the exit status that an error has by itself.
func statusOf(err error) int {
	var own *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &own):
		return own.status
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// certsDirs is the directory that the paths of single registries' authorities have in them.
const certsDirs = "/certs.d/"

// machinePlaces are the rows of `ca list` about this machine.
func machinePlaces(_ context.Context, s *caSession, asked []certs.Fingerprint) ([]caPlace, error) {
	if !s.view.site.Local {
		return nil, nil
	}
	list, err := s.app.machineList(s.view)
	if err != nil {
		return nil, err
	}
	if len(s.opts.certs) > 0 {
		list = slices.DeleteFunc(list, func(h machine.Held) bool { return !slices.Contains(asked, h.Authority.Fingerprint) })
	}
	return placesOf(list), nil
}

// placesOf turns what a machine holds into rows: one for its store, one for each registry.
func placesOf(list []machine.Held) []caPlace {
	store := caPlace{Kind: "machine", Name: "trust store", State: "trusted"}
	registries := map[string]*caPlace{}
	var names []string
	for _, h := range list {
		hex, inStore := h.Authority.Fingerprint.String(), false
		for _, p := range h.Paths {
			if !strings.Contains(p, certsDirs) {
				inStore = true
				continue
			}
			name := path.Base(path.Dir(p))
			if registries[name] == nil {
				registries[name] = &caPlace{Kind: "registry", Name: name, State: "trusted by dockerd alone"}
				names = append(names, name)
			}
			registries[name].Authorities = append(registries[name].Authorities, hex)
		}
		if !inStore {
			continue
		}
		store.Authorities = append(store.Authorities, hex)
		if !h.Everywhere {
			store.State = "partly: not in every bundle"
		}
	}
	var out []caPlace
	if len(store.Authorities) > 0 {
		out = append(out, store)
	}
	slices.Sort(names)
	for _, n := range names {
		out = append(out, *registries[n])
	}
	return out
}

// listMachine is `ca list --machine`.
func (a *app) listMachine(ctx context.Context, o *caOptions) error {
	if !o.machineOnly() || o.missing || o.quiet {
		return usageErrorf("--machine is about this machine alone: containers, --missing and --quiet are for containers")
	}
	asked, _, err := a.fingerprintsOf(o.certs)
	if err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	list, err := a.machineList(v)
	if err != nil {
		return err
	}
	if len(asked) > 0 {
		list = slices.DeleteFunc(list, func(h machine.Held) bool { return !slices.Contains(asked, h.Authority.Fingerprint) })
	}
	rep := caListReport{Schema: reportSchema, Certificates: []certReport{}, Containers: []caRow{}, Others: append([]caPlace{}, placesOf(list)...)}
	for _, h := range list {
		rep.Certificates = append(rep.Certificates, certReports([]certs.Authority{h.Authority})...)
	}
	rep.Findings = expiring(rep.Certificates, time.Now())
	return printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error { return machineText(w, list, rep) })
}

func machineText(w io.Writer, list []machine.Held, rep caListReport) error {
	if len(list) == 0 {
		fmt.Fprintln(w, "No authority was added to this machine by docker proxy.")
		return nil
	}
	var rows [][]string
	for i, h := range list {
		c := rep.Certificates[i]
		rows = append(rows, []string{h.Authority.Fingerprint.Short(), oneCell(c.Subject), c.NotAfter.Format(time.DateOnly), strings.Join(h.Paths, " ")})
	}
	if err := writeTable(w, []string{"FINGERPRINT", "SUBJECT", "EXPIRES", "FILES"}, rows); err != nil {
		return err
	}
	findingsText(w, rep.Findings)
	return nil
}
