package probe

import (
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// Cause is why a trial failed: a closed list, one sentence and one next command each.
type Cause string

// The causes. Those after NotAProxy say that the proxy works and only this target is a problem; they do not block.
const (
	Unusable         Cause = "unusable-url"       // Go cannot read the URL, or not use its scheme, and dockerd would go direct or nowhere
	NoDNS            Cause = "no-dns"             // the proxy's name does not resolve
	Refused          Cause = "refused"            // nothing listens there
	Unreachable      Cause = "unreachable"        // no route to the proxy
	Silent           Cause = "silent"             // no connection, or no answer, in time: a black hole
	Closed           Cause = "closed"             // it accepts the connection and ends it without an answer
	PlainProxy       Cause = "plain-proxy"        // the URL says https:// or socks5://, the proxy speaks plain HTTP
	TLSProxy         Cause = "tls-proxy"          // the URL says http://, the proxy wants TLS
	UnknownAuthority Cause = "unknown-authority"  // nobody trusted has signed the proxy's certificate
	BadCertificate   Cause = "bad-certificate"    // the proxy's certificate is expired or for another name
	TLSFailed        Cause = "tls-failed"         // the handshake with the proxy fails otherwise
	AuthRequired     Cause = "auth-required"      // it wants user and password, and none are given
	AuthRejected     Cause = "auth-rejected"      // it does not take the given ones
	AuthUnsupported  Cause = "auth-unsupported"   // it wants what dockerd cannot do: NTLM, Negotiate (Kerberos), Digest
	NotAProxy        Cause = "not-a-proxy"        // something else listens there
	Forbidden        Cause = "forbidden"          // the proxy does not allow this target
	NoTarget         Cause = "target-unreachable" // the proxy works and does not reach the target
	Unexpected       Cause = "unexpected-answer"  // the proxy answers a status that says neither
	TargetAuthority  Cause = "target-authority"   // the certificate that arrives through the tunnel is not trusted: TLS is terminated on the way
	TargetTLSFailed  Cause = "target-tls-failed"  // the handshake through the tunnel fails otherwise
)

func (c Cause) blocks() bool {
	switch c {
	case Forbidden, NoTarget, Unexpected, TargetAuthority, TargetTLSFailed:
		return false
	case Unusable, NoDNS, Refused, Unreachable, Silent, Closed, PlainProxy, TLSProxy, UnknownAuthority, BadCertificate, TLSFailed,
		AuthRequired, AuthRejected, AuthUnsupported, NotAProxy:
	}
	return true
}

// Failure is what went wrong. Its texts hold no credentials and no control characters.
type Failure struct {
	Cause   Cause
	Stage   Stage
	Proxy   string   // scheme://host:port, without user and password; "" for an unusable URL
	Target  string   // host:port
	Status  int      // of the proxy's answer; 0 when there was none
	Schemes []string // of Proxy-Authenticate
	Detail  string   // what the other side or the system said, escaped, at most a line

	at address
}

func (s *session) fail(c Cause, detail string) *Failure {
	f := &Failure{Cause: c, Stage: s.res.Stage, Target: s.req.Target, Status: s.res.Status, Schemes: s.res.AuthSchemes, Detail: clean(detail)}
	if c == Unusable {
		f.Proxy = clean(s.req.Proxy.String())
		return f
	}
	f.at = address{scheme: s.at.scheme, host: clean(s.at.host), port: s.at.port} // no credentials: a failure is passed around and printed
	f.Proxy = f.at.String()
	return f
}

// maxDetail bounds foreign text in a message.
const maxDetail = 200

// clean makes foreign text printable in one line.
func clean(text string) string {
	text = redact.Terminal(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "))
	if runes := []rune(text); len(runes) > maxDetail {
		text = string(runes[:maxDetail]) + "…"
	}
	return text
}

// Error is one sentence: what is wrong.
func (f *Failure) Error() string {
	switch f.Cause {
	case Unusable:
		return fmt.Sprintf("%s is not a proxy URL that dockerd can use", f.Proxy)
	case NoDNS:
		return fmt.Sprintf("the name of the proxy %s does not resolve%s", f.Proxy, f.detail())
	case Refused:
		return fmt.Sprintf("nothing listens at %s: connection refused", f.Proxy)
	case Unreachable:
		return fmt.Sprintf("the proxy %s is unreachable%s", f.Proxy, f.detail())
	case Silent:
		if f.Stage == StageTCP {
			return fmt.Sprintf("the proxy %s does not answer: no connection in time (a firewall that drops packets, or a wrong address)", f.Proxy)
		}
		return fmt.Sprintf("the proxy %s accepts the connection and then stays silent", f.Proxy)
	case Closed:
		return fmt.Sprintf("the proxy %s ends the connection without an answer", f.Proxy)
	case PlainProxy:
		if f.at.socks() {
			return fmt.Sprintf("%s speaks HTTP, not SOCKS", f.Proxy)
		}
		return fmt.Sprintf("the URL says https://, but the proxy %s speaks plain HTTP (https:// means TLS to the proxy itself; https requests go through an http:// proxy as well)", f.Proxy)
	case TLSProxy:
		return fmt.Sprintf("the URL says http://, but the proxy %s wants TLS", f.Proxy)
	case UnknownAuthority, BadCertificate, TLSFailed:
		return f.tlsError()
	case AuthRequired, AuthRejected, AuthUnsupported:
		return f.authError()
	case NotAProxy:
		return fmt.Sprintf("what listens at %s is not a proxy%s", f.Proxy, f.answered())
	case Forbidden, NoTarget, Unexpected, TargetAuthority, TargetTLSFailed:
	}
	return f.targetError()
}

func (f *Failure) tlsError() string {
	switch f.Cause {
	case UnknownAuthority:
		return fmt.Sprintf("the certificate of the proxy %s is signed by an authority this machine does not trust%s", f.Proxy, f.detail())
	case BadCertificate:
		return fmt.Sprintf("the certificate of the proxy %s is not valid%s", f.Proxy, f.detail())
	default:
		return fmt.Sprintf("the TLS handshake with the proxy %s fails%s", f.Proxy, f.detail())
	}
}

func (f *Failure) authError() string {
	switch f.Cause {
	case AuthRequired:
		return fmt.Sprintf("the proxy %s wants user and password%s", f.Proxy, f.offered())
	case AuthRejected:
		return fmt.Sprintf("the proxy %s does not accept user and password%s", f.Proxy, f.offered())
	default:
		if len(f.Schemes) == 0 {
			return fmt.Sprintf("the proxy %s wants an authentication that dockerd cannot do (it knows user and password only)", f.Proxy)
		}
		names := strings.Join(f.Schemes, ", ")
		for _, s := range f.Schemes {
			if strings.EqualFold(s, "Negotiate") {
				names += " (Kerberos)"
				break
			}
		}
		return fmt.Sprintf("the proxy %s wants %s%s, which dockerd cannot do: it knows Basic only", f.Proxy, names, f.answered())
	}
}

// offered is answered with the authentication schemes the proxy named.
func (f *Failure) offered() string {
	with := *f
	if len(f.Schemes) > 0 && f.Detail == "" {
		with.Detail = "it offers " + strings.Join(f.Schemes, ", ")
	}
	return with.answered()
}

func (f *Failure) targetError() string {
	switch f.Cause {
	case Forbidden:
		return fmt.Sprintf("the proxy %s works, but does not allow %s%s", f.Proxy, f.Target, f.answered())
	case NoTarget:
		return fmt.Sprintf("the proxy %s works, but does not reach %s%s", f.Proxy, f.Target, f.answered())
	case TargetAuthority:
		return fmt.Sprintf("the proxy %s works, but %s answers through it with a certificate this machine does not trust%s: if the proxy terminates TLS, pulls will fail with x509 until the host trusts its CA", f.Proxy, f.Target, f.detail())
	case TargetTLSFailed:
		return fmt.Sprintf("the proxy %s works, but the TLS handshake with %s through it fails%s", f.Proxy, f.Target, f.detail())
	default:
		return fmt.Sprintf("the proxy %s gives an unexpected answer for %s%s", f.Proxy, f.Target, f.answered())
	}
}

func (f *Failure) detail() string {
	if f.Detail == "" {
		return ""
	}
	return ": " + f.Detail
}

// answered is the status, or the detail where there is none, in parentheses.
func (f *Failure) answered() string {
	switch {
	case f.Status != 0 && f.Detail != "":
		return fmt.Sprintf(" (status %d, %s)", f.Status, f.Detail)
	case f.Status != 0:
		return fmt.Sprintf(" (status %d)", f.Status)
	case f.Detail != "":
		return " (" + f.Detail + ")"
	}
	return ""
}

// Causes lists all of them: those of a proxy, then those of an endpoint.
func Causes() []Cause {
	return []Cause{
		Unusable, NoDNS, Refused, Unreachable, Silent, Closed, PlainProxy, TLSProxy, UnknownAuthority, BadCertificate, TLSFailed, AuthRequired, AuthRejected, AuthUnsupported, NotAProxy,
		Forbidden, NoTarget, Unexpected, TargetAuthority, TargetTLSFailed,
		EndpointNoDNS, EndpointRefused, EndpointUnreachable, EndpointSilent, EndpointClosed, EndpointPlain, EndpointWantsTLS, EndpointTLS, EndpointAuthority, EndpointCertificate, EndpointError,
	}
}
