// Package input reads certificates of authorities as people have them: PEM with whatever stands between the blocks, DER, PKCS#7, PKCS#12 without keys.
//
// It says no to what must not be trusted or kept, with the reason and the line, and warns of what strict readers will not like. It opens no file and asks nobody:
// the caller has the bytes. Start at Read; Held is for certificates that a machine holds already.
package input

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// MaxSize is the largest input that is read, in bytes. All roots of the world's browsers together have a quarter of that.
const MaxSize = 1 << 20

// Options change what is accepted.
type Options struct {
	// Force accepts what is only unwise: what is no authority, not signed by itself, expired, or not yet valid. It then becomes a warning.
	Force bool
	// Now is the time at which certificates have to be valid.
	Now time.Time
}

// Refusal is a reason for which a certificate, or the whole input, is not taken.
type Refusal struct {
	// At is where: the input's name, with ":LINE" where there are lines; escaped for terminals.
	At string
	// Reason is a clause that follows At, escaped for terminals.
	Reason string
	// Forceable says that Options.Force accepts it.
	Forceable bool
}

func (r *Refusal) Error() string { return r.At + " " + r.Reason }

// block is one certificate, or what should be one, and where it was found.
type block struct {
	der  []byte
	at   string
	note string // a warning about how it came, "" for none
}

// Read returns the authorities in data, each once, in their order. name is the input's name in messages, such as the file's. The error is one *Refusal, or several
// joined: where any certificate of the input is refused, all of it is.
func Read(data []byte, name string, o Options) ([]certs.Authority, error) {
	name = redact.Terminal(name)
	blocks, err := split(data, name)
	if err != nil {
		return nil, err
	}
	if o.Now.IsZero() {
		return nil, errors.New("reading certificates needs the time")
	}
	var out []certs.Authority
	var refused []error
	seen := map[certs.Fingerprint]bool{}
	for _, b := range blocks {
		a, err := b.authority(o)
		switch {
		case err != nil:
			refused = append(refused, err)
		case !seen[a.Fingerprint]:
			seen[a.Fingerprint] = true
			out = append(out, a)
		}
	}
	if len(refused) > 0 {
		return nil, errors.Join(refused...)
	}
	return out, nil
}

// split finds out what the input is, and takes it apart.
func split(data []byte, name string) ([]block, error) {
	refuse := func(format string, args ...any) ([]block, error) {
		return nil, &Refusal{At: name, Reason: fmt.Sprintf(format, args...)}
	}
	if len(data) > MaxSize {
		return refuse("has more than 1 MiB: that is no file of authorities")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0:
		return refuse("is empty")
	case wide(data):
		return refuse("is UTF-16 text, as PowerShell's > writes it: iconv -f UTF-16 -t UTF-8 makes it readable")
	case bytes.Contains(data, []byte(armour)):
		return splitPEM(data, name)
	case text[0] == '<':
		return refuse("is a web page or XML, not a certificate: a download may have been answered by a login page")
	case bytes.HasPrefix(data, []byte("\xfe\xed\xfe\xed")):
		return refuse("is a Java keystore: keytool -exportcert -rfc -keystore FILE -alias NAME prints one of its certificates")
	case data[0] == 0x30:
		return splitDER(data, name)
	}
	if der, ok := base64Text(text); ok && der[0] == 0x30 {
		return splitDER(der, name)
	}
	return refuse("holds no certificate: neither PEM, nor DER, PKCS#7 or PKCS#12")
}

// wide recognises UTF-16, with a byte order mark or by the dashes and letters of PEM being every second byte.
func wide(data []byte) bool {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "-\x00-\x00-", "\x00-\x00-\x00-", "M\x00I\x00I\x00", "\x00M\x00I\x00I"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return true
		}
	}
	return false
}

// authority parses one certificate and judges it.
func (b block) authority(o Options) (certs.Authority, error) {
	cert, err := x509.ParseCertificate(b.der)
	if err != nil {
		return certs.Authority{}, &Refusal{At: b.at, Reason: "holds a certificate that Go programs, dockerd among them, cannot read: " + redact.Terminal(strings.TrimPrefix(err.Error(), "x509: "))}
	}
	a := certs.Authority{Fingerprint: certs.FingerprintOf(b.der), Cert: cert}
	if b.note != "" {
		a.Warnings = append(a.Warnings, b.note)
	}
	for _, r := range objections(cert, o.Now) {
		if !o.Force {
			return certs.Authority{}, &Refusal{At: b.at, Reason: r, Forceable: true}
		}
		a.Warnings = append(a.Warnings, r+" (--force)")
	}
	a.Warnings = append(a.Warnings, warnings(cert, o.Now)...)
	return a, nil
}
