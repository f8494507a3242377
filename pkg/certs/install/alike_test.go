package install_test

import (
	"fmt"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// remote is a container of which each question is a request.
type remote struct {
	*container
	asked []string
}

func (r *remote) Can() target.Capabilities { return target.Capabilities{Delete: true, Ordered: true} }

func (r *remote) Lstat(name string) (tree.Entry, error) {
	r.asked = append(r.asked, name)
	return r.container.Lstat(name)
}

func (r *remote) ReadDir(name string) ([]tree.Entry, error) {
	r.asked = append(r.asked, name)
	return r.container.ReadDir(name)
}

func (r *remote) Holds(name string, want []byte) (bool, error) {
	r.asked = append(r.asked, name)
	return r.container.Holds(name, want)
}

// addRemote adds to one of many containers of an image.
func addRemote(t *testing.T, in *install.Installer, r *remote, image string, ca certs.Authority) error {
	t.Helper()
	seen := r.inspected()
	seen.ImageID = image
	_, err := in.Add(t.Context(), r, seen, []certs.Authority{ca})
	return err
}

// In containers of one image, what tells the distribution is asked once; programs' stores, what is written, and where, are looked for in each.
func TestSameImage(t *testing.T) {
	ca, roots := authority(t, "proxy"), string(authority(t, "public root").PEM())
	always := []string{bundlePath, anchorDir, anchorDir + "/" + ca.Fingerprint.AnchorName()}
	for _, tt := range []struct {
		name   string
		before int // containers of the image
		image  string
		mounts []engine.Mount
		tells  bool // is asked
	}{
		{name: "the first", tells: true},
		{name: "the second", before: 1},
		{name: "one of many", before: 20},
		{name: "of another image", before: 20, image: "sha256:2", tells: true},
		{name: "with something mounted", before: 20, mounts: []engine.Mount{{Type: "volume", Destination: "/data"}}, tells: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := installer(shelf{})
			for i := range tt.before {
				assert.NilError(t, addRemote(t, in, &remote{container: debianWith(fmt.Sprint(i), roots)}, "sha256:1", ca))
			}
			r := &remote{container: debianWith("last", roots)}
			seen := r.inspected()
			seen.ImageID, seen.Mounts = "sha256:1", tt.mounts
			if tt.image != "" {
				seen.ImageID = tt.image
			}
			_, err := in.Add(t.Context(), r, seen, []certs.Authority{ca})
			assert.NilError(t, err)
			assert.Assert(t, holds(t, r.container, bundlePath, ca))
			for _, name := range always {
				assert.Assert(t, slices.Contains(r.asked, name), "%s: %q", name, r.asked)
			}
			assert.Equal(t, slices.Contains(r.asked, "/etc/debian_version"), tt.tells, "%q", r.asked)
			assert.Assert(t, slices.Contains(r.asked, "/conda"), "%q", r.asked)
		})
	}
}

// One of many is planned anew where its bundle is another one, and what it really holds afterwards is noticed.
func TestSameImageIsRead(t *testing.T) {
	ca, other, roots := authority(t, "proxy"), authority(t, "other"), string(authority(t, "public root").PEM())
	in := installer(shelf{})
	for i := range 20 {
		assert.NilError(t, addRemote(t, in, &remote{container: debianWith(fmt.Sprint(i), roots)}, "sha256:1", ca))
	}
	r := &remote{container: debianWith("other", roots)}
	data, err := r.ReadFile(bundlePath)
	assert.NilError(t, err)
	r.Write(bundlePath, append(data, other.PEM()...))
	assert.NilError(t, addRemote(t, in, r, "sha256:1", ca))
	assert.Assert(t, holds(t, r.container, bundlePath, ca) && holds(t, r.container, bundlePath, other))

	r = &remote{container: debianWith("broken", roots)}
	r.corrupt = map[string][]byte{bundlePath: []byte("something else")}
	assert.ErrorContains(t, addRemote(t, in, r, "sha256:1", ca), "is not what was written")
}
