package export

import (
	"fmt"
	"strings"
)

// Shell returns lines that set and export the variables in any POSIX shell: export NAME='value'. Where a name stands for credentials the value is double-quoted, and a shell that
// does not have the name set says so and stops instead of using a broken URL.
func (k *Keyring) Shell(s Settings, reveal bool) string {
	var b strings.Builder
	for _, v := range k.variables(s, reveal) {
		fmt.Fprintf(&b, "export %s=%s\n", v.name, v.shellWord())
	}
	return b.String()
}

// shellWord is the value as one word of a shell.
func (v variable) shellWord() string {
	if v.ref == "" {
		return singleQuoted(v.whole())
	}
	return `"` + inDoubleQuotes(v.before) + "${" + v.ref + ":?is not set: it stands for USER:PASSWORD of the proxy}" + inDoubleQuotes(v.after) + `"`
}

// ShellOff returns lines that take every proxy variable out of a shell.
func ShellOff() string {
	var b strings.Builder
	for _, n := range Names() {
		fmt.Fprintf(&b, "unset %s\n", n)
	}
	return b.String()
}

// URLs returns the distinct proxy URLs, one a line, that of HTTPS first: for programs that take a proxy as an option. ${NAME} stands for credentials.
func (k *Keyring) URLs(s Settings, reveal bool) string {
	var lines []string
	seen := map[string]bool{}
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "FTP_PROXY"} {
		for _, v := range k.variables(s, reveal) {
			if v.name != name || seen[v.whole()] {
				continue
			}
			seen[v.whole()] = true
			lines = append(lines, v.braced())
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// braced is the value with ${NAME} in the place of credentials.
func (v variable) braced() string {
	if v.ref == "" {
		return v.whole()
	}
	return v.before + "${" + v.ref + "}" + v.after
}

// singleQuoted quotes a text as one word of a POSIX shell.
func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// inDoubleQuotes escapes what is special between double quotes (POSIX shell, 2.2.3).
func inDoubleQuotes(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s)
}

// Words joins the words of a command, each quoted where a shell needs it. plain says that no word was: then the text also survives an unquoted $(…), which splits it at
// blanks and does nothing about quotes. Patterns (NO_PROXY=*.corp) stay as they are: they would have to match a file that is named NO_PROXY=….
func Words(words []string) (text string, isPlain bool) {
	isPlain = true
	var out []string
	for _, w := range words {
		if strings.ContainsFunc(w, needsQuotes) || w == "" || w[0] == '~' {
			isPlain = false
			w = singleQuoted(w)
		}
		out = append(out, w)
	}
	return strings.Join(out, " "), isPlain
}

func needsQuotes(r rune) bool {
	const special = " \t\n\"'`$\\;&|<>(){}!"
	return strings.ContainsRune(special, r)
}
