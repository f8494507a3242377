package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// connect opens the connection to the proxy.
func (s *session) connect(ctx context.Context) (net.Conn, *Failure) {
	bounded, cancel := context.WithTimeout(ctx, s.req.Timeout)
	defer cancel()
	conn, err := s.req.Dial(bounded, "tcp", s.at.hostPort())
	if err != nil {
		return nil, s.dialFailure(err)
	}
	s.res.Stage = StageTCP
	if a := conn.RemoteAddr(); a != nil {
		s.res.Address = a.String()
	}
	return conn, nil
}

func (s *session) dialFailure(err error) *Failure {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return s.fail(NoDNS, "no such host")
	case errors.As(err, &dns):
		return s.fail(NoDNS, dns.Err)
	}
	s.res.Stage = StageTCP
	var system syscall.Errno
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return s.fail(Refused, "")
	case timedOut(err):
		return s.fail(Silent, "")
	case errors.As(err, &system):
		return s.fail(Unreachable, system.Error())
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return s.fail(Unreachable, err.Error())
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// confirmTimeout is the time of a second question, which a proxy answers by itself.
const confirmTimeout = 3 * time.Second

// again opens one more connection, under a deadline of its own; nil when that does not work. The caller calls done.
func (s *session) again(ctx context.Context) (conn net.Conn, done func()) {
	bounded, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	conn, err := s.req.Dial(bounded, "tcp", s.at.hostPort())
	if err != nil {
		return nil, func() {}
	}
	release := guard(ctx, conn, confirmTimeout)
	return conn, func() { release(); _ = conn.Close() }
}
