package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// TestCorpus: every state has exactly the findings that stand in it.
func TestCorpus(t *testing.T) {
	binary, bases := program(t), machines(t)
	for _, s := range corpus(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			got, err := doctor(binary, t.TempDir(), bases, s)
			assert.NilError(t, err)
			if wrong := compare(s.Expect, got); len(wrong) > 0 {
				t.Errorf("%s\n%s", strings.Join(wrong, "\n"), s.Describe())
			}
		})
	}
}

// compare returns what is missing and what is too much, and findings that do not help whoever reads them.
func compare(want []state.Finding, got []found) []string {
	var wrong []string
	rest := slices.Clone(want)
	for _, f := range got {
		i := slices.Index(rest, f.short())
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("too much: %s (%s): %s [%s]", f.short(), f.Severity, f.Message, f.Fix))
			continue
		}
		rest = slices.Delete(rest, i, i+1)
		if f.Message == "" {
			wrong = append(wrong, "no message: "+f.short().String())
		}
	}
	for _, f := range rest {
		wrong = append(wrong, "missing: "+f.String())
	}
	return wrong
}

// TestStatesAreComplete: a state is as a state has to be.
func TestStatesAreComplete(t *testing.T) {
	bases := machines(t)
	states := corpus(t)
	assert.Assert(t, len(states) >= 140, "%d states", len(states))
	right := 0
	for _, s := range states {
		_, known := bases[s.Base]
		assert.Check(t, known, "%s: base %q", s.Name, s.Base)
		assert.Check(t, s.About != "", "%s has no description", s.Name)
		assert.Check(t, s.Harm == "" || len(s.Expect) > 0, "%s does harm, and nothing is expected to tell of it", s.Name)
		if len(s.Expect) == 0 {
			right++
		}
	}
	assert.Assert(t, right >= 50, "%d states without a finding", right)
}

func corpus(t *testing.T) []state.State {
	t.Helper()
	states, err := state.Load("testdata/states")
	assert.NilError(t, err)
	return states
}

func machines(t *testing.T) state.Bases {
	t.Helper()
	bases, err := state.LoadBases("testdata/bases")
	assert.NilError(t, err)
	return bases
}

// built is the program under test, made once for all tests of this run.
type built struct {
	once sync.Once
	path string
	err  error
}

var binary built //nolint:gochecknoglobals // shared by tests

// program is the program under test: DOCKER_PROXY_BIN, or built now.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("DOCKER_PROXY_BIN"); path != "" {
		return path
	}
	binary.once.Do(func() {
		dir, err := os.MkdirTemp("", "doctor")
		if err != nil {
			binary.err = err
			return
		}
		binary.path = filepath.Join(dir, "docker-proxy")
		cmd := exec.Command("go", "build", "-o", binary.path, "../../cmd/docker-proxy") //nolint:gosec,noctx // this module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("building the program under test: %w\n%s", err, out)
		}
	})
	assert.NilError(t, binary.err)
	return binary.path
}

func TestMain(m *testing.M) {
	status := m.Run()
	if binary.path != "" {
		_ = os.RemoveAll(filepath.Dir(binary.path)) // a temporary directory
	}
	os.Exit(status)
}
