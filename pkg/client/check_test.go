package client_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// tree makes a root with these files below a home's .docker, and opens it.
func tree(t *testing.T, dockerFiles map[string]string) (*host.FS, client.Location) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range dockerFiles {
		p := filepath.Join(dir, "home/ann/.docker", name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		assert.NilError(t, os.WriteFile(p, []byte(text), 0o644))
	}
	files, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { _ = files.Close() })
	return files, client.Location{Path: "/home/ann/.docker/config.json", User: "ann", UID: -1, GID: -1}
}

// said writes findings as id:line, sorted.
func said(found []precedence.Finding) string {
	var out []string
	for _, f := range found {
		text := f.ID
		if f.Source != nil && f.Source.Line > 0 {
			text += fmt.Sprintf(":%d", f.Source.Line)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const local = "unix:///var/run/docker.sock"

func proxies(members ...string) string {
	return "{\n\"auths\": {},\n\"proxies\": {\n" + strings.Join(members, ",\n") + "\n}}\n"
}

// record is a host's record on one line.
func record(hostKey string, members ...string) string {
	return fmt.Sprintf("%q: {%s}", hostKey, strings.Join(members, ", "))
}

const (
	httpMember  = `"httpProxy": "http://p.corp:3128"`
	httpsMember = `"httpsProxy": "http://p.corp:3128"`
)

// TestCheck: what is told of a config.json, each with its line.
func TestCheck(t *testing.T) {
	both := httpMember + ", " + httpsMember
	cases := []struct {
		name, text string
		want       string
	}{
		{"none", "", ""},
		{"empty", "\n", ""},
		{"no proxies", `{"auths": {"r.corp": {}}, "credsStore": "pass"}`, ""},
		{"a good record", proxies(record("default", both, `"noProxy": "localhost,127.0.0.1,.corp,10.0.0.0/8"`)), ""},
		{"null", `{"proxies": null}`, ""},

		{"flat, as in the file of the daemon", "{\n\"httpProxy\": \"http://p.corp:3128\"\n}", "client-flat-proxies:2"},
		{"flat in proxies", proxies(httpMember, httpsMember), "client-flat-proxies:4 client-flat-proxies:5"},
		{"the daemon's spelling", proxies(record("default", `"http-proxy": "http://p.corp:3128"`)), "client-flat-proxies:4"},
		{"the variable's spelling", proxies(record("default", both, `"NO_PROXY": "localhost"`)), "client-flat-proxies:4"},
		{"capitals do not matter inside", proxies(record("default", `"httpproxy": "http://p.corp:3128", "HTTPSProxy": "http://p.corp:3128"`)), ""},
		{"a name that is none of ours", proxies(record("default", both, `"comment": "x"`)), ""},

		{"no JSON", "{\n\"proxies\": {\n\"default\": {\"httpProxy\": \"http://p.corp:3128\",}\n}}", "client-unparsable-config:3"},
		{"a comment", "{\n// proxies\n\"proxies\": {}}", "client-unparsable-config:2"},
		{"a byte order mark", "\xef\xbb\xbf" + proxies(record("default", both)), "client-unparsable-config:1"},
		{"an array", "[]", "client-unparsable-config:1"},
		{"a record that is no object", proxies(`"default": "http://p.corp:3128"`), "client-unparsable-config:4"},
		{"a number", proxies(record("default", both, `"noProxy": 5`)), "client-unparsable-config:4"},
		{"a list in brackets", proxies(record("default", both, `"noProxy": ["localhost"]`)), "client-unparsable-config:4"},
		{"proxies that are a string", "{\n\"proxies\": \"http://p.corp:3128\"}", "client-unparsable-config:2"},
		{"text behind the value", proxies(record("default", both)) + "}", "client-unparsable-config:6"},
		{"a second value", "{}\n" + proxies(record("default", both)), "client-unparsable-config:2"},
		{"text behind a value without proxies", "{}\n}", ""},
		{"another member's type", `{"plugins": {"x": {"y": true}}}`, ""},

		{"ssh", proxies(record("default", both), record("ssh://ann@build.corp", both)), "client-key-never-matches:5"},
		{"http for tcp", proxies(record("http://build.corp:2375", both)), "client-key-never-matches:4"},
		{"no scheme", proxies(record("build.corp:2375", both)), "client-key-never-matches:4"},
		{"a slash at the end", proxies(record("tcp://build.corp:2376/", both)), "client-key-never-matches:4"},
		{"no port", proxies(record("tcp://build.corp", both)), "client-key-never-matches:4"},
		{"a name", proxies(record("Default", both)), "client-key-never-matches:4"},
		{"what may be asked for", proxies(record("tcp://build.corp:2376", both), record("tcp://[2001:db8::1]:2376", both), record("unix:///run/user/1000/docker.sock", both), record("npipe:////./pipe/x", both)), ""},
		{"every ssh context", proxies(record("http://docker.example.com", both)), ""},
		{"the selected daemon", proxies(record(local, both)), ""},
		{"our rules", proxies(record("default", both, `"noProxy": "a"`), record("docker-proxy", `"noProxy": "auto,a"`), record("docker-proxy tcp://b:1", `"noProxy": "auto"`)), ""},

		{"allProxy alone", proxies(record("default", `"allProxy": "socks5://s.corp:1080"`)), "client-all-proxy-ignored-by-builds:4"},
		{"allProxy and one", proxies(record("default", httpMember, `"allProxy": "socks5://s.corp:1080"`)), "client-all-proxy-ignored-by-builds:4"},
		{"allProxy and both", proxies(record("default", both, `"allProxy": "socks5://s.corp:1080"`)), ""},
		{"http only", proxies(record("default", httpMember)), "http-only:4"},
		{"https only", proxies(record("default", httpsMember)), ""},
		{"on loopback", proxies(record("default", `"httpProxy": "http://localhost:3128", "httpsProxy": "http://127.0.0.1:3128"`)), "client-loopback-proxy:4 client-loopback-proxy:4"},
		{"quotes", proxies(record("default", httpMember, `"httpsProxy": "'http://p.corp:3128'"`)), "url-quotes-kept:4"},
		{"a raw percent sign", proxies(record("default", httpMember, `"httpsProxy": "http://u:p%ss@p.corp:3128"`)), "url-password-needs-encoding:4"},
		{"no scheme in a URL", proxies(record("default", httpMember, `"httpsProxy": "p.corp:3128"`)), "url-missing-scheme:4"},

		{"a list alone", proxies(record("default", `"noProxy": "localhost"`)), "no-proxy-without-proxy:4"},
		{"a list alone, for another daemon", proxies(record("default", both), record("tcp://b:2375", `"noProxy": "localhost"`)), "no-proxy-without-proxy:5"},
		{"blanks", proxies(record("default", both, `"noProxy": "localhost .corp"`)), "no-proxy-space-separated:4"},
		{"a dead entry", proxies(record("default", both, `"noProxy": "localhost,https://r.corp"`)), "no-proxy-dead-entry:4"},
		{"an asterisk in front", proxies(record("default", both, `"noProxy": "*.corp"`)), "no-proxy-readers-disagree:4"},
		{"of a duplicate the last counts", proxies(record("default", both, `"noProxy": "a b"`), record("default", both)), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := map[string]string{}
			if c.text != "" {
				all["config.json"] = c.text
			}
			files, at := tree(t, all)
			found := client.Check(files, at, client.Circumstances{Lookup: local, UID: -1})
			assert.Equal(t, said(found), c.want)
			for _, f := range found {
				assert.Equal(t, f.Source.Path, at.Path)
				assert.Assert(t, !strings.Contains(fmt.Sprint(f), "p%ss"), "%v", f)
			}
		})
	}
}

// TestCheckContexts: a key that one of the person's contexts has is looked up, however it is spelled; one of ssh never is.
func TestCheckContexts(t *testing.T) {
	meta := func(endpoint string) string {
		return fmt.Sprintf(`{"Name": "b", "Metadata": {}, "Endpoints": {"docker": {"Host": %q, "SkipTLSVerify": false}}}`, endpoint)
	}
	files, at := tree(t, map[string]string{
		"config.json":                    proxies(record("tcp://odd.corp/", httpMember, httpsMember), record("ssh://ann@b.corp", httpMember, httpsMember), record("tcp://other.corp/", httpMember, httpsMember)),
		"contexts/meta/aa/meta.json":     meta("tcp://odd.corp/"),
		"contexts/meta/bb/meta.json":     meta("ssh://ann@b.corp"),
		"contexts/meta/broken/meta.json": "{",
	})
	assert.Equal(t, said(client.Check(files, at, client.Circumstances{Lookup: local, UID: -1})), "client-key-never-matches:5 client-key-never-matches:6")
	// DOCKER_HOST, or -H, may be spelled in any way that the CLI takes.
	assert.Equal(t, said(client.Check(files, at, client.Circumstances{Lookup: "tcp://other.corp/", UID: -1})), "client-key-never-matches:5")
}

// TestCheckBuilders: a builder that was created without a proxy, where one is needed.
func TestCheckBuilders(t *testing.T) {
	instance := func(driver, options string) string {
		return fmt.Sprintf(`{"Name":"b","Driver":%q,"Nodes":[{"Name":"b0","Endpoint":"default","DriverOpts":%s}]}`, driver, options)
	}
	needed := proxies(record("default", httpMember, httpsMember))
	cases := []struct {
		name, config, builder string
		daemon                bool
		want                  string
	}{
		{"without", needed, instance("docker-container", "{}"), false, "client-builder-not-covered"},
		{"null options", needed, instance("docker-container", "null"), false, "client-builder-not-covered"},
		{"without, and dockerd has one", "{}", instance("docker-container", `{"network": "host"}`), true, "client-builder-not-covered"},
		{"without, and nobody has one", "{}", instance("docker-container", "{}"), false, ""},
		{"with", needed, instance("docker-container", `{"env.https_proxy": "http://p.corp:3128", "env.no_proxy": "localhost,.corp"}`), true, ""},
		{"in upper case", needed, instance("docker-container", `{"env.HTTPS_PROXY": "http://p.corp:3128"}`), true, ""},
		{"for http only", needed, instance("docker-container", `{"env.http_proxy": "http://p.corp:3128"}`), true, "client-builder-not-covered"},
		{"with quotes", needed, instance("docker-container", `{"env.https_proxy": "\"http://p.corp:3128\"", "env.no_proxy": "a b"}`), true, "no-proxy-space-separated url-quotes-kept"},
		{"in Kubernetes", needed, instance("kubernetes", `{"replicas": "2"}`), true, "client-builder-not-covered"},
		{"in Kubernetes, and nobody has one", "{}", instance("kubernetes", "{}"), false, ""},
		{"somebody else's", needed, instance("remote", "{}"), true, ""},
		{"the daemon's own", needed, instance("docker", "{}"), true, ""},
		{"not JSON", needed, "{", true, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, at := tree(t, map[string]string{"config.json": c.config, "buildx/instances/b": c.builder, "buildx/current": "{}"})
			found := client.Check(files, at, client.Circumstances{Lookup: local, UID: -1, DaemonProxy: c.daemon})
			assert.Equal(t, said(found), c.want)
			for _, f := range found {
				assert.Equal(t, f.Source.Path, "/home/ann/.docker/buildx/instances/b")
			}
		})
	}
}

// TestCheckElsewhere: where the caller's commands work on another file, those that mend this one name its directory.
func TestCheckElsewhere(t *testing.T) {
	files, at := tree(t, map[string]string{"config.json": proxies(record("default", httpMember, httpsMember, `"noProxy": "https://r.corp"`))})
	found := client.Check(files, at, client.Circumstances{Lookup: local, UID: -1, Elsewhere: true})
	assert.Equal(t, found[0].Fix, "DOCKER_CONFIG=/home/ann/.docker docker proxy set --only client --no-proxy-remove https://r.corp --no-proxy-add r.corp")
}

// TestCheckOwner: what sudo leaves behind in a home.
func TestCheckOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test gives files to others, and needs root")
	}
	const uid, gid = 1000, 1000
	cases := []struct {
		name              string
		dirOwner, dirMode int
		owner, mode       int
		want              string
	}{
		{"the user's own", uid, 0o700, uid, 0o600, ""},
		{"all root's", 0, 0o700, 0, 0o600, "client-config-root-owned"},
		{"all root's, and open", 0, 0o755, 0, 0o644, "client-config-root-owned"},
		{"the file is root's", uid, 0o700, 0, 0o600, "client-config-root-owned"},
		{"the file is root's, and can be read and replaced", uid, 0o700, 0, 0o644, ""},
		{"root's directory that everybody may write", 0, 0o777, uid, 0o600, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, at := tree(t, map[string]string{"config.json": proxies(record("default", httpMember, httpsMember))})
			dir := filepath.Join(files.Root(), "home/ann/.docker")
			for name, st := range map[string][2]int{dir: {c.dirOwner, c.dirMode}, filepath.Join(dir, "config.json"): {c.owner, c.mode}} {
				assert.NilError(t, os.Chmod(name, os.FileMode(st[1])))
				group := st[0]
				assert.NilError(t, os.Chown(name, st[0], group))
			}
			found := client.Check(files, at, client.Circumstances{Lookup: local, UID: uid, Group: gid})
			assert.Equal(t, said(found), c.want)
			// Of root itself, and of somebody who is not known, nothing is told.
			assert.Equal(t, said(client.Check(files, at, client.Circumstances{Lookup: local, UID: 0})), "")
			assert.Equal(t, said(client.Check(files, at, client.Circumstances{Lookup: local, UID: -1})), "")
			if c.want != "" {
				assert.Equal(t, found[0].Fix, "sudo chown -R 1000:1000 /home/ann/.docker")
			}
		})
	}
}

// TestCheckNotReadable: a directory in the place of the file.
func TestCheckNotReadable(t *testing.T) {
	files, at := tree(t, map[string]string{"config.json/x": ""})
	assert.Equal(t, said(client.Check(files, at, client.Circumstances{Lookup: local, UID: -1})), "client-unparsable-config")
}
