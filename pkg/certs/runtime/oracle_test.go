package runtime_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
)

// need skips a test on a machine without a program that make test installs where it can.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s on this machine; make test installs it as root on Debian", name)
		}
	}
}

func run(t *testing.T, stdin string, argv ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%q: %s", argv, out)
	return string(out)
}

// serve is a TLS server with a certificate of the authority; it returns its port.
func serve(t *testing.T, ca certs.Authority, caKey *ecdsa.PrivateKey) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.Cert, key.Public(), caKey)
	assert.NilError(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12})
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, l.Close()) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Read(make([]byte, 1)) // the handshake, and the client's end
				_ = c.Close()
			}()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	assert.NilError(t, err)
	return port
}

// javaClient makes a handshake with each store that its arguments name, read as Java's own default trust manager does.
const javaClient = `
import javax.net.ssl.*;
import java.security.KeyStore;
public class Client {
  public static void main(String[] a) throws Exception {
    for (int i = 1; i < a.length; i += 2) {
      System.setProperty("javax.net.ssl.trustStore", a[i]);
      if (a[i + 1].isEmpty()) System.clearProperty("javax.net.ssl.trustStorePassword"); else System.setProperty("javax.net.ssl.trustStorePassword", a[i + 1]);
      String said = "trusted";
      try {
        TrustManagerFactory f = TrustManagerFactory.getInstance("PKIX");
        f.init((KeyStore) null);
        SSLContext c = SSLContext.getInstance("TLS");
        c.init(null, f.getTrustManagers(), null);
        SSLSocket s = (SSLSocket) c.getSocketFactory().createSocket("127.0.0.1", Integer.parseInt(a[0]));
        s.startHandshake();
        s.close();
      } catch (Exception e) { said = e.toString().replace('\n', ' '); }
      System.out.println(a[i] + " " + said);
    }
  }
}
`

// keytool writes a store with one authority in it.
func keytool(t *testing.T, file string, a certs.Authority, flags ...string) string {
	t.Helper()
	pem := filepath.Join(t.TempDir(), "ca.pem")
	assert.NilError(t, os.WriteFile(pem, a.PEM(), 0o600))
	argv := append([]string{"keytool"}, flags...)
	run(t, "", append(argv, "-importcert", "-noprompt", "-alias", "before", "-file", pem, "-keystore", file)...)
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	return string(data)
}

// Java itself: with each kind of store the handshake fails before and succeeds after, and the bytes come back.
func TestJavaTrusts(t *testing.T) {
	need(t, "java", "javac", "keytool")
	ours, key := newAuthority(t, pkix.Name{CommonName: "ours"})
	port, dir := serve(t, ours, key), t.TempDir()
	other := authority(t, "before")
	files := map[string]string{
		"/opt/one/lib/security/cacerts": keytool(t, dir+"/jks", other, "-storetype", "JKS", "-storepass", "changeit"),
		"/usr/lib/jvm/two/lib/security/cacerts": keytool(t, dir+"/clear", other, "-J-Dkeystore.pkcs12.macAlgorithm=NONE", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
			"-storetype", "PKCS12", "-storepass", "changeit"),
		"/usr/lib/jvm/three/jre/lib/security/jssecacerts": keytool(t, dir+"/p12", other, "-storetype", "PKCS12", "-storepass", "changeit"),
		"/srv/app/trust.p12":                              keytool(t, dir+"/named", other, "-storetype", "PKCS12", "-storepass", "another password"),
		"/usr/lib/jvm/four/lib/security/cacerts":          "-> /etc/pki/java/cacerts",
		"/etc/pki/java/cacerts":                           "-> /etc/pki/ca-trust/extracted/java/cacerts",
		"/etc/pki/ca-trust/extracted/java/cacerts":        keytool(t, dir+"/rhel", other, "-storetype", "JKS", "-storepass", "changeit"),
	}
	d := newTree(t, files)
	p := runtime.Processes{
		WorkingDir: "/srv/app", Env: []string{"JAVA_TOOL_OPTIONS=-Xmx1g -Djavax.net.ssl.trustStore=trust.p12"},
		Running: []runtime.Process{{Argv: []string{"java", "-Djavax.net.ssl.trustStorePassword=another password", "-jar", "x"}}},
	}
	s := look(t, d, p, runtime.Options{})
	var stores []string // those that are files, with their passwords
	for _, st := range s.Stores {
		password := map[string]string{"/srv/app/trust.p12": "another password", "/usr/lib/jvm/two/lib/security/cacerts": ""}
		word, ok := password[st.Real]
		if !ok {
			word = "changeit"
		}
		stores = append(stores, d.file(st.Real), word)
	}
	assert.Equal(t, len(stores), 2*5, "%v", s.Stores)
	source := filepath.Join(dir, "Client.java")
	assert.NilError(t, os.WriteFile(source, []byte(javaClient), 0o600))
	client := append([]string{"java", "-XX:TieredStopAtLevel=1", source, port}, stores...)
	before := run(t, "", client...)
	assert.Equal(t, strings.Count(before, "PKIX path building failed"), 5, before)

	plan, notes, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{Now: time.Now()})
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0, "%v", notes)
	assert.Equal(t, len(plan), 5)
	assert.Assert(t, !strings.Contains(fmt.Sprint(plan.String(), notes), "another"), "a password is never told")
	d.apply(t, plan)
	after := run(t, "", client...)
	assert.Equal(t, strings.Count(after, " trusted\n"), 5, after)

	s = look(t, d, p, runtime.Options{})
	plan, _, err = s.Add(d, []certs.Authority{ours}, runtime.AddOptions{Now: time.Now().Add(time.Hour)})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0, "a second time changes nothing")
	held, err := s.Holds(d)
	assert.NilError(t, err)
	assert.Equal(t, len(held[ours.Fingerprint]), 5)
	assert.Equal(t, len(held[other.Fingerprint]), 5)
	plan, notes, err = s.Remove(d, []certs.Fingerprint{ours.Fingerprint}, runtime.RemoveOptions{Recorded: map[certs.Fingerprint]bool{ours.Fingerprint: true}})
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0, "%v", notes)
	d.apply(t, plan)
	for name, text := range files {
		if !strings.HasPrefix(text, "-> ") {
			assert.Equal(t, d.text(t, name), text, name)
		}
	}
}

// aliases are the entries of a store as keytool lists them, each with its fingerprint.
func aliases(t *testing.T, file string) map[string]string {
	t.Helper()
	out := run(t, "", "keytool", "-J-Duser.language=en", "-list", "-keystore", file, "-storepass", "changeit")
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(.+), [A-Z][a-z]{2} \d+, \d{4}, trustedCertEntry, *\n.*SHA-256\): ([0-9A-F:]+)`).FindAllStringSubmatch(out, -1) {
		got[m[1]] = m[2]
	}
	return got
}

// Debian's own hook, run on the same store with the same anchor, leaves the entries that we write.
func TestAsDebiansHook(t *testing.T) {
	need(t, "java", "keytool", "unshare")
	const jar, system = "/usr/share/ca-certificates-java/ca-certificates-java.jar", "/etc/ssl/certs/java/cacerts"
	before, err := os.ReadFile(system)
	if _, missing := os.Stat(jar); err != nil || missing != nil || os.Geteuid() != 0 {
		t.Skip("not root on a Debian with ca-certificates-java")
	}
	ours := authority(t, "ours")
	d := newTree(t, map[string]string{"/etc/debian_version": "12\n", system: string(before), "/usr/lib/jvm/java-17-openjdk-amd64/lib/security/cacerts": "-> " + system})
	s := look(t, d, runtime.Processes{}, runtime.Options{})
	plan, _, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{Now: time.Now()})
	assert.NilError(t, err)
	assert.DeepEqual(t, paths(plan), []string{system})
	d.apply(t, plan)

	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(dir+"/cacerts", before, 0o600))
	anchor := filepath.Join(t.TempDir(), strings.TrimSuffix(ours.Fingerprint.AnchorName(), ".crt")+".pem")
	assert.NilError(t, os.WriteFile(anchor, ours.PEM(), 0o600))
	run(t, "+"+anchor+"\n", "unshare", "-m", "sh", "-c", `mount --bind "$1" /etc/ssl/certs/java && exec java -Xmx64m -jar "$2" -storepass changeit`, "sh", dir, jar)
	want := aliases(t, dir+"/cacerts")
	assert.Assert(t, want["debian:docker-proxy-"+ours.Fingerprint.Short()+".pem"] != "")
	assert.DeepEqual(t, aliases(t, d.file(system)), want)
}

// p11-kit, run on the same anchors, leaves the aliases and certificates that we write into the stores of Red Hat, SUSE, Arch and Alpine.
func TestAsP11Kit(t *testing.T) {
	need(t, "keytool", "unshare", "trust")
	const system = "/etc/ssl/certs/ca-certificates.crt"
	if _, err := os.Stat(system); err != nil || os.Geteuid() != 0 {
		t.Skip("not root on a Debian with ca-certificates")
	}
	dir := t.TempDir()
	extract := func(name string, list ...certs.Authority) string {
		var bundle []byte
		for _, a := range list {
			bundle = append(bundle, a.PEM()...)
		}
		assert.NilError(t, os.WriteFile(dir+"/bundle", bundle, 0o600))
		run(t, "", "unshare", "-m", "sh", "-c", `mount --bind "$1" "$2" && exec trust extract --format=java-cacerts --filter=ca-anchors --purpose=server-auth "$3"`, "sh", dir+"/bundle", system, dir+"/"+name)
		return dir + "/" + name
	}
	before := authority(t, "There Before")
	named := func(n pkix.Name) certs.Authority { a, _ := newAuthority(t, n); return a }
	list := []certs.Authority{
		named(pkix.Name{CommonName: "Corp Proxy Root (2026), G2", Organization: []string{"Corp"}}), named(pkix.Name{OrganizationalUnit: []string{"Unit X"}, Organization: []string{"Org Y"}}),
		named(pkix.Name{Organization: []string{"Only Org"}}), named(pkix.Name{CommonName: "Ümläut 中 Root"}),
	}
	data, err := os.ReadFile(extract("before", before))
	assert.NilError(t, err)
	for _, store := range []string{"/etc/pki/ca-trust/extracted/java/cacerts", "/var/lib/ca-certificates/java-cacerts"} {
		d := newTree(t, map[string]string{store: string(data)})
		plan, _, err := look(t, d, runtime.Processes{}, runtime.Options{}).Add(d, list, runtime.AddOptions{Now: time.Now()})
		assert.NilError(t, err)
		d.apply(t, plan)
		assert.DeepEqual(t, aliases(t, d.file(store)), aliases(t, extract(filepath.Base(store)+".want", append([]certs.Authority{before}, list...)...)))
	}
}

// pythonClient verifies the server with the bundle alone, and reads the bundle as certifi.contents() does.
const pythonClient = `
import socket, ssl, sys
open(sys.argv[2], encoding="ascii").read()
try:
    c = ssl.create_default_context(cafile=sys.argv[2])
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s, c.wrap_socket(s, server_hostname="localhost"):
        print("trusted")
except ssl.SSLError as e:
    print(e)
`

// Python itself: with the bundle of certifi the handshake fails before and succeeds after.
func TestPythonTrusts(t *testing.T) {
	need(t, "python3")
	ours, key := newAuthority(t, pkix.Name{CommonName: "Prüf-CA"})
	port := serve(t, ours, key)
	const name = "/usr/local/lib/python3.12/site-packages/certifi/cacert.pem"
	d := newTree(t, map[string]string{name: "# Issuer: CN=before\n" + strings.TrimSuffix(string(authority(t, "before").PEM()), "\n")})
	client := []string{"python3", "-c", pythonClient, port, d.file(name)}
	assert.Assert(t, strings.Contains(run(t, "", client...), "CERTIFICATE_VERIFY_FAILED"))
	plan, _, err := look(t, d, runtime.Processes{}, runtime.Options{}).Add(d, []certs.Authority{ours}, runtime.AddOptions{})
	assert.NilError(t, err)
	d.apply(t, plan)
	assert.Equal(t, run(t, "", client...), "trusted\n")
}

// OpenSSL itself finds the certificate in a directory that SSL_CERT_DIR names, also beside another with the same hash.
func TestDirectoryByHash(t *testing.T) {
	need(t, "openssl")
	ours, key := newAuthority(t, pkix.Name{CommonName: "ours"})
	twin := authority(t, "ours")
	port := serve(t, ours, key)
	d := newTree(t, map[string]string{"/srv/certs/twin.pem": string(twin.PEM()), "/etc/ssl/certs/": ""})
	run(t, "", "openssl", "rehash", d.file("/srv/certs"))
	p := runtime.Processes{Env: []string{"SSL_CERT_DIR=/etc/ssl/certs:/srv/certs:/none"}}
	s := look(t, d, p, runtime.Options{})
	assert.DeepEqual(t, kindOf(s.Notes, certs.Remark), []string{"/none: named by SSL_CERT_DIR, and is not there; it is not made"})
	plan, notes, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0, "%v", notes)
	assert.Equal(t, len(plan), 2)
	for _, c := range plan {
		assert.Assert(t, strings.HasPrefix(c.Path, "/srv/certs/"))
		if c.To.Target != "" {
			assert.NilError(t, os.Symlink(c.To.Target, d.file(c.Path)))
		} else {
			assert.NilError(t, os.WriteFile(d.file(c.Path), c.To.Data, 0o600))
		}
	}
	said := run(t, "", "openssl", "s_client", "-connect", "127.0.0.1:"+port, "-CApath", d.file("/srv/certs"), "-verify_return_error")
	assert.Assert(t, strings.Contains(said, "Verify return code: 0 (ok)"), said)
	plan2, _, err := s.Add(d, []certs.Authority{ours, twin}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan2), 0, "both are there: %s", plan2)
	gone, _, err := s.Remove(d, []certs.Fingerprint{ours.Fingerprint}, runtime.RemoveOptions{})
	assert.NilError(t, err)
	assert.DeepEqual(t, paths(gone), paths(plan))
}

// A store that Java cannot open without a password we do not have is left alone with the command; given the password it is edited, and its bytes have to be kept.
func TestUnknownPassword(t *testing.T) {
	need(t, "keytool")
	const name = "/usr/local/openjdk-21/lib/security/cacerts"
	d := newTree(t, map[string]string{name: keytool(t, t.TempDir()+"/x", authority(t, "before"), "-storetype", "JKS", "-storepass", "unguessable")})
	list := []certs.Authority{authority(t, "ours")}
	s := look(t, d, runtime.Processes{}, runtime.Options{})
	plan, notes, err := s.Add(d, list, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0)
	assert.Equal(t, len(notes), 1)
	assert.Assert(t, strings.Contains(notes[0].Text, "password") && strings.HasPrefix(notes[0].Command, "keytool -importcert "), "%v", notes)
	given := runtime.Common{Passwords: []string{"unguessable"}}
	plan, _, err = s.Add(d, list, runtime.AddOptions{Common: given})
	assert.NilError(t, err)
	assert.DeepEqual(t, paths(plan), []string{name})
	assert.Assert(t, s.KeepsBytes(name, given))
	assert.Assert(t, !s.KeepsBytes(name, runtime.Common{}))
	block, _ := pem.Decode(list[0].PEM())
	assert.Assert(t, strings.Contains(string(plan[0].To.Data), string(block.Bytes)))
}

// keytool writes a whole store anew when somebody adds to it: ours is then still found, and taken out, or the note says why it cannot be.
func TestSavedAnewByKeytool(t *testing.T) {
	need(t, "keytool")
	for _, tt := range []struct {
		kind string
		gone bool
	}{{"JKS", true}, {"PKCS12", false}} {
		t.Run(tt.kind, func(t *testing.T) {
			const name = "/opt/java/lib/security/cacerts"
			ours := authority(t, "ours")
			d := newTree(t, map[string]string{name: keytool(t, t.TempDir()+"/x", authority(t, "before"), "-storetype", tt.kind, "-storepass", "changeit")})
			s := look(t, d, runtime.Processes{}, runtime.Options{})
			plan, _, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{Now: time.Now()})
			assert.NilError(t, err)
			d.apply(t, plan)
			later := filepath.Join(t.TempDir(), "later.pem")
			assert.NilError(t, os.WriteFile(later, authority(t, "later").PEM(), 0o600))
			run(t, "", "keytool", "-importcert", "-noprompt", "-alias", "later", "-file", later, "-keystore", d.file(name), "-storepass", "changeit")

			s = look(t, d, runtime.Processes{}, runtime.Options{})
			held, err := s.Holds(d)
			assert.NilError(t, err)
			assert.DeepEqual(t, held[ours.Fingerprint], []string{name})
			plan, notes, err := s.Remove(d, []certs.Fingerprint{ours.Fingerprint}, runtime.RemoveOptions{})
			assert.NilError(t, err)
			if tt.gone {
				assert.Equal(t, len(notes), 0, "%v", notes)
				d.apply(t, plan)
				_, there := aliases(t, d.file(name))["docker-proxy-"+ours.Fingerprint.Short()]
				assert.Assert(t, !there)
				return
			}
			assert.Equal(t, len(plan), 0)
			assert.Equal(t, len(kindOf(notes, certs.Unrestored)), 1, "%v", notes)
			// The command does it.
			words := strings.Fields(strings.ReplaceAll(notes[0].Command, name, d.file(name)))[3:]
			run(t, "", append(words, "-storepass", "changeit")...)
			held, err = s.Holds(d)
			assert.NilError(t, err)
			assert.Equal(t, len(held[ours.Fingerprint]), 0)
		})
	}
}
