package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// The causes of a visit that are the endpoint's own. Those of the proxy are in cause.go.
const (
	EndpointNoDNS       Cause = "endpoint-no-dns"
	EndpointRefused     Cause = "endpoint-refused"
	EndpointUnreachable Cause = "endpoint-unreachable"
	EndpointSilent      Cause = "endpoint-silent"
	EndpointClosed      Cause = "endpoint-closed"
	EndpointPlain       Cause = "endpoint-plain"       // asked for https, it speaks http
	EndpointWantsTLS    Cause = "endpoint-wants-tls"   // asked for http, it speaks https
	EndpointTLS         Cause = "endpoint-tls-failed"  // the handshake fails otherwise
	EndpointAuthority   Cause = "endpoint-authority"   // nobody trusted has signed its certificate
	EndpointCertificate Cause = "endpoint-certificate" // expired, or for another name
	EndpointError       Cause = "endpoint-error"       // it answers with a status of 500 or more
)

// Problem is what is wrong with a way to an endpoint: one sentence, and what to type next. Neither holds credentials or control characters.
type Problem struct {
	Cause   Cause
	Message string
	Next    string
}

func (p *Problem) Error() string { return p.Message }

// proxyProblem is a failure of the proxy.
func proxyProblem(f *Failure) *Problem {
	return &Problem{Cause: f.Cause, Message: f.Error(), Next: f.Next()}
}

// directProblem is why no connection to an endpoint was made without a proxy.
func directProblem(u *url.URL, err error, name bool) *Problem {
	at := clean(Target(u))
	host := clean(u.Hostname())
	reach := "docker proxy set --proxy http://HOST:PORT (where this machine has to use a proxy), or docker proxy explain " + host
	var dns *net.DNSError
	var system syscall.Errno
	switch {
	case name && errors.As(err, &dns):
		return &Problem{EndpointNoDNS, fmt.Sprintf("the name %s does not resolve: %s", host, clean(dns.Err)), "getent hosts " + host}
	case name:
		return &Problem{EndpointNoDNS, fmt.Sprintf("the name %s does not resolve: %s", host, clean(err.Error())), "getent hosts " + host}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Problem{EndpointRefused, fmt.Sprintf("nothing listens at %s: connection refused", at), "ask for the right port, or start what should listen there"}
	case timedOut(err):
		return &Problem{EndpointSilent, fmt.Sprintf("%s does not answer directly: no connection in time (a firewall that drops packets)", at), reach}
	case errors.As(err, &system):
		return &Problem{EndpointUnreachable, fmt.Sprintf("%s is unreachable directly: %s", at, system.Error()), reach}
	}
	return &Problem{EndpointUnreachable, fmt.Sprintf("%s is unreachable directly: %s", at, clean(err.Error())), reach}
}

func (w *visitor) where() string { return clean(Target(w.v.URL)) }

// through names the way in a sentence.
func (w *visitor) through() string {
	if w.out.Via == "" {
		return ""
	}
	return " through " + w.out.Via
}

func (w *visitor) silentProblem() *Problem {
	return &Problem{EndpointSilent, fmt.Sprintf("%s accepts the connection%s and then stays silent", w.where(), w.through()), w.curl()}
}

func (w *visitor) curl() string {
	u := *w.v.URL
	u.User = nil
	if w.out.Via == "" {
		return "curl -v --noproxy '*' " + clean(u.String())
	}
	return "curl -v -x " + w.out.Via + " " + clean(u.String())
}

func (w *visitor) handshakeProblem(err error) *Problem {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return &Problem{EndpointPlain, fmt.Sprintf("%s speaks no TLS%s", w.where(), w.through()), "docker proxy test http://" + w.where() + " (a registry without TLS belongs into insecure-registries of daemon.json)"}
	case timedOut(err):
		return w.silentProblem()
	case hungUp(err):
		return &Problem{EndpointClosed, fmt.Sprintf("%s ends the connection%s during the TLS handshake: a proxy that does not allow it may do so", w.where(), w.through()), w.curl()}
	}
	return &Problem{EndpointTLS, fmt.Sprintf("the TLS handshake with %s%s fails: %s", w.where(), w.through(), clean(err.Error())), "openssl s_client -connect " + w.where()}
}

// certificateProblem tells who signed, and what has to trust it.
func (w *visitor) certificateProblem(err error) *Problem {
	authority, detail, _ := certificateProblem(err)
	if !authority {
		if detail == "" {
			detail = clean(err.Error())
		}
		return &Problem{EndpointCertificate, fmt.Sprintf("the certificate of %s%s is not valid: %s", w.where(), w.through(), detail), "openssl s_client -connect " + w.where()}
	}
	return w.authorityProblem()
}

// authorityProblem says as much as is known by now about whose authority it is.
func (w *visitor) authorityProblem() *Problem {
	who := "its own authority, or one on the way"
	next := "have its root CA trusted: in /etc/docker/certs.d/" + w.where() + "/ca.crt for dockerd, in the machine's store for other programs"
	switch w.out.Ending.At {
	case OnTheWay:
		who = "TLS is terminated on the way"
		next = "docker proxy set --ca FILE (with the proxy's root CA; docker proxy ca fetch " + w.where() + " shows what arrives)"
	case AtEndpoint:
		who = "its own authority"
	case EndUnknown:
	}
	issuer := ""
	if n := len(w.out.Chain); n > 0 {
		issuer = " (" + w.out.Chain[n-1].Issuer + ")"
	}
	return &Problem{EndpointAuthority, fmt.Sprintf("the certificate of %s%s is signed by an authority that is not trusted%s: %s", w.where(), w.through(), issuer, who), next}
}

// Learned is the visit to u with what was found out after it about where TLS ends: a problem with the authority then names whose it is.
func (v Visited) Learned(u *url.URL, e Ending) Visited {
	v.Ending = e
	if v.Problem != nil && v.Problem.Cause == EndpointAuthority {
		v.Problem = (&visitor{v: Visit{URL: u}, out: v}).authorityProblem()
	}
	return v
}

func (w *visitor) answerProblem(err error) *Problem {
	switch {
	case timedOut(err):
		return w.silentProblem()
	case strings.Contains(err.Error(), "malformed HTTP"):
		if w.v.URL.Scheme == "http" {
			return &Problem{EndpointWantsTLS, fmt.Sprintf("%s%s does not answer in HTTP: it may want TLS", w.where(), w.through()), "docker proxy test https://" + w.where()}
		}
		return &Problem{EndpointError, fmt.Sprintf("%s%s does not answer in HTTP", w.where(), w.through()), w.curl()}
	}
	return &Problem{EndpointClosed, fmt.Sprintf("%s ends the connection%s without an answer", w.where(), w.through()), w.curl()}
}

// statusProblem judges the answer. For http:// it may be the proxy's own.
func (w *visitor) statusProblem(resp *http.Response) *Problem {
	if w.v.Proxy != "" && w.v.URL.Scheme == "http" {
		if f := w.proxyStatus(resp); f != nil {
			return proxyProblem(f)
		}
	}
	if squid, _, _ := strings.Cut(resp.Header.Get("X-Squid-Error"), " "); squid != "" && w.v.URL.Scheme == "https" && w.v.Proxy != "" {
		// Inside the tunnel only a proxy that terminates TLS can say this.
		w.out.Ending = Ending{OnTheWay, "the answer itself is the proxy's"}
		cause := NoTarget
		if resp.StatusCode == http.StatusForbidden {
			cause = Forbidden
		}
		return &Problem{cause, fmt.Sprintf("the proxy %s terminates TLS and answers for %s with status %d (%s)", w.out.Via, w.where(), resp.StatusCode, clean(squid)), w.curl()}
	}
	if resp.StatusCode == http.StatusBadRequest && w.v.URL.Scheme == "http" && strings.Contains(string(w.out.Body), "HTTPS server") {
		return &Problem{EndpointWantsTLS, fmt.Sprintf("%s wants TLS", w.where()), "docker proxy test https://" + w.where()}
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return &Problem{EndpointError, fmt.Sprintf("%s answers%s with status %d", w.where(), w.through(), resp.StatusCode), w.curl()}
	}
	return nil
}

// proxyStatus is the proxy's refusal of an http:// request.
func (w *visitor) proxyStatus(resp *http.Response) *Failure {
	at, _ := readProxy(w.v.Proxy)
	s := &session{req: Request{Proxy: w.v.Proxy, Target: Target(w.v.URL)}, at: at}
	s.res.Stage, s.res.Status = StageConnect, resp.StatusCode
	f := s.refusal(resp.Header, nil)
	w.out.Schemes = s.res.AuthSchemes
	if f != nil && f.Cause == Forbidden && resp.Header.Get("X-Squid-Error") == "" && resp.Header.Get("Via") != "" {
		return nil // the endpoint's own 403, passed on
	}
	return f
}
