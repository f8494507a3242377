package reader

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Target is where a request goes.
type Target struct {
	Scheme string // http or https
	Host   string // as written: a name, an IPv4 address in any notation, or an IPv6 address without brackets
	Port   string // as written, decimal; "" when none is
}

// ParseURL reads the target out of an http or https URL. User, path and query do not matter. Errors are one clause and do not quote the URL, which may hold a
// password.
func ParseURL(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		if strings.Contains(raw, "@") {
			err = errors.New("it cannot be parsed")
		}
		return Target{}, fmt.Errorf("not a URL: %w", err)
	}
	t := Target{Scheme: strings.ToLower(u.Scheme), Host: u.Hostname(), Port: u.Port()}
	if t.Scheme != "http" && t.Scheme != "https" {
		return Target{}, errors.New("only http:// and https:// requests are a matter of these proxies")
	}
	return t, t.check()
}

// ParseHost reads HOST, HOST:PORT, an IP address or [IPv6]:PORT, for the given scheme.
func ParseHost(scheme, raw string) (Target, error) {
	if a, err := netip.ParseAddr(raw); err == nil && a.Is6() {
		t := Target{Scheme: scheme, Host: raw}
		return t, t.check()
	}
	return ParseURL(scheme + "://" + raw)
}

// check refuses what no program can request.
func (t Target) check() error {
	switch {
	case t.Host == "" || strings.Trim(t.Host, ".") == "":
		return errors.New("it names no host")
	case strings.ContainsAny(t.Host, " \t\r\n\"'<>\\^`{|}/?#@,;*%") || strings.ContainsFunc(t.Host, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the host name holds a character that none may have")
	case strings.Contains(t.Host, "..") || strings.HasPrefix(t.Host, "."):
		return errors.New("the host name has an empty part")
	}
	if t.Port != "" {
		if n, ok := smallNumber(t.Port); !ok || n < 1 || n > 65535 {
			return errors.New("the port is not a number from 1 to 65535")
		}
	}
	if strings.Contains(t.Host, ":") {
		if _, err := netip.ParseAddr(t.Host); err != nil {
			return errors.New("the address is not an IPv6 address")
		}
	}
	return nil
}

// smallNumber reads up to nine decimal digits.
func smallNumber(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// PortNumber is the port of the request: the written one, or the scheme's own.
func (t Target) PortNumber() int {
	if n, ok := smallNumber(t.Port); ok {
		return n
	}
	if t.Scheme == "http" {
		return 80
	}
	return 443
}

// bracketed is the host as it stands in a URL.
func (t Target) bracketed() string {
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]"
	}
	return t.Host
}

// hostPort is host and port as they stand in the URL.
func (t Target) hostPort() string {
	if t.Port == "" {
		return t.bracketed()
	}
	return t.bracketed() + ":" + t.Port
}

// String is the URL of the target, with a path of /.
func (t Target) String() string { return t.Scheme + "://" + t.hostPort() + "/" }
