package precedence

// stateChecks are the kinds of finding about what runs, and what cannot be known.
func stateChecks() []Check {
	return []Check{
		{ID: "change-in-progress", Severity: SeverityWarning, Summary: "a change of this host is being written while it is looked at, so the answer may be half old and half new", Basis: ""},
		{ID: "context-broken", Severity: SeverityError, Summary: "the selected Docker context cannot be used", Basis: "docker/cli cli/context/store"},
		{ID: "daemon-not-reachable", Severity: SeverityWarning, Summary: "the daemon's API does not answer, so what runs is not known", Basis: "Docker Engine API, GET /info"},
		{ID: "flag-engine-too-old", Severity: SeverityError, Summary: "this engine does not know the proxy flags and does not start with them", Basis: "moby v23.0.0 is the first with --http-proxy (cmd/dockerd/config.go)"},
		{ID: "guide-order-differs", Severity: SeverityWarning, Summary: "the widespread order environment, startup script, daemon.json gives another answer than this daemon", Basis: "moby configureProxyEnv, v23.0.0"},
		{ID: "layer-not-readable", Severity: SeverityWarning, Summary: "a layer could not be read, so the answer may be incomplete", Basis: ""},
		{ID: "not-known-under-root", Severity: SeverityInfo, Summary: "what only the running system can tell is not known for a directory", Basis: ""},
		{ID: "restart-pending", Severity: SeverityWarning, Summary: "the running daemon does not have the configured value yet", Basis: "moby daemon/reload.go does not reload proxies"},
		{ID: "unfinished-change", Severity: SeverityError, Summary: "an earlier change was interrupted and is not finished", Basis: ""},
		{ID: "unknown-without-running-code", Severity: SeverityWarning, Summary: "the value cannot be known without running a script", Basis: ""},
	}
}
