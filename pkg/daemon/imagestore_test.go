//go:build linux

package daemon

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

func TestClassicStore(t *testing.T) {
	for _, c := range []struct {
		name, version, config string
		info                  *engine.Info
		want                  Answer
	}{
		{"an older engine", "26.1.5", "", nil, Yes},
		{"told to use containerd", "26.1.5", `{"features": {"containerd-snapshotter": true}}`, nil, No},
		{"told not to", "29.1.0", `{"features": {"containerd-snapshotter": false}}`, nil, Yes},
		{"a newer engine may be upgraded", "29.1.0", "", nil, Unknown},
		{"a file that cannot be read", "26.1.5", `{`, nil, Unknown},
		{"the daemon says containerd", "29.1.0", "", &engine.Info{Containerd: true}, No},
		{"the daemon says classic", "29.1.0", `{"features": {"containerd-snapshotter": true}}`, &engine.Info{}, Yes},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := map[string]string{}
			if c.config != "" {
				tree[configPath] = c.config
			}
			s := rooted(t, debianHost(c.version), tree)
			s.Info = c.info
			assert.Equal(t, Observe(s).ClassicStore(), c.want)
		})
	}
}
