package precedence

// systemdChecks are the kinds of finding about units and drop-ins.
func systemdChecks() []Check {
	return []Check{
		{ID: "systemd-environment-file-missing", Severity: SeverityError, Summary: "a unit names an EnvironmentFile= that does not exist, so systemd does not start it", Basis: "systemd.exec(5), EnvironmentFile="},
		{ID: "systemd-ignored-assignment", Severity: SeverityError, Summary: "systemd ignores this assignment", Basis: "systemd.exec(5), config_parse_environ"},
		{ID: "systemd-reload-needed", Severity: SeverityWarning, Summary: "systemd has not loaded the changed unit files yet", Basis: "org.freedesktop.systemd1(5), NeedDaemonReload"},
	}
}
