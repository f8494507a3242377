package truth

import (
	"fmt"
	"slices"
	"strings"
)

// unknown reports whether the project says that it does not know a value (it is
// set, without a value) where it may: a script that holds code, a specifier about
// the machine, or a variable of PID 1's own environment, which no file tells.
func unknown(s State, f family, got Setting) bool {
	if !got.Set || got.Value != nil || got.Source == nil {
		return false
	}
	if dynamic(s) {
		return true
	}
	for _, line := range linesAt(s, got.Source) {
		if strings.Contains(line, "Environment") && slices.ContainsFunc(machineSpecifiers, func(sp string) bool { return strings.Contains(line, sp) }) {
			return true
		}
	}
	passed := slices.ContainsFunc(s.Files, func(file File) bool {
		for _, line := range strings.Split(file.Text, "\n") {
			if words, ok := strings.CutPrefix(line, "PassEnvironment="); ok && slices.Contains(strings.Fields(words), got.Source.Name) {
				return true
			}
		}
		return false
	})
	return passed && got.Source.Route == "pass-environment" && (got.Source.Name == f.upper || got.Source.Name == f.lower)
}

// machineSpecifiers expand to what the running kernel or os-release says
// (systemd.unit(5)); a reader of files may leave them open.
var machineSpecifiers = []string{"%o", "%w", "%W", "%B", "%A", "%M", "%a", "%q", "%l", "%H", "%m"}

// linesAt returns the line a source names.
func linesAt(s State, at *Source) []string {
	for _, f := range s.Files {
		if lines := strings.Split(f.Text, "\n"); projectNames().Replace(f.Path) == at.Path && 0 < at.Line && at.Line <= len(lines) {
			return lines[at.Line-1 : at.Line]
		}
	}
	return nil
}

// dynamic says that a script holds what cannot be decided without running it.
func dynamic(s State) bool {
	return slices.ContainsFunc(s.Constructs, func(c string) bool { return strings.HasPrefix(c, "sh/dynamic") })
}

// judgeLower compares the lower-case variable where git and curl see another
// value than Go; raw is the oracle's value, lower the same after making equal.
func judgeLower(s State, raw, lower string, got Setting) []string {
	switch {
	case got.Lower == nil && lower == "":
		return nil
	case got.Lower == nil || lower == "" || got.Lower.Value == nil || *got.Lower.Value != mask(lower):
		value := "absent"
		if got.Lower != nil {
			value = show1(got.Lower.Value)
		}
		return []string{fmt.Sprintf("lower is %s, the oracle has %q", value, mask(lower))}
	}
	var wrong []string
	for _, w := range judgeSource(s, raw, got.Lower.Source) {
		wrong = append(wrong, "lower: "+w)
	}
	return wrong
}

// judgeSource compares a source with the place where the oracle's value stands.
func judgeSource(s State, value string, got *Source) []string {
	m, ok := s.markIn(value)
	if !ok {
		return nil
	}
	if got == nil {
		return []string{"no source"}
	}
	var wrong []string
	if !standsIn(s, m, got) {
		wrong = append(wrong, fmt.Sprintf("source is %s:%d, the oracle's value stands in %s:%d", got.Path, got.Line, projectNames().Replace(m.Path), m.Line))
	}
	if m.Layer != "" && got.Layer != m.Layer {
		wrong = append(wrong, fmt.Sprintf("layer is %s, wanted %s", got.Layer, m.Layer))
	}
	if m.Route != "" && got.Route != m.Route {
		wrong = append(wrong, fmt.Sprintf("route is %s, wanted %s", got.Route, m.Route))
	}
	return wrong
}

// standsIn accepts the line of the value and the line its directive begins on;
// for a flag also the ExecStart= that takes it from a variable; for a script
// that computes any line of the same file; for a linked file either name.
func standsIn(s State, m Mark, got *Source) bool {
	if s.Kind == Manual && m.Layer == "process" {
		return strings.HasPrefix(got.Path, "/proc/") && strings.HasSuffix(got.Path, "/environ")
	}
	names := projectNames()
	if got.Path == names.Replace(m.Path) {
		return m.Start <= got.Line && got.Line <= m.Line || dynamic(s) && got.Line > 0
	}
	for _, f := range s.Files {
		if names.Replace(f.Path) != got.Path {
			continue
		}
		if f.Link != "" && strings.HasSuffix(m.Path, strings.TrimPrefix(f.Link, treeRoot)) {
			return m.Start <= got.Line && got.Line <= m.Line
		}
		lines := strings.Split(f.Text, "\n")
		if m.Route == "flag" && 0 < got.Line && got.Line <= len(lines) {
			return strings.HasPrefix(lines[got.Line-1], "ExecStart=")
		}
	}
	return false
}
