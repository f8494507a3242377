package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Visit is one request to an endpoint, the way a program with these settings would make it.
type Visit struct {
	URL   *url.URL         // http or https; credentials in it are not sent
	Proxy precedence.Value // "" to go direct
	Roots *x509.CertPool   // the authorities the program trusts; nil means the system's
	// Public are the authorities that everybody trusts, to tell a certificate of the endpoint's own from one made on the way; nil knows none.
	Public *x509.CertPool
	// PublicHost says that the endpoint is known to have a certificate of a public authority, such as Docker Hub.
	PublicHost bool
	Insecure   bool          // a certificate that is not trusted is no failure: dockerd's insecure registries
	Timeout    time.Duration // of each stage; 0 means 10 s
	Dial       DialFunc      // nil means this machine's network
	Lookup     LookupFunc    // nil means this machine's resolver; the proxy's name is looked up with it, too
}

// LookupFunc gives the addresses of a name, as net.Resolver.LookupHost does.
type LookupFunc func(ctx context.Context, name string) ([]string, error)

// Step is one stage and what it took.
type Step struct {
	Stage    Stage         `json:"stage"`
	Duration time.Duration `json:"nanoseconds"`
}

// Visited is how a visit went. A nil Problem means that the endpoint answered with what an endpoint may answer.
type Visited struct {
	Via       string   // the proxy, scheme://host:port; "" for a direct connection
	Addresses []string // of the endpoint's name, for a direct connection
	Address   string   // IP:PORT that accepted the connection: the proxy's, or the endpoint's
	Connect   int      // the proxy's status for CONNECT; 0 without one
	Schemes   []string // of authentication, when the proxy asked for it
	Steps     []Step   // in order, up to the one that failed
	Chain     []Certificate
	Presented []*x509.Certificate // the same, whole; the endpoint's own first
	Ending    Ending              // where TLS ends
	Status    int                 // of the endpoint's answer; 0 when there was none
	Challenge string              // the scheme of WWW-Authenticate: Bearer, Basic
	Location  *url.URL            // where a redirect leads; nil without one
	Body      []byte              // at most 64 KiB
	Problem   *Problem
}

// maxBody is how much of an answer is kept, in bytes.
const maxBody = 64 << 10

// maxVisit is how much of a tunnel is read, certificates and answer together.
const maxVisit = 1 << 20

// visitor is one visit under way.
type visitor struct {
	v     Visit
	out   Visited
	since time.Time
}

// Do makes the visit, with a GET and the given headers. The error is for a context that ended or a URL that makes no sense.
func (v Visit) Do(ctx context.Context, header map[string]string) (Visited, error) {
	if v.URL == nil || v.URL.Hostname() == "" || v.URL.Scheme != "http" && v.URL.Scheme != "https" {
		return Visited{}, errors.New("only http:// and https:// endpoints can be visited")
	}
	if v.Timeout <= 0 {
		v.Timeout = defaultTimeout
	}
	if v.Dial == nil {
		v.Dial = (&net.Dialer{}).DialContext
	}
	if v.Lookup == nil {
		v.Lookup = net.DefaultResolver.LookupHost
	}
	w := &visitor{v: v, since: time.Now()}
	w.out.Problem = w.run(ctx, header)
	if ctx.Err() != nil {
		return Visited{}, context.Cause(ctx)
	}
	return w.out, nil
}

// Target is HOST:PORT of a URL.
func Target(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// step records the end of a stage. One that comes again is a second question to the same side, made to tell causes apart.
func (w *visitor) step(stage Stage) {
	now := time.Now()
	if !slices.ContainsFunc(w.out.Steps, func(s Step) bool { return s.Stage == stage }) {
		w.out.Steps = append(w.out.Steps, Step{stage, now.Sub(w.since)})
	}
	w.since = now
}

func (w *visitor) run(ctx context.Context, header map[string]string) *Problem {
	conn, r, p := w.open(ctx)
	if conn != nil {
		defer conn.Close() //nolint:errcheck // nothing was promised to the other side
	}
	if p != nil {
		return p
	}
	if w.v.URL.Scheme == "https" {
		if conn, p = w.shake(ctx, conn, r); p != nil {
			return p
		}
		r = bufio.NewReader(conn)
	}
	return w.exchange(ctx, conn, r, header)
}

// open connects: to the proxy and through it, or to the endpoint.
func (w *visitor) open(ctx context.Context) (net.Conn, *bufio.Reader, *Problem) {
	if w.v.Proxy == "" {
		return w.direct(ctx)
	}
	s := &session{req: Request{Proxy: w.v.Proxy, Target: Target(w.v.URL), Roots: w.v.Roots, Timeout: w.v.Timeout, Dial: w.timedDial()}}
	s.res.Stage = StageDNS
	f := s.open(ctx)
	if f == nil && w.v.URL.Scheme == "https" || f == nil && s.at.socks() {
		f = s.ask(ctx)
		w.step(StageConnect)
	}
	w.out.Via, w.out.Address, w.out.Connect, w.out.Schemes = s.at.String(), s.res.Address, s.res.Status, s.res.AuthSchemes
	if f != nil {
		if s.conn != nil {
			_ = s.conn.Close()
		}
		return nil, nil, proxyProblem(f)
	}
	s.limit.N = maxVisit
	return s.conn, s.answers, nil
}

// timedDial resolves and connects one after the other, to tell how long each takes.
func (w *visitor) timedDial() DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addresses, err := w.lookup(ctx, host)
		if err != nil {
			return nil, err
		}
		return w.dialAny(ctx, network, addresses, port)
	}
}

func (w *visitor) lookup(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	addresses, err := w.v.Lookup(ctx, host)
	w.step(StageDNS)
	return addresses, err
}

// dialAny tries the addresses in turn; each but the last gets a share of the time.
func (w *visitor) dialAny(ctx context.Context, network string, addresses []string, port string) (conn net.Conn, err error) {
	defer func() { w.step(StageTCP) }()
	share := w.v.Timeout / time.Duration(max(1, len(addresses)))
	for _, a := range addresses {
		bounded, cancel := context.WithTimeout(ctx, share)
		conn, err = w.v.Dial(bounded, network, net.JoinHostPort(a, port))
		cancel()
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (w *visitor) direct(ctx context.Context) (net.Conn, *bufio.Reader, *Problem) {
	host, port, _ := net.SplitHostPort(Target(w.v.URL)) // made by JoinHostPort
	bounded, cancel := context.WithTimeout(ctx, 2*w.v.Timeout)
	defer cancel()
	addresses, err := w.lookup(bounded, host)
	if err != nil {
		return nil, nil, directProblem(w.v.URL, err, true)
	}
	w.out.Addresses = addresses
	conn, err := w.dialAny(bounded, "tcp", addresses, port)
	if err != nil {
		return nil, nil, directProblem(w.v.URL, err, false)
	}
	if a := conn.RemoteAddr(); a != nil {
		w.out.Address = a.String()
	}
	return conn, bufio.NewReader(conn), nil
}

// shake shakes hands with the endpoint and judges its certificate afterwards, so that the chain is known whatever it is.
func (w *visitor) shake(ctx context.Context, conn net.Conn, r *bufio.Reader) (net.Conn, *Problem) {
	defer guard(ctx, conn, w.v.Timeout)()
	host := w.v.URL.Hostname()
	secure := tls.Client(tunnelConn{Conn: conn, r: r}, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // judged below
	err := secure.HandshakeContext(ctx)
	w.step(StageTLS)
	if err != nil {
		return conn, w.handshakeProblem(err)
	}
	chain := secure.ConnectionState().PeerCertificates
	w.out.Chain, w.out.Presented = describe(chain), chain
	trust := verify(chain, host, w.v.Roots)
	w.out.Ending = w.ending(chain, host)
	if trust != nil && !w.v.Insecure {
		return secure, w.certificateProblem(trust)
	}
	return secure, nil
}

// exchange sends the request and reads the answer.
func (w *visitor) exchange(ctx context.Context, conn net.Conn, r *bufio.Reader, header map[string]string) *Problem {
	defer guard(ctx, conn, w.v.Timeout)()
	u := *w.v.URL
	u.User = nil
	req := &http.Request{Method: http.MethodGet, URL: &u, Host: u.Host, Header: http.Header{}, Close: true}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "docker-proxy")
	write := req.Write
	if w.v.Proxy != "" && u.Scheme == "http" && !strings.HasPrefix(w.out.Via, "socks") {
		if at, ok := readProxy(w.v.Proxy); ok && at.authorization() != "" {
			req.Header.Set("Proxy-Authorization", at.authorization())
		}
		write = req.WriteProxy
	}
	if err := write(conn); err != nil && timedOut(err) {
		w.step(StageHTTP)
		return w.silentProblem()
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(r, maxAnswer+maxBody)), req)
	w.step(StageHTTP)
	if err != nil {
		return w.answerProblem(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it is wanted
	w.out.Status = resp.StatusCode
	w.out.Body, _ = io.ReadAll(io.LimitReader(resp.Body, maxBody)) // a body that breaks off is no matter: the endpoint has answered
	w.out.Challenge = resp.Header.Get("Www-Authenticate")
	if l, err := resp.Location(); err == nil {
		w.out.Location = l
	}
	return w.statusProblem(resp)
}
