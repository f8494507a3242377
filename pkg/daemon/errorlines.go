package daemon

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// logLine is one line of a log.
type logLine struct {
	text    string
	manager bool // said by systemd about the unit, and not by dockerd
}

// The most that is shown of a log: lines, and bytes of one line.
const (
	maxErrorLines = 5
	maxErrorBytes = 500
)

// errorLines picks the lines that say what went wrong: the last ones, each once, in their order. Best are dockerd's errors and fatal messages and what looks like
// one in lines of another form (a usage error, a panic, a shell's message), then anything that is not dockerd's own routine, then what the manager says.
func errorLines(lines []logLine) []string {
	var errors, plain, manager []string
	for _, l := range lines {
		text := cleanLine(l.text)
		switch {
		case text == "", strings.HasPrefix(text, "+ "): // dockerd-rootless.sh runs under set -x
		case l.manager:
			if looksBad(text) {
				manager = append(manager, text)
			}
		case structured(text):
			if severe(text) {
				errors = append(errors, text)
			}
		case looksBad(text):
			errors = append(errors, text)
		default:
			plain = append(plain, text)
		}
	}
	for _, choice := range [][]string{errors, plain, manager} {
		if len(choice) > 0 {
			return lastOnce(choice)
		}
	}
	return nil
}

// lastOnce returns the last lines, of those that differ in their time only the latest.
func lastOnce(lines []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, line := range slices.Backward(lines) {
		if key := withoutTime(line); !seen[key] && len(out) < maxErrorLines {
			seen[key] = true
			out = append(out, line)
		}
	}
	slices.Reverse(out)
	return out
}

// withoutTime cuts off logrus's time="…" (moby's text format) and its like in JSON.
func withoutTime(line string) string {
	if rest, ok := strings.CutPrefix(line, `time="`); ok {
		if _, after, ok := strings.Cut(rest, `" `); ok {
			return after
		}
	}
	return line
}

// cleanLine makes a line fit for a terminal: colours are taken out (OpenRC's eerror), control characters escaped, the length bounded.
func cleanLine(line string) string {
	line = redact.Terminal(strings.TrimSpace(withoutColours(line)))
	if len(line) <= maxErrorBytes {
		return line
	}
	cut := maxErrorBytes
	for !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + "…"
}

// withoutColours takes ECMA-48 control sequences out: ESC [ parameters letter.
func withoutColours(line string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(line, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			return b.String()
		}
		line = rest[end+1:]
	}
}

// structured reports whether a line is one of dockerd's log, in its text or (since 26.0, --log-format) JSON form.
func structured(line string) bool {
	return strings.Contains(line, "level=") && strings.Contains(line, "msg=") || strings.Contains(line, `"level":"`)
}

func severe(line string) bool {
	for _, level := range []string{"error", "fatal", "panic"} {
		if strings.Contains(line, "level="+level) || strings.Contains(line, `"level":"`+level+`"`) {
			return true
		}
	}
	return false
}

// looksBad reports whether a line without a level tells of a failure.
func looksBad(line string) bool {
	low := strings.ToLower(line)
	if strings.HasPrefix(low, "see 'dockerd --help'") || strings.HasPrefix(low, "usage:") {
		return false
	}
	for _, word := range []string{"error", "fail", "fatal", "panic", "unable", "invalid", "unknown", "cannot", "can't", "could not", "couldn't", "denied", "refused", "no such", "not found", "conflict", "not supported", "requires", "already", "timed out", "killed", "[ !! ]"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return false
}
