package runtime

import (
	"bytes"
	"encoding/pem"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// What we append to a bundle is between two lines of comment, which every reader of PEM passes over:
//
//	# docker-proxy begin <fingerprint> <subject>
//	-----BEGIN CERTIFICATE-----
//	…
//	# docker-proxy end <fingerprint>
//
// The first line says "begin+" when the bundle did not end in a newline and one was added before it, so that taking the block out gives the very bytes back. All of it is
// ASCII: certifi.contents() decodes its bundle as such.
const (
	beginMark   = "# docker-proxy begin "
	beginMarkNL = "# docker-proxy begin+ "
	endMark     = "# docker-proxy end "
)

// appendBlock puts the certificate at the end of a bundle.
func appendBlock(data []byte, a certs.Authority) []byte {
	out := bytes.Clone(data)
	mark := beginMark
	if len(data) > 0 && data[len(data)-1] != '\n' {
		out = append(out, '\n')
		mark = beginMarkNL
	}
	out = append(out, mark+a.Fingerprint.String()+" "+subject(a)+"\n"...)
	out = append(out, a.PEM()...)
	return append(out, endMark+a.Fingerprint.String()+"\n"...)
}

// subject is the subject of the certificate in one line of ASCII.
func subject(a certs.Authority) string {
	text := strconv.QuoteToASCII(a.Cert.Subject.String())
	return strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`)
}

// cutBlock takes our block with this certificate out of a bundle; false when there is none.
func cutBlock(data []byte, f certs.Fingerprint) ([]byte, bool) {
	start, added := lineWith(data, beginMark+f.String()), false
	if start < 0 {
		start, added = lineWith(data, beginMarkNL+f.String()), true
	}
	if start < 0 {
		return data, false
	}
	n := lineWith(data[start:], endMark+f.String())
	if n < 0 {
		return data, false
	}
	end := start + n
	if nl := bytes.IndexByte(data[end:], '\n'); nl >= 0 {
		end += nl + 1
	} else {
		end = len(data)
	}
	head, rest := data[:start], data[end:]
	if added && len(rest) == 0 {
		head = bytes.TrimSuffix(head, []byte("\n"))
	}
	if after, ok := bytes.CutPrefix(rest, []byte(beginMark)); ok && added { // the newline is before that block now
		rest = append([]byte(beginMarkNL), after...)
	}
	return append(bytes.Clone(head), rest...), true
}

// lineWith is where a line begins that begins with text, -1 for none.
func lineWith(data []byte, text string) int {
	for at := 0; at < len(data); {
		i := bytes.Index(data[at:], []byte(text))
		if i < 0 {
			return -1
		}
		if at += i; at == 0 || data[at-1] == '\n' {
			return at
		}
		at += len(text)
	}
	return -1
}

// certificate is one block of a bundle.
type certificate struct {
	fingerprint certs.Fingerprint
	start, end  int // in the bundle: from its BEGIN line to after its END line
}

const (
	pemBegin = "-----BEGIN CERTIFICATE-----"
	pemEnd   = "-----END CERTIFICATE-----"
)

// certificates reads the certificates of a bundle; what cannot be decoded is passed over, as OpenSSL does with other text.
func certificates(data []byte) []certificate {
	var out []certificate
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(pemBegin))
		if i < 0 {
			return out
		}
		start := at + i
		n := bytes.Index(data[start:], []byte(pemEnd))
		if n < 0 {
			return out
		}
		end := start + n + len(pemEnd)
		if last := bytes.LastIndex(data[start:end], []byte(pemBegin)); last > 0 { // a block that was never ended
			start += last
		}
		if end < len(data) && data[end] == '\r' {
			end++
		}
		if end < len(data) && data[end] == '\n' {
			end++
		}
		if block, _ := pem.Decode(data[start:end]); block != nil && len(block.Bytes) > 0 {
			out = append(out, certificate{fingerprint: certs.FingerprintOf(block.Bytes), start: start, end: end})
		}
		at = end
	}
}

// holds reports whether the bundle has the certificate.
func holds(data []byte, f certs.Fingerprint) bool {
	for _, c := range certificates(data) {
		if c.fingerprint == f {
			return true
		}
	}
	return false
}

// cutCertificate takes every block with this certificate out, whoever put it there; comments round it stay.
func cutCertificate(data []byte, f certs.Fingerprint) []byte {
	var out []byte
	at := 0
	for _, c := range certificates(data) {
		if c.fingerprint == f {
			out = append(out, data[at:c.start]...)
			at = c.end
		}
	}
	return append(out, data[at:]...)
}
