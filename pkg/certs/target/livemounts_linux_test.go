//go:build inhost && linux

package target_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// outside makes a file outside of containers, with an odd time.
func outside(t testing.TB, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	assert.NilError(t, os.WriteFile(name, []byte(text), 0o644))
	assert.NilError(t, os.Chtimes(name, oddTime(), oddTime()))
	assert.NilError(t, os.Chtimes(filepath.Dir(name), oddTime(), oddTime()))
	return name
}

// state is all that can be seen of a file outside.
func state(t testing.TB, name string) string {
	t.Helper()
	st, err := os.Lstat(name)
	assert.NilError(t, err)
	data, err := os.ReadFile(name)
	assert.NilError(t, err)
	up, err := os.Stat(filepath.Dir(name))
	assert.NilError(t, err)
	return fmt.Sprint(string(data), st.Mode(), st.ModTime().UnixNano(), st.Sys().(*syscall.Stat_t).Ino, up.ModTime().UnixNano())
}

func mountinfo(t testing.TB, id string) string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + docker(t, "inspect", "-f", "{{.State.Pid}}", id) + "/mountinfo")
	assert.NilError(t, err)
	return string(data)
}

// TestLiveMounts: a mount is neither written through nor taken away, unless it is asked for; then its file is rewritten and stays the same file.
func TestLiveMounts(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	before := change.NewFile([]byte(bundleText), 0o644)
	bundle := change.Change{Path: "/etc/ssl/cert.pem", From: before, To: before.WithData([]byte("short\n")), Layer: "ca"}
	anchor := change.Change{Path: anchorDir + "/docker-proxy-0123.crt", To: change.NewFile([]byte("anchor\n"), 0o644), Layer: "ca"}
	link := change.Change{Path: "/etc/ssl/certs/0123.0", To: change.NewLink("x"), Layer: "ca"}
	docker(t, "volume", "create", "trust")
	defer docker(t, "volume", "rm", "-f", "trust")
	for _, tt := range []struct {
		name    string
		args    func(file string) []string
		changes []change.Change
		source  func(file string) string
		// through: what --through-mounts can do, by way
		root, archive string
	}{
		{
			name: "bundle is a file of the host", changes: []change.Change{bundle}, root: "written", archive: "unsupported",
			args: func(file string) []string { return []string{"-v", file + ":" + bundleName} }, source: func(file string) string { return file },
		},
		{
			name: "bundle is a read-only file of the host", changes: []change.Change{bundle}, root: "read-only", archive: "read-only",
			args: func(file string) []string { return []string{"-v", file + ":" + bundleName + ":ro"} }, source: func(file string) string { return file },
		},
		{
			name: "a directory of the host over the store", changes: []change.Change{bundle, link}, root: "written", archive: "written",
			args: func(file string) []string { return []string{"-v", filepath.Dir(file) + ":/etc/ssl/certs"} }, source: filepath.Dir,
		},
		{
			name: "a volume over the store", changes: []change.Change{bundle, link}, root: "written", archive: "written",
			args: func(string) []string { return []string{"-v", "trust:/etc/ssl"} }, source: func(string) string { return "volume trust" },
		},
		{
			name: "a tmpfs over the anchors", changes: []change.Change{anchor}, root: "written", archive: "hidden",
			args: func(string) []string { return []string{"--tmpfs", anchorDir} }, source: func(string) string { return "tmpfs" },
		},
	} {
		for name, how := range ways() {
			t.Run(tt.name+" by "+name, func(t *testing.T) {
				file := outside(t, "ca-certificates.crt", bundleText)
				id := start(t, img, "sleep", append(tt.args(file), "--network=none")...)
				outside, mounts := state(t, file), mountinfo(t, id)
				c := open(t, id, how)
				var onMount *target.MountError
				for _, one := range tt.changes {
					done, err := c.Apply(t.Context(), change.Plan{one}, target.Options{})
					assert.Assert(t, errors.As(err, &onMount), "%v", err)
					assert.Equal(t, onMount.Source, tt.source(file))
					assert.Equal(t, len(done), 0)
				}
				assert.Equal(t, state(t, file), outside)
				assert.Equal(t, mountinfo(t, id), mounts)

				want := map[string]string{"root": tt.root, "archive": tt.archive}[name]
				for _, one := range tt.changes {
					done, err := c.Apply(t.Context(), change.Plan{one}, target.Options{ThroughMounts: true})
					through(t, c, done, err, want, one)
				}
				assert.Equal(t, mountinfo(t, id), mounts)
				if want != "written" || name == "root" { // the archive API makes another file of it
					assert.Equal(t, state(t, file), outside)
				}
			})
		}
	}
}

// through checks one change that may go through a mount, and takes it back.
func through(t *testing.T, c target.Target, done []target.Done, err error, want string, one change.Change) {
	t.Helper()
	var readOnly *target.ReadOnlyError
	var unsupported *target.UnsupportedError
	var onMount *target.MountError
	switch want {
	case "read-only":
		assert.Assert(t, errors.As(err, &readOnly), "%v", err)
	case "unsupported":
		assert.Assert(t, errors.As(err, &unsupported), "%v", err)
	case "hidden":
		assert.Assert(t, errors.As(err, &onMount) && onMount.Hidden, "%v", err)
	default:
		assert.NilError(t, err)
		assert.Assert(t, is.Len(done, 1))
		assert.Assert(t, done[0].InPlace != "")
		if one.To.Kind == change.File {
			data, err := c.ReadFile(one.Path)
			assert.NilError(t, err)
			assert.Equal(t, string(data), string(one.To.Data))
		}
		for _, left := range c.Restore(t.Context(), done) {
			// A volume's own directory is the root of what the daemon unpacks.
			assert.Assert(t, !c.Can().Nanos && left.Reason == "the archive API does not set the time of this directory", "%+v", left)
		}
	}
}

// TestLiveReadOnly: a container with a read-only root file system takes nothing, and says so, but its volume does.
func TestLiveReadOnly(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			id := start(t, img, "sleep", "--network=none", "--read-only", "-v", "/data")
			c, diff := open(t, id, how), docker(t, "diff", id)
			var readOnly *target.ReadOnlyError
			for _, one := range plan() {
				done, err := c.Apply(t.Context(), change.Plan{one}, target.Options{ThroughMounts: true})
				assert.Assert(t, errors.As(err, &readOnly) && readOnly.Source == "", "%v", err)
				assert.Equal(t, len(done), 0)
			}
			e, err := c.Lstat(bundleName)
			assert.NilError(t, err)
			assert.Assert(t, e.ReadOnly)
			assert.Equal(t, docker(t, "diff", id), diff)
			file := change.Change{Path: "/data/x", To: change.NewFile([]byte("x"), 0o644)}
			done, err := c.Apply(t.Context(), change.Plan{file}, target.Options{ThroughMounts: true})
			assert.NilError(t, err)
			data, err := c.ReadFile("/data/x")
			assert.NilError(t, err)
			assert.Equal(t, string(data), "x")
			c.Restore(t.Context(), done)
			_, err = c.Lstat("/data/x")
			assert.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}
