package daemon

import (
	"cmp"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Auto lets the planner choose the layer.
const Auto = "auto"

// All names every own place of Docker that this host's dockerd reads.
const All = "all"

// Skipped is a layer that a plan leaves alone, and why.
type Skipped struct {
	Layer  precedence.Layer `json:"layer"`
	Reason string           `json:"reason"` // one sentence
}

// Plan is what a command would do to the daemon's files: nothing in it has happened yet.
type Plan struct {
	Layer   precedence.Layer // where wanted values go; "" for a plan that only takes out
	Wanted  precedence.Settings
	Changes change.Plan
	Skipped []Skipped
	Notes   []string // what people should know, masked
	After   *Observation
}

// Past is an earlier state of a file that this program wrote.
type Past struct {
	State change.State
	Dirs  []string // directories that were made for the file, outermost first
}

// History gives the earlier states of a file that this program wrote, newest first, as long as nobody else changed it since. internal/txn has it.
type History func(path string, present change.State) []Past

// planner carries one plan from step to step: every edit sees the files as the steps before it leave them.
type planner struct {
	before  *Observation
	now     *Observation
	plan    *Plan
	history History
}

func newPlanner(o *Observation, wanted precedence.Settings, history History) *planner {
	return &planner{before: o, now: o, plan: &Plan{Wanted: wanted}, history: history}
}

// edit lets one surface hold the wanted settings and goes on with the result.
func (p *planner) edit(l precedence.Layer, wanted precedence.Settings, cause string) error {
	changes, err := surfaceOf(l).edit(p.before.Site, p.now.Files, wanted)
	if err != nil {
		return err
	}
	p.add(changes, cause)
	return nil
}

// add takes changes into the plan and observes what they lead to.
func (p *planner) add(changes []change.Change, cause string) {
	for _, c := range changes {
		if c.Cause == "" {
			c.Cause = cause
		}
		p.plan.Changes = merge(p.plan.Changes, c)
	}
	p.now = p.before.Planned(p.plan.Changes)
}

// done closes the plan: files that can go back to what they were before this program touched them do so byte for byte.
func (p *planner) done() (*Plan, error) {
	p.restorePast()
	p.describeOld()
	p.plan.Changes = p.plan.Changes.Effective()
	p.plan.After = p.before.Planned(p.plan.Changes)
	for _, f := range p.plan.After.Faults {
		if f.Mend != "" {
			return nil, fmt.Errorf("%w; dockerd would not start with it, so mend it first: %s", f, f.Mend)
		}
	}
	return p.plan, nil
}

// describeOld tells the journal what the files held before: whether that is a state without any proxy, to which an unset goes back, and whether there are credentials in it.
func (p *planner) describeOld() {
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		c.Bare = !ours(c.From.Data)
		for _, b := range p.before.Bindings {
			if b.Source.Path == c.Path {
				c.Bare = false
				c.CleanFrom = c.CleanFrom && !b.Value.HasCredentials()
				c.Secret = c.Secret || b.Value.HasCredentials()
			}
		}
	}
}

// restorePast replaces an edited file by an earlier state of it where both say the same about proxies: bytes, mode and absence are then as they were.
func (p *planner) restorePast() {
	if p.history == nil {
		return
	}
	var made []string
	for i, c := range p.plan.Changes {
		for _, past := range p.history(c.Path, c.From) {
			if c.To.Kind == change.Absent && past.State.Kind != change.Absent {
				continue // a file that nothing names any more says nothing, whatever is in it: it still has to go
			}
			trial := slices.Clone(p.plan.Changes)
			trial[i].To = past.State
			if sameBindings(p.before.Planned(trial), p.now) && sameLiveRestore(p.before.Site, c.Path, past.State, c.To) {
				p.plan.Changes[i].To = past.State
				if past.State.Kind == change.Absent {
					made = append(made, past.Dirs...)
				}
				break
			}
		}
	}
	p.removeDirs(made)
}

// removeDirs plans the removal of directories that were made for files which are going away, innermost first, as far as nothing else is in them.
func (p *planner) removeDirs(made []string) {
	slices.SortFunc(made, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	going := map[string]bool{}
	for _, c := range p.plan.Changes {
		going[c.Path] = c.To.Kind == change.Absent
	}
	for _, dir := range slices.Compact(made) {
		needed := func(c change.Change) bool { return c.To.Kind != change.Absent && strings.HasPrefix(c.Path, dir+"/") }
		if slices.ContainsFunc(p.plan.Changes, needed) {
			continue
		}
		names, err := p.before.Files.ReadDir(dir)
		if err != nil || slices.ContainsFunc(names, func(n string) bool { return !going[path.Join(dir, n)] }) {
			continue
		}
		from, err := change.Observe(p.before.Files, dir)
		if err != nil || from.Kind != change.Dir {
			continue
		}
		going[dir] = true
		p.plan.Changes = append(p.plan.Changes, change.Change{Path: dir, From: from, Cause: "it was made for a file that goes away"})
	}
}

// sameBindings reports whether two observations hold the same values in the same layers and come to the same verdicts. Lines may differ.
func sameBindings(a, b *Observation) bool {
	list := func(o *Observation) []string {
		var out []string
		for _, x := range o.Bindings {
			out = append(out, fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s", x.Source.Layer, x.Source.Path, x.Source.Name, x.Source.Route, x.Value.Reveal()))
		}
		slices.Sort(out)
		for _, v := range o.Verdicts { // UnsetEnvironment= is no binding and yet decides
			if v.Winner != nil {
				out = append(out, v.Winner.Source.Path+"\x00"+v.Winner.Source.Name+"\x00"+v.Winner.Value.Reveal())
			}
		}
		return out
	}
	return slices.Equal(list(a), list(b)) && len(a.Faults) == len(b.Faults)
}

// editable reports whether `set`, `unset` and `reconcile` may change the file a binding stands in without being told to.
func editable(site *Site, b precedence.Binding) bool {
	switch b.Source.Layer {
	case precedence.LayerDaemonJSON, precedence.LayerStartup:
		return true
	case precedence.LayerSystemd:
		return editableUnitFile(site, b.Source.Path)
	case precedence.LayerFlag, precedence.LayerEnv, precedence.LayerProcess, precedence.LayerUnknown:
	}
	return false
}

// CheckEditable refuses what no daemon edit can be made on, and a host whose dockerd would not come back from a restart anyway.
func CheckEditable(o *Observation) error {
	s := o.Site
	switch {
	case s.Flavor == FlavorDesktop:
		return fmt.Errorf("docker desktop manages its proxies itself: Settings > Resources > Proxies, or its admin settings")
	case s.Flavor == FlavorRemote:
		return fmt.Errorf("the daemon at %s is not on this machine: run docker proxy over there, or use --only client", s.Endpoint)
	case runtime.GOOS != "linux":
		return fmt.Errorf("the daemon's settings can be changed on Linux only: run docker proxy where dockerd runs, or use --only client")
	case s.Manager == ManagerNone && s.Live:
		return fmt.Errorf("no dockerd was found on this machine: use --only client for config.json alone, or --root for a directory")
	}
	for _, f := range o.Faults {
		if f.Mend != "" {
			continue // the plan is judged by what is left of it
		}
		if f.Stops && !strings.Contains(f.Error(), "does not start") {
			return fmt.Errorf("%w; dockerd would not start with it, so mend it first", f)
		}
		return f // what it holds is not known, so nothing can be promised about the result
	}
	return nil
}

// readLayers lists the own places this dockerd reads and the reasons why others are left alone.
func readLayers(o *Observation) (read []precedence.Layer, skipped []Skipped) {
	for _, s := range surfaces() {
		if !s.layer().Own() {
			continue
		}
		if err := s.refuse(o.Site); err != nil {
			skipped = append(skipped, Skipped{s.layer(), err.Error()})
			continue
		}
		read = append(read, s.layer())
	}
	return read, skipped
}

// otherLayer names the layer to use where l does not work on this host, for error messages.
func (s *Site) otherLayer(l precedence.Layer) precedence.Layer {
	for _, other := range []precedence.Layer{precedence.LayerDaemonJSON, precedence.LayerSystemd, precedence.LayerStartup} {
		if other != l && canRead(s, other) {
			return other
		}
	}
	return precedence.LayerUnknown
}

// canRead is refuse without the advice, which would ask for other layers in turn.
func canRead(s *Site, l precedence.Layer) bool {
	switch l {
	case precedence.LayerDaemonJSON:
		return s.ReadsProxies() != No && s.ConfigFile != ""
	case precedence.LayerSystemd:
		return s.Manager.Systemd()
	case precedence.LayerStartup:
		_, ok := startupSurface{}.target(s)
		return ok
	case precedence.LayerFlag, precedence.LayerEnv, precedence.LayerProcess, precedence.LayerUnknown:
	}
	return false
}

// ParseLayers reads a list of layer names as the command line gives it: own places, or env.
func ParseLayers(list string) ([]precedence.Layer, error) {
	var out []precedence.Layer
	for name := range strings.SplitSeq(list, ",") {
		l := precedence.Layer(strings.TrimSpace(name))
		if !l.Own() && l != precedence.LayerEnv {
			return nil, fmt.Errorf("unknown layer %q: use daemon.json, systemd, startup or env", name)
		}
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out, nil
}
