package keystore

import (
	"crypto/sha1" //nolint:gosec // the format's own digest
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"
)

// The parts of a JKS file (sun.security.provider.JavaKeyStore.engineLoad): magic, version, number of entries, entries, SHA-1 over password, a phrase and all of it.
const (
	jksHeader  = 12
	jksPhrase  = "Mighty Aphrodite"
	tagKey     = 1
	tagTrusted = 2
)

// jks is a store as its entries, each with its bytes.
type jks struct {
	magic, version uint32
	entries        []jksEntry
	rest           []byte // after the digest; Java does not look at it
	password       string
}

type jksEntry struct {
	Entry
	raw     []byte
	trusted bool
}

func openJKS(data []byte, passwords []string) (part, bool, error) {
	j, end, err := parseJKS(data)
	if err != nil {
		return nil, false, err
	}
	digest := data[end : end+sha1.Size]
	j.rest = data[end+sha1.Size:]
	for _, p := range passwords {
		if subtle.ConstantTimeCompare(jksDigest(p, data[:end]), digest) == 1 {
			j.password = p
			return j, false, nil
		}
	}
	return j, true, nil
}

// jksDigest seals the bytes: the password as UTF-16 without a mark, the phrase, the bytes.
func jksDigest(password string, data []byte) []byte {
	h := sha1.New() //nolint:gosec // as above
	for _, unit := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	h.Write([]byte(jksPhrase))
	h.Write(data)
	return h.Sum(nil)
}

// reader takes parts off the front of data; the first that is not there sets bad, and what follows is empty.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.data)-r.at) {
		r.bad = true
		return nil
	}
	from := r.at
	r.at += int(n) //nolint:gosec // not more than the length of data
	return r.data[from:r.at]
}

func (r *reader) uint(size uint64) uint64 {
	var n uint64
	for _, b := range r.bytes(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *reader) text() string { return string(r.bytes(r.uint(2))) }

// parseJKS reads the entries; the second result is where they end and the digest begins.
func parseJKS(data []byte) (*jks, int, error) {
	r := &reader{data: data}
	j := &jks{magic: uint32(r.uint(4)), version: uint32(r.uint(4))} //nolint:gosec // four bytes each
	count := r.uint(4)
	if count > maxEntries {
		return nil, 0, errors.New("a JKS file with too many entries")
	}
	if j.version != 1 && j.version != 2 {
		return nil, 0, errors.New("a version of JKS other than 1 and 2")
	}
	for i := uint64(0); i < count && !r.bad; i++ {
		e, err := r.entry(j.version)
		if err != nil {
			return nil, 0, err
		}
		j.entries = append(j.entries, e)
	}
	end := r.at
	r.bytes(sha1.Size)
	if r.bad {
		return nil, 0, errors.New("the JKS file ends in the middle")
	}
	return j, end, nil
}

func (r *reader) entry(version uint32) (jksEntry, error) {
	from := r.at
	tag := r.uint(4)
	e := jksEntry{trusted: tag == tagTrusted}
	e.Alias = r.text()
	e.Created = time.UnixMilli(int64(r.uint(8))) //nolint:gosec // Java's own type is signed
	switch tag {
	case tagKey:
		r.bytes(r.uint(4))
		chain := r.uint(4)
		for n := uint64(0); n < chain && !r.bad; n++ {
			r.certificate(version)
		}
	case tagTrusted:
		e.DER = r.certificate(version)
	default:
		if !r.bad {
			return e, errors.New("an entry of a kind that JKS does not have")
		}
	}
	e.raw = r.data[from:r.at]
	return e, nil
}

func (r *reader) certificate(version uint32) []byte {
	if version == 2 {
		r.text() // its type, X.509
	}
	return r.bytes(r.uint(4))
}

func (j *jks) trusted() []Entry {
	var out []Entry
	for _, e := range j.entries {
		if e.trusted {
			out = append(out, e.Entry)
		}
	}
	return out
}

func (j *jks) has(alias string) bool {
	for _, e := range j.entries {
		if strings.EqualFold(e.Alias, alias) {
			return true
		}
	}
	return false
}

func (j *jks) unread() int { return 0 }

func (j *jks) add(alias string, der []byte, at time.Time) {
	raw := binary.BigEndian.AppendUint32(nil, tagTrusted)
	raw = appendText(raw, alias)
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.UnixMilli())) //nolint:gosec // Java's own type is signed
	if j.version == 2 {
		raw = appendText(raw, "X.509")
	}
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(der))) //nolint:gosec // a certificate
	raw = append(raw, der...)
	j.entries = append(j.entries, jksEntry{Entry: Entry{Alias: alias, DER: der, Created: at.Truncate(time.Millisecond)}, raw: raw, trusted: true})
}

// appendText writes a string of ASCII as DataOutputStream.writeUTF does.
func appendText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...) //nolint:gosec // an alias
}

func (j *jks) remove(out func(Entry) bool) int {
	kept := make([]jksEntry, 0, len(j.entries))
	for _, e := range j.entries {
		if !e.trusted || !out(e.Entry) {
			kept = append(kept, e)
		}
	}
	n := len(j.entries) - len(kept)
	j.entries = kept
	return n
}

func (j *jks) bytes() []byte {
	size := jksHeader + sha1.Size + len(j.rest)
	for _, e := range j.entries {
		size += len(e.raw)
	}
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint32(b, j.magic)
	b = binary.BigEndian.AppendUint32(b, j.version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(j.entries))) //nolint:gosec // not more than there are bytes
	for _, e := range j.entries {
		b = append(b, e.raw...)
	}
	b = append(b, jksDigest(j.password, b)...)
	return append(b, j.rest...)
}
