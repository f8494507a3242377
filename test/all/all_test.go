package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// stream is what `go test -json` prints for a package with a passing, a skipped and a failing test, a suite on two hosts, and one that did not end.
const stream = `{"Action":"start","Package":"m/test/hosts"}
{"Action":"run","Package":"m/test/hosts","Test":"TestLayers"}
{"Action":"run","Package":"m/test/hosts","Test":"TestLayers/trixie"}
{"Action":"run","Package":"m/test/hosts","Test":"TestLayers/trixie/env"}
{"Action":"pass","Package":"m/test/hosts","Test":"TestLayers/trixie/env","Elapsed":1}
{"Action":"run","Package":"m/test/hosts","Test":"TestLayers/trixie/unit"}
{"Action":"pass","Package":"m/test/hosts","Test":"TestLayers/trixie/unit","Elapsed":1}
{"Action":"pass","Package":"m/test/hosts","Test":"TestLayers/trixie","Elapsed":2}
{"Action":"run","Package":"m/test/hosts","Test":"TestLayers/sid"}
{"Action":"output","Package":"m/test/hosts","Test":"TestLayers/sid","Output":"=== RUN   TestLayers/sid\n"}
{"Action":"output","Package":"m/test/hosts","Test":"TestLayers/sid","Output":"    layers_test.go:7: sid: no mirror\n"}
{"Action":"output","Package":"m/test/hosts","Test":"TestLayers/sid","Output":"--- SKIP: TestLayers/sid (0.00s)\n"}
{"Action":"skip","Package":"m/test/hosts","Test":"TestLayers/sid","Elapsed":0}
{"Action":"pass","Package":"m/test/hosts","Test":"TestLayers","Elapsed":2}
{"Action":"run","Package":"m/test/hosts","Test":"TestBoot"}
{"Action":"run","Package":"m/test/hosts","Test":"TestBoot/trixie"}
{"Action":"output","Package":"m/test/hosts","Test":"TestBoot/trixie","Output":"    boot_test.go:9: does not boot\n"}
{"Action":"fail","Package":"m/test/hosts","Test":"TestBoot/trixie","Elapsed":3}
{"Action":"fail","Package":"m/test/hosts","Test":"TestBoot","Elapsed":3}
{"Action":"run","Package":"m/test/hosts","Test":"TestHang"}
{"Action":"fail","Package":"m/test/hosts","Elapsed":9}
`

func readStream(t *testing.T) (*suites, string) {
	t.Helper()
	var out bytes.Buffer
	r := &reader{out: &out, seen: map[[2]string]*outcome{}}
	assert.NilError(t, r.read(strings.NewReader(stream)))
	s := &suites{known: map[string]bool{"trixie": true}}
	results := filepath.Join(t.TempDir(), "results")
	lines := `{"host":"sid","suite":"TestLayers","status":"not available","reason":"no mirror"}` + "\n" +
		`{"host":"trixie","suite":"TestLayers","status":"run"}` + "\n"
	assert.NilError(t, os.WriteFile(results, []byte(lines), 0o600))
	assert.NilError(t, s.addResults(results))
	s.addAll(r.order, errors.New("exit status 1"), true)
	return s, out.String()
}

func TestCounting(t *testing.T) {
	s, printed := readStream(t)
	assert.Equal(t, s.passed, 2)
	assert.Equal(t, s.failed, 2)
	assert.Equal(t, s.skipped, 1)
	assert.Assert(t, cmp.Contains(printed, "does not boot"))
	var table bytes.Buffer
	s.writeTable(&table)
	assert.Equal(t, table.String(), `HOST     SUITE        PASSED   STATUS          REASON
all      TestHang     0        FAILED          TestHang did not end
sid      TestLayers   0        not available   no mirror; sid: no mirror
trixie   TestBoot     0        FAILED          
trixie   TestLayers   2        run             
`)
}

func TestMinimum(t *testing.T) {
	for _, tc := range []struct {
		name, file  string
		pure, hosts bool
		want        string
	}{
		{"met", "trixie:TestLayers 2 # two\n\n", true, true, ""},
		{"missed", "trixie:TestLayers 3\n", true, true, "trixie:TestLayers: 2 tests passed, the committed minimum is 3"},
		{"a suite that is gone", "trixie:TestGone 1\n", true, true, "trixie:TestGone: 0 tests passed, the committed minimum is 1"},
		{"hosts did not run", "trixie:TestGone 1\n", true, false, ""},
		{"pure did not run", "here:pure 1\n", false, true, ""},
		{"pure missed", "here:pure 1\n", true, false, "here:pure: 0 tests passed, the committed minimum is 1"},
		{"sid may be missing", "sid:TestLayers 1\n", true, true, ""},
		{"another host may not", "bookworm:TestLayers 1\n", true, true, "bookworm:TestLayers: 0 tests passed, the committed minimum is 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := readStream(t)
			file := filepath.Join(t.TempDir(), "minimum.txt")
			assert.NilError(t, os.WriteFile(file, []byte(tc.file), 0o600))
			m, err := readMinimum(file)
			assert.NilError(t, err)
			err = errors.Join(m.check(&bytes.Buffer{}, s, tc.pure, tc.hosts)...)
			if tc.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, tc.want)
		})
	}
}

func TestMinimumSyntax(t *testing.T) {
	for _, text := range []string{"pure 3", "here:pure", "here:pure x", "here:pure 0", "here:pure 1 2"} {
		file := filepath.Join(t.TempDir(), "minimum.txt")
		assert.NilError(t, os.WriteFile(file, []byte("# x\n"+text+"\n"), 0o600))
		_, err := readMinimum(file)
		assert.ErrorContains(t, err, ":2: want HOST:SUITE COUNT", text)
	}
}

// TestCommittedMinimum: the file in the repository is well formed.
func TestCommittedMinimum(t *testing.T) {
	m, err := readMinimum(filepath.Join("..", "minimum.txt"))
	assert.NilError(t, err)
	assert.Assert(t, len(m.lines) > 0)
}
