package precedence

// valueChecks are the kinds of finding about the values themselves.
func valueChecks() []Check {
	return []Check{
		{ID: "http-only", Severity: SeverityWarning, Summary: "only http-proxy is set: registries are reached by https, which goes direct", Basis: "golang.org/x/net/http/httpproxy since Go 1.16"},
		{ID: "case-conflict", Severity: SeverityWarning, Summary: "the lower-case variable has another value: git and curl read that one", Basis: "libcurl, curl(1) ENVIRONMENT"},
		{ID: "url-unparsable-goes-direct", Severity: SeverityError, Summary: "Go cannot use this proxy URL", Basis: "golang.org/x/net/http/httpproxy.parseProxy"},
	}
}
