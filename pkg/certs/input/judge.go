package input

import (
	"crypto"
	_ "crypto/md5" // the hashes of old roots' signatures, which crypto/x509 does not look at
	"crypto/rsa"
	_ "crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// objections are the reasons for which a certificate is better not trusted, most important first: clauses that follow where it stands.
func objections(c *x509.Certificate, now time.Time) []string {
	var out []string
	who := subject(c)
	switch {
	case isAuthority(c):
		if !selfSigned(c) {
			out = append(out, fmt.Sprintf("holds %s, which is signed by %s and not by itself: that issuer's certificate is the one to trust", who, issuer(c)))
		}
	case isServer(c) && selfSigned(c):
		out = append(out, fmt.Sprintf("holds %s, which is a server's own certificate and no authority: it vouches for that server alone, and strict programs refuse it", who))
	case isServer(c):
		out = append(out, fmt.Sprintf("holds %s, which is a server's own certificate (perhaps the proxy's): the certificate of its issuer %s is wanted; docker proxy ca fetch HOST shows the chain", who, issuer(c)))
	default:
		out = append(out, fmt.Sprintf("holds %s, which is no authority (its basicConstraints do not say CA:TRUE)", who))
	}
	switch {
	case now.After(c.NotAfter):
		out = append(out, fmt.Sprintf("holds %s, which expired at %s", who, stamp(c.NotAfter)))
	case now.Before(c.NotBefore):
		out = append(out, fmt.Sprintf("holds %s, which is not valid before %s (this machine's clock says %s)", who, stamp(c.NotBefore), stamp(now)))
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func subject(c *x509.Certificate) string {
	if s := c.Subject.String(); s != "" {
		return fmt.Sprintf("%q", redact.Terminal(s))
	}
	return "a certificate without a subject"
}

func issuer(c *x509.Certificate) string { return fmt.Sprintf("%q", redact.Terminal(c.Issuer.String())) }

// isAuthority asks as crypto/x509 does of a parent (Certificate.CheckSignatureFrom): before version 3 there was no way to say it.
func isAuthority(c *x509.Certificate) bool {
	return c.BasicConstraintsValid && c.IsCA || c.Version < 3 && selfSigned(c)
}

func isServer(c *x509.Certificate) bool {
	if len(c.DNSNames)+len(c.IPAddresses) > 0 {
		return true
	}
	for _, u := range c.ExtKeyUsage {
		if u == x509.ExtKeyUsageServerAuth {
			return true
		}
	}
	return false
}

// selfSigned reports whether a certificate's own key has signed it.
func selfSigned(c *x509.Certificate) bool {
	if string(c.RawIssuer) != string(c.RawSubject) {
		return false
	}
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	var old x509.InsecureAlgorithmError
	if err == nil || !errors.As(err, &old) {
		return err == nil
	}
	hash := crypto.SHA1
	if c.SignatureAlgorithm == x509.MD5WithRSA {
		hash = crypto.MD5
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return true // DSA and ECDSA with SHA-1: nobody can tell here, and the warning about SHA-1 remains
	}
	h := hash.New()
	h.Write(c.RawTBSCertificate)
	return rsa.VerifyPKCS1v15(key, hash, h.Sum(nil), c.Signature) == nil
}

// soon is how long a certificate has to be valid still, so that nothing is said about it.
const soon = 30 * 24 * time.Hour

// warnings are what strict readers will not like about an authority: Go, OpenSSL 3 with security level 2, GnuTLS, Java, Python 3.13 (VERIFY_X509_STRICT).
func warnings(c *x509.Certificate, now time.Time) []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if c.Version < 3 {
		warn("it is of X.509 version %d, which cannot say that it is an authority: Java and strict OpenSSL programs refuse it", c.Version)
	}
	warnExtensions(c, warn)
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		warn("its signature is made with MD5, which OpenSSL 3 and Java refuse in places even where it is a root's own")
	case x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		warn("its signature is made with SHA-1: a root's own is not looked at by most programs, but some refuse it")
	default:
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		warn("its RSA key has %d bits: OpenSSL's default security level on Debian and RHEL, and Java, want 2048", key.N.BitLen())
	}
	if c.PublicKey == nil {
		warn("its key is of a kind that Go programs, dockerd among them, do not know")
	}
	if c.SerialNumber.Sign() == 0 {
		warn("its serial number is 0, which RFC 5280 does not allow and strict programs refuse")
	}
	if left := c.NotAfter.Sub(now); left >= 0 && left < soon {
		warn("it expires within 30 days, at %s", stamp(c.NotAfter))
	}
	return out
}

func warnExtensions(c *x509.Certificate, warn func(string, ...any)) {
	if c.Version < 3 {
		return
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 19}) && !e.Critical {
			warn("its basicConstraints are not critical, which strict programs (Python 3.13, OpenSSL with -x509_strict) refuse")
		}
	}
	switch {
	case c.KeyUsage == 0:
		warn("it has no keyUsage with keyCertSign, which strict programs (Python 3.13, OpenSSL with -x509_strict) refuse")
	case c.KeyUsage&x509.KeyUsageCertSign == 0:
		warn("its keyUsage does not hold keyCertSign: most programs refuse certificates it has signed")
	}
	if len(c.SubjectKeyId) == 0 {
		warn("it has no subjectKeyIdentifier, which strict programs (Python 3.13, OpenSSL with -x509_strict) refuse")
	}
	if len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges)+
		len(c.PermittedURIDomains)+len(c.ExcludedURIDomains)+len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses) > 0 {
		warn("it has name constraints: it vouches for some names only")
	}
	if c.BasicConstraintsValid && c.IsCA && c.MaxPathLenZero && c.MaxPathLen == 0 {
		warn("its path length is 0: a proxy that signs with an authority below it is refused")
	}
	if len(c.UnhandledCriticalExtensions) > 0 {
		warn("it has a critical extension that Go programs, dockerd among them, do not know: they refuse what it has signed")
	}
}
