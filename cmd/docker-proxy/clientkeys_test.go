//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/opts"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
)

// TestKeysAgainstTheCLI: a key is called dead only if docker/cli's own code makes it of no DOCKER_HOST and -H, with TLS or without; of those that it makes, none is called dead, and
// the record is found by it.
func TestKeysAgainstTheCLI(t *testing.T) {
	var spelled []string
	for _, h := range []string{"build.corp", "BUILD.corp", "10.1.2.3", "[2001:db8::1]", "localhost", "", "ann@build.corp"} {
		for _, port := range []string{"", ":2375", ":2376", ":99999", ":"} {
			for _, scheme := range []string{"", "tcp://", "ssh://", "http://", "https://", "unix://", "npipe://", "fd://", "TCP://", "ftp://"} {
				for _, tail := range []string{"", "/", "/x", " "} {
					spelled = append(spelled, scheme+h+port+tail)
				}
			}
		}
	}
	spelled = append(spelled, "unix:///var/run/docker.sock", "npipe:////./pipe/docker_engine", "unix:///run/user/1000/docker.sock", "*", "all")
	made := map[string]bool{}
	for _, s := range spelled {
		for _, tls := range []bool{false, true} {
			if endpoint, err := opts.ParseHost(tls, s); err == nil && !strings.HasPrefix(endpoint, "ssh://") && !strings.HasSuffix(endpoint, "/") { // by convention, not by code
				made[endpoint] = true
			}
		}
	}
	dead, alive := 0, 0
	for _, key := range append(spelled, "default") {
		if key == "" {
			continue
		}
		says := calledDead(t, key)
		switch {
		case says && made[key]:
			t.Errorf("%q is called dead, and the CLI makes it of some endpoint", key)
		case says:
			dead++
		default:
			alive++
		}
	}
	for key := range made {
		assert.Check(t, !calledDead(t, key), "%q is called dead, and the CLI makes it", key)
		cfg := configfile.ConfigFile{Proxies: map[string]configfile.ProxyConfig{key: {HTTPProxy: "http://p.corp:1"}}}
		assert.Equal(t, len(cfg.ParseProxyConfig(key, nil)), 2)
	}
	assert.Assert(t, dead > 100 && alive > 20 && len(made) > 20, "%d dead, %d alive, %d made", dead, alive, len(made))
}

// calledDead reports whether doctor says that a record of that key is never looked up.
func calledDead(t *testing.T, key string) bool {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`{"proxies": {%q: {"httpProxy": "http://p.corp:1", "httpsProxy": "http://p.corp:1"}}}`, key)
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600))
	files, err := host.Open(dir)
	assert.NilError(t, err)
	defer files.Close()
	found := client.Check(files, client.Location{Path: "/config.json"}, client.Circumstances{Lookup: "unix:///somewhere/else.sock", UID: -1})
	assert.Assert(t, len(found) < 2, "%v", found)
	return len(found) == 1 && found[0].ID == "client-key-never-matches"
}
