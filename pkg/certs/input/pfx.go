package input

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// pfx is the outer form of PKCS#12 (RFC 7292, section 4).
type pfx struct {
	Version  int
	AuthSafe contentInfo
	MAC      asn1.RawValue `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

// maxRounds is how often a password may have to be hashed: what OpenSSL and Java write has 2048 to 10,000 rounds, and a file that asks for 2³¹ asks for minutes.
const maxRounds = 1_000_000

func isPFX(der []byte) bool {
	var p pfx
	_, err := asn1.Unmarshal(der, &p)
	return err == nil && p.Version == 3 && p.AuthSafe.Type.String() == "1.2.840.113549.1.7.1"
}

// Why PKCS#12 is not read, and what reads it.
const (
	locked     = "is PKCS#12 with a password: openssl pkcs12 -in FILE -nokeys -out ca.pem asks for it and writes what is wanted"
	unreadable = "is PKCS#12 of a kind that is not read here: openssl pkcs12 -in FILE -nokeys -out ca.pem may read it"
)

// splitPFX reads PKCS#12 that has no password, an empty one, or the one every Java store has. A key is refused even where the password that hides it is not known.
func splitPFX(data []byte, name string) ([]block, error) {
	for _, bag := range []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 12, 10, 1, 1}, {1, 2, 840, 113549, 1, 12, 10, 1, 2}} {
		if der, err := asn1.Marshal(bag); err == nil && bytes.Contains(data, der) {
			return nil, &Refusal{At: name, Reason: privateKey}
		}
	}
	if laborious(data) {
		return nil, &Refusal{At: name, Reason: unreadable}
	}
	for _, password := range []string{"", pkcs12.DefaultPassword} {
		found, err := pkcs12.DecodeTrustStore(data, password)
		if err != nil || len(found) == 0 {
			continue
		}
		var ders [][]byte
		for _, c := range found {
			ders = append(ders, c.Raw)
		}
		return inOrder(ders, name), nil
	}
	// The library has no word for a file that holds certificates alone and was not made by Java; it reads the parts of one.
	var p pfx
	var whole []byte
	var parts []contentInfo
	if _, err := asn1.Unmarshal(data, &p); err != nil {
		return nil, &Refusal{At: name, Reason: unreadable}
	}
	if _, err := asn1.Unmarshal(p.AuthSafe.Content.Bytes, &whole); err != nil {
		return nil, &Refusal{At: name, Reason: unreadable}
	}
	if _, err := asn1.Unmarshal(whole, &parts); err != nil {
		return nil, &Refusal{At: name, Reason: unreadable}
	}
	var ders [][]byte
	for _, part := range parts {
		found, reason := readPart(part)
		if reason != "" {
			return nil, &Refusal{At: name, Reason: reason}
		}
		ders = append(ders, found...)
	}
	if len(ders) == 0 {
		return nil, &Refusal{At: name, Reason: "is PKCS#12 without a certificate"}
	}
	return inOrder(ders, name), nil
}

// readPart reads one part of a PKCS#12 file with an empty password, as a file of its own; reason says why it cannot be read.
func readPart(part contentInfo) (ders [][]byte, reason string) {
	data := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	wrap := func(bytes []byte) (contentInfo, error) {
		octets, err := asn1.Marshal(bytes)
		return contentInfo{Type: data, Content: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: octets}}, err
	}
	empty, err := wrap([]byte{0x30, 0})
	if err != nil {
		return nil, unreadable
	}
	both, err := asn1.Marshal([]outInfo{{part.Type, asn1.RawValue{FullBytes: part.Content.FullBytes}}, {empty.Type, empty.Content}})
	if err != nil {
		return nil, unreadable
	}
	safe, err := wrap(both)
	if err != nil {
		return nil, unreadable
	}
	whole, err := asn1.Marshal(struct {
		Version int
		Safe    outInfo
	}{3, outInfo(safe)})
	if err != nil {
		return nil, unreadable
	}
	//lint:ignore SA1019 DecodeChain wants a private key beside the certificates; a key that ToPEM finds is refused and never written.
	blocks, err := pkcs12.ToPEM(whole, "")
	if err != nil {
		return nil, locked
	}
	for _, b := range blocks {
		if strings.Contains(b.Type, "PRIVATE KEY") {
			return nil, privateKey
		}
		ders = append(ders, b.Bytes)
	}
	return ders, ""
}

// outInfo is contentInfo as encoding/asn1 writes it unchanged.
type outInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue
}

// laborious reports whether the numbers of rounds, which are the only large numbers that stand between the octets, are beyond reason.
func laborious(data []byte) bool {
	var p struct {
		Version int
		Safe    contentInfo
		MAC     struct {
			Digest struct {
				Algorithm pkix.AlgorithmIdentifier
				Value     []byte
			}
			Salt   []byte
			Rounds int `asn1:"optional,default:1"`
		} `asn1:"optional"`
	}
	var whole []byte
	if _, err := asn1.Unmarshal(data, &p); err != nil || p.MAC.Rounds > maxRounds || p.MAC.Rounds < 0 {
		return true
	}
	if _, err := asn1.Unmarshal(p.Safe.Content.Bytes, &whole); err != nil {
		return true
	}
	return hasLargeNumber(whole, 0)
}

func hasLargeNumber(der []byte, depth int) bool {
	for len(der) > 0 && depth < 16 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return false
		}
		var n int64
		if v.Tag == asn1.TagInteger && v.Class == asn1.ClassUniversal {
			if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil || n > maxRounds || n < 0 {
				return true
			}
		}
		if v.IsCompound && hasLargeNumber(v.Bytes, depth+1) {
			return true
		}
		der = rest
	}
	return false
}
