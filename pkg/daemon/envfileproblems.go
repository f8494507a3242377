package daemon

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// judgeEnvFile tells what systemd makes of the lines of an EnvironmentFile= otherwise than a shell would, or than it looks. Of several assignments of a variable only the last
// is judged: the others do nothing anyway.
func judgeEnvFile(out *Observation, at precedence.Source, data []byte, assigns []envfile.Assignment) {
	var names []string
	last := map[string]int{} // of each variable, the assignment that counts
	for i, a := range assigns {
		if a.Problem == "" {
			names = append(names, a.Name)
			last[a.Name] = i
		}
	}
	for i, a := range assigns {
		s := at
		s.Line = a.Line
		if a.Problem != "" {
			judgeDropped(out, s, a, func(name string) bool {
				j, ok := last[name]
				return ok && assigns[j].Value == a.Value
			})
			continue
		}
		if last[a.Name] == i {
			judgeTaken(out, s, data, a, names)
		}
	}
}

// judgeDropped tells of a line that systemd drops. Beside the same assignment in a form that it takes, it does no harm: that is how one file serves sh as well.
func judgeDropped(out *Observation, at precedence.Source, a envfile.Assignment, taken func(name string) bool) {
	at.Name = mentioned(a.Name)
	if at.Name == "" {
		return
	}
	if key, _ := precedence.KeyOf(at.Name); key != precedence.NoProxy && strings.Contains(a.Value, "@") {
		out.written = append(out.written, at)
	}
	if a.Kind == envfile.KindExport {
		if !taken(at.Name) {
			out.find("startup-export-in-environment-file", &at, mendOr("startup-export-in-environment-file", setAnew(at.Layer, at.Name)),
				"systemd reads this file and knows no export: it drops the line, and %s is not set", at.Name)
		}
		return
	}
	out.find("systemd-ignored-assignment", &at, setAnew(at.Layer, at.Name), "systemd ignores this line: %s", a.Problem)
}

// judgeTaken tells what systemd reads into a value.
func judgeTaken(out *Observation, at precedence.Source, data []byte, a envfile.Assignment, names []string) {
	at.Name = proxyName(a.Name)
	tell := func(id, format string, args ...any) {
		out.find(id, &at, mendOr(id, setAnew(at.Layer, at.Name)), format, args...)
	}
	inner, where := innerAssignment(a.Value)
	switch {
	case inner != "" && where > 0 && strings.Contains(a.Value[:where], "\n"), at.Name != "" && strings.ContainsAny(a.Value, "\n\r"):
		at.Name = mentioned(a.Name + " " + inner)
		tell("systemd-unbalanced-quote", "systemd reads the value of %s over several lines: a quote is not closed where the line ends", a.Name)
		return
	case inner != "" && where == 0 && strings.EqualFold(a.Name, "Environment"):
		at.Name = inner
		tell("systemd-ignored-assignment", "this sets a variable named %s and not %s: Environment= belongs into a unit file", a.Name, inner)
		return
	case at.Name == "":
		return
	}
	shell := envfile.AsShell(data, a)
	switch {
	case shell.Comment != "":
		tell("startup-inline-comment", "systemd knows no comment behind a value: the # and what follows become part of %s", a.Name)
	case inner != "" && where > 0:
		tell("systemd-one-variable-in-two", "systemd reads one variable here: %s is part of the value of %s (each needs a line of its own)", inner, a.Name)
	}
	if unexpanded(a.Name, a.Value, shell.Expansions, names) {
		tell("startup-shell-expansion-not-done", "systemd expands no $ in this file: the value of %s holds it as it is written", a.Name)
	}
}

// skippedFile tells of a file that systemd does not take at all: with a dash it says nothing, without one the unit does not start.
func (r *unitReader) skippedFile(at precedence.Source, data []byte, why envfile.Skip, optional bool) {
	if optional && !mentionsProxy(string(data)) {
		return
	}
	end := "and dockerd gets none of its variables"
	if !optional {
		end = "and does not start the unit"
		r.out.fail(&at, &skipError{why})
	}
	if why == envfile.SkipUTF8 {
		at.Line = invalidLine(data)
		r.out.find("startup-invalid-utf8", &at, mendOr("startup-invalid-utf8", setAnew(at.Layer, "")), "one byte here is not UTF-8: systemd skips the whole file, %s", end)
		return
	}
	r.out.find("systemd-ignored-assignment", &at, "", "systemd skips the whole file, %s: %s", end, why)
}

// skipError says why systemd does not start a unit whose environment file it skips.
type skipError struct{ why envfile.Skip }

func (e *skipError) Error() string {
	return "systemd skips this environment file, and does not start the unit without it: " + string(e.why)
}

// invalidLine is the number of the first line that is not UTF-8 and no comment.
func invalidLine(data []byte) int {
	lines := strings.Split(string(data), "\n")
	i := slices.IndexFunc(lines, func(l string) bool {
		l = strings.TrimLeft(l, " \t\r")
		return !utf8.ValidString(l) && !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, ";")
	})
	return i + 1
}
