//go:build linux

package daemon

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func TestSaidOf(t *testing.T) {
	const file = adminDir + "a.conf"
	text := strings.Join([]string{
		"[Service]",
		`Environment=HTTPS_PROXY=http://p:1 \`,
		`  "HTTP_PROXY=http://p:1"`,
		"LimitNOFILE=many",
		"PassEnvironment=1BAD",
		"Envirnoment=NO_PROXY=x",
		"ExecStart=",
	}, "\n")
	o := observed(t, debianHost("26.1.5"), map[string]string{file: text})
	o.Findings = []precedence.Finding{{ID: "systemd-unescaped-percent", Source: &precedence.Source{Layer: precedence.LayerSystemd, Path: file, Line: 2}}}
	for _, c := range []struct {
		name string
		c    complaint
		want bool
	}{
		{"the line of a finding", complaint{path: file, line: 2}, true},
		{"its continuation", complaint{path: file, line: 3}, true},
		{"another setting's business", complaint{path: file, line: 4}, true},
		{"the environment, and nobody has said it", complaint{path: file, line: 5}, false},
		{"a misspelled key with a proxy", complaint{path: file, line: 6}, false},
		{"the command", complaint{path: file, line: 7}, false},
		{"a line that is not there", complaint{path: file, line: 99}, true},
		{"a file that is not there", complaint{path: adminDir + "b.conf", line: 1}, true},
		{"the unit as a whole", complaint{path: "docker.service"}, false},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, o.saidOf(c.c), c.want) })
	}
	o.Findings[0].Severity = precedence.SeverityError
	assert.Assert(t, o.saidOf(complaint{path: "docker.service"}), "what is wrong with the unit was said")
}

// TestDeepAsksNobody: where the files are not this machine's, and for a directory.
func TestDeepAsksNobody(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Site)
		want   string
	}{
		{"a directory", func(*Site) {}, "is executed"},
		{"another machine", func(s *Site) { s.Flavor, s.Live = FlavorRemote, true }, "not on this machine"},
		{"Docker Desktop", func(s *Site) { s.Flavor, s.Live = FlavorDesktop, true }, "not on this machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost("26.1.5"), map[string]string{configPath: "{"})
			c.change(s)
			found, notes, err := (&Observation{Site: s, Files: s.FS}).Deep(t.Context())
			assert.NilError(t, err)
			assert.Equal(t, len(found), 0)
			assert.Equal(t, len(notes), 1)
			assert.Assert(t, strings.Contains(notes[0], c.want), notes[0])
		})
	}
}

func TestConfigStops(t *testing.T) {
	assert.Assert(t, observed(t, debianHost("26.1.5"), map[string]string{configPath: "{"}).configStops())
	assert.Assert(t, !observed(t, debianHost("26.1.5"), map[string]string{configPath: `{"log-level": "nonsense"}`}).configStops())
}
