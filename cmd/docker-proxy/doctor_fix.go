package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// clientMisplaced is the one finding about config.json that --fix takes away.
const clientMisplaced = "client-flat-proxies"

// fixing is one `doctor --fix`: the causes of the selected findings are taken away, as far as that needs no guessing, in one transaction.
type fixing struct {
	keep func(precedence.Finding) bool
}

func runFix(ctx context.Context, a *app, o doctorOptions, keep func(precedence.Finding) bool) error {
	if err := o.apply.validate(a); err != nil {
		return err
	}
	f := fixing{keep: keep}
	r := request{app: a, opts: o.apply, early: f.early, plan: f.plan}
	if !o.apply.yes {
		r.approve = f.approve
	}
	return r.run(ctx)
}

// selected are the findings of a view that were asked for and can be mended.
func (f fixing) selected(v *view) []precedence.Finding {
	var out []precedence.Finding
	for _, x := range v.findings() {
		if c, ok := precedence.CheckOf(x.ID); ok && c.Mended && f.keep(x) {
			out = append(out, x)
		}
	}
	return out
}

func (f fixing) ofDaemon(v *view) []precedence.Finding {
	return slices.DeleteFunc(f.selected(v), func(x precedence.Finding) bool { return x.ID == clientMisplaced })
}

// early refuses what cannot work: the daemon's files need root, config.json alone does not.
func (f fixing) early(j *job) error {
	if len(f.ofDaemon(j.view)) == 0 {
		return nil
	}
	err := j.refuseEarly(true)
	if err == nil || errors.Is(err, fs.ErrPermission) || os.Geteuid() != 0 && !j.opts.readOnly() {
		return err
	}
	return daemon.CheckMendable(j.view.obs)
}

func (f fixing) plan(_ context.Context, j *job) error {
	selected, mine := f.selected(j.view), f.ofDaemon(j.view)
	j.nothing = "Nothing to mend" + f.others(j.view) + "."
	if len(mine) > 0 {
		plan, left, err := daemon.PlanMend(j.view.obs, f.keep, j.app.history(j.view))
		if err != nil {
			return err
		}
		j.plan = plan
		j.reload = slices.ContainsFunc(mine, func(x precedence.Finding) bool { return x.ID == "systemd-reload-needed" })
		for _, l := range left {
			j.notes = append(j.notes, fmt.Sprintf("%s is left as it is: %s", l.Finding.ID, l.Reason))
		}
		j.secretNotes()
	}
	if len(mine) < len(selected) {
		return j.repairClient()
	}
	return nil
}

// others says how many findings there are that --fix does not mend.
func (f fixing) others(v *view) string {
	switch n := len(v.findings()) - len(f.selected(v)); n {
	case 0:
		return ""
	case 1:
		return "; the one finding there is needs a decision: docker proxy doctor"
	default:
		return fmt.Sprintf("; the %d findings there are need a decision: docker proxy doctor", n)
	}
}

// approve shows the exact plan and asks for consent.
func (f fixing) approve(ctx context.Context, j *job) error {
	if !j.app.cli.In().IsTerminal() {
		return usageErrorf("nobody can be asked here whether the plan is wanted: say --yes, or --dry-run to see it")
	}
	if err := j.planText(j.app.cli.Err(), j.changes(), j.wantsRestart()); err != nil {
		return err
	}
	yes, err := j.app.ask(ctx, "\nMend it?")
	if err == nil && !yes {
		err = withStatus(exitFailed, errors.New("nothing was changed"))
	}
	return err
}
