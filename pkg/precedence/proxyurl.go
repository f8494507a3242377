package precedence

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// ProxyURL is a checked proxy URL.
type ProxyURL struct {
	Value Value    // scheme://[user[:password]@]host[:port], user and password percent-encoded to unreserved characters
	Notes []string // what was changed or what people should know, masked
}

// ParseProxyURL checks the URL of a proxy as a person gives it and returns what is to be written. Accepted schemes are those Go's HTTP client can use: http,
// https, socks5, socks5h; a missing one becomes http. User and password stay as they are where they are already percent-encoded; others are encoded when
// encode is set and refused otherwise. Errors never quote a password.
func ParseProxyURL(raw string, encode bool) (ProxyURL, error) {
	text := strings.TrimSpace(raw)
	show := Mask(text)
	if text == "" {
		return ProxyURL{}, fmt.Errorf("the proxy URL is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return ProxyURL{}, fmt.Errorf("proxy URL %q holds control characters or is not UTF-8", show)
	}
	if strings.Trim(text, `"'`) != text {
		return ProxyURL{}, fmt.Errorf("proxy URL %s: quotes would become part of the value; give it without them", show)
	}
	var out ProxyURL
	scheme, rest, found := cutScheme(text)
	if !found {
		scheme = "http"
		out.Notes = append(out.Notes, fmt.Sprintf("%s has no scheme; http:// is written", show))
	}
	switch scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		if isScript(rest) {
			return ProxyURL{}, scriptError(show)
		}
		return ProxyURL{}, fmt.Errorf("proxy URL %s: dockerd cannot use the scheme %q; use http, https or socks5", show, scheme)
	}
	userinfo, authority := "", rest
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		userinfo, authority = rest[:at], rest[at+1:]
	}
	authority, tail, _ := strings.Cut(authority, "/")
	if err := checkTail(show, tail); err != nil {
		return ProxyURL{}, err
	}
	if err := checkAuthority(show, authority); err != nil {
		return ProxyURL{}, err
	}
	if userinfo != "" {
		clean, changed, err := cleanUserinfo(show, userinfo, encode)
		if err != nil {
			return ProxyURL{}, err
		}
		if changed {
			out.Notes = append(out.Notes, fmt.Sprintf("user and password of %s are percent-encoded", show))
		}
		authority = clean + "@" + authority
	}
	out.Value = Value(scheme + "://" + authority)
	if _, err := url.Parse(out.Value.Reveal()); err != nil {
		return ProxyURL{}, fmt.Errorf("proxy URL %s: not a URL", show)
	}
	return out, nil
}

// cutScheme splits "scheme://rest". A "://" behind an @ or a colon belongs to a password.
func cutScheme(text string) (scheme, rest string, found bool) {
	scheme, rest, found = strings.Cut(text, "://")
	if !found || strings.ContainsAny(scheme, "@:/") {
		return "", text, false
	}
	return strings.ToLower(scheme), rest, true
}

// isScript reports whether the path of a URL is that of a proxy auto-configuration script.
func isScript(tail string) bool {
	ext := path.Ext(strings.TrimRight(strings.SplitN(tail, "?", 2)[0], "/"))
	return strings.Contains(tail, "/") && (ext == ".pac" || ext == ".dat")
}

func scriptError(show string) error {
	return fmt.Errorf("proxy URL %s: this is a proxy auto-configuration script, which dockerd cannot read; give the address of the proxy itself, such as http://proxy.example.com:3128", show)
}

func checkTail(show, tail string) error {
	switch {
	case isScript("/" + tail):
		return scriptError(show)
	case tail != "":
		return fmt.Errorf("proxy URL %s: a proxy has no path; give scheme, host and port only", show)
	}
	return nil
}

func checkAuthority(show, authority string) error {
	host, port := authority, ""
	if h, p, err := net.SplitHostPort(authority); err == nil {
		host, port = h, p
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("proxy URL %s: %q is not a port from 1 to 65535", show, port)
		}
	} else if strings.HasPrefix(authority, "[") && strings.HasSuffix(authority, "]") {
		host = authority[1 : len(authority)-1]
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil || !strings.HasPrefix(authority, "[") {
			return fmt.Errorf("proxy URL %s: %q is not a host and port (an IPv6 address stands in brackets)", show, authority)
		}
		return nil
	}
	ok := host != "" && !strings.HasPrefix(host, ".") && !strings.Contains(host, "..") && !strings.ContainsFunc(host, func(r rune) bool {
		return !(r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f)
	})
	if !ok {
		return fmt.Errorf("proxy URL %s: %q is not a host name", show, host)
	}
	return nil
}

// cleanUserinfo returns user[:password] percent-encoded to unreserved characters (RFC 3986, 2.3).
func cleanUserinfo(show, userinfo string, encode bool) (clean string, changed bool, err error) {
	user, password, has := strings.Cut(userinfo, ":")
	parts := []string{user}
	if has {
		parts = append(parts, password)
	}
	for i, p := range parts {
		plain, unescapeErr := url.PathUnescape(p)
		if unescapeErr != nil {
			plain = p // a raw % that is no escape: the whole part is meant literally
		}
		parts[i] = EncodeUserinfo(plain)
		if !strings.EqualFold(parts[i], p) {
			changed = true
		}
	}
	clean = strings.Join(parts, ":")
	if changed && !encode {
		return "", false, fmt.Errorf("proxy URL %s: user or password hold characters that must be percent-encoded; use --username and --password-stdin, or --yes to have them encoded", show)
	}
	return clean, changed, nil
}

// EncodeUserinfo percent-encodes every byte of s outside RFC 3986's unreserved set, so that url.Parse, curl, wget and shells all read it back the same.
func EncodeUserinfo(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// WithCredentials puts user and password (raw, not encoded) into a proxy URL, in place of those it has. An empty user takes them out.
func WithCredentials(v Value, user, password string) Value {
	scheme, rest, found := cutScheme(v.Reveal())
	if !found {
		scheme = "http"
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = rest[at+1:]
	}
	if user == "" {
		return Value(scheme + "://" + rest)
	}
	cred := EncodeUserinfo(user)
	if password != "" {
		cred += ":" + EncodeUserinfo(password)
	}
	return Value(scheme + "://" + cred + "@" + rest)
}

// Loopback reports whether the proxy runs on the machine itself, so that containers cannot reach it under this address.
func (v Value) Loopback() bool {
	u, err := url.Parse(v.Reveal())
	if err != nil {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
