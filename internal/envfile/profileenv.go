package envfile

import "strings"

// ParseProfileEnv reads /etc/profile.env as OpenRC does before it starts a
// service (rc_config_load of src/librc/librc-misc.c): one assignment a line,
// "export " allowed, "#" starts a comment anywhere, the value is what stands
// before the first quote that has something before it. OpenRC adds a variable
// only if the service's environment has none of that name.
func ParseProfileEnv(data []byte) []Assignment {
	var out []Assignment
	at, line := 0, 0
	for l := range strings.Lines(string(data)) {
		start := at + len(l) - len(strings.TrimLeft(l, " \t"))
		at, line = at+len(l), line+1
		text := strings.TrimLeft(l, " \t")
		text, _, _ = strings.Cut(text, "\x00")
		text, _, _ = strings.Cut(text, "#")
		if len(text) < 2 || !strings.Contains(text, "=") {
			continue
		}
		text = strings.TrimSuffix(text, "\n")
		name, value, _ := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		a := Assignment{Name: name, Line: line, Start: start, End: start + len(strings.TrimRight(l[len(l)-(at-start):], "\n"))}
		value = strings.TrimLeft(value, `"'`)
		if i := strings.IndexAny(value, `"'`); i >= 0 {
			value = value[:i]
		}
		a.Value = value
		if strings.HasPrefix(value, "$") {
			a.Problem = "OpenRC cannot read a value that starts with $"
		}
		out = append(out, a)
	}
	return out
}
