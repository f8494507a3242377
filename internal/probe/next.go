package probe

import "net"

// Next is what to type to get on: a command, for some causes with what has to be done before. What stands in capitals is for the reader to fill in.
func (f *Failure) Next() string {
	const set = "docker proxy set --proxy "
	switch f.Cause {
	case Unusable:
		return set + "http://HOST:PORT --username USER --password-stdin (user and password apart, they are then encoded)"
	case NoDNS:
		return "getent hosts " + f.at.host + " (mend the name or the resolver), or " + set + f.at.scheme + "://ADDRESS:" + f.at.port
	case Refused, Closed, NotAProxy:
		return set + f.at.scheme + "://" + bracketed(f.at.host) + ":PORT (with the port the proxy listens on)"
	case Unreachable, Silent:
		return set + f.at.scheme + "://HOST:PORT (with an address that is reachable from this machine)"
	case PlainProxy:
		return set + f.at.with("http")
	case TLSProxy:
		return set + f.at.with("https")
	case UnknownAuthority:
		return set + f.Proxy + " --ca FILE (with the CA that has signed the proxy's own certificate)"
	case TargetAuthority:
		return set + f.Proxy + " --ca FILE (with the proxy's root CA; docker proxy ca fetch " + fetchable(f.Target) + " shows what arrives)"
	case BadCertificate:
		return set + f.at.scheme + "://NAME:" + f.at.port + " (with the name the certificate is for), or have the certificate renewed"
	case TLSFailed:
		return "openssl s_client -connect " + f.at.hostPort()
	case AuthRequired, AuthRejected:
		return set + f.Proxy + " --username USER --password-stdin"
	case AuthUnsupported:
		return set + "http://127.0.0.1:3128 (with a local proxy such as cntlm or px there, which signs in at " + f.Proxy + ")"
	case Forbidden:
		return "ask for " + f.Target + " to be allowed at the proxy, or docker proxy set --no-proxy-add " + hostOf(f.Target) + " where it is reachable directly"
	case NoTarget, Unexpected, TargetTLSFailed:
	}
	return "curl -v -x " + f.Proxy + " " + f.url()
}

// fetchable is a target as `ca fetch` takes it.
func fetchable(target string) string {
	if host, port, err := net.SplitHostPort(target); err == nil && port == "443" {
		return bracketed(host)
	}
	return target
}

func (f *Failure) url() string {
	if host, port, err := net.SplitHostPort(f.Target); err == nil && port == "443" {
		return "https://" + bracketed(host) + "/v2/"
	} else if err == nil && port == "80" {
		return "http://" + bracketed(host) + "/v2/"
	}
	return "https://" + f.Target + "/v2/"
}

func hostOf(target string) string {
	if host, _, err := net.SplitHostPort(target); err == nil {
		return host
	}
	return target
}

// bracketed puts an IPv6 address into brackets.
func bracketed(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return "[" + host + "]"
	}
	return host
}
