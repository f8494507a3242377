package doctor

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
	"github.com/docker-proxy/docker-proxy/test/doctor/witness"
)

// TestShellWitness asks sh about every state whose startup file an init script sources, and about their mutations.
func TestShellWitness(t *testing.T) {
	bases := machines(t)
	states := corpus(t)
	ask := func(name string, s state.State) {
		if s.Base != "sysvinit" && s.Base != "openrc" {
			return
		}
		t.Run(name, func(t *testing.T) {
			files, err := bases.Whole(s)
			assert.NilError(t, err)
			a, err := witness.AskShell(t.TempDir(), files)
			assert.NilError(t, err)
			judge(t, s, a)
		})
	}
	for _, s := range states {
		ask(s.Name, s)
	}
	for _, c := range mutations(states) {
		if s, ok := c.meant(); ok {
			ask(c.name(), s)
		}
	}
}

// judge compares what happens with what the state, and with it doctor, says.
func judge(t *testing.T, s state.State, a witness.Answer) {
	t.Helper()
	harm := witness.Harm(s, a)
	if (harm != "") != (s.Harm != "") {
		t.Errorf("the state says %q, the witness %q\n%s\nenvironment %v, info %+v", s.Harm, harm, s.Describe(), a.Env, a.Info)
	}
	said := claims()
	for _, f := range s.Expect {
		if claim, ok := said[f.ID]; ok {
			if wrong := claim(claimed{s, f, a}); wrong != "" {
				t.Errorf("%s: the witness says: %s\n%s\nenvironment %v, info %+v", f, wrong, s.Describe(), a.Env, a.Info)
			}
		}
	}
}

// meant is the mutated state with the harm that has to be left: all of it, or none when it was mended. What becomes of the others is nobody's intention.
func (c changed) meant() (state.State, bool) {
	s := c.State
	if c.mended() {
		s.Harm = ""
	}
	return s, c.without == nil || c.mended() && !c.moreToMend()
}

// moreToMend reports whether the state has another cause of harm than the one that is gone.
func (c changed) moreToMend() bool {
	for _, f := range c.of.Expect {
		if f.ID != c.without.ID && harmful(f.ID) {
			return true
		}
	}
	return false
}
