package hash_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
)

// The types that a name may have, by tag.
const (
	utf8Type, numericType, printableType, t61Type, ia5Type, universalType, bmpType = 12, 18, 19, 20, 22, 28, 30
)

type attribute struct {
	oid   asn1.ObjectIdentifier
	tag   int
	value string // UTF-8; encoded as the type wants it
}

var (
	commonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	organization = asn1.ObjectIdentifier{2, 5, 4, 10}
	unit         = asn1.ObjectIdentifier{2, 5, 4, 11}
	country      = asn1.ObjectIdentifier{2, 5, 4, 6}
	email        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	serial       = asn1.ObjectIdentifier{2, 5, 4, 5}
	odd          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}
)

func element(t testing.TB, tag int, compound bool, value []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(asn1.RawValue{Tag: tag, IsCompound: compound, Bytes: value})
	assert.NilError(t, err)
	return der
}

// encode writes a name without sorting the sets, so that the order is what the test says.
func encode(t testing.TB, name [][]attribute) []byte {
	t.Helper()
	var sets []byte
	for _, set := range name {
		var all []byte
		for _, a := range set {
			oid, err := asn1.Marshal(a.oid)
			assert.NilError(t, err)
			all = append(all, element(t, 16, true, append(oid, element(t, a.tag, false, content(a))...))...)
		}
		sets = append(sets, element(t, 17, true, all)...)
	}
	return element(t, 16, true, sets)
}

func content(a attribute) []byte {
	var out []byte
	switch a.tag {
	case t61Type, ia5Type, printableType:
		for _, r := range a.value {
			out = append(out, byte(r))
		}
	case bmpType:
		for _, u := range utf16.Encode([]rune(a.value)) {
			out = binary.BigEndian.AppendUint16(out, u)
		}
	case universalType:
		for _, r := range a.value {
			out = binary.BigEndian.AppendUint32(out, uint32(r))
		}
	default:
		out = []byte(a.value)
	}
	return out
}

// certificate is a self-signed certificate with a name that was encoded by hand.
func certificate(t testing.TB, name []byte) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: name, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	return der
}

func needOpenSSL(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl on this machine (make test installs it)")
	}
}

// opensslHashes asks the real program.
func opensslHashes(t testing.TB, der []byte) (subject, old string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", "x509", "-noout", "-subject_hash", "-subject_hash_old")
	cmd.Stdin = bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, string(out))
	words := strings.Fields(string(out))
	assert.Equal(t, len(words), 2, string(out))
	return words[0], words[1]
}

func compare(t *testing.T, name []byte) {
	t.Helper()
	der := certificate(t, name)
	wantNew, wantOld := opensslHashes(t, der)
	sum, err := hash.OfCertificate(der)
	assert.NilError(t, err)
	assert.Equal(t, fmt.Sprintf("%08x", sum), wantNew)
	raw, err := hash.Name(der)
	assert.NilError(t, err)
	assert.DeepEqual(t, raw, name)
	assert.Equal(t, fmt.Sprintf("%08x", hash.Old(raw)), wantOld)
}

func TestSubjectEqualsOpenSSL(t *testing.T) {
	needOpenSSL(t)
	one := func(tag int, value string) [][]attribute { return [][]attribute{{{commonName, tag, value}}} }
	tests := []struct {
		name string
		in   [][]attribute
	}{
		{"utf8", one(utf8Type, "Proxy Root CA")},
		{"printable is the same", one(printableType, "Proxy Root CA")},
		{"capitals", one(utf8Type, "PROXY root Ca")},
		{"spaces inside and outside", one(utf8Type, "  Proxy \t\n  Root\v\f CA \r ")},
		{"only spaces", one(utf8Type, "   ")},
		{"empty text", one(utf8Type, "")},
		{"umlauts keep their case", one(utf8Type, "ÄÖÜ äöü Ζευς")},
		{"t61 is latin-1", one(t61Type, "Ärger  ÑO")},
		{"ia5", [][]attribute{{{email, ia5Type, "CA@Example.COM"}}}},
		{"bmp", one(bmpType, "Wide  ÄText Ω")},
		{"universal", one(universalType, "Wider  Text 𝄞")},
		{"numeric is not folded", [][]attribute{{{serial, numericType, "12 34"}}}},
		{"space outside ascii", one(utf8Type, "\u00a0Proxy\u2003Root\u00a0")},
		{"several", [][]attribute{{{country, printableType, "DE"}}, {{organization, utf8Type, "Corp, Inc."}}, {{unit, utf8Type, "IT"}}, {{commonName, utf8Type, "Proxy"}}}},
		{"several in one set", [][]attribute{{{commonName, utf8Type, "Proxy"}, {organization, utf8Type, "Corp"}}}},
		{"sets whose order changes when they are folded", [][]attribute{{{odd, utf8Type, "a"}, {odd, utf8Type, "B"}, {odd, printableType, "  A  longer one"}}}},
		{"the same kind twice", [][]attribute{{{unit, utf8Type, "One"}}, {{unit, utf8Type, "Two"}}}},
		{"long", one(utf8Type, strings.Repeat("Long Name ", 40))},
		{"no attributes", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { compare(t, encode(t, tt.in)) })
	}
}

func TestRandomNamesEqualOpenSSL(t *testing.T) {
	needOpenSSL(t)
	r := mathrand.New(mathrand.NewPCG(1, 2))
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	tags := []int{utf8Type, printableType, t61Type, ia5Type, bmpType, universalType}
	oids := []asn1.ObjectIdentifier{commonName, organization, unit, odd}
	for range 60 {
		var name [][]attribute
		for range 1 + r.IntN(4) {
			var set []attribute
			for range 1 + r.IntN(3) {
				tag := tags[r.IntN(len(tags))]
				letters := []string{"a", "Z", " ", "  ", "\t", "0", "-", "Q", "m"}
				if tag != printableType && tag != ia5Type {
					letters = append(letters, "é", "Ü", "ß")
				}
				var text strings.Builder
				for range r.IntN(12) {
					text.WriteString(pick(letters))
				}
				set = append(set, attribute{oids[r.IntN(len(oids))], tag, text.String()})
			}
			name = append(name, set)
		}
		compare(t, encode(t, name))
	}
}

func TestMalformed(t *testing.T) {
	good := encode(t, [][]attribute{{{commonName, utf8Type, "Proxy"}}})
	tests := []struct {
		name string
		in   []byte
	}{
		{"nothing", nil},
		{"cut off", good[:len(good)-1]},
		{"more behind", append(bytes.Clone(good), 0)},
		{"no sequence", element(t, 17, true, nil)},
		{"a set with a string", element(t, 16, true, element(t, 17, true, element(t, 12, false, []byte("x"))))},
		{"an attribute with one part", element(t, 16, true, element(t, 17, true, element(t, 16, true, element(t, 12, false, []byte("x")))))},
		{"a surrogate", encode(t, [][]attribute{{{commonName, bmpType, "𝄞"}}})},
		{"invalid utf-8", encode(t, [][]attribute{{{commonName, utf8Type, "\xff"}}})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := hash.Subject(tt.in)
			assert.ErrorIs(t, err, hash.ErrName)
			_, err = hash.OfCertificate(tt.in)
			assert.ErrorIs(t, err, hash.ErrName)
		})
	}
}

func FuzzSubject(f *testing.F) {
	f.Add(encode(f, [][]attribute{{{commonName, utf8Type, "Proxy  Root"}, {unit, bmpType, "x"}}}))
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, name []byte) {
		canon, err := hash.Canonical(name)
		if err != nil {
			return
		}
		// What is canonical stays as it is.
		again, err := hash.Canonical(element(t, 16, true, canon))
		assert.NilError(t, err)
		assert.DeepEqual(t, again, canon)
	})
}
