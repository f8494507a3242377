// Package probe tries a proxy the way dockerd would use it: resolve its name, connect, shake hands (https:// proxies), show the credentials, and ask for a
// registry. It answers with the first thing that goes wrong, why, and what to type next.
//
// It is not a client for anything: nothing is fetched through the proxy, no environment variable is read, no redirect followed, and nothing is kept. What
// the other side sends is read up to a limit and under a deadline, and is escaped before it gets into a message. Messages never hold user or password.
//
// Start at Proxy; cause.go has everything that can go wrong.
package probe

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Stage is how far a trial has come.
type Stage string

// The stages, in order. StageTarget is the TLS handshake with the target inside the tunnel.
const (
	StageDNS     Stage = "dns"
	StageTCP     Stage = "tcp"
	StageTLS     Stage = "tls"
	StageAuth    Stage = "auth"
	StageConnect Stage = "connect"
	StageTarget  Stage = "target"
	StageHTTP    Stage = "http" // of a Visit: the endpoint's own answer
)

// defaultTimeout is the time of one stage. A proxy whose own attempt to reach the target takes longer is told apart from a silent one by a second question.
const defaultTimeout = 10 * time.Second

// maxAnswer is how many bytes of an answer's head are read: what net/http's Transport accepts of a proxy at most by default is 10 MB, real ones stay under 4 KB.
const maxAnswer = 64 << 10

// DialFunc opens a connection as net.Dialer.DialContext does. The connection must honour deadlines.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Request is one trial.
type Request struct {
	Proxy  precedence.Value // the value as dockerd gets it, credentials included
	Target string           // HOST:PORT to reach, such as registry-1.docker.io:443
	// Plain asks for http://Target/ with a HEAD and an absolute URI, which is how http:// URLs go through a proxy; otherwise a tunnel is asked for (CONNECT).
	Plain bool
	// TargetTLS also shakes hands with the target inside the tunnel, which shows a proxy that terminates TLS with a CA that is not among Roots.
	TargetTLS bool
	Roots     *x509.CertPool // CAs to trust, for the proxy and the target; nil means the system's
	// TargetRoots are the CAs to trust for the target; nil means Roots. dockerd has some for single registries.
	TargetRoots *x509.CertPool
	Timeout     time.Duration // of each stage; 0 means 10 s
	Dial        DialFunc      // nil means this machine's network
}

// Result is how a trial went. A nil Failure means that the proxy let the request through.
type Result struct {
	Stage       Stage // the last one that was begun
	Failure     *Failure
	Address     string        // IP:PORT of the proxy that accepted the connection; "" when none did
	Status      int           // the proxy's HTTP status; 0 when there was none (socks5)
	AuthSchemes []string      // what the proxy asked for with a 407, in its order: Basic, NTLM, Negotiate
	Duration    time.Duration // of the whole trial
}

// Blocks reports whether dockerd cannot use the proxy. A working proxy that does not reach this one target, or may not, is no such case.
func (r Result) Blocks() bool { return r.Failure != nil && r.Failure.Cause.blocks() }

// Proxy tries a proxy. The error is for a request that makes no sense or a context that ended; whatever is wrong with the proxy is in the result.
//
// The URL is read by golang.org/x/net/http/httpproxy and used like Go's net/http.Transport does (dialConn: CONNECT with a Basic Proxy-Authorization header
// of the percent-decoded userinfo; only the status 200 makes a tunnel).
func Proxy(ctx context.Context, req Request) (Result, error) {
	if err := checkTarget(req.Target); err != nil {
		return Result{}, err
	}
	if req.Timeout <= 0 {
		req.Timeout = defaultTimeout
	}
	if req.Dial == nil {
		req.Dial = (&net.Dialer{}).DialContext
	}
	start := time.Now()
	s := &session{req: req}
	s.res.Failure = s.run(ctx)
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	s.res.Duration = time.Since(start)
	return s.res, nil
}

func checkTarget(target string) error {
	host, port, err := net.SplitHostPort(target)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || host == "" || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' || r == '@' }) {
		return fmt.Errorf("target %q is not HOST:PORT", target)
	}
	return nil
}

// session is one trial under way.
type session struct {
	req Request
	at  address
	res Result

	conn    net.Conn // to the proxy, through TLS where it has it
	limit   *io.LimitedReader
	last    *lastError
	answers *bufio.Reader
}

// run goes through the stages until one fails.
func (s *session) run(ctx context.Context) *Failure {
	f := s.open(ctx)
	if s.conn != nil {
		defer s.conn.Close() //nolint:errcheck // nothing was promised to the other side
	}
	if f != nil {
		return f
	}
	if f := s.ask(ctx); f != nil || !s.req.TargetTLS || s.req.Plain {
		return f
	}
	return s.targetHandshake(ctx)
}

// open connects to the proxy, with TLS where its URL says so.
func (s *session) open(ctx context.Context) *Failure {
	s.res.Stage = StageDNS
	var ok bool
	if s.at, ok = readProxy(s.req.Proxy); !ok {
		return s.fail(Unusable, "")
	}
	conn, f := s.connect(ctx)
	if f != nil {
		return f
	}
	s.conn = conn
	if s.at.scheme == "https" {
		if f := s.handshake(ctx); f != nil {
			return f
		}
	}
	s.last = &lastError{r: s.conn}
	s.limit = &io.LimitedReader{R: s.last, N: maxAnswer}
	s.answers = bufio.NewReader(s.limit)
	return nil
}

// ask speaks the proxy's protocol.
func (s *session) ask(ctx context.Context) *Failure {
	defer s.guard(ctx, s.conn)()
	switch {
	case s.at.socks():
		return s.socks(ctx)
	case s.req.Plain:
		return s.head(ctx)
	}
	return s.tunnel(ctx)
}

// guard puts the deadline of a stage on a connection, and ends what is under way when the context ends. The caller calls what it returns afterwards.
func (s *session) guard(ctx context.Context, conn net.Conn) func() {
	return guard(ctx, conn, s.req.Timeout)
}

func guard(ctx context.Context, conn net.Conn, timeout time.Duration) func() {
	_ = conn.SetDeadline(time.Now().Add(timeout)) // a closed connection says so at the next read
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// lastError remembers how the last read ended: bufio gives half a line without an error when the deadline cuts it off, and half a line looks like nonsense.
type lastError struct {
	r   io.Reader
	err error
}

func (l *lastError) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.err = err
	return n, err
}
