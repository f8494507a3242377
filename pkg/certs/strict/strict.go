// Package strict knows the rules that strict programs demand of a certificate chain beyond the signatures: those of OpenSSL's X509_V_FLAG_X509_STRICT, which Python sets from 3.13
// on (ssl.create_default_context), and `openssl verify -x509_strict`. A chain that breaks one is refused whatever the store of the program holds, so no `ca add` helps.
//
// It is pure and judges chains alone: not names, times, purposes or signatures, which every program looks at; and what the rules demand of an authority that somebody is about to
// add is package input's to warn of. Start at Check.
package strict

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// Breach is one rule that one certificate of a chain breaks.
type Breach struct {
	// Index is the certificate's place in the chain: 0 is the server's own.
	Index int
	// Name is the end of OpenSSL's name for the error, such as MISSING_AUTHORITY_KEY_IDENTIFIER (X509_STORE_CTX_get_error(3)).
	Name string
	// Text says what is wrong with the certificate, a clause behind "it".
	Text string
}

// Check gives the breaches in a chain, in the order in which OpenSSL looks for them: certificate by certificate, the server's own first (crypto/x509/x509_vfy.c, check_extensions,
// OpenSSL 3.0 to 3.5). presented is what a server sends, its own certificate first and the others in any order; root is the one that a store ends the chain with, nil where none is
// known. A single certificate that is signed by itself is none of its business, as OpenSSL looks at no chain of one; nor is what Go refuses to parse: identifiers that are marked
// critical, two signature algorithms in one certificate.
func Check(presented []*x509.Certificate, root *x509.Certificate) []Breach {
	chain := Path(presented, root)
	if len(chain) < 2 && (len(chain) == 0 || selfIssued(chain[0])) {
		return nil
	}
	var out []Breach
	for i, c := range chain {
		last := i == len(chain)-1 && (root != nil && c.Equal(root) || selfIssued(c))
		out = append(out, one(c, i, last)...)
	}
	return out
}

// Path puts what a server presents in order, from its own certificate by the issuers as far as they go, and root behind it, when it has signed the last. What does not belong to the
// path is left out, as programs do.
func Path(presented []*x509.Certificate, root *x509.Certificate) []*x509.Certificate {
	if len(presented) == 0 {
		return nil
	}
	path := presented[:1:1]
	for len(path) <= len(presented) {
		at := path[len(path)-1]
		if selfIssued(at) || root != nil && at.Equal(root) {
			break
		}
		next := signer(at, presented, root)
		if next == nil {
			break
		}
		path = append(path, next)
	}
	return path
}

// signer finds who has signed a certificate: the root rather than another one of the same name, since a store's own ends the chain.
func signer(c *x509.Certificate, presented []*x509.Certificate, root *x509.Certificate) *x509.Certificate {
	signed := func(by *x509.Certificate) bool {
		return bytes.Equal(by.RawSubject, c.RawIssuer) && by.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	}
	if root != nil && signed(root) {
		return root
	}
	for _, p := range presented {
		if p != c && signed(p) {
			return p
		}
	}
	return nil
}

// one judges the certificate at place i; last says that it ends the chain.
func one(c *x509.Certificate, i int, last bool) []Breach {
	var out []Breach
	broken := func(when bool, name, format string, args ...any) {
		if when {
			out = append(out, Breach{Index: i, Name: name, Text: fmt.Sprintf(format, args...)})
		}
	}
	signs, isCA := c.KeyUsage&x509.KeyUsageCertSign != 0, c.BasicConstraintsValid && c.IsCA
	constraints, usage, names := extension(c, 19), extension(c, 15), extension(c, 17)
	broken(i > 0 && !isCA, "INVALID_CA", "is no authority by its basicConstraints, and signs others")
	broken(c.BasicConstraintsValid && c.MaxPathLen >= 0 && !isCA, "PATHLEN_INVALID_FOR_NON_CA", "has a path length and is no authority")
	broken(c.BasicConstraintsValid && c.MaxPathLen >= 0 && !signs, "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", "has a path length and no keyUsage with keyCertSign")
	broken(isCA && constraints != nil && !constraints.critical, "CA_BCONS_NOT_CRITICAL", "has basicConstraints that are not critical")
	broken(isCA && usage == nil, "CA_CERT_MISSING_KEY_USAGE", "is an authority without keyUsage")
	broken(!isCA && signs, "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", "has keyCertSign in its keyUsage and is no authority")
	nameless := empty(c.RawSubject)
	broken(empty(c.RawIssuer), "ISSUER_NAME_EMPTY", "names no issuer")
	broken(nameless && (isCA || c.KeyUsage&x509.KeyUsageCRLSign != 0 || names == nil), "SUBJECT_NAME_EMPTY", "has no subject")
	broken(nameless && names != nil && !names.critical, "EMPTY_SUBJECT_SAN_NOT_CRITICAL", "has no subject, and its subjectAltName is not critical")
	broken(names != nil && empty(names.value), "EMPTY_SUBJECT_ALT_NAME", "has a subjectAltName with no name in it")
	if c.Version < 3 {
		return out
	}
	broken(!last && len(c.AuthorityKeyId) == 0, "MISSING_AUTHORITY_KEY_IDENTIFIER", "has no authorityKeyIdentifier")
	broken(isCA && len(c.SubjectKeyId) == 0, "MISSING_SUBJECT_KEY_IDENTIFIER", "has no subjectKeyIdentifier")
	return out
}

// found is an extension of a certificate.
type found struct {
	critical bool
	value    []byte
}

// extension is the one of RFC 5280 with this last number, id-ce; nil without it.
func extension(c *x509.Certificate, number int) *found {
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, number}) {
			return &found{e.Critical, e.Value}
		}
	}
	return nil
}

// empty reports a DER sequence with nothing in it.
func empty(der []byte) bool {
	var v asn1.RawValue
	_, err := asn1.Unmarshal(der, &v)
	return err == nil && len(v.Bytes) == 0
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// Sentence says for people what strict programs refuse a chain for, "" when they do not. It is one sentence and names each certificate that breaks a rule; escaped for terminals.
func Sentence(presented []*x509.Certificate, root *x509.Certificate) string {
	breaches := Check(presented, root)
	var parts []string
	for i, c := range Path(presented, root) {
		var texts []string
		for _, b := range breaches {
			if b.Index == i {
				texts = append(texts, b.Text)
			}
		}
		if len(texts) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", who(c, i), strings.Join(texts, ", ")))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "strict programs, such as all that run on Python from 3.13 on, refuse this chain whatever their store holds: " + strings.Join(parts, "; ")
}

// who names a certificate of a chain.
func who(c *x509.Certificate, i int) string {
	if i == 0 {
		return "the server's own certificate"
	}
	name := redact.Terminal(c.Subject.String())
	if name == "" {
		name = "without a name"
	}
	return fmt.Sprintf("that of the authority %s", name)
}
