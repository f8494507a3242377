package daemon

import (
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// only returns the change, or nothing if it changes nothing.
func only(c change.Change) []change.Change { return change.Plan{c}.Effective() }

// merge adds a change to a plan. A second change of the same file continues the first one.
func merge(plan change.Plan, c change.Change) change.Plan {
	i := slices.IndexFunc(plan, func(x change.Change) bool { return x.Path == c.Path })
	if i < 0 {
		return append(plan, c)
	}
	out := slices.Clone(plan)
	first := &out[i]
	first.To = c.To
	// The second edit saw the file through the plan, where it has no owner.
	first.To.UID, first.To.GID = change.Keep, change.Keep
	if first.From.Kind == change.File {
		first.To.UID, first.To.GID = first.From.UID, first.From.GID
	}
	first.Secret = first.Secret || c.Secret
	first.CleanFrom = first.CleanFrom && (c.CleanFrom || !first.Secret)
	first.Needs.Restart = first.Needs.Restart || c.Needs.Restart
	first.Needs.DaemonReload = first.Needs.DaemonReload || c.Needs.DaemonReload
	return out
}
