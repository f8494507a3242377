package machine_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the format's own digest
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
)

// authority makes a root.
func authority(t *testing.T, name string) certs.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}
}

// emptyJKS is a Java store without entries (sun.security.provider.JavaKeyStore.engineStore).
func emptyJKS(password string) string {
	body := "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00"
	var salted []byte
	for _, c := range []byte(password) {
		salted = append(salted, 0, c)
	}
	sum := sha1.Sum(append(append(salted, "Mighty Aphrodite"...), body...)) //nolint:gosec // see above
	return body + string(sum[:])
}

// debian is a directory with the trust store of Debian, which holds one public root, and a Java store.
func debian(t *testing.T, public certs.Authority) (*host.FS, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/debian_version": "13\n", "var/lib/dpkg/status": "", "usr/sbin/update-ca-certificates": "", "usr/local/share/ca-certificates/.keep": "",
		"etc/ssl/certs/ca-certificates.crt": string(public.PEM()), "etc/ssl/certs/java/cacerts": emptyJKS("changeit"),
	} {
		file := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	f, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, dir
}

// apply makes the changes as a command does.
func apply(t *testing.T, f *host.FS, plan change.Plan) {
	t.Helper()
	s, err := txn.Open(f, "/var/lib/docker-proxy", txn.Options{})
	assert.NilError(t, err)
	tx, err := s.Begin(t.Context(), "test")
	assert.NilError(t, err)
	defer tx.Close()
	assert.NilError(t, tx.Apply(t.Context(), plan))
	assert.NilError(t, tx.Commit())
	assert.NilError(t, tx.Close())
}

func look(t *testing.T, f *host.FS) *machine.Machine {
	t.Helper()
	m, err := machine.Look(f)
	assert.NilError(t, err)
	return m
}

// A CA goes into bundle, anchor, links and the Java store; dockerd has to restart for the bundle and not for Java; removing it gives the same bytes back.
func TestAddAndRemove(t *testing.T) {
	public, corp := authority(t, "public"), authority(t, "corp")
	f, dir := debian(t, public)
	bundle, java := filepath.Join(dir, "etc/ssl/certs/ca-certificates.crt"), filepath.Join(dir, "etc/ssl/certs/java/cacerts")
	before, err := os.ReadFile(bundle)
	assert.NilError(t, err)
	begin := time.Now().Add(-time.Second)

	m := look(t, f)
	assert.Assert(t, m.Trusts(public.Fingerprint) && !m.Trusts(corp.Fingerprint))
	assert.Equal(t, m.ChangedAfter(begin), "", "what others put there is not ours to restart for")
	plan, _, err := m.Add([]certs.Authority{corp}, nil)
	assert.NilError(t, err)
	for _, c := range plan {
		assert.Equal(t, c.Layer, machine.Layer)
		reads := c.To.Kind != change.Dir && !strings.HasSuffix(c.Path, "/java/cacerts")
		assert.Equal(t, c.Needs.Restart, reads, c.Path)
	}
	apply(t, f, plan)

	m = look(t, f)
	assert.Assert(t, m.Trusts(corp.Fingerprint) && m.Trusts(public.Fingerprint))
	store, err := os.ReadFile(java)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(store), string(corp.DER())))
	list := m.List()
	assert.Equal(t, len(list), 1)
	assert.Equal(t, list[0].Authority.Fingerprint, corp.Fingerprint)
	assert.Assert(t, list[0].Everywhere)
	assert.Equal(t, m.ChangedAfter(begin), "/usr/local/share/ca-certificates/"+corp.Fingerprint.AnchorName())
	assert.Equal(t, m.ChangedAfter(time.Now().Add(time.Hour)), "")
	again, _, err := m.Add([]certs.Authority{corp}, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(again.Effective()), 0)

	plan, _, err = m.Remove([]certs.Fingerprint{corp.Fingerprint}, false)
	assert.NilError(t, err)
	apply(t, f, plan)
	after, err := os.ReadFile(bundle)
	assert.NilError(t, err)
	assert.Equal(t, string(after), string(before))
	store, err = os.ReadFile(java)
	assert.NilError(t, err)
	assert.Equal(t, string(store), emptyJKS("changeit"))
	assert.Equal(t, len(look(t, f).List()), 0)
}

// A certificate that others have added stays, unless it is asked for.
func TestForeign(t *testing.T) {
	public := authority(t, "public")
	f, _ := debian(t, public)
	plan, notes, err := look(t, f).Remove([]certs.Fingerprint{public.Fingerprint}, false)
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Effective()), 0)
	assert.Assert(t, len(notes) > 0)
	plan, _, err = look(t, f).Remove([]certs.Fingerprint{public.Fingerprint}, true)
	assert.NilError(t, err)
	assert.Assert(t, len(plan.Effective()) > 0)
}

// A store that cannot be changed is an error with the reason, not a success.
func TestUnusableStore(t *testing.T) {
	f, dir := debian(t, authority(t, "public"))
	bundle := filepath.Join(dir, "etc/ssl/certs/ca-certificates.crt")
	assert.NilError(t, os.Remove(bundle))
	assert.NilError(t, os.Mkdir(bundle, 0o755))
	_, _, err := look(t, f).Add([]certs.Authority{authority(t, "corp")}, nil)
	assert.ErrorContains(t, err, "cannot take the certificate: /etc/ssl/certs/ca-certificates.crt: ")
}

// For single registries a file of its own is written below certs.d; others' files and directories stay.
func TestRegistries(t *testing.T) {
	const base = "/etc/docker/certs.d"
	f, dir := debian(t, authority(t, "public"))
	corp := authority(t, "corp")
	theirs := filepath.Join(dir, base, "b.corp", "ca.crt")
	assert.NilError(t, os.MkdirAll(filepath.Dir(theirs), 0o755))
	assert.NilError(t, os.WriteFile(theirs, corp.PEM(), 0o644))
	list := []certs.Authority{corp}
	plan, err := look(t, f).AddForRegistries(base, []string{"a.corp:5000", "b.corp"}, list)
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 1, "b.corp has it: %v", plan)
	assert.Assert(t, !plan.Needs().Restart)
	apply(t, f, plan)
	m := look(t, f)
	assert.DeepEqual(t, m.List(base)[0].Paths, []string{base + "/a.corp:5000/" + corp.Fingerprint.AnchorName()})
	plan, _, err = m.Remove([]certs.Fingerprint{corp.Fingerprint}, false, base)
	assert.NilError(t, err)
	apply(t, f, plan)
	names, err := f.ReadDir(base)
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"b.corp"})
}

func TestCheckRegistry(t *testing.T) {
	tests := []struct{ name, registry, want string }{
		{"host", "registry.corp", ""},
		{"host and port", "registry.corp:5000", ""},
		{"address", "[fd00::1]:5000", ""},
		{"Docker Hub", "docker.io", "is Docker Hub"},
		{"Docker Hub by its host", "registry-1.docker.io", "is Docker Hub"},
		{"URL", "https://registry.corp", "is not the name of a registry"},
		{"with a path", "registry.corp/team", "is not the name of a registry"},
		{"that climbs", "..", "is not the name of a registry"},
		{"empty", "", "is not the name of a registry"},
		{"credentials", "ann:secret@registry.corp", "is not the name of a registry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := machine.CheckRegistry(tt.registry)
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
			assert.Assert(t, !strings.Contains(err.Error(), "secret"))
		})
	}
}
