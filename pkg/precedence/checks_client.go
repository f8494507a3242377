package precedence

// clientChecks are the kinds of finding about the client's config.json, builders and containers.
func clientChecks() []Check {
	return []Check{
		{ID: "client-flat-proxies", Severity: SeverityWarning, Summary: "proxies in config.json stand where the Docker CLI does not read them", Basis: "docker/cli cli/config/configfile: Proxies map[string]ProxyConfig"},
		{ID: "client-unparsable-config", Severity: SeverityError, Summary: "the Docker CLI cannot read config.json", Basis: "docker/cli cli/config.LoadDefaultConfigFile"},
	}
}
