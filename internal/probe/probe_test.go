package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// short is the time of a stage in tests: what has to time out does so after this, everything else takes far less.
const short = 400 * time.Millisecond

// secret is in every credential of these tests; raw and decoded it must be in no message.
const secret = "s3cr3t"

func try(t *testing.T, req Request) Result {
	t.Helper()
	if req.Timeout == 0 {
		req.Timeout = 30 * time.Second
	}
	res, err := Proxy(t.Context(), req)
	assert.NilError(t, err)
	if f := res.Failure; f != nil {
		for _, text := range []string{f.Error(), f.Next(), f.Detail, f.Proxy} {
			assert.Assert(t, !strings.Contains(text, secret), text)
			assert.Assert(t, !strings.ContainsAny(text, "\r\n\x1b"), "%q", text)
		}
		assert.Assert(t, f.Error() != "" && f.Next() != "")
	}
	return res
}

func cause(r Result) Cause {
	if r.Failure == nil {
		return ""
	}
	return r.Failure.Cause
}

// TestAnswers has one row per kind of proxy, with a target that exists.
func TestAnswers(t *testing.T) {
	target := plainRegistry(t, http.StatusOK)
	hold := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for _, tc := range []struct {
		name    string
		scheme  string // http unless named
		user    string
		serve   func(net.Conn)
		timeout time.Duration
		want    Cause
		stage   Stage
		says    string // in the message
		next    string // in the command
	}{
		{name: "407 without credentials", serve: says("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"), want: AuthRequired, stage: StageAuth, says: "wants user and password (status 407, it offers Basic)", next: "--username USER --password-stdin"},
		{name: "407 with credentials", user: "ann:" + secret + "@", serve: says("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"), want: AuthRejected, stage: StageAuth, says: "does not accept user and password (status 407, it offers Basic)"},
		{name: "407 that names no scheme", serve: says("HTTP/1.1 407 No\r\n\r\n"), want: AuthRequired, stage: StageAuth},
		{name: "ntlm and kerberos", user: "ann:" + secret + "@", serve: says("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n"), want: AuthUnsupported, stage: StageAuth, says: "wants Negotiate, NTLM (Kerberos)", next: "cntlm"},
		{name: "digest only", serve: says("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"x, Basic\", nonce=\"y\"\r\n\r\n"), want: AuthUnsupported, stage: StageAuth, says: "wants Digest (status 407)"},
		{name: "ntlm or basic", serve: says("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM, Basic realm=\"a,b\"\r\n\r\n"), want: AuthRequired, stage: StageAuth, says: "(status 407, it offers NTLM, Basic)"},
		{name: "403", serve: says("HTTP/1.1 403 Forbidden\r\n\r\n"), want: Forbidden, stage: StageConnect, says: "does not allow " + target + " (status 403)"},
		{name: "502", serve: says("HTTP/1.1 502 Bad Gateway\r\n\r\n"), want: NoTarget, stage: StageConnect, says: "works, but does not reach"},
		{name: "503", serve: says("HTTP/1.1 503 Unavailable\r\n\r\n"), want: NoTarget, stage: StageConnect},
		{name: "504", serve: says("HTTP/1.0 504 Timeout\r\n\r\n"), want: NoTarget, stage: StageConnect},
		{name: "500", serve: says("HTTP/1.1 500 Unable to connect\r\n\r\n"), want: NoTarget, stage: StageConnect},
		{name: "429", serve: says("HTTP/1.1 429 Too Many\r\n\r\n"), want: Unexpected, stage: StageConnect, next: "curl -v -x http://127.0.0.1:"},
		{name: "302 to a portal", serve: says("HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n"), want: Unexpected, stage: StageConnect},
		{name: "400", serve: says("HTTP/1.1 400 Bad Request\r\n\r\n"), want: NotAProxy, stage: StageConnect, says: "not a proxy (status 400)"},
		{name: "405", serve: says("HTTP/1.1 405 Method Not Allowed\r\n\r\n"), want: NotAProxy, stage: StageConnect},
		{name: "a web page", serve: says("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 12\r\n\r\n<html></html"), want: NotAProxy, stage: StageConnect, says: "web page"},
		{name: "a tunnel with odd headers", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: text/html\r\n\r\n")},
		{name: "garbage", serve: says("\x00\x01\x1b[31mboo\r\n"), want: NotAProxy, stage: StageConnect, says: "does not speak HTTP"},
		{name: "a mail server", serve: func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ESMTP\r\n") }, want: NotAProxy, stage: StageConnect},
		{name: "a broken status line", serve: says("HTTP/1.1 abc\r\n\r\n"), want: NotAProxy, stage: StageConnect, says: "not valid HTTP"},
		{name: "an answer without end", serve: func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}, want: NotAProxy, stage: StageConnect, says: "no end"},
		{name: "hangs up", serve: func(c net.Conn) { _ = c.Close() }, want: Closed, stage: StageConnect, says: "ends the connection"},
		{name: "hangs up in the answer", serve: says("HTTP/1.1 200 OK\r\nA: b"), want: Closed, stage: StageConnect},
		{name: "black hole", serve: hold, timeout: short, want: Silent, stage: StageConnect, says: "stays silent"},
		{name: "slow loris", serve: func(c net.Conn) {
			for _, b := range []byte("HTTP/1.1 200 OK\r\nA: b\r\n" + strings.Repeat("C: d\r\n", 1000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, timeout: short, want: Silent, stage: StageConnect},
		{name: "a target in a black hole", serve: func(c net.Conn) {
			first := make([]byte, 1)
			if _, err := c.Read(first); err == nil && first[0] == 'O' { // OPTIONS, not CONNECT
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				return
			}
			hold(c)
		}, timeout: short, want: NoTarget, stage: StageConnect, says: "no answer in time"},
		{name: "https to a black hole", scheme: "https", serve: hold, timeout: short, want: Silent, stage: StageTLS},
		{name: "https to a proxy that answers in clear", scheme: "https", serve: func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, want: PlainProxy, stage: StageTLS, says: "speaks plain HTTP", next: "--proxy http://127.0.0.1:"},
		{name: "https to a proxy that waits for more", scheme: "https", serve: func(c net.Conn) {
			first := make([]byte, 1)
			if _, err := c.Read(first); err == nil && first[0] != 0x16 {
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			}
			hold(c)
		}, timeout: short, want: PlainProxy, stage: StageTLS},
		{name: "https to a mail server", scheme: "https", serve: func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ESMTP\r\n"); hold(c) }, timeout: short, want: NotAProxy, stage: StageTLS},
		{name: "http to a server that sends an alert", serve: func(c net.Conn) { _, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) }, want: TLSProxy, stage: StageConnect, next: "--proxy https://127.0.0.1:"},
		{name: "socks to a mail server", scheme: "socks5", serve: func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ESMTP\r\n") }, want: NotAProxy, stage: StageAuth, says: "SOCKS5"},
		{name: "socks to a black hole", scheme: "socks5", serve: hold, timeout: short, want: Silent, stage: StageAuth},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			scheme := tc.scheme
			if scheme == "" {
				scheme = "http"
			}
			addr := listen(t, tc.serve)
			res := try(t, Request{Proxy: precedence.Value(scheme + "://" + tc.user + addr), Target: target, Timeout: tc.timeout})
			assert.Equal(t, cause(res), tc.want)
			if tc.want == "" {
				return
			}
			assert.Equal(t, res.Failure.Stage, tc.stage)
			assert.Assert(t, strings.Contains(res.Failure.Error(), tc.says), res.Failure.Error())
			assert.Assert(t, strings.Contains(res.Failure.Next(), tc.next), res.Failure.Next())
			assert.Equal(t, res.Blocks(), tc.want.blocks())
			assert.Equal(t, res.Address, addr)
		})
	}
}

// TestLikeTransport compares verdicts with what Go's own client, which is dockerd's, makes of the same proxy.
func TestLikeTransport(t *testing.T) {
	target, roots := registry(t)
	open, locked := newProxy("").start(t), newProxy("ann:"+secret+"@:/%").start(t)
	secure, secureRoots := newProxy("ann:" + secret + "@:/%").startTLS(t)
	picky, pickyRoots := serveTLS(t, newProxy(""), tls.RequireAnyClientCert)
	const login = "ann:" + secret + "%40%3A%2F%25@"
	both := roots // every httptest server has the same certificate
	_, _ = secureRoots, pickyRoots
	for _, tc := range []struct {
		name  string
		proxy string
		roots *x509.CertPool
		wait  time.Duration
		want  Cause
		block bool
	}{
		{name: "plain", proxy: "http://" + open, roots: both},
		{name: "no scheme", proxy: open, roots: both},
		{name: "a path behind it", proxy: "http://" + open + "/", roots: both},
		{name: "credentials nobody asked for", proxy: "http://" + login + open, roots: both},
		{name: "credentials", proxy: "http://" + login + locked, roots: both},
		{name: "without credentials", proxy: "http://" + locked, roots: both, want: AuthRequired, block: true},
		{name: "wrong password", proxy: "http://ann:" + secret + "@" + locked, roots: both, want: AuthRejected, block: true},
		{name: "user only", proxy: "http://" + secret + "@" + locked, roots: both, want: AuthRejected, block: true},
		{name: "tls", proxy: "https://" + login + secure, roots: both},
		{name: "tls, unknown authority", proxy: "https://" + login + secure, want: UnknownAuthority, block: true},
		{name: "tls, another name", proxy: "https://" + login + strings.Replace(secure, "127.0.0.1", "localhost", 1), roots: both, want: BadCertificate, block: true},
		{name: "tls, client certificate wanted", proxy: "https://" + picky, roots: both, want: TLSFailed, block: true},
		{name: "tls to a plain proxy", proxy: "https://" + login + locked, roots: both, want: PlainProxy, block: true},
		{name: "plain to a tls proxy", proxy: "http://" + login + secure, roots: both, want: TLSProxy, block: true},
		{name: "target with unknown authority", proxy: "http://" + open, want: TargetAuthority},
		{name: "nothing listens", proxy: "http://" + login + deadPort(t), roots: both, want: Refused, block: true},
		{name: "socks", proxy: "socks5://" + socksProxy(t, "", "", 0), roots: both},
		{name: "socks with a password", proxy: "socks5h://" + login + socksProxy(t, "ann", secret+"@:/%", 0), roots: both},
		{name: "socks without its password", proxy: "socks5://" + socksProxy(t, "ann", secret, 0), roots: both, want: AuthRequired, block: true},
		{name: "socks with a wrong password", proxy: "socks5://ann:x" + secret + "@" + socksProxy(t, "ann", secret, 0), roots: both, want: AuthRejected, block: true},
		{name: "socks, not allowed", proxy: "socks5://" + socksProxy(t, "", "", 2), roots: both, want: Forbidden},
		{name: "socks, no such host", proxy: "socks5://" + socksProxy(t, "", "", 4), roots: both, want: NoTarget},
		{name: "socks, odd reply", proxy: "socks5://" + socksProxy(t, "", "", 99), roots: both, want: Unexpected},
		{name: "socks to an http proxy", proxy: "socks5://" + open, roots: both, wait: short, want: PlainProxy, block: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			roots := tc.roots
			if roots == nil {
				roots = x509.NewCertPool()
			}
			res := try(t, Request{Proxy: precedence.Value(tc.proxy), Target: target, Roots: roots, TargetTLS: true, Timeout: tc.wait})
			assert.Equal(t, cause(res), tc.want)
			assert.Equal(t, res.Blocks(), tc.block)
			at := tc.proxy
			if !strings.Contains(at, "://") {
				at = "http://" + at
			}
			u, err := url.Parse(at)
			assert.NilError(t, err)
			transport := &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: roots}}
			defer transport.CloseIdleConnections()
			// net/http has no deadline of its own for a SOCKS handshake.
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+target+"/", nil)
			assert.NilError(t, err)
			resp, err := transport.RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			assert.Equal(t, err == nil, res.Failure == nil, "net/http says %v", err)
		})
	}
}

func TestPlainRequests(t *testing.T) {
	open, locked := newProxy("").start(t), newProxy("ann:"+secret).start(t)
	for _, tc := range []struct {
		name   string
		proxy  string
		target string
		want   Cause
	}{
		{name: "passed on", proxy: open, target: plainRegistry(t, http.StatusUnauthorized)},
		{name: "the target's own 405", proxy: open, target: plainRegistry(t, http.StatusMethodNotAllowed)},
		{name: "credentials", proxy: "ann:" + secret + "@" + locked, target: plainRegistry(t, http.StatusOK)},
		{name: "wrong credentials", proxy: "ann:x@" + locked, target: plainRegistry(t, http.StatusOK), want: AuthRejected},
		{name: "no target", proxy: open, target: deadPort(t), want: NoTarget},
		{name: "forbidden", proxy: listen(t, says("HTTP/1.1 403 No\r\n\r\n")), target: "registry.example.com:80", want: Forbidden},
		{name: "a web server", proxy: listen(t, says("HTTP/1.1 405 No\r\n\r\n")), target: "registry.example.com:80", want: Unexpected},
		{name: "hangs up", proxy: listen(t, says("")), target: "registry.example.com:80", want: Closed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			res := try(t, Request{Proxy: precedence.Value("http://" + tc.proxy), Target: tc.target, Plain: true, TargetTLS: true})
			assert.Equal(t, cause(res), tc.want)
		})
	}
}

// TestRequestOnTheWire sees what the proxy sees.
func TestRequestOnTheWire(t *testing.T) {
	p := newProxy("")
	addr := p.start(t)
	target := plainRegistry(t, http.StatusOK)
	for _, plain := range []bool{false, true} {
		res := try(t, Request{Proxy: precedence.Value("http://a%40b:p%25w@" + addr), Target: target, Plain: plain})
		assert.Equal(t, cause(res), Cause(""))
		assert.Equal(t, res.Status, http.StatusOK)
		r := <-p.seen
		assert.Equal(t, r.Host, target)
		assert.Equal(t, r.Header.Get("Proxy-Authorization"), "Basic YUBiOnAldw==") // a@b:p%w
		if plain {
			assert.Equal(t, r.Method+" "+r.RequestURI, "HEAD http://"+target+"/")
		} else {
			assert.Equal(t, r.Method+" "+r.RequestURI, "CONNECT "+target)
		}
	}
}

func TestDialFailures(t *testing.T) {
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tc := range []struct {
		name  string
		err   error
		want  Cause
		stage Stage
	}{
		{name: "no such host", err: op(&net.DNSError{Err: "no such host", Name: "p", IsNotFound: true}), want: NoDNS, stage: StageDNS},
		{name: "resolver silent", err: op(&net.DNSError{Err: "i/o timeout", Name: "p", IsTimeout: true}), want: NoDNS, stage: StageDNS},
		{name: "refused", err: op(syscall.ECONNREFUSED), want: Refused, stage: StageTCP},
		{name: "no route", err: op(syscall.EHOSTUNREACH), want: Unreachable, stage: StageTCP},
		{name: "kernel timeout", err: op(syscall.ETIMEDOUT), want: Silent, stage: StageTCP},
		{name: "other", err: op(&net.AddrError{Err: "mismatch\x1b[2J", Addr: "p"}), want: Unreachable, stage: StageTCP},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dial := func(context.Context, string, string) (net.Conn, error) { return nil, tc.err }
			res := try(t, Request{Proxy: "http://ann:" + secret + "@p:3128", Target: "r:443", Dial: dial})
			assert.Equal(t, cause(res), tc.want)
			assert.Equal(t, res.Failure.Stage, tc.stage)
			assert.Assert(t, res.Blocks())
		})
	}
	t.Run("packets are dropped", func(t *testing.T) {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, op(ctx.Err())
		}
		res := try(t, Request{Proxy: "http://p", Target: "r:443", Dial: dial, Timeout: short})
		assert.Equal(t, cause(res), Silent)
		assert.ErrorContains(t, res.Failure, "no connection in time")
	})
	t.Run("a real name that cannot exist", func(t *testing.T) {
		res := try(t, Request{Proxy: "http://ann:" + secret + "@proxy.invalid:3128", Target: "r:443"})
		assert.Equal(t, cause(res), NoDNS)
		assert.Assert(t, strings.HasPrefix(res.Failure.Next(), "getent hosts proxy.invalid "))
	})
}

// TestCausesAreToldApart: what a person reads for the causes people have differs, and so does what they are told to type.
func TestCausesAreToldApart(t *testing.T) {
	at := address{scheme: "http", host: "p", port: "3128"}
	messages, commands := map[string]Cause{}, map[string]Cause{}
	for _, f := range []Failure{
		{Cause: NoDNS}, {Cause: Refused}, {Cause: Silent, Stage: StageTCP}, {Cause: AuthRequired, Status: 407, Schemes: []string{"Basic"}}, {Cause: AuthUnsupported, Status: 407, Schemes: []string{"NTLM"}},
		{Cause: PlainProxy}, {Cause: TLSProxy}, {Cause: UnknownAuthority}, {Cause: BadCertificate}, {Cause: TLSFailed}, {Cause: Unusable}, {Cause: Forbidden}, {Cause: NoTarget}, {Cause: TargetAuthority},
	} {
		f.at, f.Proxy, f.Target = at, at.String(), "r:443"
		assert.Equal(t, messages[f.Error()], Cause(""), f.Cause)
		assert.Equal(t, commands[f.Next()], Cause(""), f.Cause)
		messages[f.Error()], commands[f.Next()] = f.Cause, f.Cause
	}
}

// TestTargetRoots: an authority for the target alone is not trusted for the proxy, and the other way round.
func TestTargetRoots(t *testing.T) {
	target, roots := registry(t)
	open, _ := newProxy("").startTLS(t)
	plain := newProxy("").start(t)
	none := x509.NewCertPool()
	for _, tc := range []struct {
		name, proxy   string
		roots, target *x509.CertPool
		want          Cause
	}{
		{name: "of the target", proxy: "http://" + plain, roots: none, target: roots},
		{name: "of both", proxy: "https://" + open, roots: roots},
		{name: "of the target, not of the proxy", proxy: "https://" + open, roots: none, target: roots, want: UnknownAuthority},
		{name: "of the proxy, not of the target", proxy: "https://" + open, roots: roots, target: none, want: TargetAuthority},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := try(t, Request{Proxy: precedence.Value(tc.proxy), Target: target, TargetTLS: true, Roots: tc.roots, TargetRoots: tc.target})
			assert.Equal(t, cause(res), tc.want)
		})
	}
}

// TestUnusable has values that Go ignores or misreads; no part of them may show but what Mask leaves.
func TestUnusable(t *testing.T) {
	for _, v := range []string{
		"http://ann:" + secret + "%zz@p:3128", "http://ann:" + secret + "#x@p:3128", "http://ann:12#" + secret + "@p:3128", "http://" + secret + "/x@p",
		"ftp://ann:" + secret + "@p", "http://", " http://p:3128", "http://p:3128\n", "\"http://p:3128\"", "",
		"socks5://ann:" + secret + strings.Repeat("x", 300) + "@" + socksProxy(t, "", "", 0),
	} {
		res := try(t, Request{Proxy: precedence.Value(v), Target: "r:443"})
		assert.Equal(t, cause(res), Unusable, "%q", v)
		assert.Assert(t, res.Blocks())
	}
}

func TestCallerErrors(t *testing.T) {
	for _, target := range []string{"", "r", "r:", ":443", "r:https", "r:70000", "a b:1", "r/x:1", "r\r\nX:1", "u@r:1"} {
		_, err := Proxy(t.Context(), Request{Proxy: "http://p", Target: target})
		assert.ErrorContains(t, err, "is not HOST:PORT", target)
	}
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		addr := listen(t, func(net.Conn) { cancel() })
		_, err := Proxy(ctx, Request{Proxy: precedence.Value("http://" + addr), Target: "r:443"})
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func TestAddressPorts(t *testing.T) {
	for value, want := range map[string]string{
		"p": "http://p:80", "https://p": "https://p:443", "socks5://p": "socks5://p:1080", "http://[2001:db8::1]:1": "http://[2001:db8::1]:1", "http://pröxy.example": "http://xn--prxy-6qa.example:80",
	} {
		a, ok := readProxy(precedence.Value(value))
		assert.Assert(t, ok, value)
		assert.Equal(t, a.String(), want)
	}
}

func TestSchemes(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []string
		want string
	}{
		{name: "one each", in: []string{"Negotiate", "NTLM", `Basic realm="x"`}, want: "Negotiate NTLM Basic"},
		{name: "one line", in: []string{`Basic realm="a, Fake b", charset="UTF-8", NTLM`}, want: "Basic NTLM"},
		{name: "escaped quote", in: []string{`Digest realm="a\", Fake", nonce=x`}, want: "Digest"},
		{name: "twice", in: []string{"basic", "Basic"}, want: "basic"},
		{name: "hostile", in: []string{"\x1b[31m", strings.Repeat("x", 40), "", ","}, want: ""},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, strings.Join(schemes(tc.in), " "), tc.want) })
	}
}
