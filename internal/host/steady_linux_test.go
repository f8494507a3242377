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
	there, missing, link := filepath.Join(dir, "there"), filepath.Join(dir, "missing"), filepath.Join(dir, "link")
	assert.NilError(t, os.WriteFile(there, []byte("first"), 0o600))
	assert.NilError(t, os.Symlink(there, link))
	f := live.Steady()
	_, err = f.Lstat(filepath.Join(dir, "later"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	look := func(f *host.FS) string {
		data, err := f.ReadFile(there)
		assert.NilError(t, err)
		names, err := f.ReadDir(dir)
		assert.NilError(t, err)
		st, err := f.Stat(there)
		assert.NilError(t, err)
		to, err := f.Readlink(link)
		assert.NilError(t, err)
		real, err := f.Resolve(filepath.Join(dir, "new", "file"), true)
		assert.NilError(t, err)
		_, belowErr := f.Stat(filepath.Join(dir, "later", "below"))
		_, missingErr := f.ReadFile(missing)
		_, statErr := f.Stat(missing)
		text := string(data) + " " + strings.Join(names, ",") + " " + st.Mode.String() + " " + filepath.Base(to) + " " + filepath.Base(filepath.Dir(real))
		for _, err := range []error{missingErr, statErr, belowErr} {
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
	assert.Equal(t, want, "first link,there -rw------- there new none none none")
	assert.NilError(t, os.WriteFile(there, []byte("second"), 0o600))
	assert.NilError(t, os.Chmod(there, 0o644))
	assert.NilError(t, os.WriteFile(missing, nil, 0o600))
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "later", "below"), 0o700))
	assert.NilError(t, os.Remove(link))
	assert.NilError(t, os.Symlink(missing, link))
	assert.NilError(t, os.Symlink("elsewhere", filepath.Join(dir, "new")))
	assert.Equal(t, look(f), want)
	assert.Equal(t, look(f.With(map[string]host.Overlay{"/elsewhere": {}})), want, "a plan is judged by the same bytes")
	assert.Equal(t, look(live), "second later,link,missing,new,there -rw-r--r-- missing elsewhere")
	assert.Equal(t, look(live.Steady()), "second later,link,missing,new,there -rw-r--r-- missing elsewhere")
}

// TestSteadyAgain: what was asked before is as it was when Again was called, whatever is written after it.
func TestSteadyAgain(t *testing.T) {
	live, err := host.Open("/")
	assert.NilError(t, err)
	defer live.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write := func(text string) {
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, text), nil, 0o600))
	}
	look := func(f *host.FS) string {
		data, err := f.ReadFile(file)
		assert.NilError(t, err)
		names, err := f.ReadDir(dir)
		assert.NilError(t, err)
		return string(data) + " " + strings.Join(names, ",")
	}
	write("1")
	first := live.Steady()
	assert.Equal(t, look(first), "1 1,file")
	write("2")
	second := first.Again()
	write("3")
	assert.Equal(t, look(first), "1 1,file")
	assert.Equal(t, look(second), "2 1,2,file")
	third := second.Again()
	assert.Equal(t, look(third), "3 1,2,3,file")
	assert.Assert(t, third.Known())
	assert.Assert(t, third.Exists(dir))
	assert.Assert(t, !third.Known())
}

// A link that leads nowhere is there itself, whatever is asked first.
func TestSteadyKnowsDanglingLinks(t *testing.T) {
	live, err := host.Open("/")
	assert.NilError(t, err)
	defer live.Close()
	f := live.Steady()
	link := filepath.Join(t.TempDir(), "link")
	assert.NilError(t, os.Symlink("nowhere", link))
	for range 2 {
		_, err = f.Stat(link)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		_, err = f.Stat(link + "/below")
		assert.ErrorIs(t, err, fs.ErrNotExist)
		_, err = f.Lstat(link)
		assert.NilError(t, err)
		to, err := f.Readlink(link)
		assert.NilError(t, err)
		assert.Equal(t, to, "nowhere")
	}
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
