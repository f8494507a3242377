package probe

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
)

// listen starts a listener on the loopback that hands every connection to serve, and closes what is open at the end of the test.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// deadPort is an address at which nothing listens.
func deadPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// says answers every request with the same bytes and hangs up.
func says(answer string) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, answer)
		}
	}
}

// proxy is a small real proxy: CONNECT tunnels and absolute URIs, with Basic authentication when it has a password.
type proxy struct {
	basic string // user:password as Basic decodes it
	seen  chan *http.Request
}

func newProxy(basic string) *proxy { return &proxy{basic: basic, seen: make(chan *http.Request, 100)} }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.seen <- r
	if p.basic != "" {
		fake := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		if user, password, ok := fake.BasicAuth(); !ok || user+":"+password != p.basic {
			w.Header().Set("Proxy-Authenticate", `Basic realm="a, b"`)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
	}
	if r.Method != http.MethodConnect {
		p.forward(w, r)
		return
	}
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
	_, _ = io.Copy(down, up)
	_ = down.Close()
}

func (p *proxy) forward(w http.ResponseWriter, r *http.Request) {
	if !r.URL.IsAbs() {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	resp, err := (&http.Transport{}).RoundTrip(&http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: http.Header{}})
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Via", "1.1 test")
	w.WriteHeader(resp.StatusCode)
}

// start runs the proxy and returns its HOST:PORT.
func (p *proxy) start(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// startTLS runs the proxy behind TLS and returns its HOST:PORT and a pool that trusts it.
func (p *proxy) startTLS(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	return serveTLS(t, p, tls.NoClientCert)
}

func serveTLS(t *testing.T, h http.Handler, client tls.ClientAuthType) (string, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{ClientAuth: client}
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return srv.Listener.Addr().String(), pool
}

// registry is a target behind TLS; plainRegistry one without. Like the real one it answers 405 to a HEAD on /v2/ and 200 on /.
func registry(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	return serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), tls.NoClientCert)
}

func plainRegistry(t *testing.T, status int) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// socksProxy is a SOCKS5 proxy that wants the password when it is set, and gives the reply code.
func socksProxy(t *testing.T, user, password string, code byte) string {
	t.Helper()
	return listen(t, func(c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil || head[0] != 5 {
			return
		}
		methods := make([]byte, head[1])
		_, _ = io.ReadFull(r, methods)
		if password != "" {
			if !strings.Contains(string(methods), "\x02") {
				_, _ = c.Write([]byte{5, 0xff})
				return
			}
			_, _ = c.Write([]byte{5, 2})
			if !socksLoginOK(r, user, password) {
				_, _ = c.Write([]byte{1, 1})
				return
			}
			_, _ = c.Write([]byte{1, 0})
		} else {
			_, _ = c.Write([]byte{5, 0})
		}
		target, err := socksTarget(r)
		if err != nil {
			return
		}
		_, _ = c.Write([]byte{5, code, 0, 3, 4, 'h', 'o', 's', 't', 0, 80})
		if code != 0 {
			return
		}
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(up, r); _ = up.Close() }()
		_, _ = io.Copy(c, up)
	})
}

func socksLoginOK(r *bufio.Reader, user, password string) bool {
	field := func() string {
		n, _ := r.ReadByte()
		b := make([]byte, n)
		_, _ = io.ReadFull(r, b)
		return string(b)
	}
	_, _ = r.ReadByte()
	return field() == user && field() == password
}

func socksTarget(r *bufio.Reader) (string, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", err
	}
	var host string
	switch head[3] {
	case 1, 4:
		b := make([]byte, map[byte]int{1: 4, 4: 16}[head[3]])
		_, _ = io.ReadFull(r, b)
		host = net.IP(b).String()
	default:
		n, _ := r.ReadByte()
		b := make([]byte, n)
		_, _ = io.ReadFull(r, b)
		host = string(b)
	}
	port := make([]byte, 2)
	_, err := io.ReadFull(r, port)
	return net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1]))), err
}
