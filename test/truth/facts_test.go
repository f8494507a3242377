package truth

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestRecordedFacts checks the oracle itself, and the way it is asked, against
// facts that are documented: a recording that says something else is broken.
func TestRecordedFacts(t *testing.T) {
	recordings, err := systemdRecordings()
	assert.NilError(t, err)
	for _, path := range recordings {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rec, err := readRecording(path)
			assert.NilError(t, err)
			for _, s := range statesOf(Systemd) {
				if len(s.Constructs) == 1 {
					systemdFact(t, s, rec.Answers[s.Name])
				}
			}
		})
	}
	t.Run("dockerd", func(t *testing.T) {
		rec, err := readRecording(dockerdFile)
		assert.NilError(t, err)
		for _, s := range statesOf(Dockerd) {
			dockerdFact(t, s, rec.Answers[s.Name])
		}
	})
}

// linesOf returns the marks in lines that contain a text.
func linesOf(s State, text string) []string {
	var marks []string
	for _, m := range s.Marks {
		for _, f := range s.Files {
			if f.Path == m.Path && strings.Contains(strings.Split(f.Text, "\n")[m.Line-1], text) {
				marks = append(marks, m.ID)
			}
		}
	}
	return marks
}

func answersWith(a Answer, mark string) bool {
	for _, v := range a.Env {
		if strings.Contains(v, mark+".") {
			return true
		}
	}
	return false
}

func systemdFact(t *testing.T, s State, a Answer) {
	t.Helper()
	never := func(text string) {
		for _, m := range linesOf(s, text) {
			if answersWith(a, m) {
				t.Errorf("%s %v: a line with %q reached the process", s.Name, s.Constructs, text)
			}
		}
	}
	wins := func(path string) {
		for _, m := range s.Marks {
			if m.Path == path && !answersWith(a, m.ID) {
				t.Errorf("%s %v: %s does not win", s.Name, s.Constructs, path)
			}
		}
	}
	switch s.Constructs[0] {
	case "file/export":
		never("export ")
	case "file/beats-environment":
		wins(startupFile)
	case "file/later-file-wins":
		wins(treeRoot + "/etc/docker/second.env")
	case "dropin/vendor-99-beats-etc-10":
		never("10-ours")
		for _, m := range s.Marks {
			if strings.HasSuffix(m.Path, "/99-vendor.conf") && !answersWith(a, m.ID) {
				t.Errorf("%s: the vendor's 99- drop-in does not win", s.Name)
			}
		}
	case "file/missing-without-dash":
		if a.Ran {
			t.Errorf("%s: the unit starts without a required EnvironmentFile", s.Name)
		}
	case "file/not-named":
		if m := s.Marks[0]; m.Path == startupFile && answersWith(a, m.ID) {
			t.Errorf("%s: a file nobody names is read", s.Name)
		}
	case "env/percent-unknown":
		for _, bad := range []string{"%40x@", "%21@", "%2F@", "%3a@", "%5c@"} {
			for _, v := range a.Env {
				if strings.Contains(v, secret+bad) {
					t.Errorf("%s: %q survived specifier expansion", s.Name, bad)
				}
			}
		}
	case "file/percent":
		if !slices.ContainsFunc(linesOf(s, "%"), func(m string) bool { return answersWith(a, m) }) {
			t.Errorf("%s: a percent sign in an EnvironmentFile does not arrive", s.Name)
		}
	}
}

func dockerdFact(t *testing.T, s State, a Answer) {
	t.Helper()
	refused := map[string]bool{
		"json/flag-and-file-conflict": true, "json/flag-and-null": true, "json/flag-and-flat-key": true, "json/inner-case": true,
		"json/client-style": true, "json/proxies-not-object": true, "json/inner-wrong-type": true, "json/syntax-error": true,
		"json/not-utf8": true, "json/directory": true, "json/unknown-key": true,
	}
	c := s.Constructs[0]
	if a.Ran == refused[c] {
		t.Errorf("%s [%s]: dockerd runs: %v", s.Name, c, a.Ran)
	}
	if s.Rule == "config-over-environment" {
		for _, m := range s.Marks {
			i := a.Info.HTTPProxy + " " + a.Info.HTTPSProxy + " " + a.Info.NoProxy
			if strings.Contains(i, m.ID+".") != (m.Path == daemonJSON) {
				t.Errorf("%s [%s]: daemon.json does not win over the environment: %s", s.Name, c, i)
			}
		}
	}
	if c == "value/raw-percent" || c == "value/leading-space" || c == "value/trailing-newline" {
		if !slices.Contains([]string{a.Effects["http-proxy"], a.Effects["https-proxy"]}, "invalid") {
			t.Errorf("%s [%s]: Go goes through the proxy", s.Name, c)
		}
	}
}
