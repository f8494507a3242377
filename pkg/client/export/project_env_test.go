package export_test

import (
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// TestMentionedVariables: the names in a project's files and in those that its services name.
func TestMentionedVariables(t *testing.T) {
	tree := map[string]string{
		"/p/compose.yaml":  "services:\n  web:\n    env_file: web.env\n    environment:\n      HTTP_PROXY: x\n  db:\n    env_file:\n      - path: /etc/db.env\n        required: false\n      - missing.env\n",
		"/p/web.env":       "https_proxy=y\n",
		"/etc/db.env":      "NO_PROXY=z\n",
		"/p/.env":          "all_proxy=s\n",
		"/q/compose.yaml":  "services:\n  web:\n    image: x\n",
		"/r/compose.yaml":  "{{ not: yaml, HTTP_PROXY",
		"/s/compose.yaml":  "a: &a {<<: *a, services: *a}\nservices: *a\n",
		"/t/compose.yaml":  "- list\n",
		"/u/compose.yaml":  "services:\n  web: {env_file: [a.env, b.env]}\n",
		"/u/sub/a.env":     "ftp_proxy=1\n",
		"/u/sub/b.env":     "FTP_PROXY=1\n",
		"/empty/empty.yml": "",
	}
	read := func(path string) ([]byte, error) {
		text, ok := tree[path]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
	cases := []struct{ name, file, dir, want string }{
		{"environment, env_file, .env", "/p/compose.yaml", "/p", "HTTP_PROXY NO_PROXY all_proxy https_proxy"},
		{"none", "/q/compose.yaml", "/q", ""},
		{"no YAML", "/r/compose.yaml", "/r", "HTTP_PROXY"},
		{"a mapping that holds itself", "/s/compose.yaml", "/s", ""},
		{"a list", "/t/compose.yaml", "/t", ""},
		{"relative to the project's directory", "/u/compose.yaml", "/u/sub", "FTP_PROXY ftp_proxy"},
		{"an empty file", "/empty/empty.yml", "/empty", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			names, err := export.MentionedVariables(read, []string{c.file}, c.dir)
			assert.NilError(t, err)
			assert.Equal(t, strings.Join(names, " "), c.want)
		})
	}
	_, err := export.MentionedVariables(read, []string{"/p/compose.yaml", "/nowhere"}, "/p")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
