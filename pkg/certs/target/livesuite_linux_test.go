//go:build inhost && linux

package target_test

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

func sum(data []byte) []byte {
	s := sha256.Sum256(data)
	return s[:8]
}

// ways are how containers of each kind are reached.
func ways() map[string]target.How {
	return map[string]target.How{"root": target.ContainerRoot, "archive": target.ArchiveAPI}
}

// TestLiveSuite is the one suite on both ways to real containers. By the archive API directories are removed by the container's own program.
func TestLiveSuite(t *testing.T) {
	img := image(t, "sample-rm", append(sampleFiles(), dir("/bin", 0o755), link("/bin/rm", "/prog"), link("/bin/rmdir", "../prog"))...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			suite(t, func(t *testing.T) target.Target { return open(t, start(t, img, "sleep", "--network=none"), how) })
		})
	}
}

// TestLiveTraceless: after a change and its restoration docker diff is empty and the file system is as before, to the nanosecond. The container has no program but one.
func TestLiveTraceless(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			id := start(t, img, "sleep", "--network=none")
			before, diff := everything(t, id), docker(t, "diff", id)
			assert.Equal(t, diff, "")
			c := open(t, id, how)
			changes := plan()[:4] // no directories, which need a program
			done, err := c.Apply(t.Context(), changes, target.Options{})
			assert.NilError(t, err)
			assert.Assert(t, docker(t, "diff", id) != diff)
			assert.Assert(t, everything(t, id) != before)
			assert.Assert(t, is.Len(c.Restore(context.WithoutCancel(t.Context()), done), 0))
			assert.Equal(t, docker(t, "diff", id), diff)
			assert.Equal(t, everything(t, id), before)
			// Directories too, by the container's root.
			if how != target.ContainerRoot {
				return
			}
			done, err = c.Apply(t.Context(), plan(), target.Options{})
			assert.NilError(t, err)
			assert.Assert(t, is.Len(c.Restore(context.WithoutCancel(t.Context()), done), 0))
			assert.Equal(t, docker(t, "diff", id), diff)
			assert.Equal(t, everything(t, id), before)
		})
	}
}

// TestLiveStopped: a stopped container is changed by the archive API, directories are removed, and it is as before after that. A paused one is reached both ways.
func TestLiveStopped(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	id := start(t, img, "sleep", "--network=none")
	docker(t, "stop", "-t", "0", id)
	before, diff := everything(t, id), docker(t, "diff", id)
	_, err := target.Open(t.Context(), api(t), id, target.ContainerRoot)
	assert.ErrorIs(t, err, target.ErrGone)
	c := open(t, id, target.Auto)
	assert.Assert(t, !c.Can().Atomic)
	done, err := c.Apply(t.Context(), plan(), target.Options{})
	assert.NilError(t, err)
	left := c.Restore(t.Context(), done)
	assert.DeepEqual(t, left, []target.Unrestored{{Path: "/", Reason: "the archive API does not set the time of this directory"}})
	assert.Equal(t, docker(t, "diff", id), diff)
	assert.Equal(t, withoutRoot(everything(t, id)), withoutRoot(before))

	for name, how := range ways() {
		t.Run("paused "+name, func(t *testing.T) {
			id := start(t, img, "sleep", "--network=none")
			docker(t, "pause", id)
			before := everything(t, id)
			c := open(t, id, how)
			done, err := c.Apply(t.Context(), plan()[:4], target.Options{})
			assert.NilError(t, err)
			assert.Assert(t, is.Len(c.Restore(t.Context(), done), 0))
			assert.Equal(t, everything(t, id), before)
		})
	}
}

// withoutRoot leaves the root directory's own line out.
func withoutRoot(lines string) string {
	var out []string
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "./ ") && !strings.HasPrefix(line, "/ ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestLiveKeepsDirectories: where a container runs and has no rmdir, a directory that was made for a file stays, and is named.
func TestLiveKeepsDirectories(t *testing.T) {
	c := open(t, start(t, image(t, "sample", sampleFiles()...), "sleep", "--network=none"), target.ArchiveAPI)
	done, err := c.Apply(t.Context(), plan()[4:], target.Options{})
	assert.NilError(t, err)
	var names []string
	for _, u := range c.Restore(t.Context(), done) {
		names = append(names, u.Path)
	}
	assert.DeepEqual(t, names, []string{"/opt/dir", "/opt/a/b", "/opt/a", "/opt", "/"})
	_, err = c.Lstat("/opt/a/b/c.crt")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// TestLiveQuiet: no program is started in a container but to remove a directory by the archive API.
func TestLiveQuiet(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	since := docker(t, "info", "-f", "{{.SystemTime}}")
	for _, how := range ways() {
		c := open(t, start(t, img, "sleep", "--network=none"), how)
		done, err := c.Apply(t.Context(), plan()[:4], target.Options{})
		assert.NilError(t, err)
		assert.Assert(t, is.Len(c.Restore(t.Context(), done), 0))
	}
	events := docker(t, "events", "--since", since, "--until", docker(t, "info", "-f", "{{.SystemTime}}"), "--format", "{{.Type}} {{.Action}}")
	assert.Assert(t, strings.Contains(events, "container start") && !strings.Contains(events, "exec"), events)
}
