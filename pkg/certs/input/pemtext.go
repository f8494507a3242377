package input

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// armour begins every block of PEM (RFC 7468, section 2).
const armour = "-----BEGIN "

// pemBlock is one block as it stands in the text.
type pemBlock struct {
	kind  string // between BEGIN and the dashes
	line  int    // of its BEGIN
	body  strings.Builder
	ended bool
	bad   string // what is wrong with it, "" for nothing
}

// splitPEM takes text apart. encoding/pem skips in silence what it cannot read; here it has a line and a reason, since a certificate that is left out is one that will be missed.
// Indented blocks, as they are copied out of YAML, are read like others.
func splitPEM(data []byte, name string) ([]block, error) {
	blocks := pemBlocks(data)
	for _, b := range blocks { // before everything else, also when the block is damaged
		if strings.HasSuffix(b.kind, "PRIVATE KEY") || strings.HasSuffix(b.kind, "PRIVATE KEY BLOCK") {
			return nil, &Refusal{At: at(name, b.line), Reason: privateKey}
		}
	}
	var out []block
	var others []string
	for _, b := range blocks {
		found, other, err := b.certificates(at(name, b.line))
		if err != nil {
			return nil, err
		}
		if other {
			others = append(others, redact.Terminal(b.kind))
		}
		out = append(out, found...)
	}
	if len(out) == 0 && len(others) > 0 {
		return nil, &Refusal{At: name, Reason: fmt.Sprintf("holds no certificate, only %s", strings.Join(others, ", "))}
	}
	if len(out) == 0 {
		return nil, &Refusal{At: name, Reason: "holds no certificate"}
	}
	return out, nil
}

// privateKey is the reason for which nothing of an input is taken, whatever else it holds.
const privateKey = "holds a private key, which has no place in a trust store and must not leave the machine it belongs to: give the certificate alone"

func at(name string, line int) string { return fmt.Sprintf("%s:%d", name, line) }

// certificates are those of one block; other says that it is of a kind that has none.
func (b *pemBlock) certificates(at string) (found []block, other bool, err error) {
	switch b.kind {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "CMS", "PKCS #7 SIGNED DATA":
	default:
		return nil, true, nil
	}
	switch {
	case b.bad != "":
		return nil, false, &Refusal{At: at, Reason: b.bad}
	case !b.ended:
		return nil, false, &Refusal{At: at, Reason: "begins a certificate that has no end: the file is cut off"}
	}
	der, err := base64.StdEncoding.DecodeString(b.body.String())
	if err != nil || len(der) == 0 {
		return nil, false, &Refusal{At: at, Reason: "begins a certificate that is damaged: its text is not base64"}
	}
	if b.kind == "TRUSTED CERTIFICATE" {
		var first asn1.RawValue // what follows are OpenSSL's own settings (openssl-x509(1), TRUST SETTINGS)
		if _, err := asn1.Unmarshal(der, &first); err == nil {
			return []block{{der: first.FullBytes, at: at, note: "the trust settings of its TRUSTED CERTIFICATE block are left out"}}, false, nil
		}
	}
	// Windows exports PKCS#7 under the name of a certificate, too.
	if certs, ok := pkcs7Certificates(der); ok {
		if len(certs) == 0 {
			return nil, true, nil
		}
		for _, c := range certs {
			found = append(found, block{der: c, at: at})
		}
		return found, false, nil
	}
	if b.kind == "CERTIFICATE" || b.kind == "X509 CERTIFICATE" || b.kind == "TRUSTED CERTIFICATE" {
		return []block{{der: der, at: at}}, false, nil
	}
	return nil, false, &Refusal{At: at, Reason: "begins a PKCS#7 block that cannot be read"}
}

// pemBlocks finds all blocks of a text, also those without an end.
func pemBlocks(data []byte) []*pemBlock {
	var out []*pemBlock
	var open *pemBlock
	line := 0
	for raw := range bytes.Lines(data) {
		for _, part := range bytes.Split(bytes.TrimRight(raw, "\n"), []byte("\r")) { // old text files end lines so
			text := strings.Trim(string(part), " \t\v\f")
			if kind, ok := cutArmour(text, armour); ok {
				if open != nil {
					open.bad = "begins a certificate that has no end before the next one"
				}
				open = &pemBlock{kind: kind, line: line + 1}
				out = append(out, open)
			} else if kind, ok := cutArmour(text, "-----END "); ok && open != nil {
				if open.ended = true; kind != open.kind {
					open.bad = "begins a block whose end has another name"
				}
				open = nil
			} else if open != nil && !strings.Contains(text, ":") { // headers as of RFC 1421
				open.body.WriteString(text)
			}
		}
		line++
	}
	return out
}

func cutArmour(line, prefix string) (kind string, ok bool) {
	rest, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "-----")
}

// base64Text reads DER that somebody copied without the lines round it.
func base64Text(text []byte) ([]byte, bool) {
	der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	return der, err == nil && len(der) > 0
}
