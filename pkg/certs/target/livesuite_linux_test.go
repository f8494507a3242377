//go:build inhost && linux

package target_test

import (
	"context"
	"crypto/sha256"
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

// TestLiveSuite is the one suite on both ways to real containers.
func TestLiveSuite(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			suite(t, func(t *testing.T) target.Target { return open(t, start(t, img, "sleep", "--network=none"), how) })
		})
	}
}

// TestLiveTraceless: after a change and its restoration docker diff is empty and the file system is as before.
func TestLiveTraceless(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			id := start(t, img, "sleep", "--network=none")
			before, diff := everything(t, id), docker(t, "diff", id)
			assert.Equal(t, diff, "")
			c := open(t, id, how)
			done, err := c.Apply(t.Context(), plan(), target.Options{})
			assert.NilError(t, err)
			assert.Assert(t, docker(t, "diff", id) != diff)
			assert.Assert(t, everything(t, id) != before)
			assert.Assert(t, is.Len(c.Restore(context.WithoutCancel(t.Context()), done), 0))
			assert.Equal(t, docker(t, "diff", id), diff)
			assert.Equal(t, everything(t, id), before)
		})
	}
}
