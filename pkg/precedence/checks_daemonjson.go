package precedence

// daemonJSONChecks are the kinds of finding about daemon.json.
func daemonJSONChecks() []Check {
	return []Check{
		{ID: "daemon-json-engine-too-old", Severity: SeverityError, Summary: "this engine refuses to start with proxies in daemon.json", Basis: "moby v23.0.0 is the first with daemon/config.Proxies"},
		{ID: "daemon-json-flag-conflict", Severity: SeverityError, Summary: "the same setting as a flag and in daemon.json stops dockerd", Basis: "moby daemon/config.findConfigurationConflicts"},
		{ID: "daemon-json-ignored-key", Severity: SeverityError, Summary: "a proxy setting in daemon.json stands where dockerd does not read it", Basis: "moby daemon/config: configValuesSet flattens one level, the outer key is never validated"},
		{ID: "daemon-json-invalid", Severity: SeverityError, Summary: "dockerd cannot read daemon.json and will not start with it", Basis: "moby daemon/config.getConflictFreeConfiguration"},
		{ID: "daemon-json-empty-does-not-unset", Severity: SeverityWarning, Summary: "an empty value in daemon.json does not unset the environment's value", Basis: "moby configureProxyEnv tests for non-empty"},
	}
}
