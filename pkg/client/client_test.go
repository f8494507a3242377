package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// home makes a root with a config.json; "" means none.
func home(t *testing.T, text string) (*host.FS, client.Location) {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "home/ann/.docker"), 0o700))
	if text != "" {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "home/ann/.docker/config.json"), []byte(text), 0o644))
	}
	files, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { _ = files.Close() })
	return files, client.Location{Path: "/home/ann/.docker/config.json", User: "ann", UID: 1000, GID: 1000}
}

func TestObserve(t *testing.T) {
	cases := []struct {
		name, text, host string
		want             string
		problems         int
	}{
		{"no file", "", client.DefaultHost, "", 0},
		{"default", "{\n\t\"proxies\": {\n\t\t\"default\": {\n\t\t\t\"httpsProxy\": \"http://p:1\",\n\t\t\t\"httpProxy\": \"http://q:1\"\n}}}", client.DefaultHost, "httpProxy=http://q:1@5 httpsProxy=http://p:1@4", 0},
		{"another host's record", `{"proxies":{"default":{"httpProxy":"a"},"tcp://h:1":{"httpProxy":"b"}}}`, "tcp://h:1", "httpProxy=b@1", 0},
		{"the last duplicate counts", "{\"proxies\":{\"default\":{\"noProxy\":\"a\",\n\"noProxy\":\"b\"}}}", client.DefaultHost, "noProxy=b@2", 0},
		{"flat form", `{"proxies":{"httpProxy":"http://p:1"}}`, client.DefaultHost, "", 1},
		{"top level", `{"httpProxy":"http://p:1"}`, client.DefaultHost, "", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, at := home(t, c.text)
			f, problems, err := client.Observe(files, at, c.host)
			assert.NilError(t, err)
			var got []string
			for _, s := range f.Settings {
				got = append(got, s.Key+"="+s.Value.Reveal()+"@"+string(rune('0'+s.Line)))
			}
			assert.Equal(t, strings.Join(got, " "), c.want)
			assert.Equal(t, len(problems), c.problems, "%v", problems)
		})
	}
}

func TestEdit(t *testing.T) {
	const kept = "{\n\t\"auths\": {\"r\": {\"auth\": \"c2VjcmV0\"}},\n\t\"zzz\": [1,  2]\n}"
	cases := []struct {
		name, text string
		wanted     map[string]precedence.Value
		contains   string
		mode       os.FileMode
	}{
		{"new file", "", map[string]precedence.Value{"httpProxy": "http://p:1"}, `"httpProxy": "http://p:1"`, 0o600},
		{"keeps everything else", kept, map[string]precedence.Value{"noProxy": "a&b"}, `"noProxy": "a&b"`, 0o644},
		{"credentials close the file", kept, map[string]precedence.Value{"httpProxy": "http://u:p@p:1"}, `http://u:p@p:1`, 0o600},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, at := home(t, c.text)
			changes, err := client.Edit(files, at, client.Request{Host: client.DefaultHost, Values: c.wanted, Cause: "because"})
			assert.NilError(t, err)
			assert.Equal(t, len(changes), 1)
			got := changes[0]
			assert.Assert(t, strings.Contains(string(got.To.Data), c.contains), "%s", got.To.Data)
			assert.Equal(t, got.To.Mode, c.mode)
			assert.Assert(t, got.Secret && got.Partial, "registry logins must not get into the journal")
			if c.text == "" {
				assert.Equal(t, got.To.UID, 1000)
				return
			}
			assert.Assert(t, strings.HasPrefix(string(got.To.Data), strings.TrimSuffix(kept, "\n}")), "%s", got.To.Data)
			// Taking it out again gives the same bytes.
			path := at.Path
			after := files.With(map[string]host.Overlay{path: {Data: got.To.Data, Mode: got.To.Mode}})
			back, err := client.Edit(after, at, client.Request{Host: client.DefaultHost, Values: map[string]precedence.Value{"httpProxy": "", "noProxy": ""}, Cause: ""})
			assert.NilError(t, err)
			assert.Equal(t, string(back[0].To.Data), c.text)
			assert.Assert(t, client.SameSettings(path, back[0].To, got.From))
			assert.Assert(t, !client.SameSettings(path, got.To, got.From))
		})
	}
}

func TestEditNothing(t *testing.T) {
	files, at := home(t, `{"proxies":{"default":{"httpProxy":"http://p:1"}}}`)
	changes, err := client.Edit(files, at, client.Request{Host: client.DefaultHost, Values: map[string]precedence.Value{"httpProxy": "http://p:1"}, Cause: ""})
	assert.NilError(t, err)
	assert.Equal(t, len(changes), 0)
	files, at = home(t, "")
	changes, err = client.Edit(files, at, client.Request{Host: client.DefaultHost, Values: map[string]precedence.Value{"httpProxy": ""}, Cause: ""})
	assert.NilError(t, err)
	assert.Equal(t, len(change.Plan(changes)), 0)
}

func TestEditRefuses(t *testing.T) {
	for name, text := range map[string]string{"invalid": "{\n\"a\": }", "trailing text": "{}\n{}", "wrong type": `{"proxies": 3}`} {
		t.Run(name, func(t *testing.T) {
			files, at := home(t, text)
			_, err := client.Edit(files, at, client.Request{Host: client.DefaultHost, Values: map[string]precedence.Value{"httpProxy": "http://p:1"}, Cause: ""})
			assert.ErrorContains(t, err, at.Path+":")
		})
	}
}
