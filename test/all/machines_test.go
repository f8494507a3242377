package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// taggedModule has tests with and without the build tag hosts, and a package whose tests do not build.
var taggedModule = map[string]string{
	"go.mod": "module m\n\ngo 1.24\n",
	"a/pure_test.go": `package a

import "testing"

func TestPure(t *testing.T) { t.Fatal("runs with the pure ones") }
`,
	"a/hosts_test.go": `//go:build hosts

package a

import ("os"; "testing")

func TestPasses(t *testing.T) {
	t.Run("trixie", func(t *testing.T) { t.Logf("waited 7s for a place"); if os.Getenv("PLACES") != "3" { t.Fatal("environment") } })
	if _, err := os.Stat("hosts_test.go"); err != nil { t.Fatal("directory") }
}
func TestFails(t *testing.T) { t.Run("sid", func(t *testing.T) { t.Fatal("its console") }) }
func TestFailsOnce(t *testing.T) { if os.Mkdir(os.Getenv("MARK"), 0o700) == nil { t.Fatal("first") } }
func TestExits(t *testing.T) { os.Exit(3) }
`,
	"b/hosts_test.go": "//go:build hosts\n\npackage b\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) { nonsense() }\n",
}

// TestHostProcesses: every test with the tag runs in a process of its own, all are tried, and each way to fail is counted.
func TestHostProcesses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range taggedModule {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	tests, err := taggedTests(t.Context())
	assert.NilError(t, err)
	var names []string
	for _, test := range tests {
		names = append(names, test.name)
	}
	assert.DeepEqual(t, names, []string{"TestExits", "TestFails", "TestFailsOnce", "TestPasses", "TestBroken"})

	var out bytes.Buffer
	ready, err := buildTests(t.Context(), &out, t.TempDir(), tests)
	assert.Error(t, err, "the tests do not build: m/b")
	assert.Equal(t, len(ready), 4)
	assert.Assert(t, cmp.Contains(out.String(), "nonsense"))

	part := hostTests{tests: ready, env: []string{"PLACES=3", "MARK=" + filepath.Join(t.TempDir(), "mark")}, places: 3}
	out.Reset()
	shared := &lines{w: &out}
	var first ran
	first.outcomes, first.err = part.run(t.Context(), shared, nil)
	s := &suites{known: map[string]bool{"trixie": true, "sid": true}}
	last := s.onceMore(t.Context(), shared, part, first, "")
	s.addAll(last.outcomes, last.err, true)

	printed := out.String()
	assert.Assert(t, cmp.Contains(printed, "once more, by themselves: TestExits TestFails TestFailsOnce"))
	assert.Equal(t, strings.Count(printed, "its console"), 2, printed)
	assert.Equal(t, strings.Count(printed, "pass\tTestPasses/trixie\t-7s"), 1, "the time without the waiting: %s", printed)
	assert.DeepEqual(t, s.unsteady, []string{"TestFailsOnce"})
	assert.Equal(t, s.passed, 2)
	assert.Equal(t, s.failed, 2)
	assert.ErrorContains(t, last.err, "TestExits of m/a: exit status 3")
	var table bytes.Buffer
	s.writeTable(&table)
	assert.Assert(t, cmp.Contains(table.String(), "TestExits did not end"))
	assert.Assert(t, cmp.Regexp(`sid +TestFails +0 +FAILED`, table.String()))
}
