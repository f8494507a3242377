package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// runStatus is `docker proxy` without a command: the effective settings, the number of findings, the next command.
func runStatus(ctx context.Context, a *app, _ *cobra.Command) error {
	v, err := a.lookSettled(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	r, out := renderer{}, a.cli.Out()
	fmt.Fprintf(out, "%s\n\n", daemonLine(r.daemon(v.site)))
	var rows [][]string
	for _, s := range r.settings(v.obs) {
		value, source := "-", "-"
		if s.Set {
			value, source = textOf(s.Value), s.Source.String()
		}
		rows = append(rows, []string{string(s.Key), value, source, string(s.Pending)})
	}
	if err := writeTable(out, []string{"SETTING", "VALUE", "SOURCE", "PENDING"}, rows); err != nil {
		return err
	}
	noun := "findings"
	findings := len(v.findings())
	if findings == 1 {
		noun = "finding"
	}
	fmt.Fprintf(out, "\n%d %s. Next: %s\n", findings, noun, nextCommand(v))
	return nil
}

// nextCommand is what most people in this state want to type.
func nextCommand(v *view) string {
	set := false
	for _, s := range v.obs.Statuses() {
		set = set || s.Verdict.Set()
	}
	switch {
	case v.site.Manager == daemon.ManagerNone && v.site.Flavor == daemon.FlavorStandard:
		return "install Docker, or name a directory with --root"
	case v.obs.AnyPending():
		return "docker proxy restart"
	case !set:
		return "docker proxy set --proxy http://proxy.example.com:3128"
	}
	return "docker proxy show --effective"
}
