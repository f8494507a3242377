//go:build linux

package daemon

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// idsOf lists the findings by ID, with their lines, without what --root always says.
func idsOf(o *Observation) string {
	var out []string
	for _, f := range o.Findings {
		if f.ID == "not-known-under-root" {
			continue
		}
		text := f.ID
		if f.Source != nil && f.Source.Line > 0 {
			text += ":" + itoa(f.Source.Line)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func itoa(n int) string {
	return strings.TrimPrefix(precedence.Source{Path: "x", Line: n}.String(), "x:")
}

func flagged(flags string) map[string]string {
	return map[string]string{adminDir + "flag.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd "+flags)}
}

// TestDaemonJSONFindings: what is told of a daemon.json. What a real dockerd does with each of these files is asked in test/doctor.
func TestDaemonJSONFindings(t *testing.T) {
	env := map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1 HTTP_PROXY=http://p:1")}
	both := `"http-proxy": "http://c:1", "https-proxy": "http://c:1"`
	cases := []struct {
		name, version, config string
		more                  map[string]string
		want                  string
	}{
		{"both proxies", "26.1.5", `{"proxies": {` + both + `}}`, nil, ""},
		{"none", "26.1.5", `{"debug": true, "log-opts": {"http-proxy": "x"}}`, nil, ""},
		{"an empty file", "26.1.5", "", nil, ""},
		{"no proxies in the object", "20.10.24", `{"proxies": {}}`, nil, ""},

		{"flat", "26.1.5", "{\n\"http-proxy\": \"http://c:1\"}", nil, "daemon-json-flat-key:2"},
		{"in another object", "26.1.5", "{\"proxy\": {\n\"https-proxy\": \"http://c:1\"}}", nil, "daemon-json-flat-key:2"},
		{"flat on an old engine", "20.10.24", "{\n\"http-proxy\": \"http://c:1\"}", nil, "daemon-json-engine-too-old:2"},
		{"flat and a flag", "26.1.5", "{\n\"http-proxy\": \"http://c:1\"}", flagged("--http-proxy=http://f:1 --https-proxy=http://f:1"), "daemon-json-flag-conflict:2 daemon-json-flat-key:2"},

		{"the client's form", "26.1.5", "{\"proxies\": {\n\"default\": {\"httpProxy\": \"http://c:1\"}}}", nil, "daemon-json-client-shape:2"},
		{"the client's names", "26.1.5", "{\"proxies\": {\n\"httpProxy\": \"http://c:1\",\n\"noProxy\": \"x\"}}", nil, "daemon-json-client-shape:2 daemon-json-client-shape:3"},
		{"all-proxy", "26.1.5", `{"proxies": {"all-proxy": "http://c:1"}}`, nil, "daemon-json-invalid:1"},
		{"a spelling that neither has", "26.1.5", `{"proxies": {"HTTP_PROXY": "http://c:1"}}`, nil, "daemon-json-invalid:1"},

		{"an array", "26.1.5", `{"proxies": {"no-proxy": ["a", "b"]}}`, nil, "daemon-json-wrong-type:1"},
		{"a number", "26.1.5", `{"proxies": {"http-proxy": 3128}}`, nil, "daemon-json-wrong-type:1"},
		{"false", "26.1.5", `{"proxies": {"http-proxy": false}}`, nil, "daemon-json-wrong-type:1"},
		{"proxies a string", "26.1.5", `{"proxies": "http://c:1"}`, nil, "daemon-json-wrong-type:1"},
		{"proxies a list", "26.1.5", `{"proxies": []}`, nil, "daemon-json-wrong-type:1"},

		{"proxies null", "26.1.5", `{"proxies": null}`, nil, "daemon-json-null:1"},
		{"a null value", "26.1.5", `{"proxies": {"http-proxy": null}}`, nil, ""},
		{"a null value beside the environment", "26.1.5", `{"proxies": {"http-proxy": null}}`, env, "daemon-json-empty-does-not-unset:1"},
		{"a null value and a flag", "26.1.5", `{"proxies": {"https-proxy": null}}`, flagged("--https-proxy=http://f:1"), "daemon-json-null:1"},
		{"a null list and a flag", "26.1.5", `{"proxies": {"no-proxy": null}}`, flagged("--no-proxy=x"), "daemon-json-flag-conflict:1 no-proxy-without-proxy:3"},

		{"a comment", "26.1.5", "{\n// c\n}", nil, "daemon-json-comment-or-trailing-comma:2"},
		{"a trailing comma", "26.1.5", "{\n\"proxies\": {" + both + ",}\n}", nil, "daemon-json-comment-or-trailing-comma:2"},
		{"a missing comma", "26.1.5", "{\n\"debug\": true\n\"proxies\": {" + both + "}\n}", nil, "daemon-json-invalid:3"},

		{"a key twice", "26.1.5", "{\"proxies\": {" + both + ",\n\"http-proxy\": \"http://d:1\"}}", nil, "daemon-json-duplicate-key:1"},
		{"two objects", "26.1.5", "{\"proxies\": {\"http-proxy\": \"http://c:1\"},\n\"Proxies\": {\"https-proxy\": \"http://c:1\"}}", nil, "daemon-json-duplicate-key:2"},
		{"two other objects", "26.1.5", `{"log-opts": {"a": "b"}, "log-opts": {}, "proxies": {` + both + `}}`, nil, ""},

		{"an old engine", "20.10.24", "{\"proxies\": {\n" + both + "}}", nil, "daemon-json-engine-too-old:2"},
		{"an old engine, empty", "20.10.24", `{"proxies": {"http-proxy": ""}}`, nil, "daemon-json-engine-too-old:1"},
		{"the first that knows it", "23.0.0", `{"proxies": {` + both + `}}`, nil, ""},

		{"a flag", "26.1.5", `{"proxies": {"https-proxy": ""}}`, flagged("--https-proxy=http://f:1"), "daemon-json-flag-conflict:1"},
		{"another flag", "26.1.5", `{"proxies": {"https-proxy": "http://c:1"}}`, flagged("--http-proxy=http://f:1"), ""},
		{"hosts and -H", "26.1.5", "{\n\"hosts\": [\"fd://\"]}", flagged("-H fd://"), "daemon-json-flag-conflict:2"},
		{"hosts without -H", "26.1.5", `{"hosts": ["fd://"]}`, flagged("-D"), ""},

		{"an empty value", "26.1.5", `{"proxies": {"http-proxy": ""}}`, env, "daemon-json-empty-does-not-unset:1"},
		{"an empty value alone", "26.1.5", `{"proxies": {"http-proxy": ""}}`, nil, ""},

		{"a byte order mark", "20.10.24", "\ufeff{}", nil, "daemon-json-bom-on-old-engine:1"},
		{"a byte order mark, UTF-16", "23.0.6", "\xff\xfe{\x00}\x00", nil, "daemon-json-bom-on-old-engine:1"},
		{"a byte order mark and an engine that takes it", "24.0.0", "\ufeff{}", nil, ""},
		{"a byte order mark and nobody knows the engine", "", "\ufeff{}", nil, ""},

		{"a link to nothing", "26.1.5", "-> /srv/daemon.json", nil, "daemon-json-dangling-link"},
		{"a link to a file", "26.1.5", "-> /srv/daemon.json", map[string]string{"/srv/daemon.json": "{}"}, ""},
		{"a link to nothing that is named", "26.1.5", "-> /srv/daemon.json", flagged("--config-file=/etc/docker/daemon.json"), "daemon-json-dangling-link"},
		{"a named file that is missing", "26.1.5", "{}", flagged("--config-file=/etc/x.json"), "daemon-json-invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, idsOf(observed(t, debianHost(c.version), map[string]string{configPath: c.config}, c.more)), c.want)
		})
	}
}

// TestOtherPlaces: a file with proxies that nobody reads, and those that somebody does.
func TestOtherPlaces(t *testing.T) {
	const found = "daemon-json-not-the-one-read"
	proxies := "{\n\"proxies\": {\"https-proxy\": \"http://c:1\", \"http-proxy\": \"http://c:1\"}}"
	people := map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nwww:x:33:33::/var/www:/bin/false\n"}
	cases := []struct {
		name string
		tree map[string]string
		want string
	}{
		{"the one that is read", map[string]string{configPath: proxies}, ""},
		{"another is named", map[string]string{configPath: proxies, "/etc/x.json": "{}", adminDir + "flag.conf": flagged("--config-file=/etc/x.json")[adminDir+"flag.conf"]}, found + ":2"},
		{"another is named and is a link to it", map[string]string{configPath: proxies, "/etc/x.json": "-> docker/daemon.json", adminDir + "flag.conf": flagged("--config-file=/etc/x.json")[adminDir+"flag.conf"]}, ""},
		{"none is read", map[string]string{configPath: proxies, adminDir + "flag.conf": flagged(`--config-file=""`)[adminDir+"flag.conf"]}, found + ":2"},
		{"none is read and nothing stands there", map[string]string{configPath: `{"debug": true}`, adminDir + "flag.conf": flagged(`--config-file=""`)[adminDir+"flag.conf"]}, ""},
		{"Desktop's, of an account", map[string]string{"/home/ann/.docker/daemon.json": proxies}, found + ":2"},
		{"Desktop's, of root", map[string]string{"/root/.docker/daemon.json": proxies}, found + ":2"},
		{"Desktop's without proxies", map[string]string{"/home/ann/.docker/daemon.json": `{"builder": {}, "proxies": {}}`}, ""},
		{"Desktop's, broken", map[string]string{"/home/ann/.docker/daemon.json": "{\n// c\n\"http-proxy\": \"x\"}"}, found + ":3"},
		{"of no person", map[string]string{"/var/www/.docker/daemon.json": proxies}, ""},
		{"rootless without a rootless dockerd", map[string]string{"/home/ann/.config/docker/daemon.json": proxies}, found + ":2"},
		{"rootless with a rootless dockerd", map[string]string{"/home/ann/.config/docker/daemon.json": proxies, "/home/ann/.config/systemd/user/docker.service": "[Service]\n"}, ""},
		{"the snap's without the snap", map[string]string{"/var/snap/docker/current/config/daemon.json": proxies}, found + ":2"},
		{"the snap's beside the snap", map[string]string{"/var/snap/docker/current/config/daemon.json": proxies, "/etc/systemd/system/snap.docker.dockerd.service": "[Service]\n"}, ""},
		{"flat", map[string]string{"/root/.docker/daemon.json": `{"http-proxy": "x"}`}, found + ":1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, idsOf(observed(t, debianHost("26.1.5"), people, c.tree)), c.want)
		})
	}
}

// TestUnsetMendsDaemonJSON: the command that the findings name takes them away, and nothing else of the file.
func TestUnsetMendsDaemonJSON(t *testing.T) {
	cases := []struct{ name, version, config, want string }{
		{"a wrong type", "26.1.5", `{"debug": true, "proxies": {"no-proxy": ["a"]}}`, `{"debug": true}`},
		{"null", "26.1.5", `{"proxies": null, "debug": true}`, `{"debug": true}`},
		{"a string", "26.1.5", `{"debug": true, "proxies": "http://c:1"}`, `{"debug": true}`},
		{"an unknown name", "26.1.5", `{"debug": true, "proxies": {"HTTP_PROXY": "http://c:1"}}`, `{"debug": true}`},
		{"the client's form", "26.1.5", `{"debug": true, "proxies": {"default": {"httpProxy": "http://c:1"}}}`, `{"debug": true}`},
		{"flat", "26.1.5", `{"debug": true, "https-proxy": "http://c:1"}`, `{"debug": true}`},
		{"in another object", "26.1.5", `{"debug": true, "proxy": {"https-proxy": "http://c:1"}}`, `{"debug": true}`},
		{"an old engine", "20.10.24", `{"debug": true, "proxies": {"http-proxy": ""}, "no-proxy": "x"}`, `{"debug": true}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, debianHost(c.version), map[string]string{configPath: c.config})
			assert.Assert(t, idsOf(o) != "")
			p, err := PlanUnset(o, UnsetRequest{Keys: precedence.Keys(), Layer: "daemon.json"}, nil)
			assert.NilError(t, err)
			assert.Equal(t, len(p.Changes), 1)
			assert.Equal(t, string(p.Changes[0].To.Data), c.want)
			assert.Equal(t, idsOf(p.After), "")
		})
	}
}

// TestSetTakesStraysOut: a setting that dockerd did not read does not stay beside the one it reads, least of all an old password.
func TestSetTakesStraysOut(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), map[string]string{configPath: `{"https-proxy": "http://u:old@c:1", "http-proxy": "http://c:1"}`})
	wanted := precedence.Settings{precedence.HTTPProxy: "http://d:1", precedence.HTTPSProxy: "http://d:1"}
	for _, layer := range []string{"daemon.json", "systemd"} {
		p, err := PlanSet(o, SetRequest{Wanted: wanted, Layer: layer}, nil)
		assert.NilError(t, err)
		for _, c := range p.Changes {
			assert.Assert(t, !strings.Contains(string(c.To.Data), "old"), c.Path)
		}
		assert.Equal(t, idsOf(p.After), "")
	}
}

// TestSetMendsItsOwn: a value that is written takes the place of what keeps dockerd from starting under another name of the same setting; what else is wrong is refused with
// the line it has in the file.
func TestSetMendsItsOwn(t *testing.T) {
	cases := []struct{ name, config, want, err string }{
		{"another spelling", `{"proxies": {"HTTP_PROXY": "http://c:1"}}`, `{"proxies": {"http-proxy": "http://d:1", "https-proxy": "http://d:1"}}`, ""},
		{"the client's form", `{"proxies": {"default": {"httpProxy": "http://c:1", "httpsProxy": "http://c:1"}}}`, `{"proxies": {"http-proxy": "http://d:1", "https-proxy": "http://d:1"}}`, ""},
		{"the client's form, with more in it", "{\"proxies\": {\n\"httpProxy\": \"http://c:1\",\n\"noProxy\": \"x\"}}", "", configPath + ":3: noProxy is no setting of dockerd"},
		{"a list", `{"proxies": {"no-proxy": ["a"]}}`, "", configPath + ":1: no-proxy must be a string"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, debianHost("26.1.5"), map[string]string{configPath: c.config})
			wanted := precedence.Settings{precedence.HTTPProxy: "http://d:1", precedence.HTTPSProxy: "http://d:1"}
			p, err := PlanSet(o, SetRequest{Wanted: wanted, Layer: "daemon.json"}, nil)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, string(p.Changes[0].To.Data), c.want)
			assert.Equal(t, idsOf(p.After), "")
		})
	}
}

// TestBreaksNextRestart: a dockerd that runs has not read what would stop it.
func TestBreaksNextRestart(t *testing.T) {
	site := rooted(t, debianHost("26.1.5"), map[string]string{configPath: "{\n\"proxies\": null}"})
	assert.Equal(t, idsOf(Observe(site)), "daemon-json-null:2")
	site.Live, site.Active, site.Unknown = true, true, nil
	assert.Equal(t, idsOf(Observe(site)), "daemon-json-breaks-next-restart:2 daemon-json-null:2")
	site.Active = false
	assert.Equal(t, idsOf(Observe(site)), "daemon-json-null:2")
	good := rooted(t, debianHost("26.1.5"), map[string]string{configPath: `{"http-proxy": "http://c:1"}`})
	good.Live, good.Active, good.Unknown = true, true, nil
	assert.Equal(t, idsOf(Observe(good)), "daemon-json-flat-key:1")
}

// TestOldEngineGetsNoProxies: nothing is moved to where it keeps dockerd from starting all the same.
func TestOldEngineGetsNoProxies(t *testing.T) {
	o := observed(t, debianHost("20.10.24"), map[string]string{configPath: `{"https-proxy": "http://p:1"}`})
	_, _, err := PlanMend(o, everyFinding, nil)
	assert.ErrorContains(t, err, "mend it first: docker proxy unset --layer daemon.json")
}
