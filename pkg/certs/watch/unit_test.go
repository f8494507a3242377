package watch_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
)

// TestUnitReadsBack: systemd's rules give the program the words that were meant, whatever is in them. (systemd-analyze verify and a running service: test/e2e.)
func TestUnitReadsBack(t *testing.T) {
	argv := []string{"/usr/libexec/docker/cli-plugins/docker-proxy", "ca", "watch", "--filter", "label=a b", "--filter", `name=^/we"b$`, "--bundle", "/a'b/100%/$HOME\\x", ";", "/etc/ca.crt"}
	environment := []string{"DOCKER_HOST=tcp://h:1", "DOCKER_CONTEXT=a b$c%d"}
	text := watch.Unit{Argv: argv, Environment: environment, StateDir: "docker-proxy"}.String()
	assert.Assert(t, strings.HasPrefix(text, watch.UnitMarker))
	var got, env []string
	for _, a := range unitfile.Parse([]byte(text)).Assignments() {
		switch a.Key {
		case "ExecStart":
			commands, problems := unitfile.ExecCommands(a, unitfile.SystemSpecifiers("x.service", nil), 257)
			assert.Equal(t, len(problems), 0, "%v", problems)
			assert.Equal(t, len(commands), 1)
			got = unitfile.ExpandExec(commands[0].Argv, func(string) (string, bool) { return "", false })
		case "Environment":
			words, problems := unitfile.EnvironmentWords(a, unitfile.SystemSpecifiers("x.service", nil), 257)
			assert.Equal(t, len(problems), 0, "%v", problems)
			for _, w := range words {
				env = append(env, w.Name+"="+w.Value)
			}
		case "Requires", "BindsTo", "PartOf", "Requisite", "Sockets":
			t.Errorf("%s would stop the service with the daemon, or start the daemon", a.Key)
		}
	}
	assert.DeepEqual(t, got, argv)
	assert.DeepEqual(t, env, environment)
}
