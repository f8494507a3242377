package probe

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// httpStart is how every answer in HTTP/1 begins.
const httpStart = "HTTP/"

// tunnel asks for a tunnel to the target, as net/http's Transport does for https:// URLs.
func (s *session) tunnel(ctx context.Context) *Failure {
	s.res.Stage = StageConnect
	if f := s.send("CONNECT " + s.req.Target + " HTTP/1.1\r\nHost: " + s.req.Target + "\r\n"); f != nil {
		return f
	}
	resp, f := s.answer(ctx, http.MethodConnect)
	if f != nil {
		return f
	}
	switch s.res.Status {
	case http.StatusOK:
		// A web server that says 200 to everything. An answer to CONNECT has no body (RFC 9110, 9.3.6).
		if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == "text/html" && resp.Header.Get("Content-Length") != "0" {
			return s.fail(NotAProxy, "it sends a web page")
		}
		return nil
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		if s.at.scheme == "http" && s.res.Status == http.StatusBadRequest && s.answersTLS(ctx) {
			return s.fail(TLSProxy, "")
		}
		return s.fail(NotAProxy, "")
	}
	return s.refusal(resp.Header, s.fail(Unexpected, ""))
}

// head asks for an http:// URL, as net/http's Transport does: with the absolute URI. Whatever the target itself answers is fine.
func (s *session) head(ctx context.Context) *Failure {
	s.res.Stage = StageConnect
	target := strings.TrimSuffix(s.req.Target, ":80")
	if f := s.send("HEAD http://" + target + "/ HTTP/1.1\r\nHost: " + target + "\r\nConnection: close\r\n"); f != nil {
		return f
	}
	resp, f := s.answer(ctx, http.MethodHead)
	if f != nil {
		return f
	}
	switch s.res.Status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusNetworkAuthenticationRequired:
		if resp.Header.Get("Via") != "" {
			return nil // the proxy passed the target's answer on
		}
		if s.at.scheme == "http" && s.res.Status == http.StatusBadRequest && s.answersTLS(ctx) {
			return s.fail(TLSProxy, "")
		}
		return s.fail(Unexpected, "is it a proxy?")
	}
	return s.refusal(resp.Header, nil)
}

// send writes a request with the credentials. A proxy that hangs up while it is written may have answered all the same, so that is found out by reading.
func (s *session) send(head string) *Failure {
	head += "User-Agent: docker-proxy\r\n"
	if a := s.at.authorization(); a != "" {
		head += "Proxy-Authorization: " + a + "\r\n"
	}
	if _, err := io.WriteString(s.conn, head+"\r\n"); err != nil && timedOut(err) {
		return s.ioFailure(err)
	}
	return nil
}

// refusal judges the statuses by which a proxy refuses, and gives other for the rest.
func (s *session) refusal(h http.Header, other *Failure) *Failure {
	switch s.res.Status {
	case http.StatusProxyAuthRequired:
		s.res.Stage, s.res.AuthSchemes = StageAuth, schemes(h.Values("Proxy-Authenticate"))
		return s.fail(s.authCause(), "")
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return s.fail(Forbidden, "")
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // squid 5 says 500 for a name that does not resolve
		return s.fail(NoTarget, "")
	}
	return other
}

// authCause says what a 407 means: Basic is all that net/http's Transport can do.
func (s *session) authCause() Cause {
	basic := len(s.res.AuthSchemes) == 0
	for _, scheme := range s.res.AuthSchemes {
		basic = basic || strings.EqualFold(scheme, "Basic")
	}
	switch {
	case !basic:
		return AuthUnsupported
	case s.at.auth:
		return AuthRejected
	}
	return AuthRequired
}

// answer reads the head of an answer.
func (s *session) answer(ctx context.Context, method string) (*http.Response, *Failure) {
	start, err := s.answers.Peek(len(httpStart))
	switch {
	case len(start) >= 2 && start[0] == 0x15 && start[1] == 3: // a TLS alert record (RFC 8446, 5.1)
		return nil, s.fail(TLSProxy, "")
	case !strings.HasPrefix(httpStart, string(start)):
		return nil, s.fail(NotAProxy, "it does not speak HTTP")
	case err != nil:
		return nil, s.silence(ctx, err, len(start) == 0)
	}
	resp, err := http.ReadResponse(s.answers, &http.Request{Method: method})
	switch {
	case err == nil:
		s.res.Status = resp.StatusCode
		return resp, nil
	case timedOut(err):
		return nil, s.silence(ctx, err, false)
	case timedOut(s.last.err):
		return nil, s.silence(ctx, s.last.err, false)
	case s.limit.N <= 0:
		return nil, s.fail(NotAProxy, "its answer has no end")
	case errors.Is(err, io.ErrUnexpectedEOF) || hungUp(err):
		return nil, s.ioFailure(err)
	}
	return nil, s.fail(NotAProxy, "its answer is not valid HTTP")
}

// silence says what it means that no answer, or only a part of one, has come. nothing: not a byte did.
func (s *session) silence(ctx context.Context, err error, nothing bool) *Failure {
	switch {
	case !nothing || alerted(err):
	case timedOut(err) && s.answersHTTP(ctx, s.at.scheme == "https"):
		return s.fail(NoTarget, "no answer in time")
	case !timedOut(err) && s.at.scheme == "http" && s.answersTLS(ctx):
		return s.fail(TLSProxy, "")
	}
	return s.ioFailure(err)
}
