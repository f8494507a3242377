package precedence

// startupChecks are the kinds of finding about Docker's startup files.
func startupChecks() []Check {
	return []Check{
		{ID: "startup-not-exported", Severity: SeverityWarning, Summary: "the startup file assigns the variable without exporting it, so dockerd does not get it", Basis: "sh(1), export"},
		{ID: "startup-not-read-by-this-init", Severity: SeverityWarning, Summary: "nothing on this host reads this startup file for dockerd", Basis: "docker-ce ships docker.service without EnvironmentFile="},
		{ID: "startup-syntax-error", Severity: SeverityError, Summary: "sh cannot read the startup file", Basis: "sh(1)"},
	}
}
