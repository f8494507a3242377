package daemon

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// What three engines really do is shown by TestRestartFates on booted hosts.
func TestFates(t *testing.T) {
	long := "0123456789abcdef"
	for _, tt := range []struct {
		name    string
		running []engine.Container
		want    []Fate
		says    string // the reason of the last one
	}{
		{name: "no policy", running: []engine.Container{{Name: "a", Restart: "no"}}, want: []Fate{FateLost}, says: "no restart policy"},
		{name: "an unknown policy", running: []engine.Container{{Name: "a"}}, want: []Fate{FateLost}, says: "no restart policy"},
		{name: "always, unless-stopped", running: []engine.Container{{Restart: "always"}, {Restart: "unless-stopped"}}, want: []Fate{FateReturns, FateReturns}},
		{name: "--rm", running: []engine.Container{{Restart: "no", AutoRemove: true}}, want: []Fate{FateVanishes}, says: "--rm"},
		{name: "on-failure", running: []engine.Container{{Restart: "on-failure", Retries: 7}, {Restart: "on-failure", MaxRetries: 3, Retries: 2}}, want: []Fate{FateUnsure, FateUnsure}, says: "on-failure: not if they end without an error when they are stopped"},
		{name: "on-failure, used up", running: []engine.Container{{Restart: "on-failure", MaxRetries: 2, Retries: 2}}, want: []Fate{FateLost}, says: "on-failure, and its restarts are used up"},
		{name: "tasks of a swarm", running: []engine.Container{{Task: true, Restart: "no", TaskRestart: "any"}, {Task: true, TaskRestart: "on-failure"}, {Task: true}, {Task: true, TaskRestart: "none"}}, want: []Fate{FateReturns, FateReturns, FateUnsure, FateLost}, says: "their swarm service is not to be restarted"},
		{name: "joins one that is lost, by name", running: []engine.Container{{Name: "a", Restart: "no"}, {Name: "b", Restart: "always", Joins: []string{"a"}}}, want: []Fate{FateLost, FateLost}, says: "in the namespaces of a, which does not come back"},
		{name: "joins one that vanishes, by id", running: []engine.Container{{Name: "a", ID: long, AutoRemove: true}, {Name: "b", Restart: "always", Joins: []string{long[:12]}}}, want: []Fate{FateVanishes, FateLost}},
		{name: "a chain, in the wrong order", running: []engine.Container{{Name: "c", Restart: "always", Joins: []string{"b"}}, {Name: "b", Restart: "always", Joins: []string{"a"}}, {Name: "a", Restart: "no"}}, want: []Fate{FateLost, FateLost, FateLost}},
		{name: "joins one that returns", running: []engine.Container{{Name: "a", Restart: "always"}, {Name: "b", Restart: "always", Joins: []string{"/a"}}}, want: []Fate{FateReturns, FateUnsure}, says: "in the namespaces of a: not if dockerd tries them before it"},
		{name: "joins one that does not run", running: []engine.Container{{Name: "b", Restart: "always", Joins: []string{"gone"}}}, want: []Fate{FateReturns}},
		{name: "each other", running: []engine.Container{{Name: "a", Restart: "always", Joins: []string{"b"}}, {Name: "b", Restart: "always", Joins: []string{"a"}}}, want: []Fate{FateUnsure, FateUnsure}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Fates(tt.running)
			var fates []Fate
			for _, f := range got {
				fates = append(fates, f.Fate)
			}
			assert.DeepEqual(t, fates, tt.want)
			if tt.says != "" {
				assert.Equal(t, got[len(got)-1].Reason, tt.says)
			}
		})
	}
}

func TestLiveFates(t *testing.T) {
	running := []engine.Container{{Name: "a", Restart: "no"}, {Name: "b", AutoRemove: true}}
	for _, tt := range []struct {
		name, version string
		vanish        []string
	}{{"20.10", "20.10.24", []string{"b"}}, {"before the mending", "24.0.7", []string{"b"}}, {"mended", "24.0.8", nil}, {"newer", "28.5.2", nil}, {"not known", "", []string{"b"}}} {
		t.Run(tt.name, func(t *testing.T) {
			fake := &engine.Fake{Running: running}
			site := &Site{Version: tt.version, Info: &engine.Info{}, ArgvKnown: true}
			cost := CostOf(t.Context(), site, nil, fake)
			names, _ := With(cost.LiveFates, FateVanishes)
			assert.DeepEqual(t, names, tt.vanish)
			lost, _ := With(cost.Fates, FateLost)
			assert.DeepEqual(t, lost, []string{"a"})
		})
	}
}
