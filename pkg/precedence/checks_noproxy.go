package precedence

// noProxyChecks are the kinds of finding about NO_PROXY.
func noProxyChecks() []Check {
	return []Check{
		{
			ID: "no-proxy-cidr-for-names", Severity: SeverityWarning, Basis: "golang.org/x/net/http/httpproxy.config.useProxy: a network is compared with literal addresses only",
			Summary: "a registry is named by a host name, and only a network in NO_PROXY could mean it: names are never resolved for NO_PROXY, so it is asked through the proxy",
		},
		{
			ID: "no-proxy-dead-entry", Severity: SeverityWarning, Basis: "golang.org/x/net/http/httpproxy.config.init",
			Summary: "an entry of NO_PROXY can never match any host",
		},
		{
			ID: "no-proxy-missing-docker-network", Severity: SeverityWarning, Needs: NeedContainers, Basis: "docker/cli cli/config/configfile.ParseProxyConfig: containers get the list as it stands in config.json",
			Summary: "containers get a proxy and a NO_PROXY without a Docker network that containers run in: they ask the proxy for each other's addresses",
		},
		{
			ID: "no-proxy-missing-registry", Severity: SeverityWarning, Basis: "golang.org/x/net/http/httpproxy.config.useProxy, moby distribution/registry.go",
			Summary: "a mirror or insecure registry of this daemon is asked through the proxy, because no entry of NO_PROXY matches it",
		},
		{
			ID: "no-proxy-missing-service", Severity: SeverityWarning, Needs: NeedContainers, Basis: "Docker's embedded DNS (moby libnetwork resolver.go) is not asked by a client that uses a proxy",
			Summary: "a container has a proxy, and its NO_PROXY lacks the names of other containers in its network: it asks the proxy for them",
		},
		{
			ID: "no-proxy-readers-disagree", Severity: SeverityWarning, Basis: "the readers of docker proxy explain: x/net httpproxy, libcurl curl_check_noproxy, wget sufmatch, requests should_bypass_proxies and others",
			Summary: "an entry of NO_PROXY is matched by some of the programs that read it and never by others, and another spelling is understood by all",
		},
		{
			ID: "no-proxy-space-separated", Severity: SeverityWarning, Basis: "golang.org/x/net/http/httpproxy.config.init: strings.Split(NoProxy, \",\")",
			Summary: "entries of NO_PROXY are separated by something other than commas, so that they are read as one name that no host has",
		},
		{
			ID: "no-proxy-without-proxy", Severity: SeverityWarning, Basis: "golang.org/x/net/http/httpproxy.config.proxyForURL",
			Summary: "NO_PROXY is set and no proxy is: it does nothing",
		},
	}
}
