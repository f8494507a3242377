package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// Fate is what becomes of a running container when dockerd stops and starts again.
type Fate string

// The fates.
const (
	FateReturns  Fate = "returns"  // dockerd, or the swarm, starts it or another one in its place
	FateLost     Fate = "lost"     // it stays stopped
	FateVanishes Fate = "vanishes" // it is removed
	FateUnsure   Fate = "unsure"   // what decides is not known beforehand
)

// ContainerFate is the fate of one container and, unless it returns, why.
type ContainerFate struct {
	Name   string
	Fate   Fate
	Reason string // a clause in the plural, as it stands behind "these do not come back:"
}

// Fates tells what becomes of running containers when dockerd is restarted without live-restore; the order is kept.
//
// On its way out dockerd stops them all (moby daemon.Shutdown); what it starts again is decided by restartmanager.ShouldRestart: always and unless-stopped come back,
// on-failure does when the process ended with another status than 0 and the policy's count is not used up, --rm containers are removed (daemon.restore). A paused
// one comes back running. A container in another's namespaces starts only while that one runs, and dockerd starts all at once. A swarm replaces its tasks by their
// own condition; after a restart on-failure replaces them whatever their status was. Seen on 20.10, 26.1 and 28.5.
func Fates(running []engine.Container) []ContainerFate {
	out := make([]ContainerFate, len(running))
	for i, c := range running {
		f, reason := ownFate(c)
		out[i] = ContainerFate{Name: c.Name, Fate: f, Reason: reason}
	}
	for changed := true; changed; { // a namespace may be handed on
		changed = false
		for i, c := range running {
			for _, other := range c.Joins {
				changed = out[i].follow(running, out, other) || changed
			}
		}
	}
	return out
}

// liveFates tells what becomes of running containers under live-restore: all go on, but engines before 24.0.8 remove those of --rm also then (moby daemon.restore, issue 46308; seen on
// 20.10). sparesAutoRemove says that the engine is known to be newer.
func liveFates(running []engine.Container, sparesAutoRemove bool) []ContainerFate {
	out := make([]ContainerFate, len(running))
	for i, c := range running {
		out[i] = ContainerFate{Name: c.Name, Fate: FateReturns}
		if c.AutoRemove && !sparesAutoRemove {
			out[i].Fate, out[i].Reason = FateVanishes, "--rm, which this engine removes with live-restore, too"
		}
	}
	return out
}

// ownFate judges a container by itself.
func ownFate(c engine.Container) (Fate, string) {
	switch {
	case c.Task && c.TaskRestart == "none":
		return FateLost, "their swarm service is not to be restarted"
	case c.Task && c.TaskRestart == "":
		return FateUnsure, "the swarm decides, and this node cannot ask it"
	case c.Task:
		return FateReturns, ""
	case c.AutoRemove:
		return FateVanishes, "--rm"
	case c.Restart == "always" || c.Restart == "unless-stopped":
		return FateReturns, ""
	case c.Restart == "on-failure" && c.MaxRetries > 0 && c.Retries >= c.MaxRetries:
		return FateLost, "on-failure, and its restarts are used up"
	case c.Restart == "on-failure":
		return FateUnsure, "on-failure: not if they end without an error when they are stopped"
	}
	return FateLost, "no restart policy"
}

// follow adjusts a fate to that of a container whose namespaces are used; true when it changed.
func (f *ContainerFate) follow(running []engine.Container, fates []ContainerFate, other string) bool {
	if f.Fate != FateReturns && f.Fate != FateUnsure {
		return false
	}
	i := slices.IndexFunc(running, func(c engine.Container) bool {
		return c.Name == strings.TrimPrefix(other, "/") || c.ID == other || len(other) >= 12 && strings.HasPrefix(c.ID, other)
	})
	next := *f
	switch {
	case i < 0:
		return false
	case fates[i].Fate == FateLost || fates[i].Fate == FateVanishes:
		next.Fate, next.Reason = FateLost, fmt.Sprintf("in the namespaces of %s, which does not come back", fates[i].Name)
	case f.Fate == FateReturns:
		next.Fate, next.Reason = FateUnsure, fmt.Sprintf("in the namespaces of %s: not if dockerd tries them before it", fates[i].Name)
	}
	changed := next != *f
	*f = next
	return changed
}
