package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// healthPoll is how often a restarted daemon is looked at.
const healthPoll = 250 * time.Millisecond

// goneAfter is how long an init script's dockerd may be missing from the process table before it counts as dead. Such scripts return when they have started the
// process and nobody tells when it ends, while systemd fails the restart itself.
const goneAfter = 15 * time.Second

// Health describes the daemon that a restart has to bring.
type Health struct {
	Locate func(ctx context.Context) (*Site, error) // looks at the host anew
	OldPID int                                      // of the daemon before the restart; 0 when none ran
	Since  time.Time                                // just before the restart
	Engine engine.Engine                            // for the probe
	Probe  string                                   // image whose registry the daemon has to reach; "" for none
	Gone   time.Duration                            // how long no dockerd may be there, without systemd; 0 means 15 seconds
}

// errNotRunning says that no process of the daemon is there.
var errNotRunning = errors.New("dockerd is not running")

// Wait waits until the daemon is healthy: a new process, its API answers, and everything configured is what it has (/info, and for the environment layers its
// own environment). It returns the daemon's site, or why it is not healthy when ctx ends.
func (h Health) Wait(ctx context.Context) (*Site, error) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	var last error
	seen := time.Now()
	for {
		site, err := h.look(ctx)
		switch {
		case err == nil:
			return site, h.probe(ctx)
		case !errors.Is(err, errNotRunning) || site.Manager.Systemd():
			seen = time.Now()
		case time.Since(seen) > cmp.Or(h.Gone, goneAfter):
			return nil, err
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, last
		case <-tick.C:
		}
	}
}

func (h Health) look(ctx context.Context) (*Site, error) {
	site, err := h.Locate(ctx)
	switch {
	case err != nil:
		return nil, err
	case !site.Active || site.PID == 0:
		return site, errNotRunning
	case site.PID == h.OldPID && site.Process != nil && site.Process.Start.Before(h.Since.Add(-startPrecision)):
		return nil, errors.New("the old dockerd is still running")
	case site.Info == nil && site.APIError != nil:
		return nil, fmt.Errorf("dockerd's API does not answer: %w", site.APIError)
	case site.Info == nil:
		return nil, errors.New("dockerd's API does not answer")
	}
	o := Observe(site)
	for _, st := range o.Statuses() {
		if st.Pending == PendingRestart || st.Pending == PendingReload {
			return nil, fmt.Errorf("dockerd runs, but does not have the configured %s", st.Verdict.Key)
		}
	}
	return site, nil
}

func (h Health) probe(ctx context.Context) error {
	if h.Probe == "" {
		return nil
	}
	if h.Engine == nil {
		return errors.New("the probe image cannot be asked for: the API is not reachable")
	}
	if err := h.Engine.Distribution(ctx, h.Probe); err != nil {
		return fmt.Errorf("the daemon's registry client cannot reach %s: %w", h.Probe, err)
	}
	return nil
}

// Alive waits until any dockerd runs and its API answers, whatever it has configured: what can be asked of a daemon that got its old files back.
func (h Health) Alive(ctx context.Context) (*Site, error) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	for {
		site, err := h.Locate(ctx)
		if err == nil && site.Active && site.Info != nil {
			return site, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("dockerd does not answer")
		case <-tick.C:
		}
	}
}
