package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// authority makes a root certificate with the given common name.
func authority(t testing.TB, name string) certs.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Proxy Test"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}
}

// add surveys, plans and applies, and returns the notes.
func add(t testing.TB, m *treetest.Mem, o store.AddOptions, authorities ...certs.Authority) []certs.Note {
	t.Helper()
	s, err := store.Look(m)
	assert.NilError(t, err)
	plan, notes, err := s.Add(m, authorities, o)
	assert.NilError(t, err)
	assert.NilError(t, m.Apply(plan))
	return notes
}

// addAgain asserts that a second addition plans nothing.
func addAgain(t testing.TB, m *treetest.Mem, authorities ...certs.Authority) {
	t.Helper()
	s, err := store.Look(m)
	assert.NilError(t, err)
	plan, _, err := s.Add(m, authorities, store.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, plan.String(), "")
}

// remove surveys, plans and applies.
func remove(t testing.TB, m *treetest.Mem, o store.RemoveOptions, authorities ...certs.Authority) []certs.Note {
	t.Helper()
	s, err := store.Look(m)
	assert.NilError(t, err)
	var fingerprints []certs.Fingerprint
	for _, a := range authorities {
		fingerprints = append(fingerprints, a.Fingerprint)
	}
	plan, notes, err := s.Remove(m, fingerprints, o)
	assert.NilError(t, err)
	assert.NilError(t, m.Apply(plan))
	return notes
}

func subjectHash(t testing.TB, a certs.Authority) uint32 {
	t.Helper()
	sum, err := hash.Subject(a.Cert.RawSubject)
	assert.NilError(t, err)
	return sum
}

func oldHash(a certs.Authority) uint32 { return hash.Old(a.Cert.RawSubject) }

func hexOf(sum uint32) string { return fmt.Sprintf("%08x", sum) }

// containerOf is a Debian container with as many roots as a real one, made from a few.
func containerOf(tb testing.TB) *treetest.Mem {
	tb.Helper()
	var text, list strings.Builder
	for i := range 144 {
		text.Write(authority(tb, fmt.Sprintf("Root %d %s", i, strings.Repeat("x", 400))).PEM())
		list.WriteString("mozilla/x.crt\n")
	}
	return treetest.New(map[string]string{
		"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/etc/ca-certificates.conf": list.String(),
		"/usr/local/share/ca-certificates/": "", "/etc/ssl/certs/ca-certificates.crt": text.String(),
	})
}

// mounted makes an entry one of another mount.
func mounted(source string) func(*tree.Entry) {
	return func(e *tree.Entry) { e.Mount, e.Source = true, source }
}
