package change_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

func file(data string) change.State {
	return change.State{Kind: change.File, Data: []byte(data), Mode: 0o644, UID: 0, GID: 0}
}

func hide(line string) string { return strings.ReplaceAll(line, "secret", "xxxxx") }

func TestEqual(t *testing.T) {
	tests := []struct {
		name string
		a, b change.State
		want bool
	}{
		{name: "nothing", want: true},
		{name: "same file", a: file("a"), b: file("a"), want: true},
		{name: "nil and empty bytes", a: change.State{Kind: change.File, Mode: 0o600}, b: change.State{Kind: change.File, Mode: 0o600, Data: []byte{}}, want: true},
		{name: "other bytes", a: file("a"), b: file("b")},
		{name: "other mode", a: file("a"), b: file("a").WithMode(0o600)},
		{name: "type bits do not count", a: file("a"), b: change.State{Kind: change.File, Data: []byte("a"), Mode: 0o644}, want: true},
		{name: "keep equals any owner", a: file("a"), b: change.NewFile([]byte("a"), 0o644), want: true},
		{name: "other owner", a: file("a"), b: change.State{Kind: change.File, Data: []byte("a"), Mode: 0o644, UID: 7}},
		{name: "file and directory", a: file(""), b: change.State{Kind: change.Dir, Mode: 0o644}},
		{name: "links by text", a: change.NewLink("x"), b: change.State{Kind: change.Link, Target: "x", UID: 4}, want: true},
		{name: "other link", a: change.NewLink("x"), b: change.NewLink("y")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.a.Equal(tt.b), tt.want)
			assert.Equal(t, tt.b.Equal(tt.a), tt.want)
		})
	}
}

func TestPlanString(t *testing.T) {
	p := change.Plan{
		{Path: "/etc/docker", To: change.State{Kind: change.Dir, Mode: 0o755}},
		{Path: "/etc/docker/daemon.json", To: file("{}"), Cause: "the wanted layer", Needs: change.Needs{Restart: true}},
		{Path: "/etc/default/docker", From: file("a"), To: file("a").Private()},
		{Path: "/a", From: file("a"), To: file("b")},
		{Path: "/b", From: file("a")},
		{Path: "/c", From: file("a"), To: file("a"), Needs: change.Needs{DaemonReload: true}},
		{Path: "/d", To: change.NewLink("x")},
		{Path: "/e", From: change.State{Kind: change.Dir}},
		{Path: "/f", From: file("a"), To: change.State{Kind: change.File, Data: []byte("a"), Mode: 0o644, UID: 5}},
	}
	assert.Equal(t, p.String(), "mkdir /etc/docker\ncreate /etc/docker/daemon.json: the wanted layer\nchmod /etc/default/docker\nwrite /a\nremove /b\nkeep /c\nlink /d\nrmdir /e\nchown /f\n")
	assert.Equal(t, len(p.Effective()), 8)
	assert.DeepEqual(t, p.Needs(), change.Needs{Restart: true})
}

func TestDiff(t *testing.T) {
	tests := []struct {
		name string
		c    change.Change
		want string
	}{
		{name: "nothing", c: change.Change{Path: "/a", From: file("x"), To: file("x")}},
		{
			name: "context in an ordinary file",
			c:    change.Change{Path: "/etc/default/docker", From: file("# a\nX=1\n# b\n"), To: file("# a\nX=2\n# b\n")},
			want: "--- /etc/default/docker\n+++ /etc/default/docker\n@@ -1,3 +1,3 @@\n # a\n-X=1\n+X=2\n # b\n",
		},
		{
			name: "no context beside secrets, and masked",
			c:    change.Change{Path: "/etc/default/docker", Secret: true, From: file("# a\nX=1\n# b\n"), To: file("# a\nX=secret\n# b\n").Private()},
			want: "--- /etc/default/docker\n+++ /etc/default/docker\nold mode 0644\nnew mode 0600\n@@ -2 +2 @@\n-X=1\n+X=xxxxx\n",
		},
		{
			name: "created",
			c:    change.Change{Path: "/x.conf", To: file("a\n")},
			want: "--- /dev/null\n+++ /x.conf\nnew file mode 0644\n@@ -0,0 +1 @@\n+a\n",
		},
		{
			name: "removed, no final newline",
			c:    change.Change{Path: "/x.conf", From: file("a")},
			want: "--- /x.conf\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n",
		},
		{
			name: "json without context",
			c:    change.Change{Path: "/d.json", From: file("{\n  \"token\": \"foreign\",\n  \"a\": 1\n}\n"), To: file("{\n  \"token\": \"foreign\",\n  \"a\": 2\n}\n")},
			want: "--- /d.json\n+++ /d.json\n@@ -3 +3 @@\n-  \"a\": 1\n+  \"a\": 2\n",
		},
		{
			name: "json on one line shows the difference only",
			c:    change.Change{Path: "/d.json", From: file(`{"auths":{"r":{"auth":"Zm9yZWlnbg=="}},"a":1,"tok":"foreign"}`), To: file(`{"auths":{"r":{"auth":"Zm9yZWlnbg=="}},"a":2,"tok":"foreign"}`)},
			want: "--- /d.json\n+++ /d.json\n@@ -1 +1 @@\n-…\"a\":1…\n\\ No newline at end of file\n+…\"a\":2…\n\\ No newline at end of file\n",
		},
		{
			name: "json on one line, removed",
			c:    change.Change{Path: "/d.json", From: file("{\"a\":1,\"tok\":\"foreign\"}\n")},
			want: "--- /d.json\n+++ /dev/null\n@@ -1 +0,0 @@\n-… (23 bytes)\n",
		},
		{
			name: "line breaks of Windows do not reach the terminal",
			c:    change.Change{Path: "/a", From: file("x\r\n"), To: file("y\r\n")},
			want: "--- /a\n+++ /a\n@@ -1 +1 @@\n-x\n+y\n",
		},
		{
			name: "link", c: change.Change{Path: "/l", From: change.NewLink("a"), To: change.NewLink("b")},
			want: "--- /l\n+++ /l\nold link a\nnew link b\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.c.Diff(hide), tt.want)
		})
	}
}

// A compact config.json must not give away the registry login that stands on the same line.
func TestDiffHidesForeignMembers(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"auths":{"r":{"auth":"FOREIGN"}}}`, `{"auths":{"r":{"auth":"FOREIGN"}},"proxies":{"default":{"httpProxy":"http://p"}}}`},
		{`{"proxies":{},"auths":{"r":{"auth":"FOREIGN"}}}`, `{"auths":{"r":{"auth":"FOREIGN"}}}`},
		{`{"a":1,"k":"FOREIGN","b":1}`, `{"a":2,"k":"FOREIGN","b":1}`},
	} {
		c := change.Change{Path: "/root/.docker/config.json", From: file(pair[0]), To: file(pair[1])}
		got := c.Diff(hide)
		assert.Assert(t, got != "")
		assert.Assert(t, !strings.Contains(got, "FOREIGN"), got)
	}
}

func TestKindText(t *testing.T) {
	for _, k := range []change.Kind{change.Absent, change.File, change.Link, change.Dir} {
		text, err := json.Marshal(k)
		assert.NilError(t, err)
		var back change.Kind
		assert.NilError(t, json.Unmarshal(text, &back))
		assert.Equal(t, back, k)
	}
	var k change.Kind
	assert.ErrorContains(t, json.Unmarshal([]byte(`"pipe"`), &k), "unknown kind")
}

func TestObserve(t *testing.T) {
	f, err := host.Open("")
	assert.NilError(t, err)
	defer f.Close()
	s, err := change.Observe(f, t.TempDir()+"/none")
	assert.NilError(t, err)
	assert.Equal(t, s.Kind, change.Absent)
	s, err = change.Observe(f, t.TempDir())
	assert.NilError(t, err)
	assert.Equal(t, s.Kind, change.Dir)
}
