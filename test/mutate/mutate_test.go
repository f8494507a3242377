package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestList: the list is well-formed, fits the code as it is, and takes out every rule of the contract's closed list.
func TestList(t *testing.T) {
	all, err := parse(listed)
	assert.NilError(t, err)
	assert.Assert(t, len(all) >= 40, "only %d", len(all))
	rules := []string{
		"flag-over-environment", "config-over-environment", "upper-over-lower", "environment-file-over-environment", "later-environment-file", "later-drop-in",
		"later-assignment", "unset-environment", "reset", "script-over-inherited", "empty-counts-as-unset", "only-value",
	}
	for _, rule := range rules {
		found := false
		for _, m := range all {
			found = found || strings.HasPrefix(m.title, rule+": ")
		}
		assert.Assert(t, found, "no mutation takes out %s", rule)
	}
	for _, m := range all {
		text, err := os.ReadFile(filepath.Join("../..", m.file))
		assert.NilError(t, err, "%s", m.title)
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("mutations.txt:%d: %s: %v", m.line, m.title, err)
		}
	}
}

func TestParse(t *testing.T) {
	cases := []struct {
		name, text, want string
	}{
		{"no title", "file x\n", "line 1: before the first title"},
		{"unknown word", "= a\nfoo x\n", `line 2: unknown word "foo"`},
		{"no text", "= a\nfile f\ntest ./p\n", `line 1: "a" needs`},
		{"no test", "= a\nfile f\n-x\n", `line 1: "a" needs`},
		{"no change", "= a\nfile f\ntest ./p\n-x\n+x\n", `"a" changes nothing`},
		{"twice", "= a\nfile f\ntest ./p\n-x\n\n= a\nfile f\ntest ./p\n-y\n", `line 6: "a" is there twice`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.text)
			assert.ErrorContains(t, err, c.want)
		})
	}
	all, err := parse("# what\n= a b\nfile f\ntest ./p -run X\ntest ./q\n-\tx\n- y\n+z\n")
	assert.NilError(t, err)
	m := all[0]
	assert.Equal(t, m.old, "\tx\n y")
	assert.Equal(t, m.new, "z")
	assert.DeepEqual(t, m.tests, []string{"./p -run X", "./q"})
	out, err := m.apply("1\n\tx\n y\n2")
	assert.NilError(t, err)
	assert.Equal(t, out, "1\nz\n2")
	_, err = m.apply("1\n")
	assert.ErrorContains(t, err, "stands 0 times in f")
	_, err = m.apply("\tx\n y\tx\n y")
	assert.ErrorContains(t, err, "stands 2 times in f")
}

// TestTryOne mutates a module of its own: killed, survived, not applicable, not building; the file is as before each time.
func TestTryOne(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":    "module m\n\ngo 1.24\n",
		"m.go":      "package m\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Nobody() int { return 1 }\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tt.Run(\"two\", func(t *testing.T) {\n\t\tif Add(1, 2) != 3 {\n\t\t\tt.Fatal()\n\t\t}\n\t})\n}\n",
	}
	for name, text := range files {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	cases := []struct {
		name, old, new    string
		killedBy, problem string
	}{
		{"killed", "a + b", "a - b", "TestAdd/two", ""},
		{"survived", "return 1", "return 2", "", "SURVIVED ."},
		{"gone", "a * b", "a - b", "", "stands 0 times"},
		{"broken", "a + b", "a +", "", "does not build"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := tryOne(t.Context(), dir, mutation{title: c.name, file: "m.go", old: c.old, new: c.new, tests: []string{"."}})
			assert.Equal(t, r.killedBy, c.killedBy)
			assert.Assert(t, strings.Contains(r.problem, c.problem) && (c.problem != "") == (r.problem != ""), "%s", r.problem)
			text, err := os.ReadFile(filepath.Join(dir, "m.go"))
			assert.NilError(t, err)
			assert.Equal(t, string(text), files["m.go"])
		})
	}
}
