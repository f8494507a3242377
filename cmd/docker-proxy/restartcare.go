package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// restartReport is the JSON of what a restart does to those who use the daemon.
type restartReport struct {
	Running     *int         `json:"running"`     // containers; null unknown
	LiveRestore string       `json:"liveRestore"` // off, on, for-the-restart, kept
	Lost        []fateReport `json:"lost"`        // do not come back
	Vanish      []string     `json:"vanish"`      // --rm
	Unsure      []fateReport `json:"unsure"`      // may not come back
	Builds      *int         `json:"builds"`      // of the daemon's own BuildKit; null unknown
	BuildsExact bool         `json:"buildsExact"` // false: that many or more
	Unknown     string       `json:"unknown,omitempty"`
}

type fateReport struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// weigh finds out what a restart costs.
func (j *job) weigh(ctx context.Context) {
	if !j.view.site.Active {
		j.cost, j.told = &daemon.Cost{}, nil // nothing runs, and its API is not to be asked
		return
	}
	cost := daemon.CostOf(ctx, j.view.site, j.plannedObs().Files, j.view.engine)
	j.cost = &cost
	if cost.Running == 0 && !j.opts.keepLiveRestore {
		j.useLive = false // nothing is to be kept
	}
	j.told = j.costLines()
}

// planLiveRestore takes --live-restore and --keep-live-restore into a plan that restarts the daemon. The error says why it cannot be had; nothing has been changed then.
func (j *job) planLiveRestore() error {
	if !j.opts.liveRestore && !j.opts.keepLiveRestore || !j.wantsRestart() {
		return nil
	}
	l := daemon.LiveRestoreOf(j.view.site, j.plannedObs().Files)
	switch {
	case l.Keeps():
		return nil
	case j.view.site.Manager == daemon.ManagerManual:
		return errors.New("live-restore is not turned on for a restart that this program does not make: set it in daemon.json and send dockerd SIGHUP yourself; nothing was changed")
	case !l.Possible():
		return fmt.Errorf("live-restore cannot be turned on: %s; nothing was changed", l.Refused)
	}
	j.useLive = true
	if !j.opts.keepLiveRestore {
		return nil
	}
	changes, err := daemon.KeepLiveRestore(j.view.site, j.view.files, j.plan.Changes)
	if err != nil {
		return err
	}
	j.plan.Changes = changes
	if l.Against != "" {
		j.notes = append(j.notes, "live-restore stays on although "+l.Against)
	}
	return nil
}

// plannedObs is what will be configured; nil when nothing of the daemon's is planned.
func (j *job) plannedObs() *daemon.Observation {
	if j.plan == nil {
		return nil
	}
	return j.plan.After
}

// consent decides whether the daemon is restarted: by the flags, by what was answered before, or by an answer on the terminal. Without one the restart stays pending.
func (j *job) consent(ctx context.Context, prev *job) (err error) {
	j.restart = j.wantsRestart()
	switch {
	case !j.restart, j.view.site.Manager == daemon.ManagerManual: // nobody is asked about what a person has to type
		return nil
	case j.opts.noRestart, !j.opts.restart && !j.app.cli.In().IsTerminal():
		j.restart = false
		return nil
	case prev != nil && prev.asked:
		j.restart, j.asked, j.told, j.cost, j.useLive = prev.restart, true, prev.told, prev.cost, prev.useLive
		return nil
	}
	j.weigh(ctx)
	j.asked = true
	for _, line := range j.told {
		j.say("%s", line)
	}
	if !j.opts.restart {
		j.restart, err = j.askRestart(ctx)
	} else if j.offersLiveRestore() {
		j.say("--live-restore would keep them running.")
	}
	return err
}

// mustAsk reports whether a person has to be asked about a restart that was not asked about before, or not with these consequences.
func (j *job) mustAsk(ctx context.Context, prev *job) bool {
	if !j.wantsRestart() || j.opts.restart || j.opts.noRestart || !j.app.cli.In().IsTerminal() || j.view.site.Manager == daemon.ManagerManual {
		return false
	}
	j.weigh(ctx)
	return !prev.asked || !slices.Equal(prev.told, j.told)
}

// chooseControl finds what reloads and restarts this daemon. Whatever would keep it from starting again is an error before anything is written; one that was started by hand is not
// restarted, and a note says what to type.
func (j *job) chooseControl(ctx context.Context, todo change.Plan) error {
	site := j.view.site
	stopped := j.opts.restart && j.plan != nil && site.Live && !site.Active && site.Manager.Systemd()
	if !j.restart && !stopped && !j.wantsReload(todo) {
		return nil
	}
	control, err := daemon.ControlOf(site, j.plannedObs())
	var manual *daemon.ManualError
	if errors.As(err, &manual) && len(todo) > 0 {
		j.restart = false
		j.notes = append(j.notes, manual.Error())
		return nil
	}
	if err == nil {
		j.control = control
	}
	if !j.restart && !stopped {
		return nil
	}
	if err == nil {
		err = control.Ready(ctx)
	}
	return err
}

// offersLiveRestore reports whether live-restore would help and nobody has decided against it.
func (j *job) offersLiveRestore() bool {
	return !j.useLive && j.cost.Stops() && j.cost.Live.Possible() && j.cost.Live.Against == ""
}

// askRestart asks on the terminal, and offers live-restore where it would help.
func (j *job) askRestart(ctx context.Context) (bool, error) {
	unit := unitName(j.view.site)
	if !j.offersLiveRestore() {
		answer, err := j.app.askWord(ctx, fmt.Sprintf("Restart %s now? [y/N]", unit))
		return answer == "y" || answer == "yes", err
	}
	answer, err := j.app.askWord(ctx, fmt.Sprintf("Restart %s now? y: yes, l: yes, with live-restore on meanwhile so that containers keep running, N: no [y/l/N]", unit))
	switch {
	case err != nil:
		return false, err
	case answer == "l" || answer == "live" || answer == "live-restore":
		j.useLive = true
		return true, nil
	}
	return answer == "y" || answer == "yes", nil
}

// fates are those of the running containers in the way the restart is done.
func (j *job) fates() []daemon.ContainerFate {
	switch {
	case j.cost == nil:
		return nil
	case j.useLive || j.cost.Live.Keeps():
		return j.cost.LiveFates
	}
	return j.cost.Fates
}

// costLines says what the restart does to containers and builds, one sentence each, with names escaped.
func (j *job) costLines() []string {
	c := j.cost
	var lines []string
	if c == nil {
		return nil
	}
	vanishing, _ := daemon.With(c.LiveFates, daemon.FateVanishes)
	kept := c.Running - len(vanishing)
	switch {
	case j.useLive:
		lines = append(lines, j.liveText(kept))
	case c.Live.Keeps() && kept > 0:
		lines = append(lines, plural(kept, "The running container keeps running (live-restore is on).", "The %d running containers keep running (live-restore is on)."))
	case c.Running > 0 && !c.Live.Keeps():
		lines = append(lines, plural(c.Running, "A restart of the daemon stops its running container.", "A restart of the daemon stops its %d running containers."))
	}
	lines = append(lines, fateLines(j.fates())...)
	switch {
	case c.Builds == nil, c.Builds.Running == 0:
	case c.Builds.Exact:
		lines = append(lines, plural(c.Builds.Running, "A running build is cancelled.", "%d running builds are cancelled."))
	default:
		lines = append(lines, "A running build, or more than one, is cancelled.")
	}
	if c.Unknown != nil {
		lines = append(lines, "What else a restart stops is not known: "+c.Unknown.Error())
	}
	for i := range lines {
		lines[i] = redact.Terminal(lines[i])
	}
	return lines
}

// fateLines names the containers that do not come back, may not come back, and vanish, grouped by reason in the order of their first name.
func fateLines(fates []daemon.ContainerFate) []string {
	var lines []string
	for _, kind := range []struct {
		fate daemon.Fate
		head string
	}{
		{daemon.FateLost, "These do not come back by themselves (%s): %s"}, {daemon.FateUnsure, "These may not come back (%s): %s"}, {daemon.FateVanishes, "These vanish (%s): %s"},
	} {
		names, reasons := daemon.With(fates, kind.fate)
		var order []string
		by := map[string][]string{}
		for i, r := range reasons {
			if !slices.Contains(order, r) {
				order = append(order, r)
			}
			by[r] = append(by[r], names[i])
		}
		for _, r := range order {
			lines = append(lines, fmt.Sprintf(kind.head, r, strings.Join(by[r], ", ")))
		}
	}
	return lines
}

// costText prints the lines below the plan's restart.
func (j *job) costText(w io.Writer) {
	for _, line := range j.costLines() {
		fmt.Fprintf(w, "    %s\n", line)
	}
	if j.cost != nil && j.offersLiveRestore() {
		fmt.Fprintln(w, "    --live-restore would keep them running.")
	}
}

// restartCare is the JSON of the same; nil when no restart was in question.
func (j *job) restartCare() *restartReport {
	c := j.cost
	if c == nil {
		return nil
	}
	r := &restartReport{LiveRestore: "off", Lost: []fateReport{}, Vanish: []string{}, Unsure: []fateReport{}}
	switch {
	case j.useLive && j.opts.keepLiveRestore:
		r.LiveRestore = "kept"
	case j.useLive:
		r.LiveRestore = "for-the-restart"
	case c.Live.Keeps():
		r.LiveRestore = "on"
	}
	if c.Running >= 0 {
		r.Running = &c.Running
	}
	if c.Builds != nil {
		r.Builds, r.BuildsExact = &c.Builds.Running, c.Builds.Exact
	}
	if c.Unknown != nil {
		r.Unknown = j.app.redactor.Text(redact.Terminal(c.Unknown.Error()))
	}
	for _, f := range j.fates() {
		name, reason := redact.Terminal(f.Name), redact.Terminal(f.Reason)
		switch f.Fate {
		case daemon.FateLost:
			r.Lost = append(r.Lost, fateReport{name, reason})
		case daemon.FateUnsure:
			r.Unsure = append(r.Unsure, fateReport{name, reason})
		case daemon.FateVanishes:
			r.Vanish = append(r.Vanish, name)
		case daemon.FateReturns:
		}
	}
	return r
}

// stoppedContainers are the names of those that the restart stops.
func (j *job) stoppedContainers() []string {
	out := []string{}
	for _, f := range j.fates() {
		if f.Fate != daemon.FateReturns || !j.useLive && !j.cost.Live.Keeps() {
			out = append(out, redact.Terminal(f.Name))
		}
	}
	return out
}
