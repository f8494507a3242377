package main

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

func TestCostLines(t *testing.T) {
	running := []engine.Container{{Name: "a\x1b[2J", Restart: "no"}, {Name: "b", AutoRemove: true}, {Name: "c", Restart: "no"}, {Name: "d", Restart: "always"}}
	fates := daemon.Fates(running)
	live := daemon.LiveRestore{Running: true, Configured: true, Holds: true}
	for _, tt := range []struct {
		name string
		cost daemon.Cost
		want string
	}{
		{"all kinds, escaped, grouped", daemon.Cost{Running: 4, Fates: fates, Builds: &engine.Builds{Running: 2, Exact: true}}, "A restart of the daemon stops its 4 running containers.\n" +
			"These do not come back by themselves (no restart policy): a\\x1b[2J, c\nThese vanish (--rm): b\n2 running builds are cancelled."},
		{"nothing runs", daemon.Cost{Builds: &engine.Builds{}}, ""},
		{"live-restore is on, a build runs", daemon.Cost{Running: 4, Fates: fates, Live: live, Builds: &engine.Builds{Running: 1}}, "The 4 running containers keep running (live-restore is on).\nA running build, or more than one, is cancelled."},
		{"not known", daemon.Cost{Running: -1, Unknown: errors.New("no answer\x07")}, "What else a restart stops is not known: no answer\\a"},
		{"one of each", daemon.Cost{Running: 1, Fates: fates[3:], Builds: &engine.Builds{Running: 1, Exact: true}}, "A restart of the daemon stops its running container.\nA running build is cancelled."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := &job{cost: &tt.cost}
			assert.Equal(t, strings.Join(j.costLines(), "\n"), tt.want)
		})
	}
}
