package client_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
)

// TestLookupIsTheCLIs asks the docker CLI itself which string it looks up.
func TestLookupIsTheCLIs(t *testing.T) {
	for _, endpoint := range []string{"", "unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock", "tcp://build.corp:2376", "tcp://build.corp:2376/", "ssh://ann@build.corp", "ssh://build.corp:2222"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", t.TempDir())
			t.Setenv("DOCKER_CONTEXT", "")
			t.Setenv("DOCKER_HOST", endpoint)
			if endpoint == "" {
				assert.NilError(t, os.Unsetenv("DOCKER_HOST"))
			}
			cli, err := command.NewDockerCli(command.WithCombinedStreams(&bytes.Buffer{}))
			assert.NilError(t, err)
			assert.NilError(t, cli.Initialize(cliflags.NewClientOptions()))
			assert.Equal(t, client.Lookup(endpoint), cli.Client().DaemonHost())
		})
	}
}

// TestInjectionIsTheCLIs compares what is said of new containers with what the docker CLI's own code makes of the same file.
func TestInjectionIsTheCLIs(t *testing.T) {
	cases := []struct{ name, file string }{
		{"none", `{}`},
		{"default", `{"proxies": {"default": {"httpProxy": "http://p:1", "httpsProxy": "http://u:p@p:2", "noProxy": "a,b", "ftpProxy": "http://f:1", "allProxy": "socks5://s:1"}}}`},
		{"its own record, as a whole", `{"proxies": {"default": {"httpProxy": "http://p:1"}, "unix:///var/run/docker.sock": {"noProxy": "a"}}}`},
		{"an empty record of its own", `{"proxies": {"default": {"httpProxy": "http://p:1"}, "unix:///var/run/docker.sock": {}}}`},
		{"another daemon's record", `{"proxies": {"tcp://h:2376": {"httpProxy": "http://p:1"}}}`},
		{"duplicates and case", `{"proxies": {"default": {"HTTPPROXY": "http://p:1", "httpProxy": "http://p:2"}}}`},
		{"a computed list", `{"proxies": {"default": {"noProxy": "a"}, "docker-proxy": {"noProxy": "auto"}}}`},
		{"empty values", `{"proxies": {"default": {"httpProxy": "", "noProxy": "a"}}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "config.json")
			assert.NilError(t, os.WriteFile(path, []byte(c.file), 0o600))
			files, err := host.Open("")
			assert.NilError(t, err)
			defer files.Close()
			f, _, err := client.ObserveFor(files, client.Location{Path: path, UID: -1, GID: -1}, "unix:///var/run/docker.sock")
			assert.NilError(t, err)

			theirs := configfile.New(path)
			assert.NilError(t, theirs.LoadFromReader(bytes.NewReader([]byte(c.file))))
			want := map[string]string{}
			for k, v := range theirs.ParseProxyConfig("unix:///var/run/docker.sock", nil) {
				want[k] = *v
			}
			got := map[string]string{}
			for _, v := range f.ForContainers() {
				got[v.Name] = v.Value.Reveal()
			}
			assert.DeepEqual(t, got, want)
			delete(want, "ALL_PROXY")
			delete(want, "all_proxy")
			got = map[string]string{}
			for _, v := range f.ForBuilds() {
				got[v.Name] = v.Value.Reveal()
			}
			assert.DeepEqual(t, got, want)
		})
	}
}
