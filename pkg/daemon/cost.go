package daemon

import (
	"context"
	"errors"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Cost is what a restart of the daemon does to those who use it.
type Cost struct {
	// Running is the number of running containers, -1 when it is not known; Fates are theirs if the restart stops them, Live.Keeps or not, and LiveFates under live-restore.
	Running          int
	Fates, LiveFates []ContainerFate
	// Builds runs now and is cancelled, with live-restore too; nil when the daemon could not be asked.
	Builds *engine.Builds
	// Live says whether and why they keep running instead.
	Live LiveRestore
	// Unknown says why Running or Builds is not known; nil otherwise.
	Unknown error
}

// Stops reports whether the restart stops containers.
func (c Cost) Stops() bool { return c.Running > 0 && !c.Live.Keeps() }

// With returns the names with a fate, in order; reasons gives their reasons.
func With(fates []ContainerFate, f Fate) (names, reasons []string) {
	for _, x := range fates {
		if x.Fate == f {
			names, reasons = append(names, x.Name), append(reasons, x.Reason)
		}
	}
	return names, reasons
}

// CostOf asks a running daemon that will be started with the given files. It never fails: what cannot be known is in Cost.Unknown.
func CostOf(ctx context.Context, site *Site, files *host.FS, e engine.Engine) Cost {
	c := Cost{Running: -1, Live: LiveRestoreOf(site, files)}
	if e == nil || site.Info == nil {
		c.Unknown = errors.New("its API cannot be asked")
		return c
	}
	running, err := e.Containers(ctx)
	if err == nil {
		c.Running, c.Fates, c.LiveFates = len(running), Fates(running), liveFates(running, site.atLeast("24.0.8"))
	}
	builds, buildErr := e.Builds(ctx)
	if buildErr == nil {
		c.Builds = &builds
	}
	c.Unknown = errors.Join(err, buildErr)
	return c
}
