package runtime_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io/fs"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// dirTree is a directory of this machine as a tree; mounts are the names that are said to be mounted.
type dirTree struct {
	dir    string
	mounts map[string]string
	looks  int
}

// newTree makes a directory with files, links ("-> target") and directories (a name that ends in a slash).
func newTree(t *testing.T, files map[string]string) *dirTree {
	t.Helper()
	d := &dirTree{dir: t.TempDir(), mounts: map[string]string{}}
	for name, text := range files {
		at := filepath.Join(d.dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch {
		case strings.HasSuffix(name, "/"):
			assert.NilError(t, os.MkdirAll(at, 0o755))
		case strings.HasPrefix(text, "-> "):
			assert.NilError(t, os.Symlink(strings.TrimPrefix(text, "-> "), at))
		default:
			assert.NilError(t, os.WriteFile(at, []byte(text), 0o644)) //nolint:gosec // a bundle
		}
	}
	return d
}

// parent resolves the links above name inside the directory.
func (d *dirTree) parent(name string) (string, error) {
	dir, _, err := tree.Resolve(quiet{d}, path.Dir(name))
	return filepath.Join(d.dir, dir, path.Base(name)), err
}

func (d *dirTree) Lstat(name string) (tree.Entry, error) {
	d.looks++
	return d.lstat(name)
}

func (d *dirTree) lstat(name string) (tree.Entry, error) {
	at := d.dir
	if name != "/" {
		var err error
		if at, err = d.parent(name); err != nil {
			return tree.Entry{}, err
		}
	}
	info, err := os.Lstat(at)
	if err != nil {
		return tree.Entry{}, fs.ErrNotExist
	}
	e := tree.Entry{Path: name, Mode: info.Mode(), Size: info.Size(), ModTime: info.ModTime(), UID: os.Getuid(), GID: os.Getgid()}
	if e.IsLink() {
		e.Target, err = os.Readlink(at)
	}
	for mount, source := range d.mounts {
		if name == mount || strings.HasPrefix(name, mount+"/") {
			e.Mount, e.Source = true, source
		}
	}
	return e, err
}

func (d *dirTree) ReadDir(name string) ([]tree.Entry, error) {
	d.looks++
	real, e, err := tree.Resolve(quiet{d}, name)
	if err != nil || !e.Mode.IsDir() {
		return nil, fs.ErrNotExist
	}
	list, err := os.ReadDir(filepath.Join(d.dir, real))
	var out []tree.Entry
	for _, item := range list {
		entry, err := d.lstat(path.Join(real, item.Name()))
		if err != nil {
			return nil, err
		}
		entry.Path = path.Join(name, item.Name())
		out = append(out, entry)
	}
	return out, err
}

func (d *dirTree) ReadFile(name string) ([]byte, error) {
	d.looks++
	real, e, err := tree.Resolve(quiet{d}, name)
	switch {
	case err != nil:
		return nil, err
	case !e.Mode.IsRegular():
		return nil, &tree.NotRegularError{Path: name, Mode: e.Mode}
	case e.Size > tree.MaxFile:
		return nil, &tree.TooLargeError{Path: name, Size: e.Size}
	}
	return os.ReadFile(filepath.Join(d.dir, real))
}

// quiet is the same tree, and does not count.
type quiet struct{ *dirTree }

func (q quiet) Lstat(name string) (tree.Entry, error) { return q.lstat(name) }

// file is the place of a name on this machine.
func (d *dirTree) file(name string) string { return filepath.Join(d.dir, name) }

func (d *dirTree) text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(d.file(name))
	assert.NilError(t, err)
	return string(data)
}

// apply makes the changes of a plan, which are all to files that are there.
func (d *dirTree) apply(t *testing.T, p change.Plan) {
	t.Helper()
	for _, c := range p {
		assert.Equal(t, c.Layer, "ca")
		info, err := os.Lstat(d.file(c.Path))
		assert.NilError(t, err)
		assert.Assert(t, info.Mode().IsRegular(), c.Path)
		assert.Equal(t, d.text(t, c.Path), string(c.From.Data))
		assert.Assert(t, !c.NoOp())
		assert.NilError(t, os.WriteFile(d.file(c.Path), c.To.Data, c.To.Mode)) //nolint:gosec // a test's own file
	}
}

func paths(p change.Plan) []string {
	out := []string{}
	for _, c := range p {
		out = append(out, c.Path)
	}
	slices.Sort(out)
	return out
}

// newAuthority makes an authority that can sign.
func newAuthority(t *testing.T, subject pkix.Name) (certs.Authority, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}, key
}

func authority(t *testing.T, name string) certs.Authority {
	t.Helper()
	a, _ := newAuthority(t, pkix.Name{CommonName: name})
	return a
}
