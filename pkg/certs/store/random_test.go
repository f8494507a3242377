package store_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// Whatever a bundle and the anchors of somebody else hold, in every family: no certificate is lost, the second addition plans nothing, and the removal, in any order,
// gives back every byte.
func TestRandomBundles(t *testing.T) {
	x, y, ours, other := authority(t, "X"), authority(t, "Y"), authority(t, "Ours"), authority(t, "Other")
	pieces := []string{
		"\n", "\r\n", "\n\n", "\r", " ", "junk", "\ufeff", "# X\n", "# Y", "# Ours\n", "# Other\n", "# Ours", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
		pems(x), pems(y), pems(x), pems(y), strings.TrimSuffix(pems(y), "\n"), strings.ReplaceAll(pems(y), "\n", "\r\n"),
	}
	r := rand.New(rand.NewPCG(7, 9))
	text := func() string {
		var b strings.Builder
		for range r.IntN(7) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	for i := range 1500 {
		name, files := randomFamily(i % 6)
		m := treetest.New(files)
		data := text()
		m.Write(name, []byte(data))
		for dir := range files {
			if strings.HasSuffix(dir, "anchors/") || strings.HasSuffix(dir, "ca-certificates/") {
				for _, anchor := range []string{"aaa.crt", "zzz.crt"}[:r.IntN(3)] {
					m.Write(dir+anchor, []byte(text()))
				}
			}
		}
		before := m.Dump()
		add(t, m, store.AddOptions{}, ours)
		add(t, m, store.AddOptions{}, other)
		addAgain(t, m, ours, other)
		if strings.HasPrefix(name, "/nix") {
			name = bundlePath // what was a link into the store
		}
		after := bundle.Holds([]byte(read(t, m, name)))
		assert.Assert(t, after[ours.Fingerprint] && after[other.Fingerprint], "%q", data)
		for one := range bundle.Holds([]byte(data)) {
			assert.Assert(t, after[one], "a certificate is lost from %q", data)
		}
		order := []certs.Authority{ours, other}
		if r.IntN(2) == 0 {
			order = []certs.Authority{other, ours}
		}
		if n := r.IntN(3); n == 0 {
			remove(t, m, store.RemoveOptions{}, order...)
		} else {
			remove(t, m, store.RemoveOptions{}, order[0])
			remove(t, m, store.RemoveOptions{}, order[1])
		}
		assert.DeepEqual(t, m.Dump(), before)
	}
}

// randomFamily is a tree of one family and the path of its bundle.
func randomFamily(n int) (string, map[string]string) {
	const pem = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
	switch n {
	case 0:
		return bundlePath, map[string]string{"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", localDir: "", "/etc/ssl/certs/": ""}
	case 1:
		return bundlePath, map[string]string{"/etc/alpine-release": "", "/usr/sbin/update-ca-certificates": "", localDir: "", "/etc/ssl/certs/": ""}
	case 2:
		return pem, map[string]string{"/etc/redhat-release": "", "/etc/pki/ca-trust/source/anchors/": "", "/etc/pki/ca-trust/extracted/pem/directory-hash/": ""}
	case 3:
		return "/var/lib/ca-certificates/ca-bundle.pem", map[string]string{"/etc/SUSE-brand": "", "/etc/pki/trust/anchors/": "", "/var/lib/ca-certificates/pem/": "", "/var/lib/ca-certificates/openssl/": ""}
	case 4:
		return "/nix/store/x/ca.crt", map[string]string{bundlePath: "-> /nix/store/x/ca.crt"}
	}
	return "/etc/ssl/cert.pem", map[string]string{"/app": ""}
}
