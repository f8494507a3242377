//go:build linux

package daemon

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// The places that the trees of these tests use.
const (
	unitPath    = "/usr/lib/systemd/system/docker.service"
	vendorDir   = "/usr/lib/systemd/system/docker.service.d/"
	adminDir    = "/etc/systemd/system/docker.service.d/"
	startupPath = "/etc/default/docker"
	configPath  = "/etc/docker/daemon.json"
)

// debianHost is a systemd host whose unit names /etc/default/docker, with an engine of the version.
func debianHost(version string) map[string]string {
	tree := systemdBase()
	tree[unitPath] = debianUnit
	tree["/var/lib/dpkg/status"] = "Package: docker.io\nStatus: install ok installed\nVersion: " + version + "\n"
	return tree
}

func sysvHost() map[string]string {
	return map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": debianInit, "/var/lib/dpkg/status": "Package: docker.io\nStatus: install ok installed\nVersion: 26.1.5\n"}
}

func observed(t *testing.T, parts ...map[string]string) *Observation {
	t.Helper()
	return Observe(rooted(t, parts...))
}

// service is a drop-in with these lines in [Service].
func service(lines ...string) string { return "[Service]\n" + strings.Join(lines, "\n") + "\n" }

// told writes what is said about https-proxy: value@place rule, each loser with its rule, the other lower-case value.
func told(o *Observation) string {
	v := o.verdict(precedence.HTTPSProxy)
	value := func(b precedence.Binding) string {
		if b.Unknown {
			return "?"
		}
		return b.Value.Reveal()
	}
	text := "unset"
	if v.Winner != nil {
		text = fmt.Sprintf("%s@%s %s", value(*v.Winner), v.Winner.Source, v.Rule)
	}
	for _, l := range v.Shadowed {
		text += fmt.Sprintf(" > %s@%s %s", value(l.Binding), l.Binding.Source, l.Rule)
	}
	if v.Lower != nil {
		text += " lower=" + value(*v.Lower)
	}
	return text
}

func TestObserve(t *testing.T) {
	cases := []struct {
		name string
		tree map[string]string
		want string
	}{
		{"nothing", nil, "unset"},
		{"daemon.json over the unit", map[string]string{configPath: "{\n\"proxies\": {\"https-proxy\": \"c\"}}", adminDir + "a.conf": service("Environment=HTTPS_PROXY=e")},
			"c@" + configPath + ":2 config-over-environment > e@" + adminDir + "a.conf:2 config-over-environment"},
		{"an empty value in daemon.json sets nothing", map[string]string{configPath: `{"proxies": {"https-proxy": ""}}`, adminDir + "a.conf": service("Environment=HTTPS_PROXY=e")},
			"e@" + adminDir + "a.conf:2 empty-counts-as-unset > @" + configPath + ":1 empty-counts-as-unset"},
		{"a flag over the unit", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=e", "ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=f")},
			"f@" + adminDir + "a.conf:4 flag-over-environment > e@" + adminDir + "a.conf:2 flag-over-environment"},
		{"drop-ins by file name over all directories", map[string]string{vendorDir + "20.conf": service("Environment=HTTPS_PROXY=v"), adminDir + "10.conf": service("Environment=HTTPS_PROXY=a")},
			"v@" + vendorDir + "20.conf:2 later-drop-in > a@" + adminDir + "10.conf:2 later-drop-in"},
		{"the stronger directory's later name, too", map[string]string{vendorDir + "10.conf": service("Environment=HTTPS_PROXY=v"), adminDir + "20.conf": service("Environment=HTTPS_PROXY=a")},
			"a@" + adminDir + "20.conf:2 later-drop-in > v@" + vendorDir + "10.conf:2 later-drop-in"},
		{"of the same name the stronger directory's", map[string]string{vendorDir + "10.conf": service("Environment=HTTPS_PROXY=v"), adminDir + "10.conf": service("Environment=HTTPS_PROXY=a")},
			"a@" + adminDir + "10.conf:2 only-value"},
		{"a masked drop-in", map[string]string{vendorDir + "10.conf": service("Environment=HTTPS_PROXY=v"), adminDir + "10.conf": "-> /dev/null"}, "unset"},
		{"the environment file over the unit", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("Environment=HTTPS_PROXY=e")},
			"s@" + startupPath + ":1 environment-file-over-environment > e@" + adminDir + "a.conf:2 environment-file-over-environment"},
		{"export is dropped by systemd", map[string]string{startupPath: "export HTTPS_PROXY=s\n"}, "unset"},
		{"a glob, in order", map[string]string{adminDir + "a.conf": service("EnvironmentFile=/etc/proxy.d/*.env"), "/etc/proxy.d/1.env": "HTTPS_PROXY=1\n", "/etc/proxy.d/2.env": "HTTPS_PROXY=2\n"},
			"2@/etc/proxy.d/2.env:1 later-environment-file > 1@/etc/proxy.d/1.env:1 later-environment-file"},
		{"later environment file", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("EnvironmentFile=-/etc/x.env"), "/etc/x.env": "HTTPS_PROXY=x\n"},
			"x@/etc/x.env:1 later-environment-file > s@" + startupPath + ":1 later-environment-file"},
		{"environment files reset", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("EnvironmentFile=")}, "unset > s@" + startupPath + ":1 reset"},
		{"environment reset", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=1", "Environment=", "Environment=HTTP_PROXY=2")}, "unset > 1@" + adminDir + "a.conf:2 reset"},
		{"unset by name", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("UnsetEnvironment=HTTPS_PROXY")}, "unset > s@" + startupPath + ":1 unset-environment"},
		{"unset by another value", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("UnsetEnvironment=HTTPS_PROXY=t")}, "s@" + startupPath + ":1 only-value"},
		{"unset by its value", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("UnsetEnvironment=HTTPS_PROXY=s")}, "unset > s@" + startupPath + ":1 unset-environment"},
		{"unset reset", map[string]string{startupPath: "HTTPS_PROXY=s\n", adminDir + "a.conf": service("UnsetEnvironment=HTTPS_PROXY", "UnsetEnvironment=")}, "s@" + startupPath + ":1 only-value"},
		{"a doubled percent sign", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://u:%%40@p:1")}, "http://u:%40@p:1@" + adminDir + "a.conf:2 only-value"},
		{"a specifier", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://%p:1")}, "http://docker:1@" + adminDir + "a.conf:2 only-value"},
		{"an unknown specifier drops the word", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://u:%Zx@p:1")}, "unset"},
		{"another section", map[string]string{adminDir + "a.conf": "[Unit]\nEnvironment=HTTPS_PROXY=e\n"}, "unset"},
		{"upper over lower", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=u https_proxy=l")}, "u@" + adminDir + "a.conf:2 upper-over-lower > l@" + adminDir + "a.conf:2 upper-over-lower lower=l"},
		{"an empty upper case", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY= https_proxy=l")}, "l@" + adminDir + "a.conf:2 empty-counts-as-unset > @" + adminDir + "a.conf:2 empty-counts-as-unset"},
		{"what the manager has", map[string]string{"/etc/systemd/system.conf.d/x.conf": "[Manager]\nDefaultEnvironment=HTTPS_PROXY=m\n"}, "m@/etc/systemd/system.conf.d/x.conf:2 only-value"},
		{"the manager's reset", map[string]string{"/etc/systemd/system.conf.d/x.conf": "[Manager]\nDefaultEnvironment=HTTPS_PROXY=m\nDefaultEnvironment=\n"}, "unset"},
		{"the unit over the manager", map[string]string{"/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=HTTPS_PROXY=m\n", adminDir + "a.conf": service("Environment=HTTPS_PROXY=e")},
			"e@" + adminDir + "a.conf:2 later-assignment > m@/etc/systemd/system.conf:2 later-assignment"},
		{"passed on, and not known from files", map[string]string{adminDir + "a.conf": service("PassEnvironment=HTTPS_PROXY")}, "?@" + adminDir + "a.conf:2 only-value"},
		{"passed on, reset", map[string]string{adminDir + "a.conf": service("PassEnvironment=HTTPS_PROXY", "PassEnvironment=")}, "unset > ?@" + adminDir + "a.conf:2 reset"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, told(observed(t, debianHost("26.1.5"), c.tree)), c.want) })
	}
}

func TestObserveScript(t *testing.T) {
	cases := []struct {
		name, startup, want string
	}{
		{"exported", "export HTTPS_PROXY=s\n", "s@" + startupPath + ":1 only-value"},
		{"not exported", "HTTPS_PROXY=s\n", "unset"},
		{"exported later", "HTTPS_PROXY=s\nexport HTTPS_PROXY\n", "s@" + startupPath + ":1 only-value"},
		{"twice", "export HTTPS_PROXY=1\nexport HTTPS_PROXY=2\n", "2@" + startupPath + ":2 later-assignment > 1@" + startupPath + ":1 later-assignment"},
		{"only running it can tell", "export HTTPS_PROXY=$(cat /x)\n", "?@" + startupPath + ":1 only-value"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, told(observed(t, sysvHost(), map[string]string{startupPath: c.startup})), c.want)
		})
	}
	openrc := map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": "#!/sbin/openrc-run\n", "/etc/profile.env": "export HTTPS_PROXY='i'\n", "/etc/conf.d/docker": "export HTTPS_PROXY=s\n", "/etc/rc.conf": "export HTTPS_PROXY=r\n"}
	assert.Equal(t, told(observed(t, openrc)), "s@/etc/conf.d/docker:1 later-assignment > r@/etc/rc.conf:1 later-assignment > i@/etc/profile.env:1 script-over-inherited")
}

// TestFindings: each finding about a state of files, and none without one.
func TestFindings(t *testing.T) {
	https := "Environment=HTTPS_PROXY=http://p:1"
	cases := []struct {
		name    string
		version string
		tree    map[string]string
		want    string
	}{
		{"nothing", "26.1.5", nil, ""},
		{"all well", "26.1.5", map[string]string{adminDir + "a.conf": service(https, "Environment=HTTP_PROXY=http://p:1 NO_PROXY=localhost")}, ""},
		{"a masked drop-in", "26.1.5", map[string]string{vendorDir + "a.conf": service(https), adminDir + "a.conf": "-> /dev/null"}, "systemd-drop-in-masked"},
		{"guides differ", "26.1.5", map[string]string{adminDir + "a.conf": service(https), configPath: `{"proxies": {"https-proxy": "http://c:1"}}`}, "guide-order-differs"},
		{"guides agree", "26.1.5", map[string]string{adminDir + "a.conf": service(https), configPath: `{"proxies": {"https-proxy": "http://p:1"}}`}, ""},
		{"http only", "26.1.5", map[string]string{adminDir + "a.conf": service("Environment=HTTP_PROXY=http://p:1")}, "http-only"},
		{"an engine too old", "20.10.24", map[string]string{configPath: `{"proxies": {"https-proxy": "http://c:1"}}`}, "daemon-json-engine-too-old"},
		{"ignored by systemd", "26.1.5", map[string]string{startupPath: "export HTTPS_PROXY=s\n"}, "startup-export-in-environment-file"},
		{"cannot be used as a URL", "26.1.5", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:port")}, "url-unparsable-goes-direct"},
		{"dead entry", "26.1.5", map[string]string{adminDir + "a.conf": service(https, "Environment=NO_PROXY=http://x")}, "no-proxy-dead-entry"},
		{"empty does not unset", "26.1.5", map[string]string{adminDir + "a.conf": service(https), configPath: `{"proxies": {"https-proxy": ""}}`}, "daemon-json-empty-does-not-unset"},
		{"a flag and daemon.json", "26.1.5", map[string]string{adminDir + "a.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://f:1"), configPath: `{"proxies": {"https-proxy": "http://f:1"}}`}, "daemon-json-flag-conflict"},
		{"another lower case", "26.1.5", map[string]string{adminDir + "a.conf": service(https, "Environment=https_proxy=http://l:1")}, "case-conflict"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var ids []string
			for _, f := range observed(t, debianHost(c.version), c.tree).Findings {
				if f.ID != "not-known-under-root" {
					ids = append(ids, f.ID)
				}
			}
			assert.Equal(t, strings.Join(ids, " "), c.want)
		})
	}
}
