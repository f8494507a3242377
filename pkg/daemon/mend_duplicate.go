package daemon

import (
	"errors"
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// duplicate reports whether a lost binding and the one that wins stand in two drop-ins of the administrator's for this unit: the loser can go, and dockerd keeps what it has.
func (o *Observation) duplicate(winner *precedence.Binding, l precedence.Lost) bool {
	return l.Rule == precedence.LaterDropIn && winner != nil && editableUnitFile(o.Site, winner.Source.Path) && editableUnitFile(o.Site, l.Binding.Source.Path)
}

// mendDuplicate takes the variables out of a drop-in that a later one of the administrator's sets. Where something else overrules them (a package's drop-in, a reset, an environment
// file) nobody can tell which of the two was meant.
func mendDuplicate(p *planner, f precedence.Finding) ([]change.Change, error) {
	if f.Source == nil {
		return nil, errAmbiguous
	}
	var names []string
	env := p.now.Inputs.Env
	for _, name := range env.Names() {
		slot := env.Slot(name)
		if slices.ContainsFunc(slot.Lost, func(l precedence.Lost) bool {
			return l.Binding.Source.Path == f.Source.Path && p.now.duplicate(slot.Winner, l)
		}) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("which of the two is meant needs a decision: docker proxy reconcile keeps the one that dockerd uses")
	}
	from, err := change.Observe(p.now.Files, f.Source.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Source.Path, unwrapPath(err))
	}
	data := unitfile.ParseVersion(from.Data, p.before.Site.SystemdVersion).RemoveEnvironment(names...).Data
	c := change.Change{Path: f.Source.Path, From: from, To: from.WithData(data), Layer: string(precedence.LayerSystemd), Needs: change.Needs{Restart: true, DaemonReload: true}, Validate: change.ValidateUnit}
	c.Secret = holdsCredentials(from.Data)
	if saysNothing(data) {
		c.To = change.State{}
	}
	return only(c), nil
}
