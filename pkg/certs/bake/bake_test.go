package bake_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/docker/docker/api/types/container"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/bake"
)

func images() []engine.Image {
	return []engine.Image{
		{ID: "sha256:from", Tags: []string{"app:1"}, OS: "linux", Layers: []string{"a"}, Config: &container.Config{Cmd: []string{"x"}}},
		{ID: "sha256:made", OS: "linux", Layers: []string{"a", "b"}, Config: &container.Config{Cmd: []string{"x"}}, Comment: "docker proxy ca bake: 0123456789ab ffffffffffff"},
		{ID: "sha256:win", OS: "windows", Config: &container.Config{}},
	}
}

func adds(files ...string) bake.Add {
	return func(context.Context, string) ([]string, error) { return files, nil }
}

// TestBake: an image is made of a container with exactly the changed files, and the container goes whatever happens.
func TestBake(t *testing.T) {
	der := []byte("certificate")
	want := []certs.Authority{{Fingerprint: certs.FingerprintOf(der), Cert: &x509.Certificate{Raw: der}}}
	short := want[0].Fingerprint.Short()
	broken := errors.New("broken")
	for _, tc := range []struct {
		name    string
		image   string
		differs []string
		add     bake.Add
		made    []string
		err     string
		changed bool
	}{
		{"one layer", "app:1", []string{"/etc", "/etc/ssl", "/etc/ssl/b"}, adds("/etc/ssl/b"), []string{"create sha256:from", "commit c of sha256:from as app:ca: docker proxy ca bake: " + short, "remove c"}, "", true},
		{"trusted already", "app:1", nil, adds(), []string{"create sha256:from", "tag sha256:from app:ca", "remove c"}, "", false},
		{"more than was changed", "app:1", []string{"/etc", "/etc/ssl", "/etc/ssl/b", "/tmp/x"}, adds("/etc/ssl/b"), []string{"create sha256:from", "remove c"}, "in more than was changed: /tmp/x", false},
		{"it cannot be changed", "app:1", nil, func(context.Context, string) ([]string, error) { return nil, broken }, []string{"create sha256:from", "remove c"}, "broken", false},
		{"Windows", "sha256:win", nil, adds("/x"), nil, "Windows image", false},
		{"no such image", "none", nil, adds("/x"), nil, "no such image: none", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &engine.Fake{Known: images(), One: engine.Inspected{ID: "c"}, Differs: tc.differs}
			res, err := bake.Bake(t.Context(), d, tc.image, "app:ca", want, tc.add)
			if tc.err == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.err)
			}
			assert.DeepEqual(t, d.Made, tc.made)
			assert.Equal(t, res.Changed(), tc.changed)
		})
	}
}

func TestFind(t *testing.T) {
	assert.DeepEqual(t, bake.Find(images()), []bake.Baked{{ID: "sha256:made", Fingerprints: []string{"0123456789ab", "ffffffffffff"}}})
}
