package truth

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
)

// updating reports whether the states, and with the tag hosts the oracles'
// answers, are to be recorded anew. gotest.tools/v3/assert owns the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	if os.Getenv(goOracleVariable) != "" {
		goOracle()
		return
	}
	os.Exit(m.Run())
}

// TestStatesAreTheRecordedOnes ties the grammar to the recorded answers.
func TestStatesAreTheRecordedOnes(t *testing.T) {
	got, err := encodeStates(Generate())
	assert.NilError(t, err)
	if updating() {
		assert.NilError(t, os.WriteFile(statesFile, got, 0o644))
		return
	}
	want, err := os.ReadFile(statesFile)
	assert.NilError(t, err)
	if !bytes.Equal(got, want) {
		t.Fatal("the grammar writes other states than the recorded ones: record the answers anew on the hosts (go test -tags hosts ./test/truth -update)")
	}
}

// TestRecordedAnswers compares the project with what systemd and dockerd said.
func TestRecordedAnswers(t *testing.T) {
	binary := projectBinary(t)
	recordings, err := systemdRecordings()
	assert.NilError(t, err)
	if len(recordings) < 2 {
		t.Fatalf("only %d systemd versions are recorded", len(recordings))
	}
	newest, err := readRecording(recordings[len(recordings)-1])
	assert.NilError(t, err)
	for i, path := range recordings {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rec, err := readRecording(path)
			assert.NilError(t, err)
			// The places of equal values are asked for once, and again where an
			// older systemd answers differently.
			compareAll(t, binary, statesOf(Systemd), rec, func(s State) bool {
				return i == len(recordings)-1 || !reflect.DeepEqual(rec.Answers[s.Name], newest.Answers[s.Name])
			})
		})
	}
	t.Run(filepath.Base(dockerdFile), func(t *testing.T) {
		rec, err := readRecording(dockerdFile)
		assert.NilError(t, err)
		compareAll(t, binary, statesOf(Dockerd), rec, always)
	})
}

// TestShellStates compares the project with sh, which answers on the spot.
func TestShellStates(t *testing.T) {
	binary := projectBinary(t)
	for _, kind := range []Kind{SysV, OpenRC} {
		t.Run(string(kind), func(t *testing.T) {
			states := statesOf(kind)
			rec := Recording{Answers: map[string]Answer{}}
			inherited := map[string]Answer{}
			for _, s := range states {
				empty, inh, err := askShell("sh", t.TempDir(), s)
				assert.NilError(t, err)
				rec.Answers[s.Name], inherited[s.Name] = empty, inh
			}
			results := compareAll(t, binary, states, rec, always)
			for _, s := range states {
				judgeInherited(t, s, inherited[s.Name], results[s.Name])
			}
		})
	}
}

// judgeInherited: what the project says a script exports must be so whatever
// the caller of the script had exported before.
func judgeInherited(t *testing.T, s State, a Answer, r result) {
	t.Helper()
	if !a.Ran || len(s.Env) == 0 || dynamic(s) {
		return
	}
	for _, set := range r.out.Settings {
		if set.Value == nil || set.Source == nil {
			continue
		}
		if given := a.Env[set.Source.Name]; *set.Value != mask(given) {
			t.Errorf("%s: the script is said to give %s the value %s, but called with %q it gives %q", s.Name, set.Source.Name, *set.Value, s.Env, mask(given))
		}
	}
}

func statesOf(kind Kind) []State {
	var list []State
	for _, s := range Generate() {
		if s.Kind == kind {
			list = append(list, s)
		}
	}
	return list
}

// compareAll runs the project on every state, and on its twin with equal
// values where twinToo says so, and fails for each difference. It returns the runs
// on the states.
func compareAll(t *testing.T, binary string, states []State, rec Recording, twinToo func(State) bool) map[string]result {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	results := map[string]result{}
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	compared, twins, bad, open := 0, 0, 0, 0
	dir := t.TempDir()
	for _, s := range states {
		a, ok := rec.Answers[s.Name]
		if !ok {
			t.Errorf("%s has no recorded answer", s.Name)
			continue
		}
		for _, twin := range []bool{false, true} {
			if twin && (s.NoTwin || len(s.Marks) < 2 || !twinToo(s)) {
				continue
			}
			places <- struct{}{}
			group.Go(func() {
				defer func() { <-places }()
				r, wrong, err := compareOne(binary, filepath.Join(dir, fmt.Sprintf("%s-%v", s.Name, twin)), s, a, rec.Facts, twin)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
				if len(wrong) > 0 {
					bad++
					t.Errorf("%s %v twin=%v:\n  %s\n%s", s.Name, s.Constructs, twin, strings.Join(wrong, "\n  "), describe(s))
				}
				if twin {
					twins++
				} else {
					compared++
					results[s.Name] = r
					open += countUnknown(s, r)
				}
			})
		}
	}
	group.Wait()
	t.Logf("%d states and %d twins with equal values compared, %d differ, %d settings rightly left unknown", compared, twins, bad, open)
	if limit := compared / 4; open > limit {
		t.Errorf("%d of %d settings are said to be unknown, at most %d may be", open, 3*compared, limit)
	}
	return results
}

func always(State) bool { return true }

// countUnknown counts the settings for which the project says that it does not
// know the value where it may say so.
func countUnknown(s State, r result) int {
	n := 0
	for i, got := range r.out.Settings {
		if i < len(families) && unknown(s, families[i], got) {
			n++
		}
	}
	return n
}

func compareOne(binary, dir string, s State, a Answer, facts Facts, twin bool) (result, []string, error) {
	if err := writeTree(dir, s, facts, twin); err != nil {
		return result{}, nil, err
	}
	r, err := show(binary, dir)
	if err != nil {
		return r, nil, err
	}
	wrong := judge(s, a, r, twin)
	if len(wrong) == 0 {
		err = os.RemoveAll(dir)
	}
	return r, wrong, err
}

// describe prints a state for a failure, without the parts all states have.
func describe(s State) string {
	var b strings.Builder
	for _, f := range s.Files {
		text := strings.ReplaceAll(f.Text, secret, "****")
		switch {
		case f.Link != "":
			text = "-> " + f.Link
		case f.Dir:
			text = "(a directory)"
		case len(text) > 1200:
			text = text[:1200] + "..."
		}
		fmt.Fprintf(&b, "  --- %s\n", f.Path)
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			fmt.Fprintf(&b, "  %3d %q\n", i+1, line)
		}
	}
	return b.String()
}

// projectBinary is the program under test: DOCKER_PROXY_BIN, or built now.
func projectBinary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("DOCKER_PROXY_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "docker-proxy")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/docker-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program under test: %v\n%s", err, out)
	}
	return path
}
