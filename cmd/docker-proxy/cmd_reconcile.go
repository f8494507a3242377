package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

type reconcileOptions struct {
	to     string
	file   string
	only   string
	repair bool
	apply  applyOptions
}

func newReconcileCommand(a *app) *cobra.Command {
	var o reconcileOptions
	cmd := &cobra.Command{
		Use:   "reconcile [OPTIONS]",
		Short: "Make Docker's own places agree about the proxy",
		Long: `Make Docker's own places (daemon.json, the systemd drop-ins, the startup file) agree: the place that wins today, or those named with --to, hold the
effective settings, and the others hold none. Places shared with the whole machine are left alone.

A NO_PROXY list for containers that was computed (see set --no-proxy auto) is computed again: Docker's networks, containers and services come and go. That
changes config.json only and asks for no restart. --repair also moves settings that stand in config.json where Docker does not read them.`,
		Example: `  sudo docker proxy reconcile --dry-run
  sudo docker proxy reconcile --to systemd --restart
  sudo docker proxy reconcile --to all
  docker proxy reconcile --only client --repair
  sudo docker proxy reconcile -f proxy.yaml --check`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReconcile(cmd.Context(), a, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", daemon.Auto, "The `LAYER`s that hold the settings: auto, a comma-separated list, or all that this dockerd reads")
	f.StringVarP(&o.file, "file", "f", "", "Take the settings from a YAML or JSON `FILE`")
	f.StringVar(&o.only, "only", "", "Work on one side only: daemon or client")
	f.BoolVar(&o.repair, "repair", false, "Move proxy settings of config.json to the record that Docker reads")
	_ = cmd.RegisterFlagCompletionFunc("to", completeTo) // fails for an unknown flag only
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions([]cobra.Completion{onlyDaemon, onlyClient}, cobra.ShellCompDirectiveNoFileComp))
	addApplyFlags(cmd, &o.apply)
	return cmd
}

func (o *reconcileOptions) request(a *app) (daemon.ReconcileRequest, error) {
	var r daemon.ReconcileRequest
	switch o.to {
	case daemon.Auto:
	case daemon.All:
		r.ToAll = true
	default:
		layers, err := daemon.ParseLayers(o.to)
		if err != nil {
			return r, usageErrorf("%w", err)
		}
		r.To = layers
	}
	if o.file == "" {
		return r, nil
	}
	spec, err := readSpec(o.file)
	if err != nil {
		return r, err
	}
	r.Wanted, err = spec.settings(a)
	if err != nil {
		return r, err
	}
	if r.To == nil && !r.ToAll && spec.Layer != "" && spec.Layer != daemon.Auto {
		if r.To, err = daemon.ParseLayers(spec.Layer); err != nil {
			return r, usageErrorf("%s: %w", o.file, err)
		}
	}
	return r, nil
}

func runReconcile(ctx context.Context, a *app, o *reconcileOptions) error {
	if err := o.apply.validate(a); err != nil {
		return err
	}
	if err := o.checkSides(); err != nil {
		return err
	}
	wanted, err := o.request(a)
	if err != nil {
		return err
	}
	list, argument, err := a.specAuthorities(o.file)
	if err != nil {
		return err
	}
	early := func(j *job) error {
		if err := j.refuseEarly(o.only != onlyClient); err != nil || len(list) == 0 {
			return err
		}
		return j.refuseCAEarly(argument)
	}
	r := request{app: a, opts: o.apply, early: early, plan: func(ctx context.Context, j *job) error {
		if o.only != onlyClient {
			if err := j.planReconcile(ctx, wanted); err != nil {
				return err
			}
			if len(list) > 0 {
				if err := j.planCA(list); err != nil {
					return err
				}
			}
		}
		if o.only == onlyDaemon {
			return nil
		}
		if o.repair {
			if err := j.repairClient(); err != nil || len(j.client) > 0 {
				return err
			}
		}
		return j.renewClient(ctx)
	}}
	return r.run(ctx)
}

func (j *job) planReconcile(ctx context.Context, r daemon.ReconcileRequest) (err error) {
	if list, named := r.Wanted[precedence.NoProxy]; named {
		r.Wanted = maps.Clone(r.Wanted) // the rule is expanded anew for every plan
		r.Wanted[precedence.NoProxy] = precedence.Value(expandRule(list.Reveal(), j.auto(ctx, autoDaemon)))
	}
	if j.plan, err = daemon.PlanReconcile(j.view.obs, r, j.app.history(j.view)); err != nil {
		return err
	}
	j.secretNotes()
	return nil
}

// checkSides refuses combinations that mean nothing.
func (o *reconcileOptions) checkSides() error {
	switch {
	case o.only != "" && o.only != onlyDaemon && o.only != onlyClient:
		return usageErrorf("unknown value %q for --only: use daemon or client", o.only)
	case o.only == onlyClient && (o.to != daemon.Auto || o.file != ""):
		return usageErrorf("--only client excludes --to and -f: they are about the daemon's places")
	case o.only == onlyDaemon && o.repair:
		return usageErrorf("--only daemon and --repair exclude each other: config.json is the client's")
	}
	return nil
}

// repairClient moves what stands in config.json where Docker does not read it.
func (j *job) repairClient() error {
	at, note, err := clientLocations(j.view, nil)
	if err != nil {
		return err
	}
	if note != "" {
		return usageErrorf("%s", note)
	}
	for _, loc := range at {
		r, err := client.Repair(j.view.files, loc, client.DefaultHost)
		if err != nil {
			return err
		}
		for _, v := range r.Values {
			j.app.redactor.AddValue(v)
		}
		j.client = append(j.client, r.Changes...)
		j.notes = append(j.notes, r.Notes...)
	}
	return nil
}

// renewClient brings a computed list in config.json up to date: Docker's networks, containers and services come and go. Other lists are nobody's business here.
func (j *job) renewClient(ctx context.Context) error {
	at, _, err := clientLocations(j.view, nil)
	if err != nil || len(at) == 0 || !j.knowsNetworks() {
		return nil //nolint:nilerr // no config.json is meant; what stands in it is not reconcile's to complain about
	}
	return j.planClient(nil, client.DefaultHost, func(f client.File) (client.Request, []string, error) {
		r := client.Request{Host: f.Host, Cause: "Docker's networks have changed since it was computed"}
		if isAuto(f.Rule) {
			r.Values = map[string]precedence.Value{"noProxy": precedence.Value(expandRule(f.Rule, j.auto(ctx, autoClient)))}
		}
		return r, nil, nil
	})
}

// knowsNetworks reports whether the daemon can be asked: without it a computed list would lose its networks.
func (j *job) knowsNetworks() bool { return j.view.engine != nil && j.view.site.Info != nil }

// completeTo completes the last name of a list of layers.
func completeTo(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	at := strings.LastIndexByte(typed, ',') + 1
	names := []cobra.Completion{"daemon.json", "systemd", "startup"}
	if at == 0 {
		return append([]cobra.Completion{daemon.Auto, daemon.All}, names...), cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, n := range names {
		if !slices.Contains(strings.Split(typed[:at], ","), n) {
			out = append(out, typed[:at]+n)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
