package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
)

// handshake makes TLS of the connection to an https:// proxy.
func (s *session) handshake(ctx context.Context) *Failure {
	s.res.Stage = StageTLS
	conn := tls.Client(s.conn, s.config(s.at.host))
	defer s.guard(ctx, s.conn)()
	err := conn.HandshakeContext(ctx)
	if err == nil {
		s.conn = conn
		return nil
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		if string(record.RecordHeader[:]) == "HTTP/" || s.answersHTTP(ctx, false) {
			return s.fail(PlainProxy, "")
		}
		return s.fail(NotAProxy, "it speaks neither TLS nor HTTP")
	}
	if authority, detail, ok := certificateProblem(err); ok {
		if authority {
			return s.fail(UnknownAuthority, detail)
		}
		return s.fail(BadCertificate, detail)
	}
	// A plain proxy may wait for the end of a request that never comes, or hang up.
	if !alerted(err) && s.answersHTTP(ctx, false) {
		return s.fail(PlainProxy, "")
	}
	return s.ioFailure(err)
}

// targetHandshake shakes hands with the target through the tunnel.
func (s *session) targetHandshake(ctx context.Context) *Failure {
	s.res.Stage = StageTarget
	s.limit.N = 16 * maxAnswer // chains of certificates, not heads
	inner := tunnelConn{Conn: s.conn, r: s.answers}
	defer s.guard(ctx, s.conn)()
	config := s.config(hostOf(s.req.Target))
	if s.req.TargetRoots != nil {
		config.RootCAs = s.req.TargetRoots
	}
	err := tls.Client(inner, config).HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	if authority, detail, ok := certificateProblem(err); ok && authority {
		return s.fail(TargetAuthority, detail)
	} else if ok {
		return s.fail(TargetTLSFailed, detail)
	}
	switch {
	case timedOut(err):
		return s.fail(TargetTLSFailed, "no answer in time")
	case hungUp(err):
		return s.fail(TargetTLSFailed, "the connection ends")
	}
	return s.fail(TargetTLSFailed, err.Error())
}

func (s *session) config(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: s.req.Roots, MinVersion: tls.VersionTLS12}
}

// tunnelConn reads what the answer's reader already has before the rest.
type tunnelConn struct {
	net.Conn
	r *bufio.Reader
}

func (c tunnelConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// certificateProblem says whether a handshake failed for the other side's certificate, whether that is for want of a trusted authority, and the detail.
func certificateProblem(err error) (authority bool, detail string, ok bool) {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) {
		return false, "", false
	}
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return false, verify.Err.Error(), true
	}
	if n := len(verify.UnverifiedCertificates); n > 0 {
		last := verify.UnverifiedCertificates[n-1]
		return true, fmt.Sprintf("%q", clean(last.Issuer.String())), true
	}
	return true, "", true
}

func alerted(err error) bool {
	var alert tls.AlertError
	return errors.As(err, &alert) || isRemoteAlert(err)
}

// isRemoteAlert recognises an alert the other side sent: crypto/tls wraps its unexported type into a net.OpError "remote error".
func isRemoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

func hungUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && op.Op != "remote error" && !op.Timeout()
}

// ioFailure is the failure of an exchange that broke off.
func (s *session) ioFailure(err error) *Failure {
	switch {
	case timedOut(err):
		return s.fail(Silent, "")
	case alerted(err):
		return s.fail(TLSFailed, err.Error())
	case hungUp(err):
		return s.fail(Closed, "")
	case s.res.Stage == StageTLS:
		return s.fail(TLSFailed, err.Error())
	}
	return s.fail(Closed, "")
}
