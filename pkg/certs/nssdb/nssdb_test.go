package nssdb_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
)

// workshop is a database of NSS' own making.
type workshop struct {
	t   *testing.T
	dir string
}

func newWorkshop(t *testing.T) workshop {
	t.Helper()
	if _, err := exec.LookPath("certutil"); err != nil {
		t.Skip("no certutil on this machine; make test installs it as root on Debian")
	}
	w := workshop{t, t.TempDir()}
	w.certutil("-N", "--empty-password")
	return w
}

func (w workshop) certutil(args ...string) string {
	w.t.Helper()
	argv := append(args[:1:1], "-d", "sql:"+w.dir)
	out, err := exec.CommandContext(w.t.Context(), "certutil", append(argv, args[1:]...)...).CombinedOutput()
	assert.NilError(w.t, err, "%s", out)
	return string(out)
}

func (w workshop) data() []byte {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, nssdb.File))
	assert.NilError(w.t, err)
	return data
}

// add puts a certificate in; size is how much longer than usual it is.
func (w workshop) add(name, trust string, size int) []byte {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(w.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, PolicyIdentifiers: nil, ExtraExtensions: []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: bytes.Repeat([]byte{7}, size)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NilError(w.t, err)
	file := filepath.Join(w.t.TempDir(), "ca.pem")
	assert.NilError(w.t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	w.certutil("-A", "-t", trust, "-n", name, "-i", file)
	return der
}

// What certutil has put in and taken out is what is read: with its trust, over many pages, and without what is deleted and still stands in the file.
func TestAsCertutil(t *testing.T) {
	w := newWorkshop(t)
	got, err := nssdb.Read(w.data())
	assert.NilError(t, err)
	assert.Equal(t, len(got), 0)
	want := map[string][]byte{}
	for i := range 20 {
		name := fmt.Sprintf("authority %d", i)
		want[name] = w.add(name, "C,,", i*700)
	}
	large := w.add("large", "C,,", 200<<10)
	want["large"] = large
	want["seen only"] = w.add("seen only", ",,", 0)
	gone := w.add("gone", "C,,", 0)
	w.certutil("-D", "-n", "gone")
	assert.Assert(t, !strings.Contains(w.certutil("-L"), "gone"))

	got, err = nssdb.Read(w.data())
	assert.NilError(t, err)
	assert.Equal(t, len(got), len(want))
	for _, e := range got {
		assert.Assert(t, bytes.Equal(e.DER, want[e.Nickname]), e.Nickname)
		assert.Assert(t, !bytes.Equal(e.DER, gone))
		assert.Equal(t, e.Trusted, e.Nickname != "seen only", e.Nickname)
	}
	w.certutil("-M", "-n", "large", "-t", "p,,")
	got, err = nssdb.Read(w.data())
	assert.NilError(t, err)
	for _, e := range got {
		assert.Equal(t, e.Trusted, e.Nickname != "seen only" && e.Nickname != "large", e.Nickname)
	}
}

// What is no database is an error of one kind.
func TestRefuses(t *testing.T) {
	header := append([]byte("SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20"), make([]byte, 4096)...)
	wal := bytes.Clone(header)
	wal[18], wal[19] = 2, 2
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "does not begin"},
		{"another file", bytes.Repeat([]byte("x"), 500), "does not begin"},
		{"an empty page", header, "none of a table"},
		{"a log beside it", wal, "write-ahead log"},
		{"pages of no size", append([]byte("SQLite format 3\x00\x00\x07"), make([]byte, 200)...), "pages have 7 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := nssdb.Read(tt.data)
			assert.Assert(t, errors.Is(err, nssdb.ErrFormat))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

// FuzzRead: no bytes make it fail otherwise than with an error, or take more than they are worth.
func FuzzRead(f *testing.F) {
	f.Add([]byte("SQLite format 3\x00"), uint16(0), byte(0))
	page := make([]byte, 2048)
	copy(page, "SQLite format 3\x00\x02\x00\x01\x01\x00\x40\x20\x20")
	page[59], page[100], page[104] = 1, 13, 1 // UTF-8, a leaf with one cell
	page[108], page[109] = 1, 0x90
	sql := "CREATE TABLE nssPublic (id, a0, a3, a11)"
	cell := append([]byte{byte(8 + 16 + len(sql)), 1, 6, 23, 31, 31, 1, byte(13 + 2*len(sql))}, "tablenssPublicnssPublic\x02"+sql...)
	copy(page[400:], cell)
	page[512], page[516] = 13, 1
	page[520], page[521] = 1, 0x90
	copy(page[512+400:], []byte{15, 1, 5, 1, 20, 15, 16, 1, 0, 0, 0, 1, 'n', 'd', 'e'})
	f.Add(page, uint16(105), byte(9))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, b byte) {
		data = bytes.Clone(data)
		if int(at) < len(data) {
			data[at] ^= b
		}
		list, err := nssdb.Read(data)
		if err != nil && !errors.Is(err, nssdb.ErrFormat) {
			t.Fatal(err)
		}
		total := 0
		for _, e := range list {
			total += len(e.DER)
		}
		if total > len(data) {
			t.Fatalf("%d bytes of certificates in a file of %d", total, len(data))
		}
	})
}
