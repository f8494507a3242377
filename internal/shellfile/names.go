package shellfile

import "strings"

// ValidName reports whether name can be a shell variable (POSIX XBD 3.216): letters, digits and
// underscores, not beginning with a digit.
func ValidName(name string) bool {
	for i := range len(name) {
		b := name[i]
		isLetter := b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !isLetter && (i == 0 || b < '0' || b > '9') {
			return false
		}
	}
	return name != ""
}

// isSpecialBuiltin reports whether POSIX (XCU 2.14) lists name as a special builtin: it is found before
// functions, and assignments in front of it may persist.
func isSpecialBuiltin(name string) bool {
	switch name {
	case ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift",
		"times", "trap", "unset":
		return true
	}
	return false
}

// isVolatile reports whether a shell gives the variable values of its own, whatever is assigned to it.
func isVolatile(name string) bool {
	if strings.HasPrefix(name, "BASH") || strings.HasPrefix(name, "COMP_") {
		return true
	}
	switch name {
	case "_", "RANDOM", "SRANDOM", "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "LINENO", "PWD", "OLDPWD", "OPTIND",
		"OPTARG", "OPTERR", "PPID", "UID", "EUID", "GROUPS", "FUNCNAME", "DIRSTACK", "HISTCMD", "PIPESTATUS", "SHELLOPTS",
		"SHLVL", "POSIXLY_CORRECT", "IFS":
		return true
	}
	return false
}

// isShellMade reports whether a shell may start with a value that it did not inherit.
func isShellMade(name string) bool {
	switch name {
	case "PATH", "HOME", "PS1", "PS2", "PS4", "TERM", "SHELL", "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "LINES",
		"COLUMNS", "MAIL", "MAILCHECK", "LOGNAME", "USER":
		return true
	}
	return isVolatile(name)
}
