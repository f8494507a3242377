package keystore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
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

	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
)

// keytools are the keytool of every JDK of this machine: Debian's 17 as make test installs it, and others that are there.
func keytools(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"/usr/lib/jvm/*/bin/keytool"} {
		found, err := filepath.Glob(pattern)
		assert.NilError(t, err)
		for _, name := range found {
			real, err := filepath.EvalSymlinks(name)
			assert.NilError(t, err)
			if !slices.Contains(out, real) {
				out = append(out, real)
			}
		}
	}
	if len(out) == 0 {
		t.Skip("no keytool on this machine; make test installs default-jdk-headless")
	}
	return out
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	if strings.HasSuffix(argv[0], "/keytool") { // a JVM that starts fast
		argv = append([]string{argv[0], "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"}, argv[1:]...)
	}
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	assert.NilError(t, err, "%q: %s", argv, out)
	return string(out)
}

// listed are the trusted certificates of a store as keytool shows them: alias to SHA-256.
func listed(t *testing.T, keytool, file string, password ...string) map[string]string {
	t.Helper()
	argv := append([]string{keytool, "-J-Duser.language=en", "-list", "-keystore", file}, password...)
	out := run(t, argv...)
	entry := regexp.MustCompile(`(?m)^(.+), [A-Z][a-z]{2} \d+, \d{4}, (trustedCertEntry|PrivateKeyEntry), *\n.*SHA-256\): ([0-9A-F:]+)`)
	got := map[string]string{}
	for _, m := range entry.FindAllStringSubmatch(out, -1) {
		got[m[1]] = m[2] + " " + strings.ToLower(strings.ReplaceAll(m[3], ":", ""))
	}
	return got
}

// authority makes a certificate of an authority, in DER.
func authority(t testing.TB, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	return der
}

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	assert.NilError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return name
}

func hexOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// kinds are the ways in which keytool can be made to write a store.
type kind struct {
	name     string
	flags    []string // before the command
	options  []string
	format   keystore.Format
	password string
	key      bool
}

func kinds() []kind {
	pkcs12 := []string{"-storetype", "PKCS12"}
	return []kind{
		{name: "jks", options: []string{"-storetype", "JKS"}, format: keystore.JKS, password: "changeit"},
		{name: "jks with a key and another password", options: []string{"-storetype", "JKS"}, format: keystore.JKS, password: "päßwort1", key: true},
		{name: "pkcs12", options: pkcs12, format: keystore.PKCS12, password: "changeit"},
		{name: "pkcs12 with a key", options: pkcs12, format: keystore.PKCS12, password: "otherpass", key: true},
		{name: "pkcs12 as before JDK 16", flags: []string{"-J-Dkeystore.pkcs12.legacy"}, options: pkcs12, format: keystore.PKCS12, password: "changeit"},
		{name: "pkcs12 without MAC", flags: []string{"-J-Dkeystore.pkcs12.macAlgorithm=NONE"}, options: pkcs12, format: keystore.PKCS12, password: "changeit"},
		{
			name: "pkcs12 without password", flags: []string{"-J-Dkeystore.pkcs12.macAlgorithm=NONE", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE"},
			options: pkcs12, format: keystore.PKCS12, password: "",
		},
		{name: "pkcs12 with SHA-512", flags: []string{"-J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512"}, options: pkcs12, format: keystore.PKCS12, password: "changeit"},
		{name: "pkcs12 in the clear with a MAC", flags: []string{"-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE"}, options: pkcs12, format: keystore.PKCS12, password: "changeit"},
	}
}

// make writes a store with keytool.
func (k kind) make(t *testing.T, keytool string, ders ...[]byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "store")
	pass := k.password
	if pass == "" {
		pass = "changeit" // keytool insists; nothing of the file depends on it
	}
	common := append([]string{"-keystore", file, "-storepass", pass}, k.options...)
	if k.key {
		argv := append([]string{keytool}, append(k.flags, "-genkeypair", "-alias", "mine", "-dname", "CN=me", "-keyalg", "EC", "-groupname", "secp256r1", "-keypass", pass)...)
		run(t, append(argv, common...)...)
	}
	for i, der := range ders {
		argv := append([]string{keytool}, append(k.flags, "-importcert", "-noprompt", "-alias", "there-"+string(rune('a'+i)), "-file", pemFile(t, der))...)
		run(t, append(argv, common...)...)
	}
	return file
}

// What Add writes keytool reads as what keytool itself would have written, and Remove gives the bytes back.
func TestAsKeytool(t *testing.T) {
	one, ours := authority(t, "one"), authority(t, "ours")
	for i, keytool := range keytools(t) {
		for _, k := range kinds() {
			if i > 0 && !slices.Contains([]string{"jks", "pkcs12", "pkcs12 without password"}, k.name) { // the formats are the same, and a JVM takes its time
				continue
			}
			t.Run(filepath.Base(filepath.Dir(filepath.Dir(keytool)))+"/"+k.name, func(t *testing.T) {
				file := k.make(t, keytool, one)
				before, err := os.ReadFile(file)
				assert.NilError(t, err)
				store, err := keystore.Open(before, "wrong-one", k.password)
				assert.NilError(t, err)
				assert.Equal(t, store.Format(), k.format)
				assert.Assert(t, !store.Locked())
				assert.DeepEqual(t, store.Bytes(), before)

				assert.NilError(t, store.Add("docker-proxy-1234", ours, time.Now()))
				after := store.Bytes()
				assert.NilError(t, os.WriteFile(file, after, 0o600))

				var pass []string
				if k.password != "" {
					pass = []string{"-storepass", k.password}
				}
				same := filepath.Join(t.TempDir(), "same")
				assert.NilError(t, os.WriteFile(same, before, 0o600))
				argv := append([]string{keytool}, append(k.flags, "-importcert", "-noprompt", "-alias", "docker-proxy-1234", "-file", pemFile(t, ours), "-keystore", same)...)
				run(t, append(append(argv, k.options...), "-storepass", max(k.password, "changeit"))...)
				got, want := listed(t, keytool, file, pass...), listed(t, keytool, same, pass...)
				if k.key {
					assert.Assert(t, strings.HasPrefix(got["mine"], "PrivateKeyEntry "), "%v", got)
				}
				assert.DeepEqual(t, got, want)
				assert.Equal(t, got["docker-proxy-1234"], "trustedCertEntry "+hexOf(ours))
				assert.Assert(t, got["there-a"] != "")

				again, err := keystore.Open(after, k.password)
				assert.NilError(t, err)
				assert.NilError(t, again.Add("docker-proxy-1234", ours, time.Now()))
				assert.DeepEqual(t, again.Bytes(), after) // it is there already
				n, err := again.Remove(func(e keystore.Entry) bool { return hexOf(e.DER) == hexOf(ours) })
				assert.NilError(t, err)
				assert.Equal(t, n, 1)
				assert.DeepEqual(t, again.Bytes(), before)
			})
		}
	}
}
