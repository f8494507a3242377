package precedence

// systemdChecks are the kinds of finding about units and drop-ins.
func systemdChecks() []Check {
	return []Check{
		{ID: "systemd-bad-escape", Severity: SeverityError, Summary: "a backslash in Environment= begins an escape: systemd drops the rest of the line, or puts a control character into the value", Basis: "systemd.syntax(7), Quoting; extract_first_word and cunescape_one in src/basic"},
		{ID: "systemd-credentials-world-readable", Severity: SeverityWarning, Summary: "every user of this machine can read a proxy password, in a file or from systemd", Basis: "org.freedesktop.systemd1(5): properties of units may be read by everybody, Environment too; file modes"},
		{ID: "systemd-drop-in-masked", Severity: SeverityWarning, Summary: "a unit file or drop-in with proxy settings is hidden by one of the same name, or by a link to /dev/null", Basis: "systemd.unit(5); conf_files_list in src/basic/conf-files.c"},
		{ID: "systemd-drop-in-overridden", Severity: SeverityWarning, Summary: "a proxy setting of a drop-in is taken back by a later drop-in, a reset or UnsetEnvironment=", Basis: "systemd.exec(5), Environment= and UnsetEnvironment=; systemd.unit(5)"},
		{ID: "systemd-environment-file-missing", Severity: SeverityError, Summary: "a unit names an EnvironmentFile= that does not exist, so systemd does not start it, or passes over it", Basis: "systemd.exec(5), EnvironmentFile="},
		{ID: "systemd-environment-file-wins", Severity: SeverityWarning, Summary: "an environment file gives a variable another value than the drop-in does, and wins", Basis: "systemd.exec(5), EnvironmentFile=: settings from these files override those of Environment="},
		{ID: "systemd-ignored-assignment", Severity: SeverityError, Summary: "systemd ignores this line about a proxy", Basis: "systemd.exec(5); config_parse in src/shared/conf-parser.c, config_parse_environ"},
		{ID: "systemd-one-variable-in-two", Severity: SeverityError, Summary: "quotes and blanks make one variable of two assignments, or cut one value in two", Basis: "systemd.exec(5), Environment=; extract_first_word in src/basic/extract-word.c"},
		{ID: "systemd-reload-needed", Severity: SeverityWarning, Summary: "systemd has not loaded the changed unit files yet", Basis: "org.freedesktop.systemd1(5), NeedDaemonReload, Environment, EnvironmentFiles"},
		{ID: "systemd-start-limit-near", Severity: SeverityWarning, Summary: "systemd has started dockerd so often that the next start may be refused (start-limit-hit)", Basis: "systemd.unit(5), StartLimitIntervalSec= and StartLimitBurst="},
		{ID: "systemd-trailing-comment", Severity: SeverityWarning, Summary: "systemd knows no comment behind a value: the words behind the # are taken for assignments", Basis: "systemd.syntax(7): comments are lines that begin with # or ;"},
		{ID: "systemd-unbalanced-quote", Severity: SeverityError, Summary: "a quote is never closed: systemd drops the rest of the line, or reads a value over several lines", Basis: "systemd.syntax(7), Quoting; extract_first_word in src/basic/extract-word.c"},
		{ID: "systemd-unescaped-percent", Severity: SeverityError, Summary: "a percent sign begins a specifier: systemd drops the variable, or puts something else in its place", Basis: "systemd.unit(5), Specifiers; specifier_printf in src/shared/specifier.c, an error since v236"},
		{ID: "systemd-wrong-section-or-directory", Severity: SeverityError, Summary: "proxy settings stand in a section or a directory where systemd does not read them for dockerd", Basis: "systemd.unit(5), Unit File Load Path; systemd.exec(5)"},
	}
}
