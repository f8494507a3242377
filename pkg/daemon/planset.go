package daemon

import (
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// SetRequest is what `set` wants from the daemon's layers.
type SetRequest struct {
	Wanted       precedence.Settings // non-empty values
	Layer        string              // Auto or the name of a layer
	Reconcile    bool                // take a value out of a stronger own place instead of refusing
	KeepShadowed bool                // leave weaker values where they are
	// WhereTheyStand edits each key in the layer that holds it today; for re-keying credentials.
	WhereTheyStand bool
}

// PlanSet returns the changes after which the wanted values are what dockerd uses. It refuses, naming file and line, where a value would stay shadowed by something it may not
// change, would not be read, or would stop dockerd.
func PlanSet(o *Observation, r SetRequest, history History) (*Plan, error) {
	if err := CheckEditable(o); err != nil {
		return nil, err
	}
	p := newPlanner(o, r.Wanted, history)
	if r.WhereTheyStand {
		return p.setWhereTheyStand()
	}
	layer, err := p.choose(r)
	if err != nil {
		return nil, err
	}
	if err := p.setIn(layer, r.Wanted); err != nil {
		return nil, err
	}
	if err := p.clearOthers(layer, r); err != nil {
		return nil, err
	}
	if err := p.verifySet(r.Wanted); err != nil {
		return nil, err
	}
	return p.done()
}

// setWhereTheyStand changes each value in the layer that holds it: `--username` alone must not move anything.
func (p *planner) setWhereTheyStand() (*Plan, error) {
	for _, k := range p.plan.Wanted.Keys() {
		w := p.before.verdict(k).Winner
		if w == nil || !editable(p.before.Site, *w) {
			return nil, fmt.Errorf("%s is not set in a place that can be edited; give the URL too", k)
		}
		if err := p.setIn(w.Source.Layer, precedence.Settings{k: p.plan.Wanted[k]}); err != nil {
			return nil, err
		}
	}
	if err := p.verifySet(p.plan.Wanted); err != nil {
		return nil, err
	}
	return p.done()
}

func (p *planner) setIn(l precedence.Layer, wanted precedence.Settings) error {
	s := surfaceOf(l)
	if s == nil {
		return fmt.Errorf("the layer %s cannot be edited", l)
	}
	if err := s.refuse(p.before.Site); err != nil {
		return err
	}
	if f := p.before.faultOf(l); f != nil {
		return f
	}
	if err := checkSizes(wanted); err != nil {
		return err
	}
	if l == precedence.LayerEnv && wanted.HasCredentials() {
		return fmt.Errorf("credentials are not written to a place that is shared with the whole machine: use --layer %s", p.before.Site.otherLayer(l))
	}
	p.plan.Layer = l
	if err := p.edit(l, wanted, fmt.Sprintf("%s sets it for this dockerd", l)); err != nil {
		return err
	}
	if l == precedence.LayerSystemd || !p.before.Site.Manager.Systemd() {
		return nil
	}
	// An earlier unset may have left our drop-in keeping the variable from dockerd.
	keys := slices.DeleteFunc(wanted.Keys(), func(k precedence.Key) bool { return wanted[k] == "" })
	changes, err := unmaskUnit(p.before.Site, p.now.Files, keys)
	if err != nil {
		return err
	}
	p.add(changes, "it no longer keeps the variables from dockerd")
	return nil
}

// maxVariable is the longest NAME=VALUE with its final zero byte that Linux hands to a program (MAX_ARG_STRLEN, execve(2)).
const maxVariable = 128 << 10

// checkSizes refuses a value that no environment can hold. daemon.json is no way round it: dockerd puts what it reads there into its own environment, and can then start neither
// iptables nor anything else.
func checkSizes(wanted precedence.Settings) error {
	for _, k := range wanted.Keys() {
		if n := len(wanted[k].Reveal()); len(k.Upper())+n+len("=\x00") > maxVariable {
			return fmt.Errorf("%s has %d bytes; one variable of an environment holds at most %d, so dockerd would not start with it", k, n, maxVariable-len(k.Upper())-len("=\x00"))
		}
	}
	return nil
}

// choose picks the layer: the strongest own place that holds one of the named settings effectively today; if none, the first that this dockerd reads and that nothing else
// manages or blocks.
func (p *planner) choose(r SetRequest) (precedence.Layer, error) {
	if r.Layer != Auto && r.Layer != "" {
		return precedence.Layer(r.Layer), nil
	}
	for _, l := range []precedence.Layer{precedence.LayerDaemonJSON, precedence.LayerSystemd, precedence.LayerStartup} {
		for _, k := range r.Wanted.Keys() {
			w := p.before.verdict(k).Winner
			if w == nil || w.Source.Layer != l || !editable(p.before.Site, *w) || surfaceOf(l).refuse(p.before.Site) != nil {
				continue
			}
			if p.managed(w.Source.Path) != "" {
				continue // unfit says so below
			}
			return l, nil
		}
	}
	for _, l := range []precedence.Layer{precedence.LayerDaemonJSON, precedence.LayerSystemd, precedence.LayerStartup} {
		if reason := p.unfit(l, r.Wanted); reason != "" {
			p.plan.Skipped = append(p.plan.Skipped, Skipped{l, reason})
			continue
		}
		return l, nil
	}
	return "", fmt.Errorf("no layer of this dockerd can be edited: %s", p.plan.Skipped[0].Reason)
}

// managed names the configuration management tool that a file's head says it belongs to, or "".
func (p *planner) managed(path string) string {
	data, err := p.now.Files.ReadFile(path)
	if err != nil {
		return ""
	}
	return managedBy(data)
}

// unfit says why auto passes a layer over, or "".
func (p *planner) unfit(l precedence.Layer, wanted precedence.Settings) string {
	s := surfaceOf(l)
	if err := s.refuse(p.before.Site); err != nil {
		return err.Error()
	}
	if l == precedence.LayerDaemonJSON && p.before.Site.ReadsProxies() == Unknown {
		return "the engine's version is not known, and one before 23.0 would not start with proxies in daemon.json"
	}
	if f := p.before.faultOf(l); f != nil {
		return f.Error()
	}
	changes, err := s.edit(p.before.Site, p.now.Files, wanted)
	if err != nil {
		return err.Error()
	}
	for _, c := range changes {
		if by := managedBy(c.From.Data); by != "" {
			return fmt.Sprintf("%s is headed as managed by %s", c.Path, by)
		}
	}
	return ""
}

// clearOthers takes the named settings out of the other own places: always where they would only be shadowed (old passwords above all), and out of stronger places
// when --reconcile says so.
func (p *planner) clearOthers(target precedence.Layer, r SetRequest) error {
	for _, k := range r.Wanted.Keys() {
		v := p.now.verdict(k)
		if w := v.Winner; w != nil && w.Source.Layer != target && editable(p.before.Site, *w) && !r.Reconcile {
			return fmt.Errorf("%s: %s is set there and would keep winning over %s (%s); use --reconcile to take it out, or --layer %s", w.Source, k, target, ruleOver(v, target).Explain(), w.Source.Layer)
		}
	}
	if r.KeepShadowed && !r.Reconcile {
		return nil
	}
	for _, s := range surfaces() {
		l := s.layer()
		if l == target || !l.Own() {
			continue
		}
		remove := precedence.Settings{}
		for _, b := range p.now.Bindings {
			if _, named := r.Wanted[b.Key]; named && b.Source.Layer == l && editable(p.before.Site, b) {
				remove[b.Key] = ""
			}
		}
		if len(remove) == 0 {
			continue
		}
		if f := p.before.faultOf(l); f != nil {
			p.plan.Skipped = append(p.plan.Skipped, Skipped{l, f.Error()})
			continue
		}
		if err := p.edit(l, remove, fmt.Sprintf("what it holds would be shadowed by %s", target)); err != nil {
			return err
		}
	}
	return nil
}

// ruleOver is the rule by which the winner beats what stands in a layer.
func ruleOver(v precedence.Verdict, l precedence.Layer) precedence.Rule {
	for _, lost := range v.Shadowed {
		if lost.Binding.Source.Layer == l {
			return lost.Rule
		}
	}
	return v.Rule
}

// verifySet resolves the planned state and refuses unless every wanted value wins.
func (p *planner) verifySet(wanted precedence.Settings) error {
	for _, k := range wanted.Keys() {
		v := p.now.verdict(k)
		if v.Winner != nil && !v.Winner.Unknown && v.Winner.Value == wanted[k] {
			continue
		}
		if v.Winner == nil {
			return p.unreached(k, v.Shadowed)
		}
		return fmt.Errorf("%s: %s is set there and would keep winning over %s (%s); it is not edited by this program", v.Winner.Source, k, p.plan.Layer, ruleOver(v, p.plan.Layer).Explain())
	}
	return nil
}

// unreached says which line keeps a wanted value from dockerd, and what to do about it.
func (p *planner) unreached(k precedence.Key, lost []precedence.Lost) error {
	for _, l := range lost {
		if l.By.Path == "" {
			continue
		}
		hint := "; take that line out"
		if p.plan.Layer != precedence.LayerDaemonJSON && canRead(p.before.Site, precedence.LayerDaemonJSON) {
			hint += ", or use --layer daemon.json"
		}
		return fmt.Errorf("%s: %s would not reach dockerd from %s (%s)%s", l.By, k, p.plan.Layer, l.Rule.Explain(), hint)
	}
	return fmt.Errorf("%s would not reach dockerd from %s", k, p.plan.Layer)
}
