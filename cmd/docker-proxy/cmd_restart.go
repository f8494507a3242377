package main

import (
	"context"
	"fmt"
	"strings"

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
	r := request{app: a, opts: o, early: restartable, plan: func(_ context.Context, j *job) error {
		j.plan = &daemon.Plan{After: j.view.obs}
		if !j.view.site.Active {
			j.nothing = stoppedText(j.view.site)
		}
		if j.wantsRestart() && !o.restart && j.view.site.Manager != daemon.ManagerManual && !o.readOnly() && !a.cli.In().IsTerminal() {
			return fmt.Errorf("a restart needs your consent, and there is no terminal to ask on: say docker proxy restart --restart")
		}
		return nil
	}}
	return r.run(ctx)
}

// restartable refuses what has no daemon that this program restarts.
func restartable(j *job) error {
	v := j.view
	switch {
	case !v.site.Live:
		return usageErrorf("a daemon of a directory (--root) cannot be restarted")
	case v.broken != nil:
		return brokenContext(v.broken)
	case v.site.Manager == daemon.ManagerNone:
		return fmt.Errorf("no dockerd was found on this machine")
	}
	return j.editable()
}

// stoppedText says why nothing happens to a daemon that does not run, and for one that systemd has given up what starts it.
func stoppedText(s *daemon.Site) string {
	text := unitName(s) + " is not running and stays stopped; it reads the settings when it starts"
	if s.Loaded == nil || s.Loaded.ActiveState != "failed" {
		return text
	}
	text += fmt.Sprintf("\nit has failed (%s)", s.Loaded.Result)
	if control, err := daemon.ControlOf(s, nil); err == nil {
		text += "; to start it:\n  " + strings.Join(control.Repair(), "\n  ")
	}
	return text
}
