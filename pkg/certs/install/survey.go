package install

import (
	"path"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// SurveyOptions say what a survey takes in.
type SurveyOptions struct {
	// Bundles are files in PEM that the caller names beside those that are found.
	Bundles []string
	// Passwords are tried on Java stores.
	Passwords []string
	// ThroughMounts plans changes of what is mounted into the container, too.
	ThroughMounts bool
	// Seed are public roots in PEM for a bundle that has to be made.
	Seed []byte
	// Databases looks for databases of NSS also where each look is a request.
	Databases bool
	Now       func() time.Time
}

// Surveyor gives the usual Installer.Survey: the distribution's store and the programs' own.
func Surveyor(o SurveyOptions) func(tree.Tree, engine.Inspected, []runtime.Process) (Trust, error) {
	return func(t tree.Tree, c engine.Inspected, running []runtime.Process) (Trust, error) {
		s, err := store.Look(t)
		if err != nil {
			return nil, err
		}
		var system []string
		for _, f := range s.Found {
			system = append(system, f.Real)
		}
		r, err := runtime.Look(t, runtime.Of(c, running), runtime.Options{Bundles: o.Bundles, System: system, NoListing: !lists(t), Databases: o.Databases})
		if err != nil {
			return nil, err
		}
		return &both{system: s, programs: r, options: o}, nil
	}
}

// lists reports whether directories can be listed one by one: the archive API gives whole trees.
func lists(t tree.Tree) bool {
	can, ok := t.(interface{ Can() target.Capabilities })
	return !ok || can.Can().Atomic
}

// both is the distribution's store and those of programs.
type both struct {
	system   store.Survey
	programs runtime.Survey
	options  SurveyOptions
}

func (b *both) Family() string { return b.system.Family.Name }

func (b *both) Bundles() []string { return b.system.Bundles() }

func (b *both) Others() []string {
	var out []string
	for _, s := range b.programs.Stores {
		if !b.isSystem(s.Real) {
			out = append(out, s.Path)
		}
	}
	return out
}

// isSystem reports whether a file is one of the distribution's store: that plan has it.
func (b *both) isSystem(real string) bool {
	return slices.ContainsFunc(b.system.Found, func(f store.Found) bool { return f.Real == real })
}

func (b *both) Databases() []runtime.Database { return b.programs.Databases() }

func (b *both) Combined(t tree.Tree) ([]byte, error) { return b.system.Combined(t) }

func (b *both) common() runtime.Common {
	return runtime.Common{Passwords: b.options.Passwords, ThroughMounts: b.options.ThroughMounts}
}

func (b *both) Add(t tree.Tree, want []certs.Authority) (change.Plan, []certs.Note, error) {
	plan, notes, err := b.system.Add(t, want, store.AddOptions{Seed: b.options.Seed, ThroughMounts: b.options.ThroughMounts})
	if err != nil {
		return nil, notes, err
	}
	o := runtime.AddOptions{Common: b.common()}
	if b.options.Now != nil {
		o.Now = b.options.Now()
	}
	more, also, err := b.programs.Add(t, want, o)
	return b.joined(plan, more), append(notes, also...), err
}

// joined is both plans; a file is changed by one of them only.
func (b *both) joined(plan, more change.Plan) change.Plan {
	for _, c := range more {
		if !b.isSystem(c.Path) && !slices.ContainsFunc(plan, func(p change.Change) bool { return p.Path == c.Path }) {
			plan = append(plan, c)
		}
	}
	return plan
}

func (b *both) Remove(t tree.Tree, gone []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error) {
	recorded := map[certs.Fingerprint]bool{}
	for _, f := range o.Recorded {
		recorded[f] = true
	}
	plan, notes, err := b.system.Remove(t, gone, store.RemoveOptions{Foreign: o.Foreign, Recorded: recorded, Made: o.Made, Changed: o.Changed, ThroughMounts: b.options.ThroughMounts})
	if err != nil {
		return nil, notes, err
	}
	more, also, err := b.programs.Remove(t, gone, runtime.RemoveOptions{Common: b.common(), Foreign: o.Foreign, Recorded: recorded})
	return b.joined(plan, more), append(notes, also...), err
}

func (b *both) Holds(t tree.Tree) (map[certs.Fingerprint][]string, error) {
	out, err := b.system.Holds(t)
	if err != nil {
		return nil, err
	}
	more, err := b.programs.Holds(t)
	for f, names := range more {
		for _, n := range names {
			if !slices.Contains(out[f], n) {
				out[f] = append(out[f], n)
			}
		}
	}
	return out, err
}

func (b *both) Needs(want []certs.Authority, since time.Time) []certs.Note {
	o := runtime.NeedsOptions{Authorities: want, Since: since}
	if list := b.Bundles(); len(list) > 0 {
		o.Combined = list[0]
	}
	return b.programs.Needs(o)
}

// Tool is the command of the family, with the arguments that make it read all anchors again: update-ca-certificates(8), update-ca-trust(8); SUSE's skips a bundle that is newer
// than its anchors unless it is told not to.
func (b *both) Tool() []string {
	tool := b.system.Tool
	switch path.Base(tool) {
	case "update-ca-trust":
		return []string{tool, "extract"}
	case "update-ca-certificates":
		if b.system.Family.Name == "suse" {
			return []string{tool, "-f"}
		}
		return []string{tool}
	case "trust":
		return []string{tool, "extract-compat"}
	}
	return nil
}
