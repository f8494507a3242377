package daemon

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// A second dockerd that answers on a port of this machine is not the one that the manager or the pid file leads to.
func TestSecondDockerdOnAPort(t *testing.T) {
	second := process(591, 1, 0, "dockerd", "dockerd", "-H", "tcp://127.0.0.1:2399", "--data-root", "/srv/two", "--config-file", "/srv/two.json")
	files := map[string]string{"/srv/two/engine-id": "second-id\n", "/srv/two.json": "{}"}
	byHand := map[string]string{"/var/run": "-> ../run", "/run/docker.pid": "259\n", "/var/lib/docker/engine-id": "the-id\n", "/proc/stat": "btime 1700000000\n"}
	answer := engine.Info{ID: "second-id", DockerRootDir: "/srv/two"}
	for _, tc := range []struct {
		name   string
		parts  []map[string]string
		info   engine.Info
		flavor Flavor
		pid    int
	}{
		{"beside a unit", []map[string]string{runningSystemd(), process(74, 1, 0, "dockerd", "dockerd"), second, files}, answer, FlavorStandard, 591},
		{"beside one started by hand", []map[string]string{byHand, process(259, 1, 0, "dockerd", "dockerd"), second, files}, answer, FlavorStandard, 591},
		{"its command line is not seen", []map[string]string{runningSystemd(), process(74, 1, 0, "dockerd", "dockerd"), files}, answer, FlavorRemote, 0},
		{"mapped ids", []map[string]string{runningSystemd(), process(74, 1, 0, "dockerd", "dockerd"), {"/var/lib/docker/1.1/engine-id": "m\n"}}, engine.Info{ID: "m", DockerRootDir: "/var/lib/docker/1.1"}, FlavorStandard, 74},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := live(hostTree(t, tc.parts...), &fakeSystemd{units: loaded("active", 74)}, &engine.Fake{Answer: tc.info})
			env.Endpoint = "tcp://127.0.0.1:2399"
			s, err := Locate(t.Context(), env)
			assert.NilError(t, err)
			assert.Equal(t, s.Flavor, tc.flavor, s.LocalProof)
			assert.Equal(t, s.Local, tc.flavor == FlavorStandard)
			assert.Equal(t, s.PID, tc.pid)
			if tc.pid == 591 {
				assert.Equal(t, s.Manager, ManagerManual)
				assert.Equal(t, s.ConfigFile, "/srv/two.json")
			}
		})
	}
}
