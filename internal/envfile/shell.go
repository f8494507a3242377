package envfile

import "strings"

// Shell is what a shell would read otherwise than systemd in one assignment.
type Shell struct {
	Comment    string   // " # text" behind the value, which systemd takes into it; "" for none
	Expansions []string // $NAME, ${NAME}, $(command) and `command`, as far as they are written outside single quotes
}

// AsShell looks at the bytes of one assignment of [Parse] the way a person who
// thinks of a shell wrote them: a comment begins at a # behind a blank, outside
// quotes (systemd.exec(5): EnvironmentFile= knows comments on lines of their own
// only), and $ is expanded but for single quotes (sh(1)).
func AsShell(data []byte, a Assignment) Shell {
	_, raw, _ := strings.Cut(string(data[a.Start:a.End]), "=")
	var out Shell
	quote := byte(0)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && c == '#' && i > 0 && is(raw[i-1], blanks):
			out.Comment = raw[i:]
			return out
		case quote == 0 && (c == '\'' || c == '"'), quote != 0 && c == quote:
			quote ^= c
		case quote != '\'' && (c == '$' || c == '`'):
			if e := expansion(raw[i:]); e != "" {
				out.Expansions = append(out.Expansions, e)
				i += len(e) - 1
			}
		}
	}
	return out
}

// ShellExpansions gives what a shell would expand in a text without quotes.
func ShellExpansions(text string) []string {
	return AsShell([]byte("X="+text), Assignment{End: len(text) + 2}).Expansions
}

// expansion gives the expansion that s begins with, or "".
func expansion(s string) string {
	closing := map[string]string{"${": "}", "$(": ")"}
	if len(s) > 1 && closing[s[:2]] != "" {
		if end := strings.Index(s, closing[s[:2]]); end > 0 {
			return s[:end+1]
		}
		return ""
	}
	if s[0] == '`' {
		if end := strings.IndexByte(s[1:], '`'); end >= 0 {
			return s[:end+2]
		}
		return ""
	}
	if n := nameLength(s[1:]); n > 0 && validName(s[1:1+n]) {
		return s[:1+n]
	}
	return ""
}
