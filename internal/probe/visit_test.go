package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func visit(t *testing.T, v Visit, raw string) Visited {
	t.Helper()
	u, err := url.Parse(raw)
	assert.NilError(t, err)
	v.URL = u
	if v.Timeout == 0 {
		v.Timeout = 2 * time.Second
	}
	got, err := v.Do(t.Context(), nil)
	assert.NilError(t, err)
	return got
}

func problem(v Visited) Cause {
	if v.Problem == nil {
		return ""
	}
	return v.Problem.Cause
}

func TestVisit(t *testing.T) {
	secure, roots := registry(t)
	plain := plainRegistry(t, http.StatusUnauthorized)
	broken := plainRegistry(t, http.StatusBadGateway)
	open, guarded := newProxy("").start(t), newProxy("ann:s3cr").start(t)
	refusing := listen(t, says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
	ntlm := listen(t, says("HTTP/1.1 407 no\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"))
	black := listen(t, func(net.Conn) {})
	dead := deadPort(t)
	cases := []struct {
		name, url string
		visit     Visit
		cause     Cause
		status    int
		steps     []Stage
	}{
		{"plain", "http://" + plain + "/v2/", Visit{}, "", 401, []Stage{StageTCP, StageHTTP}},
		{"plain through a proxy", "http://" + plain + "/v2/", Visit{Proxy: precedence.Value("http://" + open)}, "", 401, []Stage{StageTCP, StageHTTP}},
		{"TLS", "https://" + secure + "/v2/", Visit{Roots: roots}, "", 200, []Stage{StageTCP, StageTLS, StageHTTP}},
		{"TLS through a proxy with a password", "https://" + secure + "/v2/", Visit{Roots: roots, Proxy: precedence.Value("http://ann:s3cr@" + guarded)}, "", 200, []Stage{StageTCP, StageConnect, StageTLS, StageHTTP}},
		{"no trust", "https://" + secure + "/v2/", Visit{}, EndpointAuthority, 0, []Stage{StageTCP, StageTLS}},
		{"no trust, and none asked for", "https://" + secure + "/v2/", Visit{Insecure: true}, "", 200, nil},
		{"another name", "https://localhost" + secure[strings.LastIndex(secure, ":"):], Visit{Roots: roots}, EndpointCertificate, 0, nil},
		{"no TLS there", "https://" + plain, Visit{}, EndpointPlain, 0, nil},
		{"TLS there", "http://" + secure, Visit{}, EndpointWantsTLS, 400, nil},
		{"a broken endpoint", "http://" + broken, Visit{}, EndpointError, 502, nil},
		{"nobody there", "http://" + dead, Visit{}, EndpointRefused, 0, []Stage{StageTCP}},
		{"a name that is none", "http://no-such-host.invalid/", Visit{}, EndpointNoDNS, 0, []Stage{StageDNS}},
		{"a black hole", "http://" + black, Visit{Timeout: 300 * time.Millisecond}, EndpointSilent, 0, nil},
		{"no proxy there", "https://" + secure, Visit{Proxy: precedence.Value("http://" + dead)}, Refused, 0, []Stage{StageTCP}},
		{"a proxy that wants a password", "https://" + secure, Visit{Proxy: precedence.Value("http://" + guarded)}, AuthRequired, 0, []Stage{StageTCP, StageConnect}},
		{"the same for http", "http://" + plain, Visit{Proxy: precedence.Value("http://" + guarded)}, AuthRequired, 407, nil},
		{"a wrong password", "http://" + plain, Visit{Proxy: precedence.Value("http://ann:no@" + guarded)}, AuthRejected, 407, nil},
		{"a proxy that refuses", "https://" + secure, Visit{Proxy: precedence.Value("http://" + refusing)}, Forbidden, 0, nil},
		{"a proxy of a Windows domain", "https://" + secure, Visit{Proxy: precedence.Value("http://" + ntlm)}, AuthUnsupported, 0, nil},
		{"an https:// URL of a plain proxy", "https://" + secure, Visit{Proxy: precedence.Value("https://" + open)}, PlainProxy, 0, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := visit(t, c.visit, c.url)
			assert.Equal(t, problem(got), c.cause, "%+v", got.Problem)
			assert.Equal(t, got.Status, c.status)
			var steps []Stage
			for _, s := range got.Steps {
				steps = append(steps, s.Stage)
			}
			if c.steps != nil {
				assert.DeepEqual(t, steps, c.steps)
			}
			if got.Problem != nil {
				assert.Assert(t, got.Problem.Message != "" && got.Problem.Next != "")
				assert.Assert(t, !strings.Contains(got.Problem.Message+got.Problem.Next+got.Via, "s3cr"))
			}
		})
	}
}

// TestWhereTLSEnds: a public host with a private certificate was decrypted on the way; a private host may have it of its own.
func TestWhereTLSEnds(t *testing.T) {
	secure, roots := registry(t)
	cases := []struct {
		name   string
		public *x509.CertPool
		known  bool
		want   EndingAt
	}{
		{"a public authority", roots, false, AtEndpoint},
		{"a private one, of a public host", x509.NewCertPool(), true, OnTheWay},
		{"a private one, of a private host", x509.NewCertPool(), false, EndUnknown},
		{"nothing known", nil, true, EndUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := visit(t, Visit{Roots: roots, Public: c.public, PublicHost: c.known}, "https://"+secure)
			assert.Equal(t, got.Ending.At, c.want)
			assert.Assert(t, got.Ending.Why != "")
			assert.Equal(t, len(got.Chain[0].Fingerprint), 64)
		})
	}
}

// TestVisitAnswer: a redirect, a challenge, and what a registry says.
func TestVisitAnswer(t *testing.T) {
	addr, roots := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/blob" {
			http.Redirect(w, r, "https://blobs.corp.invalid/x", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Www-Authenticate", `Bearer realm="https://auth.corp.invalid/token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}), tls.NoClientCert)
	got := visit(t, Visit{Roots: roots}, "https://ann:secret@"+addr+"/v2/")
	assert.Equal(t, got.Challenge, `Bearer realm="https://auth.corp.invalid/token"`)
	got = visit(t, Visit{Roots: roots}, "https://"+addr+"/blob")
	assert.Equal(t, got.Location.Host, "blobs.corp.invalid")
}

// TestVisitElsewhere: another network's resolver and connections are used for everything.
func TestVisitElsewhere(t *testing.T) {
	plain := plainRegistry(t, http.StatusOK)
	_, port, _ := net.SplitHostPort(plain)
	var asked []string
	got := visit(t, Visit{Lookup: func(_ context.Context, name string) ([]string, error) {
		asked = append(asked, name)
		return []string{"127.0.0.1"}, nil
	}}, "http://only.there:"+port)
	assert.Equal(t, problem(got), Cause(""))
	assert.Assert(t, slices.Contains(asked, "only.there"))
}

// TestLearned: what is found out later about where TLS ends changes what is said about an authority that is not trusted, and nothing else.
func TestLearned(t *testing.T) {
	secure, roots := registry(t)
	u, err := url.Parse("https://" + secure + "/v2/")
	assert.NilError(t, err)
	untrusted := visit(t, Visit{}, u.String())
	for at, want := range map[EndingAt][2]string{
		AtEndpoint: {": its own authority", "certs.d"},
		OnTheWay:   {": TLS is terminated on the way", "the proxy's root CA"},
		EndUnknown: {": its own authority, or one on the way", "certs.d"},
	} {
		got := untrusted.Learned(u, Ending{At: at})
		assert.Equal(t, got.Problem.Cause, EndpointAuthority)
		assert.Assert(t, strings.HasSuffix(got.Problem.Message, want[0]), got.Problem.Message)
		assert.Assert(t, strings.Contains(got.Problem.Next, want[1]), got.Problem.Next)
	}
	assert.Assert(t, visit(t, Visit{Roots: roots}, u.String()).Learned(u, Ending{At: OnTheWay}).Problem == nil)
}
