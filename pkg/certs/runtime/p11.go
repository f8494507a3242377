package runtime

import (
	"crypto/x509"
	"strings"
)

// p11Alias is the alias that p11-kit's java-cacerts extractor gives a certificate: its label, which for a file without one is the common name, else the
// organizational unit, else the organization, in lower case and without anything but printable ASCII (p11-kit trust/extract-jks.c convert_alias).
func p11Alias(c *x509.Certificate) string {
	label := c.Subject.CommonName
	for _, list := range [][]string{c.Subject.OrganizationalUnit, c.Subject.Organization} {
		if label == "" && len(list) > 0 {
			label = list[0]
		}
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, label))
}
