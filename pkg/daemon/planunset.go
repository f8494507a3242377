package daemon

import (
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// UnsetRequest is what `unset` wants from the daemon's layers.
type UnsetRequest struct {
	Keys  []precedence.Key
	Layer string // "" : where they are effective; All; or one layer
	All   bool   // take out whatever would surface, too
}

// PlanUnset returns the changes after which the keys are not set. An older value that would surface is named and refused, unless the request says All or names a layer.
func PlanUnset(o *Observation, r UnsetRequest, history History) (*Plan, error) {
	if err := CheckEditable(o); err != nil {
		return nil, err
	}
	wanted := precedence.Settings{}
	for _, k := range r.Keys {
		wanted[k] = ""
	}
	p := newPlanner(o, wanted, history)
	var err error
	switch {
	case r.All || r.Layer == All:
		err = p.unsetEverywhere(r.Keys)
	case r.Layer != "":
		err = p.unsetIn(precedence.Layer(r.Layer), r.Keys)
	default:
		err = p.unsetEffective(r.Keys)
	}
	if err != nil {
		return nil, err
	}
	return p.done()
}

// unsetIn takes the keys out of one layer; what surfaces then was asked for, and is said.
func (p *planner) unsetIn(l precedence.Layer, keys []precedence.Key) error {
	if surfaceOf(l) == nil {
		return fmt.Errorf("the layer %s cannot be edited", l)
	}
	if f := p.before.faultOf(l); f != nil {
		return f
	}
	if err := p.edit(l, p.plan.Wanted, "it is to be unset there"); err != nil {
		return err
	}
	for _, k := range keys {
		if w := p.now.verdict(k).Winner; w != nil {
			p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s stays set: %s in %s", k, w.Value, w.Source))
		}
	}
	return nil
}

// unsetEffective takes each key out of the place that holds it today, and refuses when another value would surface.
func (p *planner) unsetEffective(keys []precedence.Key) error {
	for _, k := range keys {
		w := p.before.verdict(k).Winner
		if w == nil {
			continue
		}
		if !editable(p.before.Site, *w) {
			if err := p.mask(k, *w); err != nil {
				return err
			}
			continue
		}
		if f := p.before.faultOf(w.Source.Layer); f != nil {
			return f
		}
		if err := p.edit(w.Source.Layer, precedence.Settings{k: ""}, "it is to be unset"); err != nil {
			return err
		}
		if next := p.now.verdict(k).Winner; next != nil {
			return fmt.Errorf("%s: an older value of %s (%s) would take effect instead; use --all to take that out too, or --layer %s to unset only the other one", next.Source, k, next.Value, w.Source.Layer)
		}
	}
	return nil
}

// unsetEverywhere takes the keys out of every own place, and keeps what is left from reaching dockerd.
func (p *planner) unsetEverywhere(keys []precedence.Key) error {
	for _, s := range surfaces() {
		l := s.layer()
		if !l.Own() || !p.holds(l, keys) {
			continue
		}
		if f := p.before.faultOf(l); f != nil {
			return f
		}
		if err := p.edit(l, p.plan.Wanted, "it is to be unset"); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if w := p.now.verdict(k).Winner; w != nil {
			if err := p.mask(k, *w); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds reports whether a layer has an editable value of one of the keys.
func (p *planner) holds(l precedence.Layer, keys []precedence.Key) bool {
	return slices.ContainsFunc(p.now.Bindings, func(b precedence.Binding) bool {
		return b.Source.Layer == l && slices.Contains(keys, b.Key) && editable(p.before.Site, b)
	})
}

// mask keeps a value from dockerd that stands where this program does not edit: under systemd our drop-in gets UnsetEnvironment=.
func (p *planner) mask(k precedence.Key, w precedence.Binding) error {
	if w.Source.Layer == precedence.LayerFlag {
		return fmt.Errorf("%s: %s is a flag of dockerd's command line, which this program does not edit", w.Source, k.Flag())
	}
	if !p.before.Site.Manager.Systemd() {
		if w.Source.Path != "" && w.Source.Path == sharedPlace(p.before.Site) {
			return fmt.Errorf("%s: %s is set there, in a place shared with the whole machine; use --layer env to take it out there", w.Source, k)
		}
		return fmt.Errorf("%s: %s is set there, which is not edited by this program; take it out by hand", w.Source, k)
	}
	changes, err := maskUnit(p.before.Site, p.now.Files, []precedence.Key{k})
	if err != nil {
		return err
	}
	p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s stays in %s, which is not edited unless it is named; a drop-in keeps it from dockerd", k, w.Source))
	p.add(changes, fmt.Sprintf("%s is set in %s, which is not edited; the drop-in keeps it from dockerd", k, w.Source))
	if next := p.now.verdict(k).Winner; next != nil {
		return fmt.Errorf("%s: %s would stay set there and is not edited by this program", next.Source, k)
	}
	return nil
}
