package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
		j.lookStaleCA()
		if !j.view.site.Active {
			j.nothing = stoppedText(j.view.site)
		}
		if err := j.silentDaemon(); err != nil {
			return err
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

// silentDaemon refuses to say that nothing is pending when the daemon does not tell what it has, and names what helps: root, or the service manager.
func (j *job) silentDaemon() error {
	s := j.view.site
	if !s.Active || s.APIError == nil || j.wantsRestart() {
		return nil
	}
	text := fmt.Sprintf("whether a restart is pending is not known, since the daemon's API does not answer: %v", s.APIError)
	if os.Geteuid() != 0 && s.Manager != daemon.ManagerSystemdUser {
		return fmt.Errorf("%s; next: %s", text, rootCommand())
	}
	if control, err := daemon.ControlOf(s, nil); err == nil {
		text += "; to restart it whatever it has:\n  " + strings.Join(control.Repair(), "\n  ")
	}
	return errors.New(text)
}

// systemctl is the command for the manager of the daemon.
func systemctl(s *daemon.Site) string {
	if s.Manager == daemon.ManagerSystemdUser {
		return "systemctl --user"
	}
	return "systemctl"
}

// stoppedText says why nothing happens to a daemon that does not run, and for one that systemd has given up what starts it.
func stoppedText(s *daemon.Site) string {
	text := unitName(s) + " is not running and stays stopped; it reads the settings when it starts"
	if s.Loaded != nil && s.Loaded.LoadState == "masked" {
		return text + "\nit is masked (" + s.Loaded.FragmentPath + "), so that nothing starts it; to undo that: " + systemctl(s) + " unmask " + s.Unit
	}
	if s.Loaded == nil || s.Loaded.ActiveState != "failed" {
		return text
	}
	text += fmt.Sprintf("\nit has failed (%s)", s.Loaded.Result)
	if control, err := daemon.ControlOf(s, nil); err == nil {
		text += "; to start it:\n  " + strings.Join(control.Repair(), "\n  ")
	}
	return text
}
