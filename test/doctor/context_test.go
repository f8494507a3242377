package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// TestBrokenContext: a context that is gone is the first thing to know, and not the end.
func TestBrokenContext(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"currentContext": "gone"}`), 0o600))
	has := func(env ...string) bool {
		r, err := ask(program(t), env, "doctor", "--format", "json")
		assert.NilError(t, err)
		return slices.ContainsFunc(r.Findings, func(f found) bool { return f.ID == "context-broken" })
	}
	assert.Assert(t, has("DOCKER_CONFIG="+dir, "DOCKER_HOST="))
	assert.Assert(t, !has("DOCKER_CONFIG="+t.TempDir(), "DOCKER_HOST="))
	assert.Assert(t, !has("DOCKER_CONFIG="+dir, "DOCKER_HOST=unix://"+dir+"/none.sock"), "DOCKER_HOST is stronger than the selected context")
}
