package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// squid is a running Debian squid with Basic authentication, a plain and a TLS port. Its user is ann, her password `F@oBar!:%/`.
type squid struct {
	plain, tls string
	roots      *x509.CertPool
}

// squidRoot names the directory that a squid was unpacked in, where it is not installed.
const squidRoot = "DOCKER_PROXY_SQUID"

const squidLogin = "ann:F%40oBar%21%3A%25%2F@"

// basicAuth is squid's own helper for Basic authentication; DIR stands for the directory of its files, and ROOT for the one that squid is in.
const basicAuth = `auth_param basic program ROOT/usr/lib/squid/basic_ncsa_auth DIR/users
auth_param basic realm "corp, inc."
`

// windowsAuth are its helpers for what Windows domains use. The NTLM one accepts everybody, and nobody asks the other one here.
const windowsAuth = `auth_param negotiate program ROOT/usr/lib/squid/negotiate_kerberos_auth -s GSS_C_NO_NAME
auth_param negotiate children 1 startup=0
auth_param ntlm program ROOT/usr/lib/squid/ntlm_fake_auth
auth_param ntlm children 1 startup=0
`

// startSquid runs the real squid on the loopback, with the given authentication.
func startSquid(t *testing.T, auth string) squid {
	t.Helper()
	root := os.Getenv(squidRoot)
	binary := filepath.Join("/", root, "usr/sbin/squid")
	if _, err := os.Stat(binary); err != nil {
		assert.Equal(t, root, "", "make test provides a squid: %v", err)
		t.Skip("squid is not installed here (apt install squid), and make test as root unpacks one; TestLikeTransport covers the same answers with a proxy written in Go")
	}
	if os.Geteuid() != 0 {
		t.Skip("squid is started as root here; TestLikeTransport covers the same answers with a proxy written in Go")
	}
	dir := t.TempDir()
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		assert.NilError(t, os.Chmod(d, 0o755)) // squid changes to an account of its own
	}
	s := squid{plain: deadPort(t), tls: deadPort(t), roots: x509.NewCertPool()}
	certificate(t, dir, s.roots)
	write(t, dir, "users", 0o644, "ann:$apr1$corpcorp$/UONMuB726QekW7SnZlwq.\n") // openssl passwd -apr1 -salt corpcorp
	conf := fmt.Sprintf(`http_port %s
https_port %s tls-cert=%s/pair.pem tls-key=%s/pair.pem
%sacl ann proxy_auth REQUIRED
acl evil dstdomain forbidden.example.com
http_access deny evil
http_access allow ann
http_access deny all
cache deny all
access_log none
cache_log /dev/null
pid_filename none
pinger_enable off
mime_table ROOT/usr/share/squid/mime.conf
icon_directory ROOT/usr/share/squid/icons
error_directory ROOT/usr/share/squid/errors/templates
err_page_stylesheet ROOT/etc/squid/errorpage.css
coredump_dir %s
shutdown_lifetime 0 seconds
connect_timeout 5 seconds
`, s.plain, s.tls, dir, dir, auth, dir)
	write(t, dir, "squid.conf", 0o644, strings.NewReplacer("DIR", dir, "ROOT", root).Replace(conf))
	cmd := exec.Command(binary, "-N", "-f", filepath.Join(dir, "squid.conf"))
	out, err := os.Create(filepath.Join(dir, "output"))
	assert.NilError(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	if root != "" {
		libraries, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu"))
		assert.NilError(t, err)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	}
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		for _, addr := range []string{s.plain, s.tls} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				said, _ := os.ReadFile(out.Name())
				return poll.Continue("squid does not listen yet: %s", said)
			}
			_ = c.Close()
		}
		return poll.Success()
	}, poll.WithTimeout(60*time.Second))
	return s
}

func write(t *testing.T, dir, name string, mode os.FileMode, text string) {
	t.Helper()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), mode))
	assert.NilError(t, os.Chmod(filepath.Join(dir, name), mode))
}

// certificate writes a self-signed pair for 127.0.0.1.
func certificate(t *testing.T, dir string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corp Proxy CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NilError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(cert)
	write(t, dir, "pair.pem", 0o644, string(cert)+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

func TestSquid(t *testing.T) {
	s := startSquid(t, basicAuth)
	target := plainRegistry(t, http.StatusUnauthorized)
	for _, tc := range []struct {
		name   string
		proxy  string
		target string
		plain  bool
		roots  *x509.CertPool
		want   Cause
		says   string
	}{
		{name: "tunnel", proxy: "http://" + squidLogin + s.plain},
		{name: "tunnel through tls", proxy: "https://" + squidLogin + s.tls, roots: s.roots},
		{name: "plain request", proxy: "http://" + squidLogin + s.plain, plain: true},
		{name: "plain request through tls", proxy: "https://" + squidLogin + s.tls, plain: true, roots: s.roots},
		{name: "no credentials", proxy: "http://" + s.plain, want: AuthRequired, says: "status 407"},
		{name: "wrong password", proxy: "http://ann:wrong@" + s.plain, want: AuthRejected},
		{name: "wrong password, plain request", proxy: "http://ann:wrong@" + s.plain, plain: true, want: AuthRejected},
		{name: "forbidden", proxy: "http://" + squidLogin + s.plain, target: "forbidden.example.com:443", want: Forbidden},
		{name: "no such host", proxy: "http://" + squidLogin + s.plain, target: "registry.invalid:443", want: NoTarget, says: "status 5"},
		{name: "dead target", proxy: "http://" + squidLogin + s.plain, target: deadPort(t), want: NoTarget},
		{name: "unknown authority", proxy: "https://" + squidLogin + s.tls, want: UnknownAuthority, says: `"CN=Corp Proxy CA"`},
		{name: "https to the plain port", proxy: "https://" + squidLogin + s.plain, want: PlainProxy},
		{name: "http to the tls port", proxy: "http://" + squidLogin + s.tls, want: TLSProxy},
		{name: "socks", proxy: "socks5://" + s.plain, want: PlainProxy},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.target == "" {
				tc.target = target
			}
			// A second is enough for what squid answers at once; only the SOCKS greeting, in which squid waits for the end of a line, takes it all.
			timeout := 30 * time.Second
			if strings.HasPrefix(tc.proxy, "socks") {
				timeout = time.Second
			}
			res := try(t, Request{Proxy: precedence.Value(tc.proxy), Target: tc.target, Plain: tc.plain, Roots: tc.roots, Timeout: timeout})
			assert.Equal(t, cause(res), tc.want)
			if tc.want != "" {
				assert.Assert(t, strings.Contains(res.Failure.Error(), tc.says), res.Failure.Error())
				t.Logf("%s\n  next: %s", res.Failure, res.Failure.Next())
			}
			if tc.want == AuthRequired {
				assert.DeepEqual(t, res.AuthSchemes, []string{"Basic"})
			}
		})
	}
	t.Run("a silent target", func(t *testing.T) {
		// squid is asked what concerns no target while it waits for one.
		assert.Assert(t, (&session{req: Request{Dial: (&net.Dialer{}).DialContext}, at: mustRead(t, "http://"+s.plain)}).answersHTTP(t.Context(), false))
	})
}

// TestSquidOfAWindowsDomain has proxies that want what dockerd cannot do, and one that takes a password as well.
func TestSquidOfAWindowsDomain(t *testing.T) {
	target := plainRegistry(t, http.StatusUnauthorized)
	domain, mixed := startSquid(t, windowsAuth), startSquid(t, windowsAuth+basicAuth)
	for _, tc := range []struct {
		name, proxy string
		want        Cause
		says, next  string
	}{
		{name: "no credentials", proxy: domain.plain, want: AuthUnsupported, says: "wants Negotiate, NTLM (Kerberos) (status 407), which dockerd cannot do", next: "cntlm"},
		{name: "credentials", proxy: "ann:" + secret + "@" + domain.plain, want: AuthUnsupported, says: "wants Negotiate, NTLM"},
		{name: "also basic, no credentials", proxy: mixed.plain, want: AuthRequired, says: "wants user and password (status 407, it offers Negotiate, NTLM, Basic)", next: "--username"},
		{name: "also basic, wrong password", proxy: "ann:" + secret + "@" + mixed.plain, want: AuthRejected, says: "does not accept user and password (status 407, it offers Negotiate, NTLM, Basic)"},
		{name: "also basic", proxy: squidLogin + mixed.plain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := try(t, Request{Proxy: precedence.Value("http://" + tc.proxy), Target: target})
			assert.Equal(t, cause(res), tc.want)
			if tc.want != "" {
				assert.Assert(t, strings.Contains(res.Failure.Error(), tc.says), res.Failure.Error())
				assert.Assert(t, strings.Contains(res.Failure.Next(), tc.next), res.Failure.Next())
			}
		})
	}
}

func mustRead(t *testing.T, v string) address {
	t.Helper()
	a, ok := readProxy(precedence.Value(v))
	assert.Assert(t, ok)
	return a
}
