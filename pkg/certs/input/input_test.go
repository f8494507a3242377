package input_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
)

// openssl runs the tool in a directory of its own and returns what it printed.
type workshop struct {
	t   *testing.T
	dir string
}

func (w workshop) openssl(args ...string) []byte {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "openssl", args...)
	cmd.Dir = w.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(w.t, err, "%v: %s", args, stderr.String())
	return out
}

func (w workshop) read(name string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	assert.NilError(w.t, err)
	return data
}

func (w workshop) write(name string, data []byte) {
	w.t.Helper()
	assert.NilError(w.t, os.WriteFile(filepath.Join(w.dir, name), data, 0o600))
}

// root makes NAME.key and a self-signed NAME.pem.
func (w workshop) root(name string, more ...string) []byte {
	w.t.Helper()
	kind := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}
	if slices.Contains(more, "-newkey") {
		kind = nil
	}
	w.openssl(append(append([]string{"req", "-x509"}, kind...), append([]string{"-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name, "-days", "400"}, more...)...)...)
	return w.read(name + ".pem")
}

var ca = []string{"-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"}

// newWorkshop has the roots "one" and "two", which nobody can object to, and the server "proxy" that one has signed.
func newWorkshop(t *testing.T) workshop {
	t.Helper()
	w := workshop{t, t.TempDir()}
	// openssl's own configuration adds extensions that -addext then doubles.
	w.write("openssl.cnf", []byte("[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nsubjectKeyIdentifier=hash\n"))
	t.Setenv("OPENSSL_CONF", filepath.Join(w.dir, "openssl.cnf"))
	w.root("one", ca...)
	w.root("two", ca...)
	w.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "proxy.key", "-out", "proxy.csr", "-subj", "/CN=proxy.corp")
	w.write("proxy.ext", []byte("subjectAltName=DNS:proxy.corp\n"))
	w.openssl("x509", "-req", "-in", "proxy.csr", "-CA", "one.pem", "-CAkey", "one.key", "-CAcreateserial", "-out", "proxy.pem", "-days", "30", "-extfile", "proxy.ext")
	return w
}

// fingerprint is OpenSSL's own answer.
func (w workshop) fingerprint(name string) string {
	out := string(w.openssl("x509", "-in", name, "-noout", "-fingerprint", "-sha256"))
	_, hex, _ := strings.Cut(strings.TrimSpace(out), "=")
	return strings.ToLower(strings.ReplaceAll(hex, ":", ""))
}

func utf16Text(text []byte, mark bool) []byte {
	var out []byte
	if mark {
		out = binary.LittleEndian.AppendUint16(out, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(string(text))) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// Every form OpenSSL writes is read, and the certificates are those OpenSSL says are in it.
func TestForms(t *testing.T) {
	w := newWorkshop(t)
	one, two := w.read("one.pem"), w.read("two.pem")
	der := w.openssl("x509", "-in", "one.pem", "-outform", "DER")
	dump := w.openssl("x509", "-in", "one.pem", "-text")
	w.write("both.pem", append(append([]byte{}, one...), two...))
	bag := func(file string, args ...string) []byte {
		w.openssl(append([]string{"pkcs12", "-export", "-nokeys", "-in", file, "-out", "x.p12"}, args...)...)
		return w.read("x.p12")
	}
	indent := func(data []byte) []byte {
		return []byte("ca: |\n    " + strings.ReplaceAll(string(data), "\n", "\n    "))
	}
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"PEM", one, []string{"one"}},
		{"PEM with text before, between and after", bytes.Join([][]byte{[]byte("Bag Attributes\n friendlyName: x\n"), dump, []byte("junk: 1\n-----\n"), two, []byte("\nend")}, nil), []string{"one", "two"}},
		{"the same one twice", append(append([]byte{}, one...), one...), []string{"one"}},
		{"lines end as on Windows", bytes.ReplaceAll(one, []byte("\n"), []byte("\r\n")), []string{"one"}},
		{"lines end as on old Macs", bytes.ReplaceAll(one, []byte("\n"), []byte("\r")), []string{"one"}},
		{"no newline at the end", bytes.TrimSpace(one), []string{"one"}},
		{"byte order mark of UTF-8", append([]byte("\xef\xbb\xbf"), one...), []string{"one"}},
		{"indented", indent(one), []string{"one"}},
		{"trusted certificate", w.openssl("x509", "-in", "one.pem", "-trustout", "-addtrust", "serverAuth"), []string{"one"}},
		{"DER", der, []string{"one"}},
		{"DER twice", append(append([]byte{}, der...), w.openssl("x509", "-in", "two.pem", "-outform", "DER")...), []string{"one", "two"}},
		{"base64 alone", []byte(base64.StdEncoding.EncodeToString(der)), []string{"one"}},
		{"PKCS#7 as PEM", w.openssl("crl2pkcs7", "-nocrl", "-certfile", "both.pem"), []string{"one", "two"}},
		{"PKCS#7 as DER", w.openssl("crl2pkcs7", "-nocrl", "-certfile", "both.pem", "-outform", "DER"), []string{"one", "two"}},
		{"PKCS#7 under the name of a certificate", bytes.ReplaceAll(w.openssl("crl2pkcs7", "-nocrl", "-certfile", "both.pem"), []byte("PKCS7"), []byte("CERTIFICATE")), []string{"one", "two"}},
		{"PKCS#12, empty password", bag("both.pem", "-passout", "pass:"), []string{"one", "two"}},
		{"PKCS#12, nothing encrypted", bag("one.pem", "-passout", "pass:", "-certpbe", "NONE", "-nomac"), []string{"one"}},
		{"PKCS#12, as before OpenSSL 3", bag("one.pem", "-passout", "pass:", "-legacy"), []string{"one"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := input.Read(tt.data, "ca.pem", input.Options{Now: time.Now()})
			assert.NilError(t, err)
			var names []string
			for _, a := range got {
				name := a.Cert.Subject.CommonName
				names = append(names, name)
				assert.Equal(t, a.Fingerprint.String(), w.fingerprint(name+".pem"))
				assert.Equal(t, string(a.PEM()), string(w.read(name+".pem")), "our PEM is OpenSSL's")
				if tt.name != "trusted certificate" {
					assert.Equal(t, len(a.Warnings), 0, "%v", a.Warnings)
				}
			}
			assert.DeepEqual(t, names, tt.want)
		})
	}
}

// What must not be taken is refused with the line and the reason, --force or not.
func TestRefused(t *testing.T) {
	w := newWorkshop(t)
	one := w.read("one.pem")
	key := w.read("one.key")
	both := append(append([]byte{}, one...), key...)
	lines := bytes.Count(one, []byte("\n"))
	w.openssl("pkcs12", "-export", "-in", "one.pem", "-inkey", "one.key", "-passout", "pass:x", "-out", "key.p12")
	w.openssl("pkcs12", "-export", "-in", "one.pem", "-inkey", "one.key", "-passout", "pass:", "-keypbe", "NONE", "-out", "plainkey.p12")
	w.openssl("pkcs12", "-export", "-in", "one.pem", "-nokeys", "-passout", "pass:x", "-out", "locked.p12")
	cut := one[:len(one)/2]
	damaged := bytes.Replace(one, []byte("MII"), []byte("M!I"), 1)
	flipped := []byte(strings.Replace(string(one), "\nMII", "\nMIJ", 1))
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"private key after the certificate", both, "ca.pem:" + strconv.Itoa(lines+1) + " holds a private key"},
		{"encrypted key", w.openssl("pkey", "-in", "one.key", "-aes128", "-passout", "pass:x"), "ca.pem:1 holds a private key"},
		{"key that is cut off", append(append([]byte{}, one...), key[:60]...), "holds a private key"},
		{"key of another kind", []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"), "ca.pem:1 holds a private key"},
		{"indented key", []byte("key: |\n  " + strings.ReplaceAll(string(key), "\n", "\n  ")), "ca.pem:2 holds a private key"},
		{"key as DER", w.openssl("pkey", "-in", "one.key", "-outform", "DER"), "ca.pem holds a private key"},
		{"key as DER of its own kind", w.openssl("ec", "-in", "one.key", "-outform", "DER"), "ca.pem holds a private key"},
		{"encrypted key as DER", w.openssl("pkcs8", "-topk8", "-in", "one.key", "-outform", "DER", "-passout", "pass:x"), "ca.pem holds a private key"},
		{"PKCS#12 with a key and a password", w.read("key.p12"), "ca.pem holds a private key"},
		{"PKCS#12 with a key in the open", w.read("plainkey.p12"), "ca.pem holds a private key"},
		{"PKCS#12 with a password", w.read("locked.p12"), "ca.pem is PKCS#12 with a password: openssl pkcs12"},
		{"empty", nil, "ca.pem is empty"},
		{"blanks", []byte(" \n\n"), "ca.pem is empty"},
		{"too large", append(bytes.Repeat([]byte("#\n"), input.MaxSize/2), one...), "ca.pem has more than 1 MiB"},
		{"UTF-16", utf16Text(one, true), "ca.pem is UTF-16 text"},
		{"UTF-16 without a mark", utf16Text(one, false), "ca.pem is UTF-16 text"},
		{"cut off", append([]byte("# x\n"), cut...), "ca.pem:2 begins a certificate that has no end: the file is cut off"},
		{"cut off, and another one", append(append([]byte{}, cut...), append([]byte("\n"), one...)...), "ca.pem:1 begins a certificate that has no end before the next one"},
		{"damaged", damaged, "ca.pem:1 begins a certificate that is damaged: its text is not base64"},
		{"damaged inside", flipped, "ca.pem:1 holds a certificate that Go programs, dockerd among them, cannot read"},
		{"request", w.read("proxy.csr"), "ca.pem holds no certificate, only CERTIFICATE REQUEST"},
		{"request as DER", w.openssl("req", "-in", "proxy.csr", "-outform", "DER"), "ca.pem is a certificate request"},
		{"public key", w.openssl("pkey", "-in", "one.key", "-pubout"), "ca.pem holds no certificate, only PUBLIC KEY"},
		{"web page", []byte("<!DOCTYPE html><title>Sign in</title>"), "ca.pem is a web page"},
		{"text", []byte("hello\n"), "ca.pem holds no certificate"},
		{"Java store", []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), "ca.pem is a Java keystore: keytool"},
		{"PKCS#7 without certificates", w.openssl("crl2pkcs7", "-nocrl"), "ca.pem holds no certificate, only PKCS7"},
		{"nonsense that begins like DER", []byte("0\x82\x01\x02 nonsense"), "ca.pem holds no certificate"},
	}
	for _, tt := range tests {
		for _, force := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				got, err := input.Read(tt.data, "ca.pem", input.Options{Now: time.Now(), Force: force})
				assert.ErrorContains(t, err, tt.want)
				assert.Equal(t, len(got), 0)
				var r *input.Refusal
				assert.Assert(t, errors.As(err, &r) && !r.Forceable)
				secret := string(bytes.Split(key, []byte("\n"))[1])
				assert.Assert(t, !strings.Contains(err.Error(), secret[:20]))
			})
		}
	}
}

// What is unwise is refused, and accepted with a warning by --force.
func TestUnwise(t *testing.T) {
	w := newWorkshop(t)
	w.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "mid.key", "-out", "mid.csr", "-subj", "/CN=mid")
	w.write("mid.ext", []byte("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"))
	w.openssl("x509", "-req", "-in", "mid.csr", "-CA", "one.pem", "-CAkey", "one.key", "-CAcreateserial", "-out", "mid.pem", "-extfile", "mid.ext")
	now := time.Now()
	tests := []struct {
		name string
		data []byte
		at   time.Time
		want string
	}{
		{"expired", w.read("one.pem"), now.AddDate(3, 0, 0), `ca.pem:1 holds "CN=one", which expired at `},
		{"not yet valid", w.read("one.pem"), now.AddDate(-1, 0, 0), `ca.pem:1 holds "CN=one", which is not valid before `},
		{"the proxy's own", w.read("proxy.pem"), now, `ca.pem:1 holds "CN=proxy.corp", which is a server's own certificate (perhaps the proxy's): the certificate of its issuer "CN=one" is wanted; docker proxy ca fetch HOST`},
		{"a server that signed itself", w.root("self", "-addext", "subjectAltName=DNS:self.corp"), now, `which is a server's own certificate and no authority`},
		{"no authority", w.root("plain"), now, `ca.pem:1 holds "CN=plain", which is no authority`},
		{"intermediate", w.read("mid.pem"), now, `ca.pem:1 holds "CN=mid", which is signed by "CN=one" and not by itself`},
		{"all or nothing, each named", bytes.Join([][]byte{w.read("one.pem"), w.read("mid.pem"), w.read("proxy.pem")}, nil), now, "CN=proxy.corp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := input.Read(tt.data, "ca.pem", input.Options{Now: tt.at})
			assert.ErrorContains(t, err, tt.want)
			var r *input.Refusal
			assert.Assert(t, errors.As(err, &r) && r.Forceable)
			got, err := input.Read(tt.data, "ca.pem", input.Options{Now: tt.at, Force: true})
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(strings.Join(got[len(got)-1].Warnings, "\n"), "(--force)"))
		})
	}
}

// What strict readers will not like is said.
func TestWarnings(t *testing.T) {
	w := newWorkshop(t)
	usage := []string{"-addext", "keyUsage=critical,keyCertSign"}
	soon, err := input.Read(w.read("one.pem"), "ca", input.Options{Now: time.Now().AddDate(0, 0, 390)})
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(soon[0].Warnings[0], "expires within 30 days"))
	old := workshop{t, w.dir}
	old.write("v1.cnf", []byte("[req]\ndistinguished_name=dn\n[dn]\n[none]\nsubjectKeyIdentifier=none\n"))
	old.openssl("req", "-config", "v1.cnf", "-newkey", "rsa:2048", "-nodes", "-keyout", "v1.key", "-out", "v1.csr", "-subj", "/CN=v1")
	old.openssl("x509", "-req", "-in", "v1.csr", "-signkey", "v1.key", "-out", "v1.pem", "-days", "400")
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"basicConstraints", w.root("a", append([]string{"-addext", "basicConstraints=CA:TRUE"}, usage...)...), "basicConstraints are not critical"},
		{"no keyUsage", w.root("b", "-addext", "basicConstraints=critical,CA:TRUE"), "no keyUsage"},
		{"another keyUsage", w.root("c", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,digitalSignature"), "does not hold keyCertSign"},
		{"SHA-1", w.root("d", append([]string{"-newkey", "rsa:2048", "-sha1"}, ca...)...), "SHA-1"},
		{"MD5", w.root("e", append([]string{"-newkey", "rsa:2048", "-md5"}, ca...)...), "MD5"},
		{"short key", w.root("f", append([]string{"-newkey", "rsa:1024"}, ca...)...), "RSA key has 1024 bits"},
		{"serial number 0", w.root("g", append([]string{"-set_serial", "0"}, ca...)...), "serial number is 0"},
		{"name constraints", w.root("h", append([]string{"-addext", "nameConstraints=critical,permitted;DNS:corp"}, ca...)...), "name constraints"},
		{"path length", w.root("i", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", usage[0], usage[1]), "path length is 0"},
		{"no subjectKeyIdentifier", w.root("j", append([]string{"-config", "v1.cnf", "-extensions", "none"}, ca...)...), "subjectKeyIdentifier"},
		{"version 1", w.read("v1.pem"), "X.509 version 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := input.Read(tt.data, "ca.pem", input.Options{Now: time.Now()})
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(strings.Join(got[0].Warnings, "\n"), tt.want), "%v", got[0].Warnings)
		})
	}
}

// A subject cannot steer the terminal.
func TestHostileSubject(t *testing.T) {
	w := newWorkshop(t)
	w.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "x.key", "-out", "x.pem", "-utf8", "-subj", "/CN=a\x1b]0;owned\x07\u202eb", "-days", "2")
	_, err := input.Read(w.read("x.pem"), "ca\x1b.pem", input.Options{Now: time.Now()})
	assert.ErrorContains(t, err, "no authority")
	assert.Assert(t, !strings.ContainsAny(err.Error(), "\x1b\x07\u202e"), "%q", err.Error())
}

// Nothing makes it panic, and what has a key's armour in it is never accepted.
func FuzzRead(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := input.Read(data, "f", input.Options{Now: time.Unix(1_700_000_000, 0), Force: true})
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%d authorities and %v", len(got), err)
		}
		for _, a := range got {
			if a.Cert == nil || a.Fingerprint != certs.FingerprintOf(a.DER()) {
				t.Fatal("an authority that is none")
			}
			again, err := input.Read(a.PEM(), "f", input.Options{Now: time.Unix(1_700_000_000, 0), Force: true})
			if err != nil || len(again) != 1 || again[0].Fingerprint != a.Fingerprint {
				t.Fatalf("what was written is not what is read: %v", err)
			}
		}
		if bytes.Contains(data, []byte("\n-----BEGIN PRIVATE KEY-----\n")) && err == nil && !wideText(data) {
			t.Fatal("a private key was taken")
		}
	})
}

func wideText(data []byte) bool { return bytes.IndexByte(data, 0) >= 0 }
