package truth

import (
	"fmt"
	"slices"
	"strings"
)

// judgeLive is judge for a live host. A value that came from the caller of the
// init script is not to be known when the daemon is stopped, nor one of the
// service manager's own environment from files alone.
func judgeLive(s State, a Answer, r result, offline, fromFiles bool) []string {
	if !a.Ran {
		return judge(s, a, r, false)
	}
	if !r.parsed || len(r.out.Settings) != len(families) {
		return []string{fmt.Sprintf("exit status %d, no settings: %s", r.exit, strings.TrimSpace(r.stderr))}
	}
	var wrong []string
	for i, f := range families {
		want, got := expect(f, a), r.out.Settings[i]
		if offline && callerDecides(s, f) || fromFiles && strings.Contains(want.value+want.lower, ".manager") {
			continue
		}
		if !offline {
			wrong = append(wrong, judgeRunning(s, f, want, got)...)
		}
		if callerDecides(s, f) && got.Pending == "restart" {
			continue // said to last until the next start only, which is the truth
		}
		for _, w := range judgeSetting(s, f, want, got, false) {
			wrong = append(wrong, f.key+": "+w)
		}
	}
	if strings.Contains(r.stdout+r.stderr, secret) {
		wrong = append(wrong, "a password is printed")
	}
	return wrong
}

// judgeRunning compares what the running daemon is said to have.
func judgeRunning(s State, f family, want expected, got Setting) []string {
	var wrong []string
	if got.Running == nil || *got.Running != mask(want.value) {
		wrong = append(wrong, fmt.Sprintf("%s: running is %s, the daemon has %q", f.key, show1(got.Running), mask(want.value)))
	}
	if !strings.Contains(mask(want.value), "xxxxx@") && !callerDecides(s, f) && got.Pending != "none" {
		wrong = append(wrong, fmt.Sprintf("%s: pending is %q after a restart", f.key, got.Pending))
	}
	return wrong
}

// callerDecides reports whether the caller of the init script had exported a
// variable of the family: then another start gives another value.
func callerDecides(s State, f family) bool {
	return s.Kind != Systemd && s.Kind != Manual && slices.ContainsFunc(s.Env, func(e string) bool {
		return strings.HasPrefix(e, f.upper+"=") || strings.HasPrefix(e, f.lower+"=")
	})
}

// redacted shows an environment in a failure.
func redacted(env map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range env {
		out[k] = mask(v)
	}
	return out
}
