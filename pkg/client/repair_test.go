package client_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
)

func TestRepair(t *testing.T) {
	cases := []struct {
		name, file, want string
		notes            int
	}{
		{"nothing misplaced", `{"proxies": {"default": {"httpProxy": "http://p:1"}}}`, "", 0},
		{"no file at all", "", "", 0},
		{"flat", "{\n\t\"auths\": {\"r\": {}},\n\t\"proxies\": {\n\t\t\"httpProxy\": \"http://p:1\"\n\t}\n}\n", "{\n\t\"auths\": {\"r\": {}},\n\t\"proxies\": {\n\t\t\"default\": {\n\t\t\t\"httpProxy\": \"http://p:1\"\n\t\t}\n\t}\n}\n", 0},
		{"beside the object", `{"httpProxy": "http://p:1", "x": 1}`, `{"x": 1, "proxies": {"default": {"httpProxy": "http://p:1"}}}`, 0},
		{"the daemon's spelling", `{"proxies": {"default": {"http-proxy": "http://p:1", "noProxy": "a"}}}`, `{"proxies": {"default": {"noProxy": "a", "httpProxy": "http://p:1"}}}`, 0},
		{"the same value is there", `{"proxies": {"httpProxy": "http://p:1", "default": {"httpProxy": "http://p:1"}}}`, `{"proxies": {"default": {"httpProxy": "http://p:1"}}}`, 0},
		{"another value is in use", `{"proxies": {"httpProxy": "http://old:1", "default": {"httpProxy": "http://p:1"}}}`, "", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.json")
			if c.file != "" {
				assert.NilError(t, os.WriteFile(path, []byte(c.file), 0o600))
			}
			files, err := host.Open("")
			assert.NilError(t, err)
			defer files.Close()
			at := client.Location{Path: path, UID: -1, GID: -1}
			got, err := client.Repair(files, at, client.DefaultHost)
			assert.NilError(t, err)
			assert.Equal(t, len(got.Notes), c.notes)
			if c.want == "" {
				assert.Equal(t, len(got.Changes), 0)
				return
			}
			assert.Equal(t, len(got.Changes), 1)
			after := got.Changes[0].To.Data
			assert.Equal(t, string(after), c.want)

			// The docker CLI reads it now.
			assert.NilError(t, os.WriteFile(path, after, 0o600))
			theirs := configfile.New(path)
			f, err := os.Open(path)
			assert.NilError(t, err)
			defer f.Close()
			assert.NilError(t, theirs.LoadFromReader(f))
			assert.Equal(t, *theirs.ParseProxyConfig("unix:///x", nil)["HTTP_PROXY"], "http://p:1")
			again, err := client.Repair(files, at, client.DefaultHost)
			assert.NilError(t, err)
			assert.Equal(t, len(again.Changes), 0)
		})
	}
}
