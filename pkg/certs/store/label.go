package store

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
)

// label is the name that p11-kit gives a certificate: the first common name of the subject, else the organizational unit, else the organization, else "" (p11-kit,
// trust/builder.c, certificate_value_attrs).
func label(cert *x509.Certificate) string {
	for _, last := range []int{3, 11, 10} { // id-at-commonName, id-at-organizationalUnitName, id-at-organizationName
		for _, name := range cert.Subject.Names {
			if text, ok := name.Value.(string); ok && name.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, last}) && text != "" {
				return text
			}
		}
	}
	return ""
}

// comment is the line above a certificate in a bundle that `trust extract --comment` wrote (p11_enumerate_comment). A label with a line break in it would become more
// than a comment here: it ends at the break.
func comment(cert *x509.Certificate) string {
	text, _, _ := strings.Cut(label(cert), "\n")
	if text == "" {
		text = "certificate"
	}
	return "# " + strings.TrimRight(text, "\r")
}

// fileName is the label as p11-kit writes it as the name of a file (p11_path_canon): every byte but letters, digits, dots, hyphens and underscores is an underscore.
func fileName(cert *x509.Certificate) string {
	text := []byte(label(cert))
	if len(text) == 0 {
		text = []byte("certificate")
	}
	for i, b := range text {
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '.' || b == '-' || b == '_') {
			text[i] = '_'
		}
	}
	const longest = 200 // below p11-kit's own limit of 255 with a number and an extension
	return string(text[:min(len(text), longest)])
}

// trustedPEM is the certificate as OpenSSL's TRUSTED CERTIFICATE with what p11-kit says about an anchor of its own: nothing but the alias (trust/extract-openssl.c).
func trustedPEM(a certs.Authority) []byte {
	var aux []byte
	if text := label(a.Cert); text != "" {
		aux = tlv(asn1.TagUTF8String, []byte(text))
	}
	der := append(append([]byte(nil), a.DER()...), tlv(asn1.TagSequence|0x20, aux)...)
	return pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: der})
}

// tlv is one DER element.
func tlv(tag byte, value []byte) []byte {
	n := len(value)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, value...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, value...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, value...)
}

// The GUIDs of a signature list with one X.509 certificate, EFI_CERT_X509_GUID of the UEFI specification and p11-kit's own as its owner (trust/extract-edk2.c), in
// the byte order of the file.
const (
	x509GUID  = "\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72"
	p11GUID   = "\x50\x3b\xdd\xdc\x05\xf4\xfd\x43\x96\xbe\xbd\x33\xb1\x73\x47\x76"
	listHead  = 16 + 4 + 4 + 4
	ownerHead = 16
)

// signatureList is the certificate as one entry of cacerts.bin.
func signatureList(a certs.Authority) []byte {
	der := a.DER()
	out := []byte(x509GUID)
	out = binary.LittleEndian.AppendUint32(out, uint32(listHead+ownerHead+len(der))) //nolint:gosec // a certificate is far below 4 GiB
	out = binary.LittleEndian.AppendUint32(out, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(ownerHead+len(der))) //nolint:gosec // see above
	return append(append(out, p11GUID...), der...)
}

// scanEDK2 gives the entries of cacerts.bin, and false when the file is anything else.
func scanEDK2(data []byte) ([]bundle.Block, bool) {
	var out []bundle.Block
	for at := 0; at < len(data); {
		rest := data[at:]
		if len(rest) < listHead+ownerHead || string(rest[:16]) != x509GUID {
			return nil, false
		}
		size := int64(binary.LittleEndian.Uint32(rest[16:]))
		if size < listHead+ownerHead || size > int64(len(rest)) || binary.LittleEndian.Uint32(rest[20:]) != 0 || int64(binary.LittleEndian.Uint32(rest[24:])) != size-listHead {
			return nil, false
		}
		out = append(out, bundle.Block{Start: at, End: at + int(size), Fingerprint: certs.FingerprintOf(rest[listHead+ownerHead : size])})
		at += int(size)
	}
	return out, true
}

// permits reports that p11-kit takes the certificate into a bundle of one purpose: an extended key usage limits it, none does not (p11_enumerate, extract_purposes).
func permits(cert *x509.Certificate, purpose string) bool {
	want := x509.ExtKeyUsageServerAuth
	switch purpose {
	case "trusted":
		return true
	case "email":
		want = x509.ExtKeyUsageEmailProtection
	case "code-signing":
		want = x509.ExtKeyUsageCodeSigning
	}
	if len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, usage := range cert.ExtKeyUsage {
		if usage == want || usage == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}
