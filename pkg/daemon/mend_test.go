//go:build linux

package daemon

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// at makes the finding of an ID at a place of the systemd layer, of the startup file, or of daemon.json.
func at(id, path string, line int, name string) precedence.Finding {
	layer := precedence.LayerSystemd
	switch path {
	case startupPath:
		layer = precedence.LayerStartup
	case configPath:
		layer = precedence.LayerDaemonJSON
	}
	return precedence.NewFinding(id, &precedence.Source{Layer: layer, Path: path, Line: line, Name: name}, "", "%s", id)
}

// TestPlanMend: what people wrote is what dockerd gets afterwards, in the layer they wrote it in, and nothing else changes.
func TestPlanMend(t *testing.T) {
	drop := adminDir + "proxy.conf"
	unit := func(lines ...string) map[string]string { return map[string]string{drop: service(lines...)} }
	for _, tc := range []struct {
		name    string
		version string
		tree    []map[string]string
		mend    []precedence.Finding
		told    string // the verdicts afterwards
		verbs   string
		list    string // NO_PROXY afterwards
		left    string
	}{
		{name: "an unescaped percent", tree: []map[string]string{unit(`Environment="HTTPS_PROXY=http://user:F%40oBar%21@p:3128"`)}, mend: []precedence.Finding{at("systemd-unescaped-percent", drop, 2, "HTTPS_PROXY")},
			told: "http://user:F%40oBar%21@p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; remove " + drop},
		{name: "a bad escape", tree: []map[string]string{unit(`Environment=HTTPS_PROXY=http://DOM\user:pw@p:3128`)}, mend: []precedence.Finding{at("systemd-bad-escape", drop, 2, "HTTPS_PROXY")},
			told: "http://DOM%5Cuser:pw@p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; remove " + drop},
		{name: "an open quote", tree: []map[string]string{unit(`Environment="HTTPS_PROXY=http://p:3128`)}, mend: []precedence.Finding{at("systemd-unbalanced-quote", drop, 2, "HTTPS_PROXY")},
			told: "http://p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; remove " + drop},
		{name: "two variables in one", tree: []map[string]string{unit(`Environment="HTTPS_PROXY=http://p:3128 NO_PROXY=a,b"`)}, mend: []precedence.Finding{at("systemd-one-variable-in-two", drop, 2, "HTTPS_PROXY")},
			told: "http://p:3128@" + ourEnv + ":2 only-value", list: "a,b", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; remove " + drop},
		{name: "a comment behind", tree: []map[string]string{unit(`# why`, `Environment=HTTPS_PROXY=http://p:3128 # the proxy`)}, mend: []precedence.Finding{at("systemd-trailing-comment", drop, 3, "HTTPS_PROXY")},
			told: "http://p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + drop},
		{name: "other variables of the line stay", tree: []map[string]string{unit(`Environment="LANG=C" "HTTPS_PROXY=http://u:%40@p:3128"`)}, mend: []precedence.Finding{at("systemd-unescaped-percent", drop, 2, "HTTPS_PROXY")},
			told: "http://u:%40@p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + drop},
		{name: "another section", tree: []map[string]string{{drop: "[Unit]\nEnvironment=HTTPS_PROXY=http://p:3128\n[Service]\nEnvironment=LANG=C\n"}}, mend: []precedence.Finding{at("systemd-wrong-section-or-directory", drop, 2, "")},
			told: "http://p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + drop},
		{name: "a directory that nobody reads", tree: []map[string]string{{"/etc/systemd/system/docker.d/p.conf": service("Environment=HTTPS_PROXY=http://p:3128")}},
			mend: []precedence.Finding{at("systemd-wrong-section-or-directory", "/etc/systemd/system/docker.d/p.conf", 2, "")},
			told: "http://p:3128@" + ourEnv + ":2 only-value", verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; remove /etc/systemd/system/docker.d/p.conf"},
		{name: "dockerd uses another value", tree: []map[string]string{unit(`Environment=HTTPS_PROXY=http://u:%40@p:3128`), inConfig("http://o:1")}, mend: []precedence.Finding{at("systemd-unescaped-percent", drop, 2, "HTTPS_PROXY")},
			told: "http://o:1@" + configPath + ":1 only-value", left: "dockerd uses another https-proxy today, from " + configPath + ":1"},
		{name: "two answers", tree: []map[string]string{unit(`Environment=HTTPS_PROXY=http://u:%40@p:3128`, `Environment=HTTPS_PROXY=http://u:%41@p:3128`)},
			mend: []precedence.Finding{at("systemd-unescaped-percent", drop, 2, "HTTPS_PROXY"), at("systemd-unescaped-percent", drop, 3, "HTTPS_PROXY")},
			told: "unset", left: "are two values of https-proxy"},
		{name: "a password with a blank", tree: []map[string]string{unit(`Environment="HTTPS_PROXY=http://u:%40 b@p:3128"`)}, mend: []precedence.Finding{at("systemd-unescaped-percent", drop, 2, "HTTPS_PROXY")},
			told: "unset", left: "cannot be told from the text"},
		{name: "exports in an environment file", tree: []map[string]string{{startupPath: "# mine\nexport HTTPS_PROXY=\"http://p:3128\"\nDOCKER_OPTS=\"--debug\"\n"}}, mend: []precedence.Finding{at("startup-export-in-environment-file", startupPath, 2, "HTTPS_PROXY")},
			told: "http://p:3128@" + startupPath + ":2 only-value", verbs: "write 0755 " + startupPath},
		{name: "a comment in an environment file", tree: []map[string]string{{startupPath: "HTTPS_PROXY=http://p:3128 # the proxy\n"}}, mend: []precedence.Finding{at("startup-inline-comment", startupPath, 1, "HTTPS_PROXY")},
			told: "http://p:3128@" + startupPath + ":2 only-value", verbs: "write 0755 " + startupPath},
		{name: "quotes kept in daemon.json", tree: []map[string]string{inConfig(`\"http://p:1\"`)}, mend: []precedence.Finding{at("url-quotes-kept", configPath, 1, "proxies.https-proxy")},
			told: "http://p:1@" + configPath + ":1 only-value", verbs: "write 0755 " + configPath},
		{name: "a password to encode", tree: []map[string]string{inConfig(`http://u:a#b@p:1`)}, mend: []precedence.Finding{at("url-password-needs-encoding", configPath, 1, "proxies.https-proxy")},
			told: "http://u:a%23b@p:1@" + configPath + ":1 only-value", verbs: "write 0700 " + configPath},
		{name: "blanks in a list", tree: []map[string]string{{configPath: `{"proxies": {"no-proxy": "a b; c"}}`}}, mend: []precedence.Finding{at("no-proxy-space-separated", configPath, 1, "proxies.no-proxy")},
			told: "unset", list: "a,b,c", verbs: "write 0755 " + configPath},
		{name: "keys at the top level", tree: []map[string]string{{configPath: `{"debug": true, "https-proxy": "http://p:1"}`}}, mend: []precedence.Finding{at("daemon-json-flat-key", configPath, 1, "https-proxy")},
			told: "http://p:1@" + configPath + ":1 only-value", verbs: "write 0755 " + configPath},
		{name: "the client's form", tree: []map[string]string{{configPath: `{"proxies": {"default": {"httpsProxy": "http://p:1"}}}`}}, mend: []precedence.Finding{at("daemon-json-client-shape", configPath, 1, "proxies.default")},
			told: "http://p:1@" + configPath + ":1 only-value", verbs: "write 0755 " + configPath},
		{name: "a comma too many", tree: []map[string]string{{configPath: "{\"proxies\": {\"https-proxy\": \"http://p:1\",},}\n"}}, mend: []precedence.Finding{at("daemon-json-comment-or-trailing-comma", configPath, 1, "")},
			told: "http://p:1@" + configPath + ":1 only-value", verbs: "write 0755 " + configPath},
	} {
		t.Run(tc.name, func(t *testing.T) {
			version := tc.version
			if version == "" {
				version = "26.1.5"
			}
			o := observed(t, append([]map[string]string{debianHost(version)}, tc.tree...)...)
			o.Findings = tc.mend // and no others
			p, left, err := PlanMend(o, everyFinding, nil)
			assert.NilError(t, err)
			assert.Equal(t, told(p.After), tc.told)
			assert.Equal(t, verbs(p), tc.verbs)
			if w := p.After.verdict(precedence.NoProxy).Winner; tc.list != "" {
				assert.Assert(t, w != nil)
				assert.Equal(t, w.Value.Reveal(), tc.list)
			}
			var reasons []string
			for _, l := range left {
				reasons = append(reasons, l.Reason)
			}
			if tc.left == "" {
				assert.Equal(t, len(left), 0, "%v", reasons)
				return
			}
			assert.Assert(t, strings.Contains(strings.Join(reasons, "\n"), tc.left), "%v", reasons)
		})
	}
}

// TestMendable: the registry promises of each check what the menders keep.
func TestMendable(t *testing.T) {
	var promised []string
	for _, c := range precedence.Checks() {
		if c.Mended {
			promised = append(promised, c.ID)
		}
	}
	for _, id := range Mendable() {
		if _, ok := precedence.CheckOf(id); ok {
			assert.Check(t, slices.Contains(promised, id), "%s is mended, and the registry does not say so", id)
		}
	}
	for _, id := range promised {
		_, ok := menders()[id]
		assert.Check(t, ok || strings.HasPrefix(id, "client-"), "%s is said to be mended, and nothing mends it", id)
	}
}

func everyFinding(precedence.Finding) bool { return true }

// TestMendInTurns: what comes to light when something else is gone is mended, too, unless it was not asked for.
func TestMendInTurns(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), map[string]string{configPath: `{"https-proxy": "http://p:1", "no-proxy": "a b"}`})
	p, left, err := PlanMend(o, everyFinding, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
	assert.Equal(t, p.After.verdict(precedence.NoProxy).Winner.Value.Reveal(), "a,b")
	p, _, err = PlanMend(o, func(f precedence.Finding) bool { return f.ID == "daemon-json-flat-key" }, nil)
	assert.NilError(t, err)
	assert.Equal(t, p.After.verdict(precedence.NoProxy).Winner.Value.Reveal(), "a b")
}
