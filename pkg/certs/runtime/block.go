package runtime

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
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

// holds reports whether the bundle has the certificate.
func holds(data []byte, f certs.Fingerprint) bool {
	return bundle.Find(data, f) != nil
}
