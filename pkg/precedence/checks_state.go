package precedence

// stateChecks are the kinds of finding about what runs, and what cannot be known.
func stateChecks() []Check {
	return []Check{
		{ID: "change-in-progress", Severity: SeverityWarning, Summary: "a change of this host is being written while it is looked at, so the answer may be half old and half new", Basis: ""},
		{ID: "context-broken", Severity: SeverityError, Summary: "the selected Docker context cannot be used", Basis: "docker/cli cli/context/store"},
		{ID: "daemon-not-reachable", Severity: SeverityWarning, Summary: "the daemon's API does not answer, so what runs is not known", Basis: "Docker Engine API, GET /info"},
		{ID: "desktop-manages-proxy", Severity: SeverityWarning, Summary: "Docker Desktop does not read proxies from daemon.json: its own settings decide", Basis: "docs.docker.com/engine/daemon/proxy: Docker Desktop ignores proxies in daemon.json"},
		{ID: "flag-engine-too-old", Severity: SeverityError, Summary: "this engine does not know the proxy flags and does not start with them", Basis: "moby v23.0.0 is the first with --http-proxy (cmd/dockerd/config.go)"},
		{ID: "guide-order-differs", Severity: SeverityWarning, Summary: "the widespread order environment, startup script, daemon.json gives another answer than this daemon", Basis: "moby configureProxyEnv, v23.0.0"},
		{ID: "layer-not-readable", Severity: SeverityWarning, Summary: "a layer could not be read, so the answer may be incomplete", Basis: ""},
		{ID: "live-restore-off", Severity: SeverityInfo, Summary: "the restart that is pending stops containers that do not come back by themselves, which live-restore would keep running", Basis: "moby daemon.Shutdown, daemon.restore and restartmanager.ShouldRestart"},
		{ID: "managed-by-configuration-tool", Severity: SeverityInfo, Summary: "a file with proxy settings belongs to a configuration management tool, which writes it anew", Basis: "the file's own first lines"},
		{ID: "not-known-under-root", Severity: SeverityInfo, Summary: "what only the running system can tell is not known for a directory", Basis: ""},
		{ID: "proxy-not-reachable", Severity: SeverityError, Summary: "the proxy that dockerd is to use cannot be used from here: it is not found, refuses, stays silent, or is no proxy", Basis: "a connection to it, as net/http's Transport makes it", Needs: NeedOnline},
		{ID: "proxy-refuses-credentials", Severity: SeverityError, Summary: "the proxy that dockerd is to use wants other credentials, or some, or a way to sign in that dockerd does not have", Basis: "RFC 9110, section 15.5.8; net/http's Transport knows Basic only", Needs: NeedOnline},
		{ID: "restart-pending", Severity: SeverityWarning, Summary: "the running daemon does not have the configured value yet", Basis: "moby daemon/reload.go does not reload proxies"},
		{ID: "running-differs-from-configured", Severity: SeverityWarning, Summary: "the running daemon was started with something else than what is configured, and its next start changes what it uses", Basis: "moby daemon/info.go fillProxy; the times of the files against that of the process, proc_pid_stat(5)"},
		{ID: "systemd-verify-complains", Severity: SeverityWarning, Summary: "systemd-analyze verify complains about a line of the unit that is about the environment, or about the unit as a whole", Basis: "systemd-analyze(1), verify", Needs: NeedDeep},
		{ID: "daemon-json-validate-fails", Severity: SeverityError, Summary: "dockerd --validate refuses the configuration: dockerd will not start again with it", Basis: "moby 8f80e55111 (v23.0.0): dockerd --validate", Needs: NeedDeep},
		{ID: "unfinished-change", Severity: SeverityError, Summary: "an earlier change was interrupted and is not finished", Basis: ""},
		{ID: "unknown-without-running-code", Severity: SeverityWarning, Summary: "the value cannot be known without running a script", Basis: ""},
		{ID: "userland-proxy-shadowed-by-plugin", Severity: SeverityError, Summary: "dockerd finds another program in the place of its userland proxy docker-proxy, so publishing ports fails", Basis: "moby libnetwork/portmapper.newProxyCommand (to v24), setPlatformOptions and lookupBinPath (v25, v27.0.1)"},
		{ID: "variable-too-long", Severity: SeverityError, Summary: "a variable is longer than Linux hands to a program, so dockerd, or everything that it starts, does not start", Basis: "execve(2), MAX_ARG_STRLEN"},
	}
}
