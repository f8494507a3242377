package precedence

// startupChecks are the kinds of finding about Docker's startup files.
func startupChecks() []Check {
	return []Check{
		{ID: "startup-export-in-environment-file", Severity: SeverityError, Summary: "systemd reads this startup file and drops lines that begin with export", Basis: "systemd.exec(5), EnvironmentFile=; load_env_file in src/basic/env-file.c"},
		{ID: "startup-inline-comment", Severity: SeverityError, Summary: "systemd reads this startup file and takes the comment behind a value into it", Basis: "systemd.exec(5), EnvironmentFile=; parse_env_file_internal in src/basic/env-file.c"},
		{ID: "startup-invalid-utf8", Severity: SeverityError, Summary: "a byte that is not UTF-8 makes systemd skip the whole environment file", Basis: "load_env_file_push in src/basic/env-file.c"},
		{ID: "startup-not-exported", Severity: SeverityError, Summary: "the startup file assigns the variable without exporting it, so dockerd does not get it", Basis: "sh(1), export"},
		{ID: "startup-not-read-by-this-init", Severity: SeverityError, Summary: "nothing on this host reads this startup file for dockerd", Basis: "docker-ce ships docker.service without EnvironmentFile=; systemd.exec(5)"},
		{ID: "startup-shell-expansion-not-done", Severity: SeverityError, Summary: "systemd expands no $ in Environment= and in environment files: the value holds it as it is written", Basis: "systemd.exec(5), Environment= and EnvironmentFile="},
		{ID: "startup-syntax-error", Severity: SeverityError, Summary: "sh cannot read the startup file, and the init script that sources it does not start dockerd", Basis: "sh(1); POSIX, Consequences of Shell Errors"},
	}
}
