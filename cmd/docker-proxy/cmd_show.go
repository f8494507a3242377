package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

type showOptions struct {
	effective bool
	layer     string
	reveal    bool
	format    outputFormat
}

func newShowCommand(a *app) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [OPTIONS]",
		Short: "Show the proxy settings of every layer, or the effective ones",
		Long: `Show every proxy setting of this host's Docker daemon with the file and line it stands in, what the client's config.json gives to new containers and builds,
and which containers were created with something else.

With --effective: for each setting the value dockerd uses, where it comes from, what it shadows and by which rule, and whether the running daemon has it
already. Passwords are masked as in 'docker info'.`,
		Example: `  docker proxy show                                 every value in every layer
  docker proxy show --effective                     what dockerd uses, and why
  docker proxy show --effective --format json       the same for programs
  docker proxy show --layer systemd                 one layer
  docker proxy show --root /mnt/image --effective   an image or a mounted disk, from files alone`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runShow(cmd.Context(), a, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.effective, "effective", false, "Show the values dockerd uses, what they shadow and by which rule")
	f.StringVar(&o.layer, "layer", "", "Show only this `LAYER`: flag, daemon.json, startup, systemd, env or process")
	f.BoolVar(&o.reveal, "reveal", false, "Show user names and passwords")
	addFormatFlag(cmd, &o.format)
	_ = cmd.RegisterFlagCompletionFunc("layer", cobra.FixedCompletions(layerNames(), cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	return cmd
}

func layerNames() []cobra.Completion {
	var out []cobra.Completion
	for _, l := range precedence.Layers() {
		out = append(out, string(l))
	}
	return out
}

func runShow(ctx context.Context, a *app, o showOptions) error {
	if o.layer != "" && !slices.Contains(precedence.Layers(), precedence.Layer(o.layer)) {
		return usageErrorf("unknown layer %q: use %s", o.layer, strings.Join(layerNames(), ", "))
	}
	if o.layer != "" && o.effective {
		return usageErrorf("--layer and --effective exclude each other: the effective value is a matter of all layers")
	}
	v, err := a.lookSettled(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	v.lookRestart(ctx)
	r := renderer{reveal: o.reveal}
	out := a.cli.Out()
	if o.effective {
		rep := effectiveReport{Schema: reportSchema, Daemon: r.daemon(v.site), Settings: r.settings(v.obs), Clients: r.clients(v.clients), Findings: v.findings()}
		return printAs(out, o.format, rep, func(w io.Writer) error { return effectiveTable(w, rep) })
	}
	rep := layersReport{Schema: reportSchema, Daemon: r.daemon(v.site), Bindings: r.bindings(v.obs, precedence.Layer(o.layer)), Clients: r.clients(v.clients), Containers: v.staleContainers(ctx, a), Findings: v.findings()}
	return printAs(out, o.format, rep, func(w io.Writer) error { return layersTable(w, rep) })
}

// unknownText stands for a value that cannot be known without running code.
const unknownText = "(unknown)"

func textOf(v *string) string {
	if v == nil {
		return unknownText
	}
	return *v
}

func daemonLine(d daemonReport) string {
	parts := []string{}
	away := d.Flavor == daemon.FlavorRemote || d.Flavor == daemon.FlavorDesktop
	switch {
	case d.Version != "":
		parts = append(parts, "dockerd "+d.Version)
	case away:
		parts = append(parts, "dockerd (version not known)")
	case d.Manager == daemon.ManagerNone:
		parts = append(parts, "no dockerd found")
	default:
		parts = append(parts, "dockerd (version not known)")
	}
	if d.PID != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", d.PID))
	} else if d.Manager != daemon.ManagerNone && d.Root == "" {
		parts = append(parts, "not running")
	}
	if d.Unit != "" {
		parts = append(parts, fmt.Sprintf("%s (%s)", d.Unit, d.Manager))
	} else if d.Manager != daemon.ManagerNone {
		parts = append(parts, "started by "+string(d.Manager))
	}
	if away && d.Endpoint != "" {
		parts = append(parts, "at "+d.Endpoint)
	}
	if d.Flavor != daemon.FlavorStandard {
		parts = append(parts, string(d.Flavor))
	}
	if d.ConfigFile != "" {
		parts = append(parts, "reads "+d.ConfigFile)
	}
	if d.Root != "" {
		parts = append(parts, "from the files of "+d.Root+" alone")
	}
	return "Daemon: " + strings.Join(parts, ", ")
}

func effectiveTable(w io.Writer, rep effectiveReport) error {
	fmt.Fprintf(w, "%s\n\n", daemonLine(rep.Daemon))
	var rows [][]string
	for _, s := range rep.Settings {
		value, source := "-", "-"
		if s.Set {
			value, source = textOf(s.Value), s.Source.String()
			if s.Source.Layer == precedence.LayerUnknown {
				source = "unknown"
			}
		}
		rows = append(rows, []string{string(s.Key), value, effectText(s), source, runningText(s), string(s.Pending)})
	}
	if err := writeTable(w, []string{"SETTING", "VALUE", "EFFECT", "SOURCE", "RUNNING", "PENDING"}, rows); err != nil {
		return err
	}
	explainSettings(w, rep.Settings)
	clientsText(w, rep.Clients)
	findingsText(w, rep.Findings)
	return nil
}

func effectText(s settingReport) string {
	if s.Effect == "" {
		return "-"
	}
	return string(s.Effect)
}

func runningText(s settingReport) string {
	switch {
	case s.Running == nil:
		return "unknown"
	case *s.Running == "":
		return "not set"
	case s.Set && s.Value != nil && *s.Value == *s.Running:
		return "same"
	}
	return *s.Running
}

// explainSettings prints, for each setting that shadows something, the rule as a sentence and the losers.
func explainSettings(w io.Writer, settings []settingReport) {
	for _, s := range settings {
		if len(s.Shadowed) == 0 && s.Lower == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s:", s.Key)
		if s.Set {
			fmt.Fprintf(w, " %s from %s", textOf(s.Value), s.Source)
		} else {
			fmt.Fprint(w, " not set")
		}
		fmt.Fprintln(w)
		for _, l := range s.Shadowed {
			fmt.Fprintf(w, "  over %s (%s)\n    %s: %s\n", textOf(l.Value), l.Source, l.Rule, l.Rule.Explain())
		}
		if s.Lower != nil {
			fmt.Fprintf(w, "  but %s is %s (%s)\n", s.Lower.Source.Name, s.Lower.Value, s.Lower.Source)
		}
	}
}

func findingsText(w io.Writer, findings []precedence.Finding) {
	for i, f := range findings {
		if i == 0 {
			fmt.Fprintln(w)
		}
		at := ""
		if f.Source != nil && f.Source.Path != "" {
			at = " " + f.Source.String() + ":"
		}
		fmt.Fprintf(w, "%s:%s %s [%s]\n", f.Severity, at, f.Message, f.ID)
		if f.Fix != "" {
			fmt.Fprintf(w, "  mend it with: %s\n", f.Fix)
		}
	}
}

// noBindings says that nothing was seen, and does not say that nothing is there where nobody answered.
func noBindings(d daemonReport) string {
	if d.Flavor == daemon.FlavorRemote && !d.Reachable {
		return "Nothing is known about this daemon's settings: its files are on another machine, and its API does not answer."
	}
	return "No proxy is set in any layer of the daemon."
}

func layersTable(w io.Writer, rep layersReport) error {
	fmt.Fprintf(w, "%s\n\n", daemonLine(rep.Daemon))
	if len(rep.Bindings) == 0 {
		fmt.Fprintln(w, noBindings(rep.Daemon))
	} else {
		var rows [][]string
		for _, b := range rep.Bindings {
			used := "no"
			switch {
			case b.Wins:
				used = "yes"
			case b.Source.Layer == precedence.LayerProcess && b.Inert != "":
				used = "running"
			case b.Inert != "":
				used = "no: " + b.Inert
			}
			rows = append(rows, []string{string(b.Key), b.Source.Name, textOf(b.Value), string(b.Source.Layer), b.Source.String(), used})
		}
		if err := writeTable(w, []string{"SETTING", "NAME", "VALUE", "LAYER", "SOURCE", "USED"}, rows); err != nil {
			return err
		}
	}
	clientsText(w, rep.Clients)
	containersText(w, rep.Containers)
	findingsText(w, rep.Findings)
	return nil
}
