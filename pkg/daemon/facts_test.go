//go:build linux

package daemon

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

func TestAutoFacts(t *testing.T) {
	cases := []struct {
		name                     string
		tree                     map[string]string
		info                     *engine.Info
		names, mirrors, insecure []string
	}{
		{"nothing", nil, nil, nil, nil, nil},
		{"the host's names", map[string]string{"/etc/hostname": "build7\n", "/etc/hosts": "127.0.0.1 localhost\n127.0.1.1 build7.corp.example build7 # this one\n10.0.0.9 other\n::1 ip6-localhost build7\n"}, nil,
			[]string{"build7", "build7.corp.example"}, nil, nil},
		{"a host without a name of its own", map[string]string{"/etc/hostname": "localhost\n"}, nil, nil, nil, nil},
		{"daemon.json of a stopped daemon", map[string]string{configPath: `{"registry-mirrors": ["https://m.corp"], "insecure-registries": ["10.0.0.0/8", "r:5000"]}`}, nil, nil, []string{"https://m.corp"}, []string{"10.0.0.0/8", "r:5000"}},
		{"flags", map[string]string{startupPath: "DOCKER_OPTS=\"--registry-mirror=https://m.corp --insecure-registry=r:5000\"\n"}, nil, nil, []string{"https://m.corp"}, []string{"r:5000"}},
		{"the running daemon knows best", map[string]string{configPath: `{"registry-mirrors": ["https://m.corp"]}`}, &engine.Info{Mirrors: []string{"https://now.corp/"}, Insecure: []string{"::1/128"}}, nil, []string{"https://now.corp/"}, []string{"::1/128"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost("26.1.5"), c.tree)
			s.Info = c.info
			f := s.AutoFacts()
			assert.DeepEqual(t, f.Names, c.names)
			assert.DeepEqual(t, f.Mirrors, c.mirrors)
			assert.DeepEqual(t, f.Insecure, c.insecure)
			assert.Equal(t, len(f.Addresses), 0) // of a directory nobody knows
		})
	}
}

func TestDockerBridge(t *testing.T) {
	cases := []struct {
		name string
		want bool
	}{
		{"docker0", true}, {"docker_gwbridge", true}, {"br-0a1b2c3d4e5f", true},
		{"br-lan", false}, {"br-0a1b2c3d4e5g", false}, {"br0", false}, {"eth0", false}, {"lo", false}, {"docker1", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, dockerBridge(c.name), c.want) })
	}
}
