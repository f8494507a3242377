package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestOnceMore: a test that fails the first time only is named and counts as passed; one that always fails stays a failure.
func TestOnceMore(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module m\n\ngo 1.24\n")
	write("m_test.go", `package m

import ("os"; "testing")

func TestSteady(t *testing.T) {}
func TestOnce(t *testing.T) {
	t.Run("inner", func(t *testing.T) {
		if os.Mkdir(os.Getenv("MARK"), 0o700) == nil { t.Fatal("first") }
	})
}
func TestAlways(t *testing.T) { if os.Getenv("ALWAYS") != "" { t.Fatal("always") } }
`)
	t.Chdir(dir)
	for _, c := range []struct {
		name, always string
		failed       int
	}{{"passes the second time", "", 0}, {"always fails", "1", 1}} {
		t.Run(c.name, func(t *testing.T) {
			results := filepath.Join(t.TempDir(), "results")
			assert.NilError(t, os.WriteFile(results, []byte(`{"Host":"h","Suite":"TestOnce","Status":"failed"}`+"\n"+`{"Host":"h","Suite":"TestSteady","Status":"run"}`+"\n"), 0o600))
			s := &suites{known: map[string]bool{}}
			out := &bytes.Buffer{}
			env := []string{"MARK=" + filepath.Join(t.TempDir(), "mark"), "ALWAYS=" + c.always, "GOFLAGS=-mod=mod"}
			p := pureTests{env: env, pkgs: []string{"./..."}}
			first, err := p.run(t.Context(), out, nil)
			last := s.onceMore(t.Context(), out, p, ran{first, err}, results)
			assert.Equal(t, last.err != nil, c.always != "", out.String())
			assert.NilError(t, s.addResults(results))
			s.addAll(last.outcomes, last.err, false)
			assert.Equal(t, s.failed, c.failed, out.String())
			assert.DeepEqual(t, s.unsteady, []string{"TestOnce"})
			for _, r := range s.rows {
				assert.Assert(t, !r.failed || c.always != "" && !strings.Contains(r.suite, "TestOnce"), r.suite)
			}
			s.writeUnsteady(out)
			assert.Assert(t, strings.Contains(out.String(), "passed only when run once more, by themselves: TestOnce"))
		})
	}
}
