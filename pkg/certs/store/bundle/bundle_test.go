package bundle_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
)

// der is a DER sequence that is no certificate: nothing here looks into it.
func der(n int) []byte {
	value := bytes.Repeat([]byte{byte(n)}, 200)
	return append([]byte{0x30, 0x81, 200}, value...)
}

func block(n int) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der(n)}))
}

func print(n int) certs.Fingerprint { return certs.FingerprintOf(der(n)) }

func TestScan(t *testing.T) {
	crlf := strings.ReplaceAll(block(2), "\n", "\r\n")
	tests := []struct {
		name string
		data string
		want []int
	}{
		{"empty", "", nil},
		{"two", block(1) + block(2), []int{1, 2}},
		{"the same twice", block(1) + block(1), []int{1, 1}},
		{"comments and text between", "# one\n" + block(1) + "\nsome text\n\t\n" + block(2) + "end", []int{1, 2}},
		{"line ends of Windows", crlf + crlf, []int{2, 2}},
		{"no final newline", strings.TrimSuffix(block(1), "\n"), []int{1}},
		{"blanks at the ends of lines", strings.ReplaceAll(block(1), "\n", " \t\n"), []int{1}},
		{"a mark of the byte order hides the first block from OpenSSL and Go", "\ufeff" + block(1) + block(2), []int{2}},
		{"the other labels", strings.ReplaceAll(block(1), "CERTIFICATE", "X509 CERTIFICATE") + strings.ReplaceAll(block(2), "CERTIFICATE", "TRUSTED CERTIFICATE"), []int{1, 2}},
		{"keys and lists are no certificates", strings.ReplaceAll(block(1), "CERTIFICATE", "PRIVATE KEY") + strings.ReplaceAll(block(2), "CERTIFICATE", "X509 CRL"), nil},
		{"cut off, then whole", block(1)[:80] + "\n" + block(2), []int{2}},
		{"no end", block(1) + block(2)[:100], []int{1}},
		{"not at the beginning of a line", " " + block(1) + block(2), []int{2}},
		{"another label at the end", strings.Replace(block(1), "END CERTIFICATE", "END OTHER", 1) + block(2), []int{2}},
		{"text behind the end", strings.TrimSuffix(block(1), "\n") + "x\n" + block(2), []int{2}},
		{"no base64", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n" + block(2), []int{2}},
		{"nothing in it", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" + block(2), []int{2}},
		{"no sequence", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + block(2), []int{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []certs.Fingerprint
			for _, b := range bundle.Scan([]byte(tt.data)) {
				got = append(got, b.Fingerprint)
				assert.DeepEqual(t, certs.FingerprintOf(bundle.Find([]byte(tt.data), b.Fingerprint)), b.Fingerprint)
			}
			var want []certs.Fingerprint
			for _, n := range tt.want {
				want = append(want, print(n))
			}
			assert.DeepEqual(t, got, want)
			assert.Equal(t, len(bundle.Holds([]byte(tt.data))) > 0, len(want) > 0)
		})
	}
}

// What OpenSSL keeps behind a trusted certificate is not part of its fingerprint.
func TestTrusted(t *testing.T) {
	data := pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(der(1), 0x30, 2, 0x0c, 0)})
	got := bundle.Scan(data)
	assert.Equal(t, len(got), 1)
	assert.Equal(t, got[0].Fingerprint, print(1))
	assert.Assert(t, got[0].Trusted)
}

func TestAppendAndRemove(t *testing.T) {
	befores := []string{
		"", "\n", "# only a comment", "# comment\r", "a\r\nb", "a\r\n", block(1), strings.TrimSuffix(block(1), "\n"), "\ufeff" + block(1), block(1) + "\n\n",
		strings.ReplaceAll(block(1), "\n", "\r\n"), strings.TrimSuffix(strings.ReplaceAll(block(1), "\n", "\r\n"), "\r\n"), block(1)[:70], "\ufeff", block(1) + block(1) + "text",
	}
	for i, before := range befores {
		for _, comment := range []string{"", "# docker-proxy 123"} {
			t.Run(fmt.Sprintf("%d %s", i, comment), func(t *testing.T) {
				around, text := bundle.Around{}, block(7)
				if comment != "" {
					around.Marks = map[string]bool{comment: true}
					text = comment + "\n" + text
				}
				after := bundle.Append([]byte(before), []byte(text))
				assert.Assert(t, bytes.HasPrefix(after, []byte(before)))
				assert.Assert(t, bundle.Holds(after)[print(7)], "%q", after)
				again := bundle.Append(after, []byte(strings.ReplaceAll(text, block(7), block(8))))
				assert.Assert(t, bundle.Holds(again)[print(8)], "%q", again)
				cut := func(data []byte, n int) []byte {
					out, _ := bundle.Cut(data, around, func(b bundle.Block) bool { return b.Fingerprint == print(n) })
					return out
				}
				assert.Equal(t, string(cut(cut(again, 8), 7)), before)
				assert.Equal(t, string(cut(cut(again, 7), 8)), before)
				both, n := bundle.Cut(again, around, func(b bundle.Block) bool { return b.Fingerprint == print(7) || b.Fingerprint == print(8) })
				assert.Equal(t, string(both), before)
				assert.Equal(t, n, 2)
			})
		}
	}
}

func TestCutTakesWhatBelongsToABlock(t *testing.T) {
	comments := bundle.Around{Comments: map[string]bool{"# Ours": true}}
	tests := []struct {
		name, before, after string
		around              bundle.Around
	}{
		{"the first of several with comments", "# Ours\n" + block(7) + "\n# A\n" + block(1), "# A\n" + block(1), comments},
		{"one in the middle", "# A\n" + block(1) + "\n# Ours\n" + block(7) + "\n# B\n" + block(2), "# A\n" + block(1) + "\n# B\n" + block(2), comments},
		{"the last one", "# A\n" + block(1) + "\n# Ours\n" + block(7), "# A\n" + block(1), comments},
		{"the only one", "# Ours\n" + block(7), "", comments},
		{"another comment stays", "# Theirs\n" + block(7) + "\n# A\n" + block(1), "# Theirs\n\n# A\n" + block(1), comments},
		{"spaced", block(1) + "\n" + block(7) + "\n" + block(2) + "\n", block(1) + "\n" + block(2) + "\n", bundle.Around{Spaced: true}},
		{"nothing to do", block(1), block(1), comments},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := bundle.Cut([]byte(tt.before), tt.around, func(b bundle.Block) bool { return b.Fingerprint == print(7) })
			assert.Equal(t, string(got), tt.after)
		})
	}
}

// A file of nothing but beginnings, as large as any that is read: were it scanned once for each of them, this would not end before the test's own limit.
func TestScanIsLinear(t *testing.T) {
	for _, unit := range []string{"-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n", "-----BEGIN ", "-----END CERTIFICATE-----\n", "\n-----BEGIN CERTIFICATE-----\n-----END"} {
		assert.Equal(t, len(bundle.Scan(bytes.Repeat([]byte(unit), 16<<20/len(unit)))), 0)
	}
}

func TestCheck(t *testing.T) {
	assert.NilError(t, bundle.Check(nil))
	assert.NilError(t, bundle.Check([]byte(block(1))))
	assert.ErrorIs(t, bundle.Check([]byte("\xfe\xff\x00-")), bundle.ErrNotText)
}

func FuzzEdit(f *testing.F) {
	for _, seed := range []string{"", block(1), block(1) + "x", "\r", "\r\n", "a\nb\r", strings.ReplaceAll(block(1), "\n", "\r\n"), block(1)[:50], "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", block(7)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bundle.Holds(data)
		for at, b := 0, bundle.Scan(data); len(b) > 0; b = b[1:] {
			assert.Assert(t, b[0].Start >= at && b[0].End > b[0].Start && b[0].End <= len(data))
			at = b[0].End
		}
		if before[print(7)] {
			gone, n := bundle.Remove(data, print(7))
			assert.Assert(t, n > 0 && len(gone) < len(data))
			return
		}
		after := bundle.Append(data, []byte(block(7)))
		assert.Assert(t, bytes.HasPrefix(after, data))
		holds := bundle.Holds(after)
		assert.Assert(t, holds[print(7)], "%q", after)
		for one := range before {
			assert.Assert(t, holds[one], "a certificate is lost")
		}
		back, n := bundle.Remove(after, print(7))
		assert.Equal(t, n, 1)
		assert.Equal(t, string(back), string(data))
	})
}
