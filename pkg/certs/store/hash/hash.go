// Package hash computes the number by which OpenSSL finds a certificate in a directory: X509_NAME_hash of its subject, the name of the link HASH.N.
//
// It reads names, not certificates, and checks no signature. Start at Subject.
package hash

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the format's own hash, not a signature
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrName is a distinguished name that OpenSSL does not read either.
var ErrName = errors.New("malformed distinguished name")

// Subject takes the DER encoding of a distinguished name (x509.Certificate.RawSubject) and returns its hash as `openssl x509 -subject_hash` prints it with eight
// hexadecimal digits: the first four bytes, the lowest first, of the SHA-1 of the canonical encoding (X509_NAME_hash_ex and x509_name_canon in OpenSSL's
// crypto/x509/x509_cmp.c and x_name.c, 1.0.0 and later). Errors match ErrName.
func Subject(name []byte) (uint32, error) {
	canon, err := Canonical(name)
	if err != nil {
		return 0, err
	}
	sum := sha1.Sum(canon) //nolint:gosec // see the import
	return binary.LittleEndian.Uint32(sum[:]), nil
}

// Canonical is the encoding over which Subject hashes: the sets of the name one after the other without the sequence round them; strings are UTF-8 in lower case
// (ASCII letters only) with single spaces and none at the ends, so that names which OpenSSL takes for equal have equal bytes.
func Canonical(name []byte) ([]byte, error) {
	sets, err := children(name, asn1.TagSequence)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, set := range sets {
		attributes, err := children(set.FullBytes, asn1.TagSet)
		if err != nil {
			return nil, err
		}
		var encoded [][]byte
		for _, attribute := range attributes {
			one, err := canonAttribute(attribute)
			if err != nil {
				return nil, err
			}
			encoded = append(encoded, one)
		}
		slices.SortFunc(encoded, bytes.Compare) // X.690, 11.6: the components of a set in ascending order
		out = append(out, wrap(asn1.TagSet, true, slices.Concat(encoded...))...)
	}
	return out, nil
}

// children are the elements of one constructed value that fills der.
func children(der []byte, tag int) ([]asn1.RawValue, error) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	if err != nil || len(rest) != 0 || outer.Class != asn1.ClassUniversal || outer.Tag != tag || !outer.IsCompound {
		return nil, fmt.Errorf("%w: no single element with tag %d", ErrName, tag)
	}
	var out []asn1.RawValue
	for rest = outer.Bytes; len(rest) > 0; {
		var one asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrName, err)
		}
		out = append(out, one)
	}
	return out, nil
}

func canonAttribute(attribute asn1.RawValue) ([]byte, error) {
	parts, err := children(attribute.FullBytes, asn1.TagSequence)
	if err != nil {
		return nil, err
	}
	if len(parts) != 2 || parts[0].Tag != asn1.TagOID || parts[0].Class != asn1.ClassUniversal {
		return nil, fmt.Errorf("%w: an attribute is no pair of type and value", ErrName)
	}
	value := parts[1].FullBytes
	if parts[1].Class == asn1.ClassUniversal && !parts[1].IsCompound {
		text, isText, err := utf8Of(parts[1].Tag, parts[1].Bytes)
		if err != nil {
			return nil, err
		}
		if isText {
			value = wrap(asn1.TagUTF8String, false, fold(text))
		}
	}
	return wrap(asn1.TagSequence, true, slices.Concat(parts[0].FullBytes, value)), nil
}

// The string types that have no name in encoding/asn1.
const (
	tagVisible   = 26
	tagUniversal = 28
)

// utf8Of gives the text of the types that ASN1_MASK_CANON names, and false for all others (numeric strings too), which stay as they are. A T61 string is taken for
// Latin-1, as ASN1_STRING_to_UTF8 does.
func utf8Of(tag int, raw []byte) ([]byte, bool, error) {
	switch tag {
	case asn1.TagUTF8String:
		if !utf8.Valid(raw) {
			return nil, false, fmt.Errorf("%w: a UTF-8 string is none", ErrName)
		}
		return raw, true, nil
	case asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String, tagVisible:
		var out []byte
		for _, b := range raw {
			out = utf8.AppendRune(out, rune(b))
		}
		return out, true, nil
	case asn1.TagBMPString:
		return wide(raw, 2)
	case tagUniversal:
		return wide(raw, 4)
	}
	return nil, false, nil
}

func wide(raw []byte, size int) ([]byte, bool, error) {
	if len(raw)%size != 0 {
		return nil, false, fmt.Errorf("%w: a string of %d-byte characters has %d bytes", ErrName, size, len(raw))
	}
	var out []byte
	for ; len(raw) > 0; raw = raw[size:] {
		r := uint32(binary.BigEndian.Uint16(raw))
		if size == 4 {
			r = binary.BigEndian.Uint32(raw)
		}
		if r > utf8.MaxRune || utf16.IsSurrogate(rune(r)) {
			return nil, false, fmt.Errorf("%w: character %#x", ErrName, r)
		}
		out = utf8.AppendRune(out, rune(r))
	}
	return out, true, nil
}

// fold is asn1_string_canon.
func fold(text []byte) []byte {
	text = bytes.TrimFunc(text, isSpace)
	out := make([]byte, 0, len(text))
	for i, b := range text {
		switch {
		case isSpace(rune(b)):
			if !isSpace(rune(text[i-1])) {
				out = append(out, ' ')
			}
		case 'A' <= b && b <= 'Z':
			out = append(out, b+'a'-'A')
		default:
			out = append(out, b)
		}
	}
	return out
}

// isSpace is isspace(3) in the C locale.
func isSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

// wrap puts a tag and a definite length before a value.
func wrap(tag int, compound bool, value []byte) []byte {
	head := byte(tag)
	if compound {
		head |= 0x20
	}
	out := []byte{head}
	if len(value) < 0x80 {
		return append(append(out, byte(len(value))), value...)
	}
	var size []byte
	for n := len(value); n > 0; n >>= 8 {
		size = append([]byte{byte(n)}, size...)
	}
	out = append(append(out, 0x80|byte(len(size))), size...)
	return append(out, value...)
}

// Name gives the subject of a certificate in DER encoding, of which only the outline is read (RFC 5280, 4.1). Errors match ErrName.
func Name(der []byte) ([]byte, error) {
	fields, err := children(der, asn1.TagSequence)
	if err == nil && len(fields) > 0 {
		fields, err = children(fields[0].FullBytes, asn1.TagSequence)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	subject := 4 // after serial, algorithm, issuer and validity
	if len(fields) > 0 && fields[0].Class == asn1.ClassContextSpecific {
		subject++ // and the version
	}
	if len(fields) <= subject {
		return nil, fmt.Errorf("reading the certificate: %w", ErrName)
	}
	return fields[subject].FullBytes, nil
}

// OfCertificate is Subject for a whole certificate in DER encoding. Errors match ErrName.
func OfCertificate(der []byte) (uint32, error) {
	name, err := Name(der)
	if err != nil {
		return 0, err
	}
	return Subject(name)
}
