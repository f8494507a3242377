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

// settleTime is how long a daemon has to stay well before it counts as healthy: one process, that answers and has the wanted values all the while. dockerd serves /_ping before
// everything it does at the start is done, and Type=notify units count as started then; one that ends afterwards does so in its first seconds. It is longer than
// the RestartSec=2 of Docker's unit, so that a daemon which ends at once and is started again is seen as two processes.
const settleTime = 3 * time.Second

// goneAfter is how long an init script's dockerd may be missing from the process table before it counts as dead. Such scripts return when they have started the
// process and nobody tells when it ends, while systemd fails the restart itself.
const goneAfter = 15 * time.Second

// Health describes the daemon that a restart has to bring. The zero value of every field but Locate is useful.
type Health struct {
	Locate func(ctx context.Context) (*Site, error) // looks at the host anew
	Since  time.Time                                // just before the restart, and after the last write: the process has to be newer; the zero time: any process will do
	// Until is when it has to answer with the wanted values; the settle time and the probe come on top. The zero time: as long as ctx allows.
	Until time.Time
	// Want is what the plan promised; nil: whatever the files say now, and not even that with Any.
	Want   *Observation
	Any    bool          // do not compare values: what can be asked of a daemon that got its old files back
	Engine engine.Engine // for the probe
	Probe  string        // image whose registry the daemon has to reach; "" for none
	Gone   time.Duration // how long no dockerd may be there, without systemd; 0 means 15 seconds
	Settle time.Duration // how long it has to stay well; 0 means 3 seconds

	there func(*Site) bool // tests: instead of stillThere
}

// errNotRunning says that no process of the daemon is there.
var errNotRunning = errors.New("dockerd is not running")

// wrongError says that dockerd runs and answers with other values than the wanted ones. Waiting does not change that.
type wrongError struct{ what string }

func (e *wrongError) Error() string { return e.what }

// Wait waits until the daemon is healthy: a process newer than the write, its API answers, it has what is wanted (/info, and for the environment layers its own
// environment), stays so for the settle time, and reaches the probe's registry. It returns the daemon's site, or why it is not healthy, when that is certain
// or ctx ends. Errors name values masked.
func (h Health) Wait(ctx context.Context) (*Site, error) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	w := watch{h: h, seen: time.Now()}
	var last error
	for {
		site, err := h.look(ctx)
		done, err := w.judge(site, err)
		switch {
		case done && err == nil:
			return site, h.probe(ctx)
		case done:
			return nil, err
		}
		if err != nil && (ctx.Err() == nil || last == nil) { // not the error that the end of ctx itself makes
			last = err
		}
		if w.well.IsZero() && !h.Until.IsZero() && time.Now().After(h.Until) {
			return nil, fmt.Errorf("dockerd was not ready in time: %w", last)
		}
		select {
		case <-ctx.Done():
			return nil, cmp.Or(last, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// watch is what Wait remembers from look to look.
type watch struct {
	h    Health
	seen time.Time // when a process was last there, or systemd was to start one
	pid  int       // of the process that answered; 0 before
	well time.Time // since when it answers; zero when it does not at this moment
}

// judge takes one more look into account; done says that the answer is final: healthy with a nil error.
func (w *watch) judge(site *Site, err error) (done bool, _ error) {
	var wrong *wrongError
	switch {
	case err == nil, errors.As(err, &wrong):
		return w.answered(site, err)
	case w.pid != 0 && site != nil && (site.PID != w.pid || errors.Is(err, errGone)):
		return true, ended(site, w.pid)
	case errors.Is(err, errNotRunning) && failed(site):
		return true, fmt.Errorf("%w: systemd gave up starting %s (%s)", err, site.Unit, cmp.Or(site.Loaded.Result, site.State))
	case !errors.Is(err, errNotRunning) || onItsWay(site):
		w.seen = time.Now()
	case time.Since(w.seen) > cmp.Or(w.h.Gone, goneAfter):
		return true, err
	}
	w.well = time.Time{}
	return false, err
}

// answered is a look at a daemon that runs and answers, with the wanted values or (wrong) others.
func (w *watch) answered(site *Site, wrong error) (bool, error) {
	now := time.Now()
	w.seen = now
	if w.pid != 0 && site.PID != w.pid {
		return true, ended(site, w.pid)
	}
	if w.well.IsZero() {
		w.pid, w.well = site.PID, now
	}
	return now.Sub(w.well) >= cmp.Or(w.h.Settle, settleTime), wrong
}

// ended says that a daemon answered and then ended.
func ended(site *Site, pid int) error {
	how := ""
	if site.Loaded != nil && site.Loaded.Result != "" && site.Loaded.Result != "success" {
		how = " (" + site.Loaded.Result + ")"
	}
	return fmt.Errorf("dockerd (process %d) answered, and then ended%s", pid, how)
}

// failed reports whether systemd does not start the unit again by itself.
func failed(site *Site) bool {
	return site != nil && site.Loaded != nil && site.Loaded.ActiveState == "failed"
}

// onItsWay reports whether systemd is about to start the daemon, which includes the pause before it does so again (RestartSec=).
func onItsWay(site *Site) bool {
	if site.Loaded == nil {
		return site.Manager.Systemd()
	}
	return site.Loaded.ActiveState != "failed" && site.Loaded.ActiveState != "inactive"
}

func (h Health) still(site *Site) bool {
	if h.there != nil {
		return h.there(site)
	}
	return stillThere(site)
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
