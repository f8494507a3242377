package probe

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
)

// The bytes of RFC 1928 and RFC 1929 that are needed here.
const (
	socksVersion      = 5
	socksNoAuth       = 0
	socksPassword     = 2
	socksNoneOf       = 0xff
	socksConnect      = 1
	socksIPv4         = 1
	socksName         = 3
	socksIPv6         = 4
	socksAuthVersion  = 1
	socksNotAllowed   = 2
	socksNetwork      = 3
	socksHost         = 4
	socksRefused      = 5
	socksExpired      = 6
	socksMaxField     = 255
	socksReplyHead    = 4
	socksGeneralError = 1
)

// socks asks a SOCKS5 proxy for a connection to the target. Like net/http's Transport it offers no authentication and, with credentials, user and password,
// and leaves the resolving of the target's name to the proxy (x/net/internal/socks).
func (s *session) socks(ctx context.Context) *Failure {
	s.res.Stage = StageAuth
	hello := []byte{socksVersion, 1, socksNoAuth}
	if s.at.auth {
		if s.at.user == "" || len(s.at.user) > socksMaxField || len(s.at.password) > socksMaxField {
			return s.fail(Unusable, "")
		}
		hello = []byte{socksVersion, 2, socksNoAuth, socksPassword}
	}
	var choice [2]byte
	err := s.exchange(hello, choice[:])
	if err != nil || choice[0] != socksVersion {
		return s.notSocks(ctx, err)
	}
	switch {
	case choice[1] == socksNoAuth:
	case choice[1] == socksPassword && s.at.auth:
		if f := s.socksLogin(); f != nil {
			return f
		}
	case !s.at.auth && (choice[1] == socksNoneOf || choice[1] == socksPassword):
		return s.fail(AuthRequired, "")
	default:
		return s.fail(AuthUnsupported, "")
	}
	return s.socksConnect()
}

// notSocks says what answers where a SOCKS5 proxy was expected.
func (s *session) notSocks(ctx context.Context, err error) *Failure {
	switch {
	case s.answersHTTP(ctx, false):
		return s.fail(PlainProxy, "")
	case err != nil:
		return s.ioFailure(err)
	}
	return s.fail(NotAProxy, "it does not speak SOCKS5")
}

func (s *session) socksLogin() *Failure {
	login := []byte{socksAuthVersion, byte(len(s.at.user))}
	login = append(login, s.at.user...)
	login = append(login, byte(len(s.at.password)))
	login = append(login, s.at.password...)
	var verdict [2]byte
	if err := s.exchange(login, verdict[:]); err != nil {
		if hungUp(err) { // RFC 1929: a failure closes the connection
			return s.fail(AuthRejected, "")
		}
		return s.ioFailure(err)
	}
	if verdict[1] != 0 {
		return s.fail(AuthRejected, "")
	}
	return nil
}

func (s *session) socksConnect() *Failure {
	s.res.Stage = StageConnect
	host, portText, err := net.SplitHostPort(s.req.Target)
	port, portErr := strconv.ParseUint(portText, 10, 16)
	if err != nil || portErr != nil || len(host) > socksMaxField {
		return s.fail(NoTarget, "not a host and port")
	}
	request := []byte{socksVersion, socksConnect, 0}
	ip := net.ParseIP(host)
	switch {
	case ip.To4() != nil:
		request = append(append(request, socksIPv4), ip.To4()...)
	case ip != nil:
		request = append(append(request, socksIPv6), ip...)
	default:
		request = append(append(request, socksName, byte(len(host))), host...)
	}
	request = binary.BigEndian.AppendUint16(request, uint16(port))
	var reply [socksReplyHead]byte
	if err := s.exchange(request, reply[:]); err != nil {
		if timedOut(err) { // it has spoken SOCKS until here
			return s.fail(NoTarget, "no answer in time")
		}
		return s.ioFailure(err)
	}
	if f := s.socksReply(reply[1]); f != nil {
		return f
	}
	if err := s.skipBound(reply[3]); err != nil {
		return s.ioFailure(err)
	}
	return nil
}

func (s *session) socksReply(code byte) *Failure {
	switch code {
	case 0:
		return nil
	case socksNotAllowed:
		return s.fail(Forbidden, "")
	case socksGeneralError, socksNetwork, socksHost, socksRefused, socksExpired:
		return s.fail(NoTarget, "")
	}
	return s.fail(Unexpected, "SOCKS5 reply "+strconv.Itoa(int(code)))
}

// skipBound reads over the address the proxy connects from.
func (s *session) skipBound(kind byte) error {
	length := 0
	switch kind {
	case socksIPv4:
		length = net.IPv4len
	case socksIPv6:
		length = net.IPv6len
	case socksName:
		n, err := s.answers.ReadByte()
		if err != nil {
			return err
		}
		length = int(n)
	}
	_, err := s.answers.Discard(length + 2) // and the port
	return err
}

// exchange writes and reads exactly len(answer) bytes.
func (s *session) exchange(request, answer []byte) error {
	if _, err := s.conn.Write(request); err != nil {
		return err
	}
	_, err := io.ReadFull(s.answers, answer)
	return err
}
