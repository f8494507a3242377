package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
)

// answersHTTP asks the proxy, on a connection of its own and without credentials, something that concerns no target, and reports whether it answers in HTTP
// at all. So a proxy that waits for a silent target is told from a silent proxy, and a plain proxy from one that does not get its TLS right.
func (s *session) answersHTTP(ctx context.Context, overTLS bool) bool {
	conn, done := s.again(ctx)
	defer done()
	if conn == nil {
		return false
	}
	if overTLS {
		secure := tls.Client(conn, s.config(s.at.host))
		if secure.HandshakeContext(ctx) != nil {
			return false
		}
		conn = secure
	}
	// RFC 9110, 7.6.2: with Max-Forwards 0 the recipient answers itself.
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: "+s.at.hostPort()+"\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	start, _ := bufio.NewReaderSize(conn, 16).Peek(len(httpStart)) // what is missing at an error is no HTTP
	return string(start) == httpStart
}

// answersTLS reports whether the proxy speaks TLS, with whatever certificate. Nothing is sent through it.
func (s *session) answersTLS(ctx context.Context) bool {
	conn, done := s.again(ctx)
	defer done()
	if conn == nil {
		return false
	}
	err := tls.Client(conn, s.config(s.at.host)).HandshakeContext(ctx)
	var verify *tls.CertificateVerificationError
	return err == nil || errors.As(err, &verify) || alerted(err)
}
