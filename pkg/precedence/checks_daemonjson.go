package precedence

// daemonJSONChecks are the kinds of finding about daemon.json.
func daemonJSONChecks() []Check {
	return []Check{
		{ID: "daemon-json-bom-on-old-engine", Severity: SeverityError, Summary: "the file starts with a byte order mark, and this engine does not start with it", Basis: "moby d42495033e: daemon/config.getConflictFreeConfiguration takes one since v24.0.0"},
		{ID: "daemon-json-breaks-next-restart", Severity: SeverityError, Summary: "dockerd runs with an older content of the file, and what stands there now will stop it at its next start", Basis: "moby cmd/dockerd setupConfigReloadTrap: a reload only logs the error"},
		{ID: "daemon-json-client-shape", Severity: SeverityError, Summary: "daemon.json holds proxies in the form or by the names of the client's config.json (default, httpProxy, allProxy), and dockerd does not start with it", Basis: "moby daemon/config.findConfigurationConflicts"},
		{ID: "daemon-json-comment-or-trailing-comma", Severity: SeverityError, Summary: "daemon.json holds a comment or a trailing comma, which JSON does not have, and dockerd does not start with it", Basis: "RFC 8259; moby daemon/config.getConflictFreeConfiguration reads it with encoding/json"},
		{ID: "daemon-json-dangling-link", Severity: SeverityError, Summary: "daemon.json is a link to a file that does not exist: dockerd reads no configuration and says nothing, or does not start when --config-file names it", Basis: "moby cmd/dockerd loadDaemonCliConfig: os.IsNotExist of the default file is no error"},
		{ID: "daemon-json-duplicate-key", Severity: SeverityWarning, Summary: "a proxy setting stands in daemon.json twice, and dockerd uses the later one", Basis: "encoding/json: of duplicate members the last counts, and objects are merged"},
		{ID: "daemon-json-empty-does-not-unset", Severity: SeverityWarning, Summary: "an empty value or null in daemon.json does not unset the environment's value", Basis: "moby configureProxyEnv tests for non-empty, v23.0.0 to v29"},
		{ID: "daemon-json-engine-too-old", Severity: SeverityError, Summary: "this engine refuses to start with proxies in daemon.json", Basis: "moby v23.0.0 is the first with daemon/config.Proxies"},
		{ID: "daemon-json-flag-conflict", Severity: SeverityError, Summary: "the same setting as a flag and in daemon.json stops dockerd", Basis: "moby daemon/config.findConfigurationConflicts"},
		{ID: "daemon-json-flat-key", Severity: SeverityError, Summary: "a proxy setting stands in daemon.json outside the object proxies, where dockerd does not read it", Basis: "moby daemon/config.configValuesSet flattens one level and the outer key is never validated; config.Proxies is read from proxies"},
		{ID: "daemon-json-invalid", Severity: SeverityError, Summary: "dockerd cannot read daemon.json and will not start with it", Basis: "moby daemon/config.getConflictFreeConfiguration"},
		{ID: "daemon-json-not-the-one-read", Severity: SeverityWarning, Summary: "a daemon.json with proxies lies at a usual place that this dockerd does not read", Basis: "moby cmd/dockerd getDefaultDaemonConfigFile, --config-file"},
		{ID: "daemon-json-null", Severity: SeverityError, Summary: "null stands in daemon.json where dockerd wants an object, or beside a flag of the same setting: dockerd does not start, or crashes", Basis: "moby daemon/config.configValuesSet, findConfigurationConflicts (printConflict)"},
		{ID: "daemon-json-wrong-type", Severity: SeverityError, Summary: "a proxy setting in daemon.json is no string, or proxies no object, and dockerd does not start with it", Basis: "moby daemon/config.Proxies: strings"},
	}
}
