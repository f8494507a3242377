package keystore

import (
	"encoding/asn1"
	"errors"
)

// errDER is every way in which bytes are not the DER that was expected; the store is then left alone, so what exactly was wrong helps nobody.
var errDER = errors.New("not the DER of a PKCS#12 file (a file in BER is not edited)")

// tag bytes of DER.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagBMP      = 0x1e
	tagSequence = 0x30
	tagSet      = 0x31
	tagExplicit = 0xa0
)

// value is one element of DER.
type value struct {
	tag  byte
	body []byte
	raw  []byte // with tag and length
}

// next takes the first element off data.
func next(data []byte) (value, []byte, error) {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(data, &v)
	if err != nil || len(v.FullBytes) == 0 || v.Tag > 30 {
		return value{}, nil, errDER
	}
	return value{tag: v.FullBytes[0], body: v.Bytes, raw: v.FullBytes}, rest, nil
}

// only reads data as exactly one element with the given tag.
func only(data []byte, tag byte) (value, error) {
	v, rest, err := next(data)
	if err != nil || len(rest) > 0 || v.tag != tag {
		return value{}, errDER
	}
	return v, nil
}

// maxEntries is the most elements of one list, and the most entries of a JKS file, that are read: the largest real stores have some hundred, and a list of a hostile
// file takes many times the memory of its bytes.
const maxEntries = 20_000

// elements splits the body of a sequence or set.
func elements(body []byte) ([]value, error) {
	var out []value
	for len(body) > 0 {
		v, rest, err := next(body)
		if err != nil || len(out) == maxEntries {
			return nil, errDER
		}
		out, body = append(out, v), rest
	}
	return out, nil
}

// sequence reads data as one sequence and splits it; it has at least n elements.
func sequence(data []byte, n int) ([]value, error) {
	v, err := only(data, tagSequence)
	if err != nil {
		return nil, err
	}
	list, err := elements(v.body)
	if err != nil || len(list) < n {
		return nil, errDER
	}
	return list, nil
}

// der writes one element.
func der(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n+6)
	b = append(b, tag)
	switch {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 0x100:
		b = append(b, 0x81, byte(n))
	case n < 0x10000:
		b = append(b, 0x82, byte(n>>8), byte(n))
	case n < 0x1000000:
		b = append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		b = append(b, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// number reads a small positive integer; what is larger is -1.
func number(v value) int {
	if v.tag != tagInteger || len(v.body) == 0 || len(v.body) > 4 || v.body[0] >= 0x80 {
		return -1
	}
	n := 0
	for _, b := range v.body {
		n = n<<8 | int(b)
	}
	return n
}
