package probe

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// PublicRoots are the authorities that everybody trusts: Mozilla's, as the Go project publishes them. A machine's own store will not do, since a proxy's authority may
// have been added to it.
func PublicRoots() *x509.CertPool {
	pool := x509.NewCertPool()
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			continue // for some names only; none of the registries has one
		}
		if c, err := x509.ParseCertificate(r.Certificate); err == nil {
			pool.AddCert(c)
		}
	}
	return pool
}

// PublicPEM is PublicRoots as a bundle: a comment with the subject and a block for each, sorted by subject.
func PublicPEM() []byte {
	var blocks []string
	for r := range bundle.Roots() {
		c, err := x509.ParseCertificate(r.Certificate)
		if r.Constraint != nil || err != nil {
			continue
		}
		blocks = append(blocks, "# "+clean(c.Subject.String())+"\n"+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	slices.Sort(blocks)
	return []byte(strings.Join(blocks, "\n"))
}

// WithRoots is this machine's own store with more certificates, in PEM; nil data gives the store itself. ok is false when the data holds no certificate.
func WithRoots(data []byte) (pool *x509.CertPool, ok bool) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	return pool, data == nil || pool.AppendCertsFromPEM(data)
}
