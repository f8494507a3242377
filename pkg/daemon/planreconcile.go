package daemon

import (
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// ReconcileRequest is what `reconcile` wants.
type ReconcileRequest struct {
	To     []precedence.Layer  // empty: the layer that wins today, chosen as by `set`
	ToAll  bool                // every own place that this dockerd reads
	Wanted precedence.Settings // from a file; nil: the effective settings of today
}

// PlanReconcile returns the changes after which Docker's own places agree: the named ones hold the settings, the others hold none.
func PlanReconcile(o *Observation, r ReconcileRequest, history History) (*Plan, error) {
	if err := CheckEditable(o); err != nil {
		return nil, err
	}
	wanted, err := reconcileValues(o, r.Wanted)
	if err != nil {
		return nil, err
	}
	p := newPlanner(o, wanted, history)
	to, err := p.reconcileTargets(r)
	if err != nil {
		return nil, err
	}
	for _, l := range to {
		if err := p.setIn(l, wanted); err != nil {
			return nil, err
		}
	}
	if err := p.clearRest(to); err != nil {
		return nil, err
	}
	for _, k := range wanted.Keys() {
		if wanted[k] == "" {
			if w := p.now.verdict(k).Winner; w != nil {
				p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s stays set in %s, which is not edited unless it is named", k, w.Source))
			}
			delete(wanted, k)
		}
	}
	if err := p.verifySet(wanted); err != nil {
		return nil, err
	}
	return p.done()
}

// reconcileValues returns a value for every key: the given ones, or today's.
func reconcileValues(o *Observation, given precedence.Settings) (precedence.Settings, error) {
	wanted := precedence.Settings{}
	for _, v := range o.Verdicts {
		value, named := given[v.Key]
		switch {
		case named:
			wanted[v.Key] = value
			continue
		case given != nil || v.Winner == nil:
			wanted[v.Key] = ""
			continue
		case v.Winner.Unknown:
			return nil, fmt.Errorf("%s: what %s is cannot be known without running code; give it in a file (-f)", v.Winner.Source, v.Key)
		case v.Winner.Source.Layer == precedence.LayerFlag:
			return nil, fmt.Errorf("%s: %s is a flag of dockerd's command line, which this program does not edit and which the same setting in daemon.json would conflict with", v.Winner.Source, v.Key.Flag())
		case v.Winner.Source.Layer == precedence.LayerEnv:
			continue // a shared place keeps its own value
		}
		wanted[v.Key] = v.Winner.Value
	}
	return wanted, nil
}

func (p *planner) reconcileTargets(r ReconcileRequest) ([]precedence.Layer, error) {
	read, skipped := readLayers(p.before)
	switch {
	case r.ToAll:
		p.plan.Skipped = append(p.plan.Skipped, skipped...)
		return read, nil
	case len(r.To) > 0:
		for _, l := range r.To {
			if surfaceOf(l) == nil {
				return nil, fmt.Errorf("the layer %s cannot be edited", l)
			}
			if err := surfaceOf(l).refuse(p.before.Site); err != nil {
				return nil, err
			}
		}
		return r.To, nil
	}
	l, err := p.choose(SetRequest{Wanted: p.plan.Wanted, Layer: Auto})
	return []precedence.Layer{l}, err
}

// clearRest takes all keys out of the own places that are not targets.
func (p *planner) clearRest(to []precedence.Layer) error {
	for _, s := range surfaces() {
		l := s.layer()
		if !l.Own() || slices.Contains(to, l) || !p.holds(l, p.plan.Wanted.Keys()) {
			continue
		}
		if f := p.before.faultOf(l); f != nil {
			return f
		}
		if err := p.edit(l, removal(p.plan.Wanted), "Docker's own places are to agree"); err != nil {
			return err
		}
	}
	return nil
}
