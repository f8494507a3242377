package envfile_test

import (
	"encoding/json"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
)

// answered is what a real program on a booted host did with a file; the tests
// with tag hosts record it.
type answered struct {
	Input  string
	Bytes  []byte
	Failed bool
	Env    map[string]string
}

func answers(t testing.TB, golden string, atLeast int) []answered {
	t.Helper()
	data, err := os.ReadFile("testdata/" + golden)
	assert.NilError(t, err)
	var cases []answered
	assert.NilError(t, json.Unmarshal(data, &cases))
	assert.Assert(t, len(cases) >= atLeast, "%d cases", len(cases))
	return cases
}

func effective(all []envfile.Assignment) map[string]string {
	env := map[string]string{}
	for _, a := range all {
		switch {
		case a.Problem != "":
		case a.Unset:
			delete(env, a.Name)
		default:
			env[a.Name] = a.Value
		}
	}
	return env
}

// TestSystemdAnswers compares Parse with what systemd 252, 257 and 262 did with the
// same text as an EnvironmentFile=. A unit does not start when its file is
// skipped.
func TestSystemdAnswers(t *testing.T) {
	for _, c := range []struct {
		golden  string
		version int
	}{{"systemd-252.json", 252}, {"systemd-257.json", 257}, {"systemd-262.json", 262}} {
		for _, a := range answers(t, c.golden, 300) {
			all, skipped := envfile.Parse([]byte(a.Input+string(a.Bytes)), c.version)
			env := effective(all)
			assert.Check(t, maps.Equal(env, a.Env) && (skipped != "") == a.Failed, "%d: %q\ngot  %q %q\nwant %q failed %v",
				c.version, a.Input+string(a.Bytes), env, skipped, a.Env, a.Failed)
		}
	}
}

func TestEnvironmentDAnswers(t *testing.T) {
	started := map[string]string{"KNOWN": "known", "HOME": "/root"}
	known := func(name string) (string, bool) { v, ok := started[name]; return v, ok }
	for _, c := range []struct {
		golden  string
		version int
	}{{"environmentd-252.json", 252}, {"environmentd-257.json", 257}, {"environmentd-262.json", 262}} {
		for _, a := range answers(t, c.golden, 200) {
			env := effective(envfile.ParseEnvironmentD([]byte(a.Input+string(a.Bytes)), c.version, known))
			assert.Check(t, maps.Equal(env, a.Env), "%d: %q\ngot  %q\nwant %q", c.version, a.Input+string(a.Bytes), env, a.Env)
		}
	}
}

// TestPAMAnswers compares with Linux-PAM 1.5 and 1.7.
func TestPAMAnswers(t *testing.T) {
	for _, golden := range []string{"pam-bookworm.json", "pam-trixie.json", "pam-sid.json"} {
		for _, a := range answers(t, golden, 150) {
			if golden == "pam-bookworm.json" && strings.ContainsAny(a.Input, "\x00\\") {
				continue // 1.5 differs there, and ParsePAM says so
			}
			env := effective(envfile.ParsePAM([]byte(a.Input + string(a.Bytes))))
			for name, value := range env {
				if !utf8.ValidString(value) {
					env[name] = "not UTF-8: " + strconv.QuoteToASCII(value)
				}
			}
			assert.Check(t, maps.Equal(env, a.Env), "%s: %q\ngot  %q\nwant %q", golden, a.Input+string(a.Bytes), env, a.Env)
		}
	}
}
