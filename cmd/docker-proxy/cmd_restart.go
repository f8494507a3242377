package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

func newRestartCommand(a *app) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "restart [OPTIONS]",
		Short: "Restart the daemon so that it takes pending settings over",
		Long: `Restart the daemon when settings are configured that the running one does not have, and check that it has them afterwards. Nothing happens when nothing is
pending, and a stopped daemon stays stopped.`,
		Example: `  sudo docker proxy restart
  docker proxy restart --check`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRestart(cmd.Context(), a, o) },
	}
	addApplyFlags(cmd, &o)
	return cmd
}

func runRestart(ctx context.Context, a *app, o applyOptions) error {
	if err := o.validate(a); err != nil {
		return err
	}
	if o.noRestart {
		return usageErrorf("restart and --no-restart exclude each other")
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	switch {
	case !v.site.Live:
		return usageErrorf("a daemon of a directory (--root) cannot be restarted")
	case v.broken != nil:
		return brokenContext(v.broken)
	case v.site.Manager == daemon.ManagerNone:
		return fmt.Errorf("no dockerd was found on this machine")
	}
	j := &job{app: a, view: v, opts: o, command: a.commandLine(), plan: &daemon.Plan{After: v.obs}}
	if err := j.editable(); err != nil {
		return err
	}
	if !v.site.Active {
		j.say("%s is not running and stays stopped; it reads the settings when it starts", unitName(v.site))
		return nil
	}
	if j.wantsRestart() && !o.restart && !o.readOnly() && !a.cli.In().IsTerminal() {
		return fmt.Errorf("a restart needs your consent, and there is no terminal to ask on: say docker proxy restart --restart")
	}
	return j.run(ctx)
}
