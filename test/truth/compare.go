package truth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Output is what is read of `show --effective --format json`.
type Output struct {
	Settings []Setting `json:"settings"`
	Findings []struct {
		ID       string `json:"id"`
		Severity string `json:"severity"`
	} `json:"findings"`
}

// Setting is one of the three settings in the output.
type Setting struct {
	Key    string  `json:"key"`
	Set    bool    `json:"set"`
	Value  *string `json:"value"`
	Effect string  `json:"effect"`
	Lower  *struct {
		Value  *string `json:"value"`
		Source *Source `json:"source"`
	} `json:"lower"`
	Source   *Source `json:"source"`
	Rule     string  `json:"rule"`
	Running  *string `json:"running"`
	Pending  string  `json:"pending"`
	Shadowed []struct {
		Rule string `json:"rule"`
	} `json:"shadowed"`
}

// Source is where the project says a value comes from.
type Source struct {
	Layer string `json:"layer"`
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Name  string `json:"name"`
	Route string `json:"route"`
}

// result is one run of the project.
type result struct {
	out    Output
	parsed bool
	exit   int
	stdout string
	stderr string
}

// showArgs is the question to the project.
var showArgs = []string{"show", "--effective", "--format", "json"}

// show asks the project about a tree.
func show(binary, root string) (result, error) {
	cmd := exec.Command(binary, append(slices.Clone(showArgs), "--root", root)...) //nolint:gosec,noctx // the program under test
	home := os.TempDir() + "/docker-proxy-truth-no-such-home"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "DOCKER_CONFIG=" + home}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{}, fmt.Errorf("running %s: %w", binary, err)
	}
	return readResult(stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()), nil
}

// readResult takes a finished run.
func readResult(stdout, stderr string, code int) result {
	r := result{exit: code, stdout: stdout, stderr: stderr}
	r.parsed = json.Unmarshal([]byte(stdout), &r.out) == nil
	return r
}

// expected is what an oracle's answer means for one setting.
type expected struct {
	value  string // unmasked; "" is not set
	lower  string // the lower-case variable where git and curl see another value
	effect string // "" where no oracle was asked
}

// expect reads an answer for one setting: a flag, else the upper-case variable,
// else the lower-case one (proven against real dockerds by the Dockerd states).
func expect(f family, a Answer) expected {
	e := expected{effect: a.Effects[f.key]}
	if a.Info != nil {
		e.value = map[string]string{"http-proxy": a.Info.HTTPProxy, "https-proxy": a.Info.HTTPSProxy, "no-proxy": a.Info.NoProxy}[f.key]
		// daemon.json and flags overwrite both spellings; values are unique, so
		// an equal value means that the upper-case variable was left alone.
		if l := a.Env[f.lower]; l != "" && l != a.Env[f.upper] && mask(a.Env[f.upper]) == mask(e.value) {
			e.lower = l
		}
		return e
	}
	if v := flagValue(a.Args, f.key); v != "" {
		e.value = v
		return e
	}
	upper, lower := a.Env[f.upper], a.Env[f.lower]
	switch {
	case upper == "":
		e.value = lower
	default:
		e.value = upper
		if lower != "" && lower != upper {
			e.lower = lower
		}
	}
	return e
}

// flagValue is the last value given for a flag, as pflag takes it.
func flagValue(args []string, key string) string {
	value := ""
	for i := 0; i < len(args); i++ {
		if v, ok := strings.CutPrefix(args[i], "--"+key+"="); ok {
			value = v
		} else if args[i] == "--"+key && i+1 < len(args) {
			i++
			value = args[i]
		}
	}
	return value
}

// mask is the documented form, written anew here: what `docker info` prints,
// and the same for what is no URL. A password that strayed into NO_PROXY is
// hidden too, although `docker info` prints it.
func mask(value string) string {
	if !strings.Contains(value, "@") {
		return value
	}
	if u, err := url.Parse(value); err == nil && u.User != nil {
		u.User = url.UserPassword("xxxxx", "xxxxx")
		return u.String()
	}
	start := 0
	if i := strings.Index(value, "://"); i >= 0 {
		start = i + len("://")
	}
	at := strings.LastIndexByte(value, '@')
	return value[:start] + "xxxxx:xxxxx" + value[at:]
}

// judge compares one run with the answer. twin is set when all values of the
// tree were made equal: then the value tells nothing, and the place everything.
func judge(s State, a Answer, r result, twin bool) []string {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if strings.Contains(r.stdout+r.stderr, secret) {
		fail("a password is printed")
	}
	if !a.Ran && (s.Kind == SysV || s.Kind == OpenRC) {
		return wrong // which command of a script ends it is not for a reader to know
	}
	if !a.Ran && slices.Contains(s.Constructs, "json/unknown-key") {
		return wrong // which keys an engine knows, only that engine tells (dockerd --validate)
	}
	if !a.Ran {
		hasError := slices.ContainsFunc(r.out.Findings, func(f struct {
			ID       string `json:"id"`
			Severity string `json:"severity"`
		}) bool {
			return f.Severity == "error"
		})
		if r.exit == 0 && !hasError {
			fail("the daemon does not start with this, and nothing says so")
		}
		return wrong
	}
	if !r.parsed {
		fail("exit status %d, no JSON: %s", r.exit, strings.TrimSpace(r.stderr))
		return wrong
	}
	if len(r.out.Settings) != len(families) {
		fail("%d settings", len(r.out.Settings))
		return wrong
	}
	for i, f := range families {
		if got := r.out.Settings[i]; got.Key != f.key {
			fail("setting %d is %s, not %s", i, got.Key, f.key)
		} else {
			for _, w := range judgeSetting(s, f, expect(f, a), got, twin) {
				fail("%s: %s", f.key, w)
			}
		}
	}
	if s.Rule != "" && !twin && !namesRule(r.out, s.Rule) {
		fail("rule %s is not named", s.Rule)
	}
	return wrong
}

func namesRule(out Output, rule string) bool {
	for _, s := range out.Settings {
		if s.Rule == rule {
			return true
		}
		for _, l := range s.Shadowed {
			if l.Rule == rule {
				return true
			}
		}
	}
	return false
}

func judgeSetting(s State, f family, want expected, got Setting, twin bool) []string {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if unknown(s, f, got) {
		return nil
	}
	if got.Set != (want.value != "") {
		fail("set is %v, the oracle has %q", got.Set, mask(want.value))
		return wrong
	}
	value, lower := want.value, want.lower
	if twin {
		value, lower = equalized(value), equalized(lower)
		if value == lower {
			lower = ""
		}
	}
	if got.Set && (got.Value == nil || *got.Value != mask(value)) {
		fail("value is %s, the oracle has %q", show1(got.Value), mask(value))
	}
	if !got.Set && (got.Value != nil || got.Source != nil || got.Rule != "") {
		fail("not set, and yet there is a value, source or rule")
	}
	wrong = append(wrong, judgeLower(s, want.lower, lower, got)...)
	switch want.effect {
	case "", got.Effect:
	case "unusable":
		if got.Effect != "invalid" && got.Effect != "proxy" {
			fail("effect is %q for a value whose scheme becomes the proxy's name", got.Effect)
		}
	default:
		fail("effect is %q, Go says %q", got.Effect, want.effect)
	}
	if got.Set {
		wrong = append(wrong, judgeSource(s, want.value, got.Source)...)
	}
	return wrong
}

// show1 prints an optional string.
func show1(s *string) string {
	if s == nil {
		return "absent"
	}
	return fmt.Sprintf("%q", *s)
}
