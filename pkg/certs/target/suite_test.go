package target_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// The tree that every way is tried on. Times are odd, so that a rounded one shows.
const (
	bundleName = "/etc/ssl/certs/ca-certificates.crt"
	bundleText = "-----BEGIN CERTIFICATE-----\nfirst\n-----END CERTIFICATE-----\n"
	anchorDir  = "/usr/local/share/ca-certificates"
)

func oddTime() time.Time { return time.Unix(1700000000, 123456789) }

// suite is what every target has to do. The tree below has: the bundle (0644, 0:0), /etc/ssl/cert.pem -> certs/ca-certificates.crt, /etc/ssl/certs/ca.pem ->
// /usr/share/ca.crt, /usr/share/ca.crt (0640, 7:8), /etc/away -> ../../../../../../etc/ssl, an empty anchor directory (0775, 0:50).
func suite(t *testing.T, open func(t *testing.T) target.Target) {
	t.Run("read", func(t *testing.T) { suiteRead(t, open(t)) })
	t.Run("write and restore", func(t *testing.T) { suiteWrite(t, open(t)) })
	t.Run("refusals", func(t *testing.T) { suiteRefusals(t, open(t)) })
}

func suiteRead(t *testing.T, c target.Target) {
	c.Prefetch(t.Context(), "/etc/ssl", "/missing", anchorDir)
	e, err := c.Lstat(bundleName)
	assert.NilError(t, err)
	assert.Equal(t, e.Mode, fs.FileMode(0o644))
	assert.Equal(t, e.Size, int64(len(bundleText)))
	assert.Equal(t, e.Path, bundleName)
	assert.Assert(t, !e.Mount && !e.ReadOnly, "%+v", e)
	same(t, c, e.ModTime, oddTime(), false)

	e, err = c.Lstat("/etc/ssl/certs/ca.pem")
	assert.NilError(t, err)
	assert.Equal(t, e.Target, "/usr/share/ca.crt")
	e, err = c.Lstat("/usr/share/ca.crt")
	assert.NilError(t, err)
	assert.DeepEqual(t, []int{e.UID, e.GID, int(e.Mode)}, []int{7, 8, 0o640})
	e, err = c.Lstat("/")
	assert.NilError(t, err)
	assert.Assert(t, e.Mode.IsDir())
	e, err = c.Lstat("/etc/away/certs")
	assert.NilError(t, err)
	assert.Assert(t, e.Mode.IsDir(), "%+v", e)

	for _, name := range []string{bundleName, "/etc/ssl/cert.pem", "/etc/away/certs/ca-certificates.crt", "/etc/ssl/../ssl/certs/./ca-certificates.crt"} {
		data, err := c.ReadFile(name)
		assert.NilError(t, err)
		assert.Equal(t, string(data), bundleText, name)
	}
	for _, name := range []string{"/missing", "/etc/ssl/missing", bundleName + "/below", "/etc/ssl/dangling"} {
		_, err = c.ReadFile(name)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	_, err = c.Lstat("/etc/ssl/missing/below")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	var odd *tree.NotRegularError
	_, err = c.ReadFile("/etc/ssl")
	assert.Assert(t, errors.As(err, &odd), "%v", err)

	list, err := c.ReadDir("/etc/away")
	assert.NilError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Path)
	}
	assert.DeepEqual(t, names, []string{"/etc/away/cert.pem", "/etc/away/certs", "/etc/away/dangling"})
	list, err = c.ReadDir(anchorDir)
	assert.NilError(t, err)
	assert.Equal(t, len(list), 0)
	_, err = c.ReadDir("/missing")
	assert.ErrorIs(t, err, fs.ErrNotExist)

	real, _, err := tree.Resolve(c, "/etc/away/cert.pem")
	assert.NilError(t, err)
	assert.Equal(t, real, bundleName)
}

// plan is what an installation looks like: an anchor, a link to it, the bundle by way of a link, directories that are missing.
func plan() change.Plan {
	before := change.State{Kind: change.File, Data: []byte(bundleText), Mode: 0o644}
	return change.Plan{
		{Path: anchorDir + "/docker-proxy-0123.crt", To: change.NewFile([]byte("anchor\n"), 0o644), Layer: "ca"},
		{Path: "/etc/ssl/certs/docker-proxy-0123.pem", To: change.NewLink(anchorDir + "/docker-proxy-0123.crt"), Layer: "ca"},
		{Path: "/etc/ssl/cert.pem", From: before, To: before.WithData([]byte(bundleText + "second\n")), Layer: "ca"},
		{Path: "/usr/share/ca.crt", From: change.NewFile([]byte("ca\n"), 0o640), To: change.NewFile([]byte("other\n"), 0o640), Layer: "ca"},
		{Path: "/opt/a/b/c.crt", To: change.State{Kind: change.File, Data: []byte("made\n"), Mode: 0o600, UID: 3, GID: 4}, Layer: "ca"},
		{Path: "/opt/dir", To: change.State{Kind: change.Dir, Mode: 0o750, UID: change.Keep, GID: change.Keep}, Layer: "ca"},
	}
}

func suiteWrite(t *testing.T, c target.Target) {
	top, err := c.Lstat("/")
	assert.NilError(t, err)
	done, err := c.Apply(t.Context(), plan(), target.Options{})
	assert.NilError(t, err)
	assert.Equal(t, len(done), 6)
	assert.Equal(t, done[2].Real, bundleName)
	data, err := c.ReadFile(bundleName)
	assert.NilError(t, err)
	assert.Equal(t, string(data), bundleText+"second\n")
	e, err := c.Lstat("/etc/ssl/cert.pem")
	assert.NilError(t, err)
	assert.Assert(t, e.IsLink(), "the link is kept")
	data, err = c.ReadFile("/etc/ssl/certs/docker-proxy-0123.pem")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "anchor\n")
	e, err = c.Lstat(anchorDir + "/docker-proxy-0123.crt")
	assert.NilError(t, err)
	assert.DeepEqual(t, []int{e.UID, e.GID, int(e.Mode)}, []int{0, 50, 0o644})
	e, err = c.Lstat("/usr/share/ca.crt")
	assert.NilError(t, err)
	assert.DeepEqual(t, []int{e.UID, e.GID, int(e.Mode)}, []int{7, 8, 0o640})
	e, err = c.Lstat("/opt/a/b/c.crt")
	assert.NilError(t, err)
	assert.DeepEqual(t, []int{e.UID, e.GID, int(e.Mode)}, []int{3, 4, 0o600})
	assert.DeepEqual(t, done[4].Made, []string{"/opt", "/opt/a", "/opt/a/b"})
	e, err = c.Lstat("/opt/dir")
	assert.NilError(t, err)
	assert.Equal(t, e.Mode, fs.ModeDir|0o750)

	left := c.Restore(context.WithoutCancel(t.Context()), done)
	for _, u := range left { // the one thing that the archive API does not give back
		assert.Assert(t, !c.Can().Nanos)
		assert.DeepEqual(t, u, target.Unrestored{Path: "/", Reason: "the archive API does not set the time of this directory"})
	}
	e, err = c.Lstat(bundleName)
	assert.NilError(t, err)
	assert.DeepEqual(t, []int{e.UID, e.GID, int(e.Mode)}, []int{0, 0, 0o644})
	for _, name := range []string{bundleName, "/usr/share/ca.crt", anchorDir, "/etc/ssl/certs", "/usr/share"} {
		e, err := c.Lstat(name)
		assert.NilError(t, err)
		same(t, c, e.ModTime, oddTime(), true)
	}
	e, err = c.Lstat("/") // Docker itself makes directories there
	assert.NilError(t, err)
	if c.Can().Nanos {
		same(t, c, e.ModTime, top.ModTime, true)
	}
	for _, name := range []string{"/opt", anchorDir + "/docker-proxy-0123.crt", "/etc/ssl/certs/docker-proxy-0123.pem"} {
		_, err = c.Lstat(name)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

// same compares times as exactly as the target promises; a name that is described by itself has nanoseconds on every way.
func same(t *testing.T, c target.Target, got, want time.Time, exact bool) {
	t.Helper()
	if !exact && !c.Can().Nanos {
		want = want.Truncate(time.Second)
		got = got.Truncate(time.Second)
	}
	assert.Assert(t, got.Equal(want), "%s, not %s", got, want)
}

func suiteRefusals(t *testing.T, c target.Target) {
	file := func(text string) change.State { return change.NewFile([]byte(text), 0o644) }
	var changed *target.ChangedError
	for _, tt := range []struct {
		name string
		c    change.Change
	}{
		{"other bytes", change.Change{Path: bundleName, From: file("x"), To: file("y")}},
		{"is there", change.Change{Path: bundleName, To: file("y")}},
		{"is not there", change.Change{Path: "/etc/ssl/none", From: file("x"), To: file("y")}},
		{"another link", change.Change{Path: "/etc/ssl/cert.pem", From: change.NewLink("x"), To: change.NewLink("y")}},
		{"other mode", change.Change{Path: bundleName, From: file(bundleText).WithMode(0o600), To: file("y")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done, err := c.Apply(t.Context(), change.Plan{tt.c}, target.Options{})
			assert.Assert(t, errors.As(err, &changed), "%v", err)
			assert.Equal(t, len(done), 0)
		})
	}
	// What was changed by somebody else after us is not taken back.
	mine := change.Change{Path: "/etc/ssl/new", To: file("mine")}
	done, err := c.Apply(t.Context(), change.Plan{mine}, target.Options{})
	assert.NilError(t, err)
	_, err = c.Apply(t.Context(), change.Plan{{Path: "/etc/ssl/new", From: file("mine"), To: file("theirs")}}, target.Options{})
	assert.NilError(t, err)
	left := c.Restore(t.Context(), done)
	assert.Equal(t, len(left), 1)
	data, err := c.ReadFile("/etc/ssl/new")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "theirs")
	// The rest of a plan is not done after an error, and what was done is known.
	done, err = c.Apply(t.Context(), change.Plan{{Path: "/etc/ssl/one", To: file("1")}, {Path: bundleName, To: file("2")}, {Path: "/etc/ssl/three", To: file("3")}}, target.Options{})
	assert.Assert(t, errors.As(err, &changed), "%v", err)
	assert.Equal(t, len(done), 1)
	_, err = c.Lstat("/etc/ssl/three")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.Assert(t, is.Len(c.Restore(t.Context(), done), 0))
	_, err = c.Lstat("/etc/ssl/one")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
