package host_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// TestSteady writes between two looks, and looks for what is missing before it is there.
func TestSteady(t *testing.T) {
	live, err := host.Open("/")
	assert.NilError(t, err)
	defer live.Close()
	dir := t.TempDir()
	there, missing := filepath.Join(dir, "there"), filepath.Join(dir, "missing")
	assert.NilError(t, os.WriteFile(there, []byte("first"), 0o600))
	f := live.Steady()
	look := func(f *host.FS) string {
		data, err := f.ReadFile(there)
		assert.NilError(t, err)
		names, err := f.ReadDir(dir)
		assert.NilError(t, err)
		st, err := f.Stat(there)
		assert.NilError(t, err)
		_, missingErr := f.ReadFile(missing)
		_, statErr := f.Stat(missing)
		text := string(data) + " " + strings.Join(names, ",") + " " + st.Mode.String()
		for _, err := range []error{missingErr, statErr} {
			if err != nil {
				assert.ErrorIs(t, err, fs.ErrNotExist)
				text += " none"
			}
		}
		data = append(data[:0], "spoilt"[:len(data)]...)
		names[0] = string(data)
		return text
	}
	want := look(f)
	assert.Equal(t, want, "first there -rw------- none none")
	assert.NilError(t, os.WriteFile(there, []byte("second"), 0o600))
	assert.NilError(t, os.Chmod(there, 0o644))
	assert.NilError(t, os.WriteFile(missing, nil, 0o600))
	assert.Equal(t, look(f), want)
	assert.Equal(t, look(f.With(map[string]host.Overlay{"/elsewhere": {}})), want, "a plan is judged by the same bytes")
	assert.Equal(t, look(live), "second missing,there -rw-r--r--")
	assert.Equal(t, look(live.Steady()), "second missing,there -rw-r--r--")
}

// What the kernel and the daemons write themselves is never remembered.
func TestSteadyLetsWhatChangesChange(t *testing.T) {
	live, err := host.Open("/")
	assert.NilError(t, err)
	defer live.Close()
	f := live.Steady()
	first, err := f.ReadFile("/proc/uptime")
	assert.NilError(t, err)
	for range 1_000_000 {
		now, err := f.ReadFile("/proc/uptime")
		assert.NilError(t, err)
		if string(now) != string(first) {
			return
		}
	}
	t.Fatal("/proc/uptime stays the same")
}
