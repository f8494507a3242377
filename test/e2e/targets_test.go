//go:build hosts && linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// targetsProgram is where the tests of pkg/certs/target stand on a host.
const targetsProgram = "/usr/local/bin/targets.test"

// buildTargets makes the program with the tests that pkg/certs/target has for real containers; it is also what runs in those containers, so it needs no library.
var buildTargets = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "docker-proxy-targets-*")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "targets.test")
	cmd := exec.Command("go", "test", "-c", "-tags", "inhost", "-trimpath", "-o", bin, "../../pkg/certs/target")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return bin, nil
})

// TestTargets changes real containers on real daemons, by their own root directory and by the archive API, with one suite for both: nothing is left over, no mount is written
// through or taken away, nothing outside is touched whatever the container does.
func TestTargets(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) { playTargets(t, h, ".", nil) })
	// An engine that unpacks archives by another program, and one that does it by another library.
	on(t, "bookworm", func(t *testing.T, h *hosts.Host) {
		playTargets(t, h, "Suite|Traceless|Stopped|Keeps|Quiet|Mounts|ReadOnly|Traps", nil)
	})
	on(t, "sid", func(t *testing.T, h *hosts.Host) {
		playTargets(t, h, "Suite|Traceless|Stopped|Keeps|Quiet|Mounts|ReadOnly|Traps", nil)
	})
	// Owners have other numbers on the machine there; root reaches the containers of a user.
	on(t, "rootless", func(t *testing.T, h *hosts.Host) {
		playTargets(t, h, "Suite|Traceless|Stopped|Keeps|Quiet|ReadOnly|Owners", []string{"DOCKER_HOST=unix:///run/user/1000/docker.sock"})
	})
}

// TestRemappedTargets: where containers have a user namespace of their own (userns-remap), owners are those of the container by both ways.
func TestRemappedTargets(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.WriteFile(t, "/etc/docker/daemon.json", `{"userns-remap":"default"}`, 0o644)
		h.RestartDocker(t)
		playTargets(t, h, "Suite|Traceless|Stopped|Keeps|Mounts|ReadOnly|Owners", nil)
	})
}

// playTargets runs every test that the pattern takes as a subtest.
func playTargets(t *testing.T, h *hosts.Host, pattern string, env []string) {
	bin, err := buildTargets()
	assert.NilError(t, err)
	data, err := os.ReadFile(bin)
	assert.NilError(t, err)
	h.WriteFile(t, targetsProgram, string(data), 0o755)
	list := h.Do(t, hosts.Cmd{Argv: []string{targetsProgram, "-test.list", "^TestLive.*(" + pattern + ")"}})
	assert.Equal(t, list.Code, 0, "%s", list)
	names := strings.Fields(list.Stdout)
	assert.Assert(t, len(names) > 4, "%s", list)
	for _, name := range names {
		t.Run(strings.TrimPrefix(name, "TestLive"), func(t *testing.T) {
			r := h.Do(t, hosts.Cmd{Argv: []string{targetsProgram, "-test.v", "-test.run", "^" + name + "$"}, Env: env, Timeout: 2 * time.Minute})
			assert.Equal(t, r.Code, 0, "%s", r)
			assert.Assert(t, strings.Contains(r.Stdout, "--- PASS: "+name), "%s", r)
		})
	}
}
