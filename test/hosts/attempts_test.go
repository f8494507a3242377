//go:build linux

package hosts

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestAttempts(t *testing.T) {
	a := attempts(filepath.Join(t.TempDir(), "sid.failed"))
	assert.Assert(t, !a.exhausted())
	assert.NilError(t, a.note(errors.New("no mirror\nat all")))
	assert.Assert(t, !a.exhausted())
	assert.NilError(t, a.note(errors.New("a package\nis missing")))
	assert.Assert(t, a.exhausted())
	assert.Error(t, a.err(), "a package\nis missing")

	old := time.Now().Add(-2 * attemptsLast)
	assert.NilError(t, os.Chtimes(string(a), old, old))
	assert.Assert(t, !a.exhausted(), "tried again after a while")
	assert.NilError(t, a.note(errors.New("no mirror")))
	assert.Assert(t, !a.exhausted())
}
