package input_test

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

func TestPrefix(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"digits", "0123abcd", "0123abcd"},
		{"capitals and colons, as OpenSSL prints it", "AB:CD:EF:01:23", "abcdef0123"},
		{"named", "sha256:ABCDEF01", "abcdef01"},
		{"too short", "abcdef0", ""},
		{"a file", "deadbeef.pem", ""},
		{"too long", strings.Repeat("a", 65), ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := input.Prefix(tt.text)
			assert.Equal(t, got, tt.want)
			assert.Equal(t, ok, tt.want != "")
		})
	}
}

// files is a tree of files that are read by name.
type files map[string][]byte

func (f files) Lstat(string) (tree.Entry, error)     { return tree.Entry{}, fs.ErrNotExist }
func (f files) ReadDir(string) ([]tree.Entry, error) { return nil, fs.ErrNotExist }
func (f files) ReadFile(name string) ([]byte, error) {
	if data, ok := f[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func TestHeld(t *testing.T) {
	w := newWorkshop(t)
	one, two := w.read("one.pem"), w.read("two.pem")
	t2 := files{"/bundle": append(append([]byte("# all\n"), one...), two...), "/two.der": w.openssl("x509", "-in", "two.pem", "-outform", "DER")}
	held := map[certs.Fingerprint][]string{}
	for _, data := range [][]byte{one, two} {
		got, err := input.Read(data, "x", input.Options{Now: time.Now()})
		assert.NilError(t, err)
		held[got[0].Fingerprint] = []string{"/gone", "/bundle"}
	}
	o := input.Options{Now: time.Now()}
	for _, name := range []string{"one", "two"} {
		got, err := input.Held(t2, held, w.fingerprint(name + ".pem")[:8], o)
		assert.NilError(t, err)
		assert.Equal(t, got[0].Cert.Subject.CommonName, name)
	}
	_, err := input.Held(t2, held, "00000000", o)
	assert.ErrorContains(t, err, "no certificate in this machine's trust store has a fingerprint that begins with 00000000")
	_, err = input.Held(t2, held, "", o)
	assert.ErrorContains(t, err, "several certificates")
	o.Now = o.Now.AddDate(9, 0, 0)
	_, err = input.Held(t2, held, w.fingerprint("one.pem"), o)
	assert.ErrorContains(t, err, `/bundle:2 holds "CN=one", which expired`)
}
