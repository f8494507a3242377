package daemon

import (
	"fmt"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// mendMode takes group's and others' access to a file with credentials away. What stands in Environment= is shown to everybody by the manager, whatever the file's mode: those values go
// where only root can read them, into the environment file beside our drop-in.
func mendMode(p *planner, f precedence.Finding) ([]change.Change, error) {
	if f.Source == nil {
		return nil, errAmbiguous
	}
	wanted := precedence.Settings{}
	for _, b := range p.before.Bindings {
		if b.Source.Path == f.Source.Path && b.Source.Route == precedence.RouteEnvironment && b.Value.HasCredentials() {
			if w := p.before.verdict(b.Key).Winner; w == nil || w.Value != b.Value {
				return nil, fmt.Errorf("dockerd uses another %s: take the old password out with docker proxy reconcile", b.Key)
			}
			wanted[b.Key] = b.Value
		}
	}
	if len(wanted) > 0 {
		if !editableUnitFile(p.before.Site, f.Source.Path) {
			return nil, fmt.Errorf("%s belongs to a package or to another program", f.Source.Path)
		}
		return systemdSurface{}.edit(p.before.Site, p.now.Files, wanted)
	}
	from, err := change.Observe(p.now.Files, f.Source.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Source.Path, unwrapPath(err))
	}
	return only(change.Change{Path: f.Source.Path, From: from, To: from.Private(), Layer: string(f.Source.Layer), Secret: true}), nil
}
