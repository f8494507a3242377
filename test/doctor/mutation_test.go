package doctor

import (
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/doctor/mutate"
	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// kept is how many mutations of a state keep what is to be found in it.
func kept(s state.State) int {
	if len(s.Expect) == 0 {
		return 2
	}
	return 3
}

// changed is a state after a mutation.
type changed struct {
	mutate.Mutation
	of      state.State
	without *state.Finding // the finding whose cause is gone; nil where every cause stays
}

func (c changed) mended() bool { return c.without != nil && c.Name == "mended" }

// name is that of the subtest.
func (c changed) name() string {
	if c.without != nil {
		return c.of.Name + "_" + c.without.ID + "_" + c.Name
	}
	return c.of.Name + "_keeps_" + c.Name
}

// mutations of all states: those that keep everything, and for every kind of finding of a state those that take its cause away.
func mutations(states []state.State) []changed {
	var out []changed
	for _, s := range states {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s.Name)) // never fails
		for _, m := range mutate.Keep(s, h.Sum64(), kept(s)) {
			out = append(out, changed{m, s, nil})
		}
		var done []string
		for _, f := range s.Expect {
			if slices.Contains(done, f.ID+f.Path) {
				continue
			}
			done = append(done, f.ID+f.Path)
			for _, m := range mutate.Remove(s, f) {
				out = append(out, changed{m, s, &f})
			}
		}
	}
	return out
}

// TestMutations: what keeps a cause keeps the finding, at the line where it then stands; what takes the cause away takes the finding away.
func TestMutations(t *testing.T) {
	binary, bases := program(t), machines(t)
	for _, c := range mutations(corpus(t)) {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			got, err := doctor(binary, t.TempDir(), bases, c.State)
			assert.NilError(t, err)
			if wrong := c.compare(got); len(wrong) > 0 {
				t.Errorf("%s\n%s", strings.Join(wrong, "\n"), c.State.Describe())
			}
		})
	}
}

// compare judges the findings of a mutated state.
func (c changed) compare(got []found) []string {
	if c.without == nil {
		return compare(c.State.Expect, got)
	}
	var wrong []string
	for _, f := range got {
		gone := f.ID == c.without.ID && f.Source != nil && f.Source.Path == c.without.Path
		if gone || c.mended() && f.ID == c.without.ID || c.mended() && f.Severity == "error" && !c.others(f.ID) {
			wrong = append(wrong, "still there: "+f.short().String()+" ("+f.Severity+"): "+f.Message)
		}
	}
	return wrong
}

// others reports whether the state has more to mend than what was.
func (c changed) others(id string) bool {
	return slices.ContainsFunc(c.of.Expect, func(f state.Finding) bool { return f.ID == id && f.ID != c.without.ID })
}

// TestThreeOfEach: every kind of finding of the corpus has three mutations that keep its cause and three that take it away.
func TestThreeOfEach(t *testing.T) {
	states := corpus(t)
	keeps, removes := map[string]int{}, map[string]int{}
	for _, c := range mutations(states) {
		if c.without != nil {
			removes[c.without.ID]++
			continue
		}
		var done []string
		for _, f := range c.State.Expect {
			if !slices.Contains(done, f.ID) {
				keeps[f.ID]++
				done = append(done, f.ID)
			}
		}
	}
	mended := map[string]bool{}
	for _, c := range mutations(states) {
		if c.mended() {
			mended[c.without.ID] = true
		}
	}
	for _, s := range states {
		for _, f := range s.Expect {
			assert.Check(t, keeps[f.ID] >= 3, "%s: %d mutations keep it", f.ID, keeps[f.ID])
			assert.Check(t, removes[f.ID] >= 3, "%s: %d mutations take it away", f.ID, removes[f.ID])
			assert.Check(t, mended[f.ID], "%s is never mended", f.ID)
		}
	}
}
