package doctor

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// fixed is a state after `doctor --fix`.
type fixed struct {
	state state.State
	files []state.File // the whole machine
	left  []found      // what doctor says afterwards
}

// mendable reports whether --fix takes the finding away.
func mendable(id string) bool {
	c, ok := precedence.CheckOf(id)
	return ok && c.Mended
}

// fix runs `doctor --fix` on the state.
func fix(t *testing.T, program string, bases state.Bases, s state.State) fixed {
	t.Helper()
	dir := t.TempDir()
	files, err := bases.Whole(s)
	assert.NilError(t, err)
	assert.NilError(t, state.WriteTree(dir, files))
	out, err := exec.CommandContext(t.Context(), program, "doctor", "--root", dir, "--fix", "--yes").CombinedOutput() //nolint:gosec // the program under test
	if err != nil {
		t.Logf("doctor --fix: %v", err)
	}
	t.Logf("%s", out)
	r, err := ask(program, nil, "doctor", "--root", dir, "--format", "json")
	assert.NilError(t, err)
	whole, err := state.ReadTree(dir)
	assert.NilError(t, err)
	return fixed{s, whole, slices.DeleteFunc(r.Findings, func(f found) bool { return f.ID == constant })}
}

// fixable are the states of which --fix takes something away.
func fixable(states []state.State) []state.State {
	return slices.DeleteFunc(slices.Clone(states), func(s state.State) bool {
		return s.Base == clientBase || !slices.ContainsFunc(s.Expect, func(f state.Finding) bool { return mendable(f.ID) })
	})
}

// TestFixed: after `doctor --fix` there is nothing left of what it mends, and nothing else is wrong that was not before.
func TestFixed(t *testing.T) {
	program, bases := program(t), machines(t)
	for _, s := range fixable(corpus(t)) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			done := fix(t, program, bases, s)
			for _, f := range done.left {
				if mendable(f.ID) && !slices.Contains(s.Left, f.ID) || !s.Has(f.ID) {
					t.Errorf("%s (%s): %s", f.short(), f.Severity, f.Message)
				}
			}
			if t.Failed() {
				t.Log(s.Describe() + state.State{Name: "after", Files: own(bases, done)}.Describe())
			}
		})
	}
}

// own are the files that a state has beyond its base.
func own(bases state.Bases, f fixed) []state.File {
	return slices.DeleteFunc(slices.Clone(f.files), func(file state.File) bool {
		return slices.ContainsFunc(bases[f.state.Base].Files, func(b state.File) bool { return b.Path == file.Path && b.Data == file.Data }) || strings.HasPrefix(file.Path, "/var/lib/docker-proxy")
	})
}
