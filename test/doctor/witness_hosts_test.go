//go:build hosts && linux

package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
	"github.com/docker-proxy/docker-proxy/test/doctor/witness"
	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// booted is a machine that witnesses can ask.
type booted struct {
	t *testing.T
	h *hosts.Host
}

// Run is witness.Machine's.
func (b booted) Run(script string, stdin []byte) ([]byte, error) {
	r := b.h.Do(b.t, hosts.Cmd{Argv: []string{"sh", "-c", script}, Stdin: string(stdin), Timeout: 10 * time.Minute})
	if r.Code != 0 {
		return nil, errors.New(r.String())
	}
	return []byte(r.Stdout), nil
}

// answering says on which booted host the states of a base are asked. Red Hat's relatives cannot be booted here: their unit is, on Debian.
func answering(base string) string {
	switch base {
	case "trixie", "docker-ce", "sid", "rhel":
		return "trixie"
	case "bookworm":
		return "bookworm"
	}
	return "" // sh answers, see TestShellWitness; a client's file has no witness here
}

// TestWitness asks systemd and dockerd about every state of the corpus, and about its mutations: what doctor says will happen is what does happen, and nothing else does any harm.
func TestWitness(t *testing.T) {
	bases := machines(t)
	for _, kind := range []string{"trixie", "bookworm"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			hosts.RecordAtEnd(t, kind)
			var states []state.State
			var names []string
			add := func(name string, s state.State) {
				if answering(s.Base) == kind && !wholeMachine(s) {
					names, states = append(names, name), append(states, s)
				}
			}
			for _, s := range corpus(t) {
				add(s.Name, s)
			}
			for _, c := range mutations(corpus(t)) {
				if s, ok := c.meant(); ok {
					add(c.name(), s)
				}
			}
			for _, s := range fixable(corpus(t)) {
				if answering(s.Base) == kind && !wholeMachine(s) && healed(s) {
					done := fix(t, program(t), bases, s)
					s.Files, s.Expect, s.Harm = own(bases, done), nil, ""
					add(s.Name+"_fixed", s)
				}
			}
			answers := askHost(t, booted{t, hosts.Boot(t, kind)}, bases, states)
			for n, s := range states {
				t.Run(names[n], func(t *testing.T) { judge(t, s, answers[n]) })
			}
		})
	}
}

// healed reports whether `doctor --fix` takes everything away that does harm.
func healed(s state.State) bool {
	return s.Harm != "" && !slices.ContainsFunc(s.Expect, func(f state.Finding) bool { return harmful(f.ID) && (!mendable(f.ID) || slices.Contains(s.Left, f.ID)) })
}

// wholeMachine reports whether a state changes what every unit of a machine gets, so that it cannot stand beside others.
func wholeMachine(s state.State) bool {
	return slices.ContainsFunc(s.Files, func(f state.File) bool { return strings.HasPrefix(f.Path, "/etc/systemd/system.conf") })
}

// askHost asks systemd about all states, and dockerd about those with a configuration or flags.
func askHost(t *testing.T, b booted, bases state.Bases, states []state.State) []witness.Answer {
	t.Helper()
	var whole [][]state.File
	for _, s := range states {
		files, err := bases.Whole(s)
		assert.NilError(t, err)
		whole = append(whole, files)
	}
	start := time.Now()
	answers, err := witness.AskSystemd(b, whole)
	assert.NilError(t, err)
	units := time.Since(start)
	asked := 0
	assert.NilError(t, witness.AskDockerd(b, answers, func(n int) bool {
		if witness.EnvironmentDecides(whole[n], answers[n]) && !states[n].Has("url-credentials-leak-in-info") {
			return false
		}
		asked++
		return true
	}))
	t.Logf("%d units in %v, %d dockerds in %v", len(states), units.Round(time.Second), asked, (time.Since(start) - units).Round(time.Second))
	return answers
}
