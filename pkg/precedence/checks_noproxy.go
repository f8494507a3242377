package precedence

// noProxyChecks are the kinds of finding about NO_PROXY.
func noProxyChecks() []Check {
	return []Check{
		{ID: "no-proxy-dead-entry", Severity: SeverityWarning, Summary: "an entry of NO_PROXY can never match", Basis: "golang.org/x/net/http/httpproxy.config.init"},
	}
}
