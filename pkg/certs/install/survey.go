package install

import (
	"path"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// SurveyOptions say what a survey takes in.
type SurveyOptions struct {
	// Bundles are files in PEM that the caller names beside those that are found.
	Bundles []string
	// ThroughMounts plans changes of what is mounted into the container, too.
	ThroughMounts bool
	// Seed are public roots in PEM for a bundle that has to be made.
	Seed []byte
}

// Surveyor gives the usual Installer.Survey: the distribution's store and the programs' own.
func Surveyor(o SurveyOptions) func(tree.Tree, engine.Inspected) (Trust, error) {
	return func(t tree.Tree, _ engine.Inspected) (Trust, error) {
		s, err := store.Look(t)
		if err != nil {
			return nil, err
		}
		return &both{system: s, options: o}, nil
	}
}

// both is the distribution's store and those of programs.
type both struct {
	system  store.Survey
	options SurveyOptions
}

func (b *both) Family() string { return b.system.Family.Name }

func (b *both) Bundles() []string { return b.system.Bundles() }

func (b *both) Combined(t tree.Tree) ([]byte, error) { return b.system.Combined(t) }

func (b *both) Add(t tree.Tree, want []certs.Authority) (change.Plan, []certs.Note, error) {
	return b.system.Add(t, want, store.AddOptions{Seed: b.options.Seed, ThroughMounts: b.options.ThroughMounts})
}

func (b *both) Remove(t tree.Tree, gone []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error) {
	recorded := map[certs.Fingerprint]bool{}
	for _, f := range o.Recorded {
		recorded[f] = true
	}
	return b.system.Remove(t, gone, store.RemoveOptions{Foreign: o.Foreign, Recorded: recorded, Made: o.Made, ThroughMounts: b.options.ThroughMounts})
}

func (b *both) Holds(t tree.Tree) (map[certs.Fingerprint][]string, error) { return b.system.Holds(t) }

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
