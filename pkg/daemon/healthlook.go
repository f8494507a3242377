package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// look looks once. The site comes along with every error of the daemon's own; a *wrongError says that it runs with other values.
func (h Health) look(ctx context.Context) (*Site, error) {
	site, err := h.Locate(ctx)
	switch {
	case err != nil:
		return nil, err
	case !site.Active || site.PID == 0:
		return site, notRunning(site)
	case h.older(site):
		return site, errors.New("the old dockerd is still running")
	case site.Info == nil && site.APIError != nil:
		return site, fmt.Errorf("dockerd's API does not answer: %w", site.APIError)
	case site.Info == nil:
		return site, errors.New("dockerd's API does not answer")
	case !h.still(site):
		return site, errGone
	case h.Any:
		return site, nil
	}
	return site, h.compare(Observe(site))
}

// notRunning is errNotRunning with what systemd says.
func notRunning(site *Site) error {
	switch u := site.Loaded; {
	case u == nil:
		return errNotRunning
	case u.NRestarts > 0:
		return fmt.Errorf("%w: it ends soon after its start; systemd has started it %d times more", errNotRunning, u.NRestarts)
	case u.ActiveState != "":
		return fmt.Errorf("%w: systemd says %s (%s)", errNotRunning, u.ActiveState, u.SubState)
	}
	return errNotRunning
}

// errGone says that the daemon ended while it was looked at.
var errGone = errors.New("dockerd ended while it was asked")

// stillThere reports whether the process that was found before the API was asked is still the same. A question to a dockerd that has just died waits on systemd's socket and is answered
// by the next one. Who may restart a daemon may also see its process: one that cannot be read has ended.
func stillThere(site *Site) bool {
	p, err := proc.Read(site.FS, site.PID)
	return err == nil && p.Same(site.Process)
}

// older reports whether the process was started before the restart. Ages are compared and not times, as somebody may set the clock meanwhile: the start is told on the
// clock as it is now (proc.Process), Since has a monotonic reading.
func (h Health) older(site *Site) bool {
	if h.Since.IsZero() || site.Process == nil || site.Process.Start.IsZero() {
		return false
	}
	return time.Since(site.Process.Start) > time.Since(h.Since)+StartPrecision
}

// compare tells whether the running daemon has what was promised and what its files say.
func (h Health) compare(now *Observation) error {
	for _, st := range now.Statuses() {
		if st.Pending == PendingRestart || st.Pending == PendingReload {
			return &wrongError{fmt.Sprintf("dockerd runs, but does not have the configured %s: /info says %s", st.Verdict.Key, orNothing(st.Verdict.Key, st.Running.Value))}
		}
	}
	if h.Want == nil {
		return h.environment(now, now)
	}
	for _, v := range h.Want.Verdicts {
		if v.Winner != nil && (v.Winner.Unknown || v.Winner.Source.Layer == precedence.LayerProcess) {
			continue // what only running code can tell was taken from the process before
		}
		var want precedence.Value
		if v.Winner != nil {
			want = v.Winner.Value
		}
		if has := now.running(v.Key); has.Known && maskFor(v.Key, has.Value) != maskFor(v.Key, want) {
			return &wrongError{fmt.Sprintf("dockerd runs, but its %s is %s instead of %s%s", v.Key, orNothing(v.Key, has.Value), orNothing(v.Key, want), because(now.verdict(v.Key)))}
		}
	}
	return h.environment(h.Want, now)
}

// because names the place that a value nobody promised comes from.
func because(v precedence.Verdict) string {
	if v.Winner == nil {
		return ""
	}
	return fmt.Sprintf(": it comes from %s", v.Winner.Source)
}

func orNothing(k precedence.Key, v precedence.Value) string {
	if v == "" {
		return "not set"
	}
	return maskFor(k, v)
}

// environment compares the process's own environment with what the layers were to give it, in both spellings: that tells passwords apart, too, which /info masks. It is
// silent about keys that dockerd takes from elsewhere, and where the process's environment may not be read.
func (h Health) environment(want, now *Observation) error {
	p := now.Site.Process
	if p == nil || p.Environ == nil {
		return nil
	}
	for _, v := range want.Verdicts {
		if v.Winner == nil || v.Winner.Unknown || v.Winner.Source.Route == precedence.RouteConfigFile || v.Winner.Source.Route == precedence.RouteFlag {
			continue
		}
		for _, name := range v.Key.Names() {
			slot := want.Inputs.Env.Slot(name)
			if slot.Winner == nil || slot.Winner.Unknown {
				continue
			}
			if has, _ := p.Variable(name); has != slot.Winner.Value.Reveal() {
				return &wrongError{fmt.Sprintf("dockerd runs, but %s in its environment is not what %s says", name, slot.Winner.Source)}
			}
		}
	}
	return nil
}
