package target_test

import (
	"archive/tar"
	"errors"
	"io/fs"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

const certsDir = "/etc/ssl/certs"

// ofImage is a container of an image, with a daemon of its own that counts.
func ofImage(mounts ...engine.Mount) *engine.Fake {
	f := fake()
	f.One.ImageID, f.One.Mounts = "sha256:1", mounts
	return f
}

func openAlike(t *testing.T, images *target.Images, f *engine.Fake) target.Target {
	t.Helper()
	c, err := images.Open(t.Context(), f, f.One, target.ArchiveAPI)
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	f.Asked = 0
	return c
}

// adding is what adding a certificate is to a container.
func adding() change.Plan {
	before := change.NewFile([]byte(bundleText), 0o644)
	return change.Plan{
		{Path: anchorDir + "/x.crt", To: change.NewFile([]byte("x"), 0o644)},
		{Path: bundleName, From: before, To: before.WithData([]byte("new"))},
		{Path: certsDir + "/x.pem", To: change.NewLink(anchorDir + "/x.crt")},
		{Path: certsDir + "/01234567.0", To: change.NewLink("x.pem")},
	}
}

// survey asks what is asked before that, and adds.
func survey(t *testing.T, c target.Target) ([]target.Done, error) {
	t.Helper()
	c.Prefetch(t.Context(), anchorDir, bundleName)
	for _, name := range []string{certsDir, anchorDir, "/usr/local/share", "/etc"} {
		_, err := c.Lstat(name)
		assert.Assert(t, err == nil || errors.Is(err, fs.ErrNotExist), "%v", err)
	}
	for _, name := range []string{certsDir + "/x.pem", certsDir + "/01234567.0", certsDir + "/java", "/usr/share/none/at/all", "/none"} {
		_, err := c.Lstat(name)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	return c.Apply(t.Context(), adding(), target.Options{})
}

// What one container taught is not asked of the next one of its image: a name is asked for as a whole, and names that are missing in a directory that was not changed are not
// asked for one by one.
func TestImages(t *testing.T) {
	var images target.Images
	first, second := ofImage(), ofImage()
	c := openAlike(t, &images, first)
	_, err := survey(t, c)
	assert.NilError(t, err)
	alone := first.Asked

	c = openAlike(t, &images, second)
	done, err := survey(t, c)
	assert.NilError(t, err)
	// The anchors' directory, the bundle, the directory of links, /usr/share/none, /none, and all of the writing.
	assert.Equal(t, second.Asked, 6, "the first one took %d", alone)
	assert.Assert(t, alone > 2*second.Asked, "%d", alone)
	for _, ours := range adding() {
		assert.DeepEqual(t, second.Files[ours.Path].Data, first.Files[ours.Path].Data)
		assert.Equal(t, second.Files[ours.Path].Header.Linkname, first.Files[ours.Path].Header.Linkname)
	}
	assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
	assert.Equal(t, string(second.Files[bundleName].Data), bundleText)
	assert.Equal(t, len(second.Files), len(fake().Files))

	other := ofImage()
	other.One.ImageID = "sha256:2"
	_, err = survey(t, openAlike(t, &images, other))
	assert.NilError(t, err)
	assert.Equal(t, other.Asked, alone)
}

// A container that is not as the others of its image are is seen as it is.
func TestImagesDiffer(t *testing.T) {
	move := func(f *engine.Fake, from, to string) {
		for name, file := range f.Files {
			if name == from || len(name) > len(from) && name[:len(from)+1] == from+"/" {
				delete(f.Files, name)
				f.Files[to+name[len(from):]] = file
			}
		}
		f.Files[from] = engine.FakeFile{Header: tar.Header{Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: to, ModTime: oddTime()}}
	}
	volume := engine.Mount{Type: "volume", Name: "v", Destination: "/volume"}
	for _, tt := range []struct {
		name   string
		mounts []engine.Mount
		make   func(*engine.Fake)
		check  func(*testing.T, *engine.Fake, target.Target)
	}{
		{name: "a name that the others do not have", make: func(f *engine.Fake) {
			dir := f.Files[certsDir]
			dir.Header.ModTime = oddTime().Add(time.Nanosecond)
			f.Files[certsDir] = dir
			f.Files[certsDir+"/x.pem"] = f.Files["/usr/share/ca.crt"]
		}, check: func(t *testing.T, _ *engine.Fake, c target.Target) {
			e, err := c.Lstat(certsDir + "/x.pem")
			assert.NilError(t, err)
			assert.Assert(t, e.Mode.IsRegular())
			_, err = c.Lstat(certsDir + "/01234567.0")
			assert.ErrorIs(t, err, fs.ErrNotExist)
			_, err = c.Apply(t.Context(), adding(), target.Options{})
			var changed *target.ChangedError
			assert.Assert(t, errors.As(err, &changed), "%v", err)
		}},
		{name: "no anchors' directory", make: func(f *engine.Fake) { delete(f.Files, anchorDir) }, check: func(t *testing.T, f *engine.Fake, c target.Target) {
			done, err := survey(t, c)
			assert.NilError(t, err)
			assert.DeepEqual(t, done[0].Made, []string{anchorDir})
			assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
			_, ok := f.Files[anchorDir]
			assert.Assert(t, !ok)
		}},
		{name: "a link where the others have a directory", make: func(f *engine.Fake) { move(f, anchorDir, "/srv/anchors") }, check: func(t *testing.T, f *engine.Fake, c target.Target) {
			f.Files["/srv/anchors/other.crt"] = f.Files["/usr/share/ca.crt"]
			list, err := c.ReadDir(anchorDir)
			assert.NilError(t, err)
			assert.Equal(t, len(list), 1)
			data, err := c.ReadFile(bundleName)
			assert.NilError(t, err)
			assert.Equal(t, string(data), bundleText)
		}},
		{name: "a link to a mount", mounts: []engine.Mount{volume}, make: func(f *engine.Fake) { move(f, "/etc/ssl", "/volume/ssl") }, check: func(t *testing.T, f *engine.Fake, c target.Target) {
			done, err := survey(t, c)
			var mount *target.MountError
			assert.Assert(t, errors.As(err, &mount), "%v", err)
			assert.Equal(t, mount.Source, "volume v")
			assert.Equal(t, string(f.Files["/volume/ssl/certs/ca-certificates.crt"].Data), bundleText)
			assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var images target.Images
			_, err := survey(t, openAlike(t, &images, ofImage(tt.mounts...)))
			assert.NilError(t, err)
			f := ofImage(tt.mounts...)
			tt.make(f)
			tt.check(t, f, openAlike(t, &images, f))
		})
	}
}
