package strict_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/strict"
)

// errorNames are the names of OpenSSL's errors (x509_vfy.h).
func errorNames() map[string]string {
	return map[string]string{
		"79": "INVALID_CA", "80": "PATHLEN_INVALID_FOR_NON_CA", "81": "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", "82": "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", "83": "ISSUER_NAME_EMPTY",
		"84": "SUBJECT_NAME_EMPTY", "85": "MISSING_AUTHORITY_KEY_IDENTIFIER", "86": "MISSING_SUBJECT_KEY_IDENTIFIER", "87": "EMPTY_SUBJECT_ALT_NAME", "88": "EMPTY_SUBJECT_SAN_NOT_CRITICAL",
		"89": "CA_BCONS_NOT_CRITICAL", "92": "CA_CERT_MISSING_KEY_USAGE",
	}
}

// made is one certificate and its key.
type made struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate of nothing but these extensions, signed by another one or by itself.
func issue(t *testing.T, subject string, by *made, extensions ...pkix.Extension) made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), ExtraExtensions: extensions}
	if subject != "" {
		template.Subject = pkix.Name{CommonName: subject}
	}
	issuer := by
	if by == nil {
		issuer = &made{&x509.Certificate{Subject: template.Subject}, key}
	}
	parent := &x509.Certificate{RawSubject: issuer.cert.RawSubject, Subject: issuer.cert.Subject} // without a key identifier, which would make one of the authority's
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, issuer.key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return made{cert, key}
}

func ext(t *testing.T, number int, critical bool, value any) pkix.Extension {
	t.Helper()
	der, ok := value.([]byte)
	if !ok {
		var err error
		der, err = asn1.Marshal(value)
		assert.NilError(t, err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, number}, Critical: critical, Value: der}
}

// The parts of certificates, by the numbers of RFC 5280.
type parts struct{ t *testing.T }

func (p parts) ca(critical bool) pkix.Extension {
	return ext(p.t, 19, critical, struct{ CA bool }{true})
}
func (p parts) caDepth(depth int) pkix.Extension {
	return ext(p.t, 19, true, struct {
		CA    bool
		Depth int
	}{true, depth})
}
func (p parts) noCA() pkix.Extension { return ext(p.t, 19, true, struct{}{}) }
func (p parts) usage(bits byte) pkix.Extension {
	return ext(p.t, 15, true, asn1.BitString{Bytes: []byte{bits}, BitLength: 8})
}
func (p parts) subjectKey() pkix.Extension { return ext(p.t, 14, false, []byte{4, 4, 1, 2, 3, 4}) }
func (p parts) authorityKey() pkix.Extension {
	return ext(p.t, 35, false, []byte{0x30, 6, 0x80, 4, 1, 2, 3, 4})
}
func (p parts) authorityName() pkix.Extension { return ext(p.t, 35, false, []byte{0x30, 0}) }
func (p parts) names(critical bool) pkix.Extension {
	return ext(p.t, 17, critical, append([]byte{0x30, 8, 0x82, 6}, "a.corp"...))
}
func (p parts) noNames() pkix.Extension { return ext(p.t, 17, false, []byte{0x30, 0}) }

const (
	certSign = 0x04
	crlSign  = 0x02
	digital  = 0x80
)

// A chain breaks for Check exactly the rules that it breaks for `openssl verify -x509_strict`.
func TestAsOpenSSL(t *testing.T) {
	p := parts{t}
	root := issue(t, "root", nil, p.ca(true), p.usage(certSign), p.subjectKey())
	between := issue(t, "between", &root, p.ca(true), p.usage(certSign), p.subjectKey(), p.authorityKey())
	noKeys := issue(t, "no key identifiers", &root, p.ca(true), p.usage(certSign))
	loose := issue(t, "loose root", nil, p.ca(false))
	nobody := issue(t, "no authority", &root, p.usage(certSign), p.subjectKey(), p.authorityKey())
	deep := issue(t, "deep", &root, p.caDepth(3), p.subjectKey(), p.authorityKey())
	depthOnly := issue(t, "depth and no certSign", nil, p.caDepth(3), p.subjectKey())
	nameless := issue(t, "", nil, p.ca(true), p.usage(certSign), p.subjectKey())
	tests := []struct {
		name  string
		chain []made // the server's own first, the root last
		want  []string
	}{
		{"as it should be", []made{issue(t, "a", &root, p.names(false), p.authorityKey()), root}, nil},
		{"with an authority between", []made{issue(t, "a", &between, p.names(false), p.authorityKey(), p.usage(digital)), between, root}, nil},
		{"as squid makes them", []made{issue(t, "a", &root, p.names(false), p.noCA()), root}, []string{"0 MISSING_AUTHORITY_KEY_IDENTIFIER"}},
		{"an identifier without a key", []made{issue(t, "a", &root, p.names(false), p.authorityName()), root}, []string{"0 MISSING_AUTHORITY_KEY_IDENTIFIER"}},
		{"an authority without identifiers", []made{issue(t, "a", &noKeys, p.names(false), p.authorityKey()), noKeys, root}, []string{"1 MISSING_AUTHORITY_KEY_IDENTIFIER", "1 MISSING_SUBJECT_KEY_IDENTIFIER"}},
		{
			"a root of the old kind", []made{issue(t, "a", &loose, p.names(false), p.authorityKey()), loose},
			[]string{"1 CA_BCONS_NOT_CRITICAL", "1 CA_CERT_MISSING_KEY_USAGE", "1 MISSING_SUBJECT_KEY_IDENTIFIER"},
		},
		{"a server that may sign", []made{issue(t, "a", &root, p.names(false), p.authorityKey(), p.noCA(), p.usage(certSign)), root}, []string{"0 KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA"}},
		{"an authority by its usage alone", []made{issue(t, "a", &nobody, p.names(false), p.authorityKey()), nobody, root}, []string{"1 INVALID_CA", "1 KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA"}},
		{"a path length without usage", []made{issue(t, "a", &deep, p.names(false), p.authorityKey()), deep, root}, []string{"1 CA_CERT_MISSING_KEY_USAGE", "1 PATHLEN_WITHOUT_KU_KEY_CERT_SIGN"}},
		{"a root with a path length without usage", []made{issue(t, "a", &depthOnly, p.names(false), p.authorityKey()), depthOnly}, []string{"1 CA_CERT_MISSING_KEY_USAGE", "1 PATHLEN_WITHOUT_KU_KEY_CERT_SIGN"}},
		{"nothing about its names", []made{issue(t, "", &root, p.authorityKey()), root}, []string{"0 SUBJECT_NAME_EMPTY"}},
		{"names that are not critical", []made{issue(t, "", &root, p.names(false), p.authorityKey()), root}, []string{"0 EMPTY_SUBJECT_SAN_NOT_CRITICAL"}},
		{"names that are", []made{issue(t, "", &root, p.names(true), p.authorityKey()), root}, nil},
		{"a server that signs lists", []made{issue(t, "", &root, p.names(true), p.authorityKey(), p.usage(crlSign)), root}, []string{"0 SUBJECT_NAME_EMPTY"}},
		{"no name in its names", []made{issue(t, "a", &root, p.noNames(), p.authorityKey()), root}, []string{"0 EMPTY_SUBJECT_ALT_NAME"}},
		{"a root without a name", []made{issue(t, "a", &nameless, p.names(false), p.authorityKey()), nameless}, []string{"0 ISSUER_NAME_EMPTY", "1 ISSUER_NAME_EMPTY", "1 SUBJECT_NAME_EMPTY"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{}
			var presented []*x509.Certificate
			for _, m := range tt.chain[:len(tt.chain)-1] {
				presented = append(presented, m.cert)
			}
			end := tt.chain[len(tt.chain)-1].cert
			for _, b := range strict.Check(presented, end) {
				got = append(got, fmt.Sprintf("%d %s", b.Index, b.Name))
			}
			slices.Sort(got)
			assert.DeepEqual(t, got, append([]string{}, tt.want...))
			assert.DeepEqual(t, got, verify(t, tt.chain))
			assert.Equal(t, strict.Sentence(presented, end) == "", len(tt.want) == 0)
		})
	}
}

// verify asks the tool.
func verify(t *testing.T, chain []made) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, list []made) string {
		var text []byte
		for _, m := range list {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.cert.Raw})...)
		}
		name = filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(name, text, 0o600))
		return name
	}
	last := len(chain) - 1
	argv := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", file("root", chain[last:])}
	if last > 1 {
		argv = append(argv, "-untrusted", file("between", chain[1:last]))
	}
	text, err := exec.CommandContext(t.Context(), "openssl", append(argv, file("server", chain[:1]))...).CombinedOutput()
	out := []string{}
	for _, m := range regexp.MustCompile(`error (\d+) at (\d+) depth`).FindAllStringSubmatch(string(text), -1) {
		name := errorNames()[m[1]]
		assert.Assert(t, name != "", "%s", text)
		out = append(out, m[2]+" "+name)
	}
	assert.Equal(t, err == nil, len(out) == 0, "%s", text)
	slices.Sort(out)
	return out
}

// What a server presents without its root, in any order and with more than belongs there, is judged by the path through it.
func TestPresented(t *testing.T) {
	p := parts{t}
	root := issue(t, "root", nil, p.ca(true), p.usage(certSign), p.subjectKey())
	between := issue(t, "the one \x1b[1m between", &root, p.ca(true), p.usage(certSign), p.subjectKey())
	other := issue(t, "other", nil, p.ca(false))
	server := issue(t, "a", &between, p.names(false), p.authorityKey())
	tests := []struct {
		name      string
		presented []made
		want      string
	}{
		{"nothing", nil, ""},
		{"signed by itself", []made{other}, ""},
		{"the server's own alone", []made{server}, ""},
		{"a mixture", []made{server, other, root, between}, "has no authorityKeyIdentifier"},
		{"without the root", []made{server, between}, "has no authorityKeyIdentifier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var list []*x509.Certificate
			for _, m := range tt.presented {
				list = append(list, m.cert)
			}
			said := strict.Sentence(list, nil)
			assert.Equal(t, said != "", tt.want != "", said)
			assert.Assert(t, strings.HasSuffix(said, tt.want), said)
			assert.Assert(t, !strings.Contains(said, "other") && !strings.Contains(said, "\x1b"), said)
		})
	}
}
