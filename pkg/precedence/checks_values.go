package precedence

// valueChecks are the kinds of finding about the values themselves.
func valueChecks() []Check {
	return []Check{
		{ID: "all-proxy-ignored", Severity: SeverityWarning, Summary: "ALL_PROXY is set for dockerd, which does not read it, and a setting that it was to replace is not set", Basis: "golang.org/x/net/http/httpproxy.FromEnvironment"},
		{ID: "case-conflict", Severity: SeverityWarning, Summary: "the lower-case variable has another value: git and curl read that one", Basis: "libcurl, curl(1) ENVIRONMENT"},
		{ID: "cgi-request-method", Severity: SeverityError, Summary: "REQUEST_METHOD is set for dockerd, and then Go refuses every request that would go through http-proxy", Basis: "golang.org/x/net/http/httpproxy.proxyForURL, Config.CGI"},
		{ID: "http-only", Severity: SeverityWarning, Summary: "only http-proxy is set: registries are reached by https, which goes direct", Basis: "golang.org/x/net/http/httpproxy since Go 1.16"},
		{ID: "url-credentials-leak-in-info", Severity: SeverityWarning, Summary: "docker info and dockerd's log show the proxy's user and password in clear", Basis: "moby daemon/config.MaskCredentials masks only what url.Parse finds a user in"},
		{ID: "url-loopback-in-rootless-or-vm", Severity: SeverityError, Summary: "the proxy's address is that of the machine itself, and dockerd has a network of its own, in which nothing listens there", Basis: "dockerd-rootless.sh forbids the way to the loopback of the host; moby#47103: dockerd-rootless.sh keeps dockerd in the host's network since 29.5"},
		{ID: "url-missing-scheme", Severity: SeverityWarning, Summary: "the proxy's URL has no scheme: dockerd takes it for http://, other programs may not", Basis: "golang.org/x/net/http/httpproxy.parseProxy"},
		{ID: "url-password-needs-encoding", Severity: SeverityError, Summary: "user or password in the proxy's URL hold characters that must be percent-encoded: traffic goes direct, or to a host that does not exist", Basis: "golang.org/x/net/http/httpproxy.parseProxy; RFC 3986, section 3.2.1"},
		{ID: "url-quotes-kept", Severity: SeverityError, Summary: "quotes are part of the proxy's URL, so that dockerd looks for a proxy with a quote in its name", Basis: "golang.org/x/net/http/httpproxy.parseProxy"},
		{ID: "url-scheme-https-to-plain-proxy", Severity: SeverityError, Summary: "the URL says https:// and the proxy speaks plain HTTP, so every request fails", Basis: "net/http Transport.dialConn speaks TLS to a proxy whose URL says https", Needs: NeedOnline},
		{ID: "url-unparsable-goes-direct", Severity: SeverityError, Summary: "Go cannot use this proxy URL: traffic goes direct, or to a host that does not exist", Basis: "golang.org/x/net/http/httpproxy.parseProxy and config.init, which drops the error"},
	}
}
