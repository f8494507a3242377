package install_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io/fs"
	"math/big"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// container is a target in memory: it keeps times as a file system does, and can be made to fail.
type container struct {
	*treetest.Mem
	id      string
	clock   time.Time
	writes  int
	fail    map[string]error  // Apply of this file
	after   func()            // after Apply
	corrupt map[string][]byte // what a file really holds after Apply
	inPlace map[string]string // files that are mounts, and of what
	stuck   map[string]string // Restore of this file fails with the reason
	archive bool              // as by the archive API
}

var _ target.Target = (*container)(nil)

func newContainer(id string, files map[string]string) *container {
	c := &container{Mem: treetest.New(files), id: id, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, name := range c.Names() {
		c.Set(name, func(e *tree.Entry) { e.ModTime = c.clock })
	}
	return c
}

func (c *container) inspected() engine.Inspected {
	return engine.Inspected{ID: c.id, Name: c.id, Image: "image", Platform: "linux"}
}

func (c *container) tick() time.Time {
	c.clock = c.clock.Add(time.Second)
	return c.clock
}

func (c *container) touch(name string, at time.Time) {
	if _, err := c.Lstat(name); err == nil {
		c.Set(name, func(e *tree.Entry) { e.ModTime = at })
	}
}

// Holds implements target.Target.
func (c *container) Holds(name string, want []byte) (bool, error) {
	data, err := c.ReadFile(name)
	return err == nil && bytes.Equal(data, want), err
}

func (c *container) Prefetch(context.Context, ...string) {}
func (c *container) Close() error                        { return nil }
func (c *container) Can() target.Capabilities {
	return target.Capabilities{Delete: true, Atomic: !c.archive, Nanos: !c.archive}
}

// Apply implements target.Target.
func (c *container) Apply(ctx context.Context, plan change.Plan, o target.Options) ([]target.Done, error) {
	var done []target.Done
	for _, ch := range plan {
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
		if err := c.fail[ch.Path]; err != nil {
			return done, err
		}
		d := target.Done{Change: ch, Real: ch.Path, InPlace: c.inPlace[ch.Path]}
		d.Was, _ = c.Lstat(ch.Path)
		dir := path.Dir(ch.Path)
		for at := dir; ; at = path.Dir(at) {
			if e, err := c.Lstat(at); err == nil {
				d.Dir = e
				break
			}
			d.Made = append([]string{at}, d.Made...)
		}
		if o.Before != nil {
			if err := o.Before(d); err != nil {
				return done, err
			}
		}
		if len(d.Made) > 0 {
			c.Mkdir(dir)
			for _, m := range d.Made {
				c.touch(m, c.tick())
			}
			d.Dir = tree.Entry{}
		}
		if err := c.Mem.Apply(change.Plan{ch}); err != nil {
			return done, err
		}
		c.writes++
		c.touch(ch.Path, c.tick())
		c.touch(dir, c.clock)
		if data, ok := c.corrupt[ch.Path]; ok {
			c.Write(ch.Path, data)
		}
		d.Now, _ = c.Lstat(ch.Path)
		done = append(done, d)
	}
	if c.after != nil {
		c.after()
	}
	return done, nil
}

// Restore implements target.Target.
func (c *container) Restore(_ context.Context, done []target.Done) []target.Unrestored {
	var out []target.Unrestored
	for _, d := range slices.Backward(done) {
		if reason, ok := c.stuck[d.Real]; ok {
			out = append(out, target.Unrestored{Path: d.Real, Reason: reason})
			continue
		}
		if d.InPlace != c.inPlace[d.Real] {
			out = append(out, target.Unrestored{Path: d.Real, Reason: "it is a mount"})
			continue
		}
		now := c.State(d.Real)
		back := d.Change
		back.From, back.To = now, d.Change.From
		if !now.Equal(back.To) {
			if err := c.Mem.Apply(change.Plan{back}); err != nil {
				out = append(out, target.Unrestored{Path: d.Real, Reason: err.Error()})
				continue
			}
			c.writes++
		}
		c.touch(d.Real, d.Was.ModTime)
		for _, m := range slices.Backward(d.Made) {
			_ = c.Mem.Apply(change.Plan{{Path: m, From: c.State(m)}})
		}
		if d.Dir.Path != "" {
			c.touch(d.Dir.Path, d.Dir.ModTime)
		}
	}
	return out
}

// dump is the whole tree with times.
func (c *container) dump() map[string]string {
	out := c.Dump()
	for name := range out {
		e, _ := c.Lstat(name)
		out[name] += " " + e.ModTime.Format(time.RFC3339Nano)
	}
	return out
}

// shelf is records in memory.
type shelf map[string][]byte

func (s shelf) Names(prefix string) ([]string, error) {
	var out []string
	for n := range s {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (s shelf) Read(name string) ([]byte, error) {
	data, ok := s[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (s shelf) Write(name string, data []byte) error {
	s[name] = slices.Clone(data)
	return nil
}

func (s shelf) Append(name string, data []byte) error {
	s[name] = append(slices.Clone(s[name]), data...)
	return nil
}

func (s shelf) Remove(name string) error {
	delete(s, name)
	return nil
}

func installer(records install.Records) *install.Installer {
	return &install.Installer{
		Survey: install.Surveyor(install.SurveyOptions{}), Records: records, Daemon: "daemon",
		Now: func() time.Time { return time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC) },
	}
}

func authority(t testing.TB, name string) certs.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}
}

const (
	bundlePath = "/etc/ssl/certs/ca-certificates.crt"
	anchorDir  = "/usr/local/share/ca-certificates"
)

// debian is a container of Debian with one public root.
func debian(t testing.TB, id string) *container {
	t.Helper()
	return debianWith(id, string(authority(t, "public root").PEM()))
}

func debianWith(id, bundle string) *container {
	return newContainer(id, map[string]string{
		"/etc/debian_version": "13.0\n", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "#!/bin/sh\n", "/etc/ca-certificates.conf": "",
		anchorDir + "/": "", bundlePath: bundle, "/usr/bin/dpkg": "",
	})
}

func fingerprints(list ...certs.Authority) []certs.Fingerprint {
	var out []certs.Fingerprint
	for _, a := range list {
		out = append(out, a.Fingerprint)
	}
	return out
}

func add(t *testing.T, in *install.Installer, c *container, list ...certs.Authority) install.Result {
	t.Helper()
	res, err := in.Add(t.Context(), c, c.inspected(), list)
	assert.NilError(t, err, fmt.Sprintf("%+v", res))
	return res
}

func remove(t *testing.T, in *install.Installer, c *container, list ...certs.Authority) install.Result {
	t.Helper()
	res, err := in.Remove(t.Context(), c, c.inspected(), fingerprints(list...), false)
	assert.NilError(t, err, fmt.Sprintf("%+v", res))
	return res
}

func holds(t *testing.T, c *container, name string, a certs.Authority) bool {
	t.Helper()
	data, err := c.ReadFile(name)
	assert.NilError(t, err)
	return strings.Contains(string(data), string(a.PEM()))
}
