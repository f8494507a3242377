package keystore

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Object identifiers of RFC 7292, in DER with their tag. The last two mark a certificate as trusted in Java (sun.security.pkcs12.PKCS12KeyStore, JDK 8 and later):
// Oracle's trustedKeyUsage with anyExtendedKeyUsage as value.
const (
	oidData         = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	oidEncrypted    = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"
	oidCertBag      = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03"
	oidX509         = "\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"
	oidFriendlyName = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"
	oidTrusted      = "\x06\x0c\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01"
	oidAnyUsage     = "\x06\x04\x55\x1d\x25\x00"
)

// pfx is a PKCS#12 file as its parts, each with its bytes. A part is a list of bags, in the clear or encrypted; an encrypted one is never taken apart for writing.
type pfx struct {
	parts    []safe
	mac      *seal // nil: the file has none
	password string
}

type safe struct {
	raw    []byte
	clear  bool
	bags   []bag
	fixed  []Entry // of an encrypted part, as far as it could be read
	hidden bool    // an encrypted part that could not be read
	edited bool
}

type bag struct {
	raw     []byte
	entry   Entry
	cert    bool
	trusted bool
}

// openPKCS12 reads a file of RFC 7292: SEQUENCE { 3, data { AuthenticatedSafe }, macData OPTIONAL }.
func openPKCS12(data []byte, passwords []string) (part, bool, error) {
	top, err := sequence(data, 2)
	if err != nil || len(top) > 3 || number(top[0]) != 3 {
		return nil, false, errDER
	}
	content, err := contentOf(top[1].raw)
	if err != nil {
		return nil, false, err
	}
	list, err := sequence(content, 0)
	if err != nil {
		return nil, false, err
	}
	p := &pfx{}
	for _, v := range list {
		s, err := parseSafe(v.raw)
		if err != nil {
			return nil, false, err
		}
		p.parts = append(p.parts, s)
	}
	if len(top) == 3 {
		if p.mac, err = parseSeal(top[2].raw); err != nil {
			return nil, false, err
		}
	}
	locked := !p.unlock(content, passwords)
	switch {
	case p.mac == nil:
		p.decrypt(passwords)
	case !locked:
		p.decrypt([]string{p.password})
	default:
		p.decrypt(nil)
	}
	if !locked && !bytes.Equal(p.bytes(), data) {
		return nil, false, errDER
	}
	return p, locked, nil
}

// contentOf is the text of a ContentInfo of type data: SEQUENCE { OID, [0] { OCTET STRING } }.
func contentOf(raw []byte) ([]byte, error) {
	list, err := sequence(raw, 2)
	if err != nil {
		return nil, err
	}
	if string(list[0].raw) != oidData || list[1].tag != tagExplicit {
		return nil, errors.New("a PKCS#12 file that is signed and not sealed with a password")
	}
	octets, err := only(list[1].body, tagOctets)
	return octets.body, err
}

func parseSafe(raw []byte) (safe, error) {
	s := safe{raw: raw}
	list, err := sequence(raw, 2)
	if err != nil {
		return s, err
	}
	if string(list[0].raw) != oidData {
		return s, nil
	}
	content, err := contentOf(raw)
	if err != nil {
		return s, err
	}
	bags, err := sequence(content, 0)
	if err != nil {
		return s, err
	}
	s.clear = true
	for _, b := range bags {
		parsed, err := parseBag(b.raw)
		if err != nil {
			return s, err
		}
		s.bags = append(s.bags, parsed)
	}
	return s, nil
}

// parseBag reads SafeBag: SEQUENCE { bagId, [0] value, SET OF attributes OPTIONAL }, and the value only of a certificate.
func parseBag(raw []byte) (bag, error) {
	b := bag{raw: raw}
	list, err := sequence(raw, 2)
	if err != nil {
		return b, err
	}
	if len(list) > 2 {
		if err := b.attributes(list[2].body); err != nil {
			return b, err
		}
	}
	if string(list[0].raw) != oidCertBag {
		return b, nil
	}
	cert, err := sequence(list[1].body, 2)
	if err != nil || string(cert[0].raw) != oidX509 {
		return b, err
	}
	octets, err := only(cert[1].body, tagOctets)
	b.cert, b.entry.DER = true, octets.body
	return b, err
}

func (b *bag) attributes(set []byte) error {
	list, err := elements(set)
	if err != nil {
		return err
	}
	for _, v := range list {
		attribute, err := sequence(v.raw, 2)
		if err != nil {
			return err
		}
		switch string(attribute[0].raw) {
		case oidTrusted:
			b.trusted = true
		case oidFriendlyName:
			if name, err := only(attribute[1].body, tagBMP); err == nil {
				b.entry.Alias = fromBMP(name.body)
			}
		}
	}
	return nil
}

func (p *pfx) trusted() []Entry {
	var out []Entry
	for _, s := range p.parts {
		for _, b := range s.bags {
			if b.cert && b.trusted {
				out = append(out, b.entry)
			}
		}
		out = append(out, s.fixed...)
	}
	return out
}

func (p *pfx) has(alias string) bool {
	for _, s := range p.parts {
		for _, b := range s.bags {
			if strings.EqualFold(b.entry.Alias, alias) {
				return true
			}
		}
	}
	return false
}

func (p *pfx) unread() int {
	n := 0
	for _, s := range p.parts {
		if s.hidden {
			n++
		}
	}
	return n
}

// add puts the certificate at the end of the last part that has nothing but certificates and is in the clear, as in a store without password, or into a part of its
// own: a reader takes the certificates of all parts, and what is encrypted stays as it is.
func (p *pfx) add(alias string, cert []byte, _ time.Time) {
	value := der(tagSequence, []byte(oidX509), der(tagExplicit, der(tagOctets, cert)))
	attributes := [][]byte{
		der(tagSequence, []byte(oidTrusted), der(tagSet, []byte(oidAnyUsage))),
		der(tagSequence, []byte(oidFriendlyName), der(tagSet, der(tagBMP, toBMP(alias)))),
	}
	slices.SortFunc(attributes, bytes.Compare) // SET OF
	raw := der(tagSequence, []byte(oidCertBag), der(tagExplicit, value), der(tagSet, attributes...))
	b := bag{raw: raw, entry: Entry{Alias: alias, DER: cert}, cert: true, trusted: true}
	for i := len(p.parts) - 1; i >= 0; i-- {
		if p.parts[i].certificates() {
			p.parts[i].bags = append(p.parts[i].bags, b)
			p.parts[i].edited = true
			return
		}
	}
	p.parts = append(p.parts, safe{clear: true, bags: []bag{b}, edited: true})
}

// certificates reports a part in the clear with certificates, and only those.
func (s safe) certificates() bool {
	return s.clear && len(s.bags) > 0 && !slices.ContainsFunc(s.bags, func(b bag) bool { return !b.cert })
}

// remove takes bags out of the parts that are in the clear; a part that becomes empty by that goes, too.
func (p *pfx) remove(out func(Entry) bool) int {
	n := 0
	var parts []safe
	for _, s := range p.parts {
		before := len(s.bags)
		s.bags = slices.DeleteFunc(slices.Clone(s.bags), func(b bag) bool { return b.cert && b.trusted && out(b.entry) })
		gone := before - len(s.bags)
		n += gone
		s.edited = s.edited || gone > 0
		if gone == 0 || len(s.bags) > 0 {
			parts = append(parts, s)
		}
	}
	p.parts = parts
	return n
}

func (p *pfx) bytes() []byte {
	var parts [][]byte
	for _, s := range p.parts {
		if !s.edited {
			parts = append(parts, s.raw)
			continue
		}
		bags := make([][]byte, 0, len(s.bags))
		for _, b := range s.bags {
			bags = append(bags, b.raw)
		}
		parts = append(parts, dataContent(der(tagSequence, bags...)))
	}
	content := der(tagSequence, parts...)
	out := [][]byte{{tagInteger, 1, 3}, dataContent(content)}
	if p.mac != nil {
		out = append(out, p.mac.over(content, p.password))
	}
	return der(tagSequence, out...)
}

func dataContent(content []byte) []byte {
	return der(tagSequence, []byte(oidData), der(tagExplicit, der(tagOctets, content)))
}

func toBMP(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return b
}

func fromBMP(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units))
}
