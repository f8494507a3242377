package probe

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// Certificate is one of the chain that an endpoint presented. Names are escaped.
type Certificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, lower-case hex
	NotAfter    time.Time `json:"notAfter"`
}

// Ending says where the TLS of a visit ends.
type Ending struct {
	At  EndingAt `json:"at"`
	Why string   `json:"why"` // one clause
}

// EndingAt is a place.
type EndingAt string

// The places.
const (
	AtEndpoint EndingAt = "endpoint"
	OnTheWay   EndingAt = "on-the-way" // something between decrypts and signs anew
	EndUnknown EndingAt = "unknown"
)

func describe(chain []*x509.Certificate) []Certificate {
	var out []Certificate
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		out = append(out, Certificate{Subject: clean(c.Subject.String()), Issuer: clean(c.Issuer.String()), Fingerprint: hex.EncodeToString(sum[:]), NotAfter: c.NotAfter})
	}
	return out
}

// verify checks a chain as crypto/tls would with these roots.
func verify(chain []*x509.Certificate, host string, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return x509.UnknownAuthorityError{}
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// ending judges by who signed: what leads to a public authority was not made on the way. For the rest only a host that is known to be public tells; a private
// authority may as well be the endpoint's own.
func (w *visitor) ending(chain []*x509.Certificate, host string) Ending {
	if len(chain) == 0 {
		return Ending{EndUnknown, "no certificate arrived"}
	}
	issuer := clean(chain[len(chain)-1].Issuer.String())
	switch {
	case w.v.Public == nil:
		return Ending{EndUnknown, "the public authorities are not known here"}
	case verify(chain, host, w.v.Public) == nil:
		return Ending{AtEndpoint, fmt.Sprintf("the certificate leads to a public authority (%s)", issuer)}
	case w.v.PublicHost:
		return Ending{OnTheWay, fmt.Sprintf("%s is a public host, and its certificate is signed by %s, which is no public authority", clean(host), issuer)}
	}
	return Ending{EndUnknown, fmt.Sprintf("the certificate is signed by %s: the endpoint's own authority, or one on the way", issuer)}
}
