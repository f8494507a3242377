package crash

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// updating reports whether the points are to be written anew. gotest.tools/v3/assert owns the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// build makes the test binary of cmd/docker-proxy, which holds the worker, in memory.
func build(t *testing.T) string {
	t.Helper()
	unix.Umask(0o022)
	path := filepath.Join(memory(t), "worker")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-s -w", "-o", path, "../../cmd/docker-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program under test: %v\n%s", err, out)
	}
	return path
}
