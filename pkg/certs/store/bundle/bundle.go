// Package bundle edits files with many PEM certificates without touching anything else in them: comments, line ends, order, broken blocks and duplicates stay.
//
// It parses no certificate, it hashes their bytes. It does not know which bundles there are (package store does). Start at Scan.
package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Block is one certificate in a bundle.
type Block struct {
	// Start is the offset of "-----BEGIN", End the one behind the line break that ends the block, or behind the block at the end of the file.
	Start, End  int
	Fingerprint certs.Fingerprint
	// Trusted says that it is OpenSSL's "TRUSTED CERTIFICATE": the fingerprint is that of the certificate in it, what is trusted stands behind it.
	Trusted bool
}

// ErrNotText is a file that holds NUL bytes: a keystore or a text in UTF-16, to which no PEM block can be added.
var ErrNotText = errors.New("is no text file")

// Check says whether data can be edited as a bundle; an error matches ErrNotText. An empty file can.
func Check(data []byte) error {
	if bytes.IndexByte(data, 0) >= 0 {
		return ErrNotText
	}
	return nil
}

const (
	beginLine = "-----BEGIN "
	endLine   = "-----END "
	dashes    = "-----"
)

// Scan returns the certificates of data in their order. A block counts when OpenSSL and Go read it: it begins at the beginning of a line, ends with the same label,
// and its base64 holds one DER element; anything else is skipped, as they do.
func Scan(data []byte) []Block {
	var out []Block
	var scratch []byte
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(beginLine))
		if i < 0 {
			return out
		}
		start := at + i
		at = start + len(beginLine)
		if start > 0 && data[start-1] != '\n' {
			continue
		}
		b, ok := block(data, start, &scratch)
		if !ok {
			continue
		}
		out = append(out, b)
		at = b.End
	}
}

// block reads the block at start; scratch is where its bytes are decoded, kept from one to the next.
func block(data []byte, start int, scratch *[]byte) (Block, bool) {
	line := data[start+len(beginLine):]
	n := bytes.IndexByte(line, '\n')
	if n < 0 {
		return Block{}, false
	}
	label, ok := bytes.CutSuffix(bytes.TrimRight(line[:n], " \t\r"), []byte(dashes))
	if !ok || !isCertificate(label) {
		return Block{}, false
	}
	body := start + len(beginLine) + n + 1
	// The end is looked for up to the next beginning only: a block that is cut off does not swallow the next one, and many beginnings cost no more than one pass.
	limit := len(data)
	if next := bytes.Index(data[body:], []byte(beginLine)); next >= 0 {
		limit = body + next
	}
	end := bytes.Index(data[body:limit], []byte(endLine))
	if end < 0 {
		return Block{}, false
	}
	end += body
	tail := data[end+len(endLine):]
	if !bytes.HasPrefix(tail, label) || !bytes.HasPrefix(tail[len(label):], []byte(dashes)) || end > body && data[end-1] != '\n' {
		return Block{}, false
	}
	stop := end + len(endLine) + len(label) + len(dashes)
	rest := data[stop:]
	if n = bytes.IndexByte(rest, '\n'); n < 0 {
		n = len(rest)
	} else {
		n++
	}
	if len(bytes.Trim(rest[:n], " \t\r\n")) != 0 {
		return Block{}, false
	}
	der, ok := decode(data[body:end], scratch)
	if !ok {
		return Block{}, false
	}
	return Block{Start: start, End: stop + n, Fingerprint: certs.FingerprintOf(der), Trusted: string(label) == "TRUSTED CERTIFICATE"}, true
}

// isCertificate has the three labels under which PEM_X509_INFO_read_bio takes a certificate.
func isCertificate(label []byte) bool {
	switch string(label) {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return true
	}
	return false
}

// decode gives the first DER element of a base64 text; what stands behind it is OpenSSL's record of what is trusted.
func decode(text []byte, scratch *[]byte) ([]byte, bool) {
	if need := base64.StdEncoding.DecodedLen(len(text)); cap(*scratch) < need {
		*scratch = make([]byte, need)
	}
	raw := (*scratch)[:cap(*scratch)]
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil { // blanks at the ends of lines are read by OpenSSL
		n, err = base64.StdEncoding.Decode(raw, bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(" "), nil), []byte("\t"), nil))
	}
	if err != nil {
		return nil, false
	}
	size, ok := elementSize(raw[:n])
	return raw[:size], ok
}

// elementSize is the length of the SEQUENCE at the beginning of der with its header (X.690, 8.1.3, definite lengths).
func elementSize(der []byte) (int, bool) {
	if len(der) < 2 || der[0] != 0x30 {
		return 0, false
	}
	size, head := int(der[1]), 2
	if der[1] >= 0x80 {
		count := int(der[1] & 0x7f)
		if count == 0 || count > 3 || len(der) < 2+count {
			return 0, false
		}
		size = 0
		for _, b := range der[2 : 2+count] {
			size = size<<8 | int(b)
		}
		head += count
	}
	if size == 0 || len(der) < head+size {
		return 0, false
	}
	return head + size, true
}

// Holds reports the certificates of data, for look-ups.
func Holds(data []byte) map[certs.Fingerprint]bool {
	out := map[certs.Fingerprint]bool{}
	for _, b := range Scan(data) {
		out[b.Fingerprint] = true
	}
	return out
}

// Find gives the DER bytes of a certificate that data holds, nil when it does not.
func Find(data []byte, f certs.Fingerprint) []byte {
	for _, b := range Scan(data) {
		if b.Fingerprint != f {
			continue
		}
		text := data[b.Start:b.End]
		text = text[bytes.IndexByte(text, '\n')+1:]
		var scratch []byte
		der, _ := decode(text[:bytes.Index(text, []byte(endLine))], &scratch)
		return der
	}
	return nil
}

// DER gives the fingerprint of a file that is one DER element and nothing else, which p11-kit takes as an anchor too.
func DER(data []byte) (certs.Fingerprint, bool) {
	size, ok := elementSize(data)
	if !ok || size != len(data) {
		return certs.Fingerprint{}, false
	}
	return certs.FingerprintOf(data), true
}
