package input

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"

	"github.com/smallstep/pkcs7"
)

// splitDER takes apart what is not text: one certificate, or several one after the other, PKCS#7, PKCS#12.
func splitDER(data []byte, name string) ([]block, error) {
	refuse := func(reason string) ([]block, error) { return nil, &Refusal{At: name, Reason: reason} }
	switch {
	case isPrivateKey(data):
		return refuse(privateKey)
	case isPFX(data):
		return splitPFX(data, name)
	}
	if found, ok := pkcs7Certificates(data); ok {
		if len(found) == 0 {
			return refuse("is PKCS#7 without a certificate")
		}
		return inOrder(found, name), nil
	}
	var found [][]byte
	for rest := bytes.TrimRight(data, "\r\n"); len(rest) > 0; {
		var one asn1.RawValue
		after, err := asn1.Unmarshal(rest, &one)
		if err != nil || !looksLikeCertificate(one) {
			break
		}
		found, rest = append(found, one.FullBytes), after
	}
	switch {
	case len(found) > 0:
		return inOrder(found, name), nil
	case isRequest(data):
		return refuse("is a certificate request, not a certificate: what the authority made of it is wanted, or rather the authority's own")
	}
	return refuse("holds no certificate: it is neither PEM, nor DER, PKCS#7 or PKCS#12, or it is cut off")
}

func inOrder(ders [][]byte, at string) []block {
	var out []block
	for _, der := range ders {
		out = append(out, block{der: der, at: at})
	}
	return out
}

// looksLikeCertificate reports whether a value has the outer form of RFC 5280, section 4.1: what is in it is then judged, and named, as a certificate. A request has another number in front.
func looksLikeCertificate(v asn1.RawValue) bool {
	if isRequest(v.FullBytes) {
		return false
	}
	var outer struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	_, err := asn1.Unmarshal(v.FullBytes, &outer)
	return err == nil && outer.TBS.Tag == asn1.TagSequence && outer.Algorithm.Tag == asn1.TagSequence
}

func isRequest(der []byte) bool {
	_, err := x509.ParseCertificateRequest(der)
	return err == nil
}

// isPrivateKey recognises the forms without armour: PKCS#8, PKCS#1, SEC 1, and PKCS#8 with a password (RFC 5958, section 3).
func isPrivateKey(der []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return true
	}
	var encrypted struct {
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Data []byte
	}
	rest, err := asn1.Unmarshal(der, &encrypted)
	return err == nil && len(rest) == 0
}

// pkcs7Certificates are those in signed data; ok is false for what is no PKCS#7.
func pkcs7Certificates(der []byte) (found [][]byte, ok bool) {
	var outer struct {
		ID      asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional"`
	}
	// The library reads indefinite lengths, too, which encoding/asn1 does not; only the object identifier in front is looked for there.
	if _, err := asn1.Unmarshal(der, &outer); err != nil && !bytes.Contains(der[:min(len(der), 32)], []byte(signedData)) {
		return nil, false
	} else if err == nil && !outer.ID.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return nil, false
	}
	p, err := pkcs7.Parse(der)
	if err != nil {
		return nil, false
	}
	for _, c := range p.Certificates {
		found = append(found, c.Raw)
	}
	return found, true
}

// signedData is the object identifier 1.2.840.113549.1.7.2 in DER.
const signedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
