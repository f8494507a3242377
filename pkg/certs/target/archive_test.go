package target_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// fake is a daemon with the tree of suite in its only container.
func fake() *engine.Fake {
	f := &engine.Fake{One: engine.Inspected{ID: "id", Name: "web", State: "running"}, Files: map[string]engine.FakeFile{}}
	add := func(name string, kind byte, mode int64, uid, gid int, text string) {
		h := tar.Header{Typeflag: kind, Mode: mode, Uid: uid, Gid: gid, ModTime: oddTime()}
		file := engine.FakeFile{Header: h}
		if kind == tar.TypeSymlink {
			file.Header.Linkname = text
		} else {
			file.Data = []byte(text)
		}
		f.Files[name] = file
	}
	for _, name := range []string{"/", "/bin", "/etc", "/etc/ssl", "/etc/ssl/certs", "/usr", "/usr/share", "/usr/local", "/usr/local/share"} {
		add(name, tar.TypeDir, 0o755, 0, 0, "")
	}
	add(anchorDir, tar.TypeDir, 0o775, 0, 50, "")
	add(bundleName, tar.TypeReg, 0o644, 0, 0, bundleText)
	add("/usr/share/ca.crt", tar.TypeReg, 0o640, 7, 8, "ca\n")
	add("/ssl", tar.TypeDir, 0o755, 0, 0, "")
	add("/large", tar.TypeReg, 0o644, 0, 0, "")
	add("/bin/rm", tar.TypeReg, 0o755, 0, 0, "")
	add("/bin/rmdir", tar.TypeReg, 0o755, 0, 0, "")
	for name, text := range map[string]string{"/etc/ssl/cert.pem": "certs/ca-certificates.crt", "/etc/ssl/certs/ca.pem": "/usr/share/ca.crt", "/etc/away": "../../../../../../etc/ssl", "/etc/ssl/dangling": "/none/at/all"} {
		add(name, tar.TypeSymlink, 0o777, 0, 0, text)
	}
	return f
}

func openFake(t *testing.T, e engine.Engine) target.Target {
	t.Helper()
	c, err := target.Open(t.Context(), e, "web", target.ArchiveAPI)
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// The archive target on a daemon that is a map: the same suite as on real ones.
func TestArchive(t *testing.T) {
	suite(t, func(t *testing.T) target.Target { return openFake(t, fake()) })
}

// Taking back works when the run was interrupted, and the container's process is one of another machine.
func TestArchiveOfAnotherMachine(t *testing.T) {
	f := fake()
	f.One.PID = 1<<22 - 1
	ctx, cancel := context.WithCancel(t.Context())
	c, err := target.Open(ctx, f, "web", target.Auto)
	assert.NilError(t, err)
	defer c.Close()
	assert.Assert(t, !c.Can().Atomic)
	done, err := c.Apply(ctx, plan()[:1], target.Options{})
	assert.NilError(t, err)
	cancel()
	_, err = c.Apply(ctx, plan()[1:], target.Options{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
	_, ok := f.Files[plan()[0].Path]
	assert.Assert(t, !ok)
}

// interrupted is a daemon that unpacks, and whose answer does not arrive any more.
type interrupted struct {
	*engine.Fake
	cancel func()
	after  int // of so many requests
}

func (i *interrupted) PutArchive(ctx context.Context, id, dir string, body io.Reader) error {
	if i.after--; i.after != 0 {
		return i.Fake.PutArchive(ctx, id, dir, body)
	}
	err := i.Fake.PutArchive(ctx, id, dir, body)
	i.cancel()
	return errors.Join(err, ctx.Err())
}

// What the daemon did although the answer was lost is known, and is taken back.
func TestInterruptedRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := fake()
	c, err := target.Open(ctx, &interrupted{f, cancel, 1}, "web", target.ArchiveAPI)
	assert.NilError(t, err)
	done, err := c.Apply(ctx, plan()[:3], target.Options{})
	assert.Assert(t, err != nil)
	assert.Equal(t, len(done), 3)
	assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
	assert.Equal(t, string(f.Files[bundleName].Data), bundleText)
	_, ok := f.Files[plan()[0].Path]
	assert.Assert(t, !ok)
}

// What was fetched at once is not asked for again.
func TestPrefetch(t *testing.T) {
	f := fake()
	c := openFake(t, f)
	c.Prefetch(t.Context(), "/etc/ssl", anchorDir)
	asked := f.Asked
	for range 10 {
		for _, name := range []string{bundleName, "/etc/ssl/cert.pem"} {
			_, err := c.ReadFile(name)
			assert.NilError(t, err)
		}
		_, err := c.ReadDir("/etc/ssl/certs")
		assert.NilError(t, err)
		_, err = c.Lstat(anchorDir + "/none")
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	assert.Equal(t, f.Asked, asked)
	// All of a plan is one request more, beside those that look at what is replaced.
	done, err := c.Apply(t.Context(), plan()[:3], target.Options{})
	assert.NilError(t, err)
	assert.Assert(t, f.Asked-asked <= 5, "%d requests", f.Asked-asked)
	assert.Equal(t, len(done), 3)
	assert.Equal(t, len(f.Ran), 0)
}

// stream is a daemon whose archives are what a test says.
type stream struct {
	*engine.Fake
	get func(name string) (io.ReadCloser, error)
}

func (s stream) GetArchive(_ context.Context, _, name string) (io.ReadCloser, engine.PathStat, error) {
	r, err := s.get(name)
	return r, engine.PathStat{}, err
}

func pack(t testing.TB, list ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range list {
		assert.NilError(t, w.WriteHeader(&h))
	}
	assert.NilError(t, w.Close())
	return buf.Bytes()
}

// What a daemon sends is not believed: names that lead elsewhere, sizes, endless streams, links without a file.
func TestHostileArchives(t *testing.T) {
	top := tar.Header{Name: "ssl/", Typeflag: tar.TypeDir, Mode: 0o755}
	for _, tt := range []struct {
		name string
		list []tar.Header
		cut  int
		want string
	}{
		{name: "a name above", list: []tar.Header{top, {Name: "ssl/../../x", Typeflag: tar.TypeReg}}, want: "not in it"},
		{name: "another directory", list: []tar.Header{top, {Name: "other/x", Typeflag: tar.TypeReg}}, want: "not in it"},
		{name: "an absolute name", list: []tar.Header{top, {Name: "/tmp/x", Typeflag: tar.TypeReg}}, want: "not in it"},
		{name: "cut", list: []tar.Header{top, {Name: "ssl/a", Typeflag: tar.TypeReg}}, cut: 600, want: "unexpected EOF"},
		{name: "empty", cut: 1 << 20, want: "unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := pack(t, tt.list...)
			if tt.cut > 0 {
				data = data[:min(tt.cut, len(data))]
			}
			if tt.name == "empty" {
				data = nil
			}
			c := openFake(t, stream{fake(), func(name string) (io.ReadCloser, error) {
				if name == "/etc" {
					return io.NopCloser(bytes.NewReader(pack(t, tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}))), nil
				}
				return io.NopCloser(bytes.NewReader(data)), nil
			}})
			_, err := c.ReadDir("/etc/ssl")
			assert.ErrorContains(t, err, tt.want)
		})
	}
	c := openFake(t, stream{fake(), func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(pack(t, top, tar.Header{Name: "ssl/b", Typeflag: tar.TypeLink, Linkname: "../../etc/shadow"}))), nil
	}})
	_, err := c.ReadDir("/ssl")
	assert.NilError(t, err)
	data, err := c.ReadFile("/ssl/b")
	assert.Assert(t, len(data) == 0 && err != nil, "%q", data)
}

// endless is a tar of ever more entries.
type endless struct {
	n    int
	body int64
	buf  bytes.Buffer
}

func (e *endless) Read(p []byte) (int, error) {
	for e.buf.Len() < len(p) {
		h := tar.Header{Name: fmt.Sprintf("ssl/%d", e.n), Typeflag: tar.TypeReg, Size: e.body, Mode: 0o644}
		if e.n == 0 {
			h = tar.Header{Name: "ssl/", Typeflag: tar.TypeDir, Mode: 0o755}
		}
		w := tar.NewWriter(&e.buf)
		if err := w.WriteHeader(&h); err != nil {
			return 0, err
		}
		if e.n > 0 {
			if _, err := w.Write(make([]byte, e.body)); err != nil {
				return 0, err
			}
		}
		if err := w.Flush(); err != nil {
			return 0, err
		}
		e.n++
	}
	return e.buf.Read(p)
}

func TestEndlessArchives(t *testing.T) {
	for _, body := range []int64{0, 1 << 20} {
		var stream0 *endless
		c := openFake(t, stream{fake(), func(string) (io.ReadCloser, error) {
			stream0 = &endless{body: body}
			return io.NopCloser(stream0), nil
		}})
		var full *target.FullError
		_, err := c.ReadDir("/ssl")
		assert.Assert(t, errors.As(err, &full), "%v", err)
		c.Prefetch(t.Context(), "/ssl")
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		assert.Assert(t, m.HeapAlloc < 128<<20, "%d MB", m.HeapAlloc>>20)
	}
	// A header that promises more than is read.
	c := openFake(t, stream{fake(), func(string) (io.ReadCloser, error) {
		var buf bytes.Buffer
		err := tar.NewWriter(&buf).WriteHeader(&tar.Header{Name: "large", Typeflag: tar.TypeReg, Size: 1 << 40, Mode: 0o644})
		return io.NopCloser(&buf), err
	}})
	var large *tree.TooLargeError
	_, err := c.ReadFile("/large")
	assert.Assert(t, errors.As(err, &large), "%v", err)
}

// refusing is a daemon that looks before it removes, and whose container has no rm.
type refusing struct{ *engine.Fake }

func (r refusing) PutArchive(ctx context.Context, id, dir string, body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if h, err := tar.NewReader(bytes.NewReader(data)).Next(); err == nil && h.Typeflag == tar.TypeLink {
		return fmt.Errorf("no such link: %w", errdefs.ErrInvalidArgument)
	}
	return r.Fake.PutArchive(ctx, id, dir, bytes.NewReader(data))
}

// Where a file cannot be removed the rest is done and the file is named; where the container has rm, that one does it.
func TestNotDeletable(t *testing.T) {
	f := fake()
	delete(f.Files, "/bin/rm")
	c := openFake(t, refusing{f})
	before := change.NewFile([]byte(bundleText), 0o644)
	changes := change.Plan{
		{Path: "/usr/share/ca.crt", From: change.NewFile([]byte("ca\n"), 0o640)},
		{Path: bundleName, From: before, To: before.WithData([]byte("x"))},
	}
	done, err := c.Apply(t.Context(), changes, target.Options{})
	var kept *target.NotDeletableError
	assert.Assert(t, errors.As(err, &kept), "%v", err)
	assert.Equal(t, kept.Path, "/usr/share/ca.crt")
	assert.Equal(t, len(done), 1)
	assert.Equal(t, done[0].Real, bundleName)
	assert.Equal(t, len(f.Ran), 0)
	left := c.Restore(t.Context(), done)
	assert.Equal(t, len(left), 0)

	f = fake()
	c = openFake(t, refusing{f})
	done, err = c.Apply(t.Context(), changes[:1], target.Options{})
	assert.NilError(t, err)
	assert.Equal(t, len(done), 1)
	assert.DeepEqual(t, f.Ran, [][]string{{"/bin/rm", "-f", "--", "/usr/share/ca.crt"}})
}

// Names and reasons of containers do not steer the terminal.
func TestErrorsAreHarmless(t *testing.T) {
	bad := "/etc/\x1b]0;x\a\u202e"
	for _, err := range []error{
		&target.ChangedError{Path: bad}, &target.MountError{Path: bad, Source: bad}, &target.MountError{Path: bad, Source: bad, Hidden: true}, &target.ReadOnlyError{Path: bad, Source: bad},
		&target.ReadOnlyError{Path: bad}, &target.StuckError{Path: bad}, &target.NotDeletableError{Path: bad, Reason: bad}, &target.UnsupportedError{Path: bad, Reason: bad},
		&target.FullError{Path: bad, What: "names"},
	} {
		assert.Assert(t, !strings.ContainsAny(err.Error(), "\x1b\a\u202e"), "%q", err)
	}
}
