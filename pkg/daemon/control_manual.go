package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// ManualError says that this program does not restart a daemon, and what a person has to type. No credential is in it.
type ManualError struct{ Lines []string }

func (e *ManualError) Error() string {
	return "this dockerd was started by hand and is not restarted by this program; type:\n  " + strings.Join(e.Lines, "\n  ")
}

// manualError names the lines that stop a daemon and start it as somebody started it by hand: same options, same variables, but proxy variables as they are going to be.
func manualError(s *Site, planned *Observation) error {
	lines := []string{fmt.Sprintf("kill %d; while kill -0 %d 2>/dev/null; do sleep 1; done", s.PID, s.PID)}
	if !s.ArgvKnown {
		return &ManualError{Lines: append(lines, "# and start dockerd as before: its command line cannot be read")}
	}
	m := handStart{site: s, planned: planned}
	words := m.environment()
	for _, w := range s.Argv {
		shown := maskArgument(w)
		if shown != w {
			m.note("what is shown as xxxxx in the options stands in the running one's command line, /proc/%d/cmdline; note it before the kill", s.PID)
		}
		words = append(words, posixWord(shown))
	}
	return &ManualError{Lines: append(append(m.notes, lines...), strings.Join(words, " ")+" &")}
}

// handStart collects the words and remarks of a command that starts dockerd.
type handStart struct {
	site    *Site
	planned *Observation
	notes   []string
}

func (m *handStart) note(format string, args ...any) {
	line := "# " + fmt.Sprintf(format, args...)
	if !slices.Contains(m.notes, line) {
		m.notes = append(m.notes, line)
	}
}

// environment gives `env` with the variables that matter to dockerd, or nothing.
func (m *handStart) environment() []string {
	if m.site.Process == nil || m.site.Process.Environ == nil {
		m.note("the variables it was started with cannot be read; start it with the same")
		return nil
	}
	var without, with []string
	for _, entry := range slices.Sorted(slices.Values(m.site.Process.Environ)) {
		name, value, _ := strings.Cut(entry, "=")
		key, isProxy := precedence.KeyOf(name)
		switch {
		case isProxy:
			value, keep := m.proxy(name, key, value)
			if !keep {
				without = append(without, "-u", name)
				continue
			}
			with = append(with, name+"="+posixWord(value))
		case readByDockerd(name):
			shown := precedence.MaskList(value)
			if shown != value {
				m.note("the value of %s with its password stands in /proc/%d/environ; note it before the kill", name, m.site.PID)
			}
			with = append(with, name+"="+posixWord(shown))
		}
	}
	if len(without)+len(with) == 0 {
		return nil
	}
	return slices.Concat([]string{"env"}, without, with)
}

// proxy returns what a proxy variable of the running daemon has to be from now on, masked, or that it has to go.
func (m *handStart) proxy(name string, k precedence.Key, old string) (string, bool) {
	if m.planned == nil {
		return precedence.MaskList(old), true
	}
	v := m.planned.verdict(k)
	if v.Winner == nil || v.Winner.Value == "" && !v.Winner.Unknown {
		return "", false
	}
	value, masked := v.Winner.Value.Reveal(), precedence.MaskList(v.Winner.Value.Reveal())
	where := v.Winner.Source.String()
	if v.Winner.Source.Path == "" {
		where = fmt.Sprintf("/proc/%d/environ; note it before the kill", m.site.PID)
	}
	inFile := v.Winner.Source.Route == precedence.RouteConfigFile || v.Winner.Source.Layer == precedence.LayerFlag
	switch {
	case value != masked && inFile:
		m.note("%s: the value with its password stands in %s, which dockerd reads itself", name, where)
		return "", false
	case value != masked:
		m.note("%s: the value with its password stands in %s", name, where)
	}
	return masked, true
}

// readByDockerd reports whether a variable changes what dockerd does, beside the proxies: its own and its libraries', and Go's.
func readByDockerd(name string) bool {
	switch name {
	case "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG": // the client's
		return false
	case "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "TMPDIR", "ALL_PROXY", "all_proxy":
		return true
	}
	return slices.ContainsFunc([]string{"DOCKER", "CONTAINERD_", "BUILDKIT_", "MOBY_", "OTEL_", "SSL_CERT_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// maskArgument masks the credentials in one word of a command line.
func maskArgument(word string) string {
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "-") {
		return name + "=" + precedence.MaskList(value)
	}
	return precedence.MaskList(word)
}

// posixWord quotes a word so that a POSIX shell takes it literally.
func posixWord(s string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("-.,:/_=@%+", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
