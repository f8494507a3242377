package input

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// MinDigits is how much of a fingerprint has to be given: 32 bits tell any two of the world's roots apart.
const MinDigits = 8

// Prefix reads the beginning of a fingerprint, at least 8 hexadecimal digits, in either case, with or without colons, and with or without "sha256:" in front. The result is
// lower-case digits without colons; ok is false for anything else, such as a file's name.
func Prefix(text string) (digits string, ok bool) {
	s := strings.ToLower(text)
	for _, front := range []string{"sha256:", "sha256 fingerprint=", "sha256="} {
		s = strings.TrimPrefix(s, front)
	}
	s = strings.ReplaceAll(s, ":", "")
	if len(s) < MinDigits || len(s) > 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	return s, true
}

// Match returns the fingerprints of which digits, as of Prefix, are the beginning; sorted.
func Match[V any](held map[certs.Fingerprint]V, digits string) []certs.Fingerprint {
	var out []certs.Fingerprint
	for f := range maps.Keys(held) {
		if strings.HasPrefix(f.String(), digits) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b certs.Fingerprint) int { return cmp.Compare(a.String(), b.String()) })
	return out
}

// Held finds the authority whose fingerprint begins with digits among the certificates that a machine holds: held tells their files, as the stores of package store do. The
// errors say that there is none or that there are several; a certificate that is found is judged like any other input.
func Held(t tree.Tree, held map[certs.Fingerprint][]string, digits string, o Options) ([]certs.Authority, error) {
	found := Match(held, digits)
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no certificate in this machine's trust store has a fingerprint that begins with %s", digits)
	case 1:
	default:
		var all []string
		for _, f := range found {
			all = append(all, f.String())
		}
		return nil, fmt.Errorf("%s begins the fingerprints of several certificates of this machine's trust store: %s", digits, strings.Join(all, ", "))
	}
	for _, name := range held[found[0]] {
		data, err := t.ReadFile(name)
		if err != nil {
			continue
		}
		if der, line := pick(data, found[0]); der != nil {
			if line > 0 {
				name = at(name, line)
			}
			return Read(der, name, o)
		}
	}
	return nil, fmt.Errorf("the certificate %s is in %s, but cannot be read from there", found[0].Short(), strings.Join(held[found[0]], ", "))
}

// pick finds one certificate in a bundle, by its hash.
func pick(data []byte, f certs.Fingerprint) (der []byte, line int) {
	if certs.FingerprintOf(data) == f {
		return data, 0
	}
	for _, b := range pemBlocks(data) {
		der, err := base64.StdEncoding.DecodeString(b.body.String())
		if err == nil && certs.FingerprintOf(der) == f {
			return der, b.line
		}
	}
	return nil, 0
}
