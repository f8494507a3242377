//go:build linux

package daemon

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

const (
	ourConf = adminDir + "http-proxy.conf"
	ourEnv  = adminDir + "http-proxy.env"
)

func want(url string) precedence.Settings {
	return precedence.Settings{precedence.HTTPSProxy: precedence.Value(url)}
}

// verbs lists what a plan does: "create 0644 PATH".
func verbs(p *Plan) string {
	var out []string
	for _, c := range p.Changes {
		text := c.Verb() + " " + c.Path
		if c.To.Kind == change.File {
			text = fmt.Sprintf("%s %04o %s", c.Verb(), c.To.Mode, c.Path)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// inUnit is an administrator's drop-in with a value and the password of another day.
func inUnit(value string) map[string]string {
	return map[string]string{adminDir + "a.conf": "# why\n" + service("Environment=HTTPS_PROXY="+value+" LANG=C")}
}

func inConfig(value string) map[string]string {
	return map[string]string{configPath: `{"debug": true, "proxies": {"https-proxy": "` + value + `"}}`}
}

func TestPlanSet(t *testing.T) {
	flags := map[string]string{adminDir + "x.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://f:1")}
	cases := []struct {
		name    string
		version string
		tree    []map[string]string
		request SetRequest
		verbs   string // what is done
		told    string // how it ends
		err     string
	}{
		{name: "auto is daemon.json", request: SetRequest{Wanted: want("http://n:1")}, verbs: "create 0644 " + configPath, told: "http://n:1@" + configPath + ":3 only-value"},
		{name: "auto on an old engine is the unit", version: "20.10.24", request: SetRequest{Wanted: want("http://n:1")},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf, told: "http://n:1@" + ourEnv + ":2 only-value"},
		{name: "auto is where it stands today", tree: []map[string]string{inUnit("http://o:1")}, request: SetRequest{Wanted: want("http://n:1")},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + adminDir + "a.conf", told: "http://n:1@" + ourEnv + ":2 only-value"},
		{name: "auto passes over what Ansible manages", version: "20.10.24", tree: []map[string]string{{adminDir + "a.conf": "# Ansible managed\n" + service("Environment=HTTPS_PROXY=")}},
			request: SetRequest{Wanted: want("http://n:1"), KeepShadowed: true}, verbs: "create 0644 " + startupPath,
			told: "http://n:1@" + startupPath + ":2 environment-file-over-environment > @" + adminDir + "a.conf:3 environment-file-over-environment"},
		{name: "an old engine and daemon.json", version: "20.10.24", request: SetRequest{Wanted: want("http://n:1"), Layer: "daemon.json"}, err: "does not read proxies from /etc/docker/daemon.json"},
		{name: "shadowed by daemon.json", tree: []map[string]string{inConfig("http://o:1")}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			err: configPath + ":1: https-proxy is set there and would keep winning over systemd"},
		{name: "taken out of daemon.json when told", tree: []map[string]string{inConfig("http://o:1")}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd", Reconcile: true},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + configPath, told: "http://n:1@" + ourEnv + ":2 only-value"},
		{name: "what it shadows is taken out", tree: []map[string]string{inUnit("http://u:old@o:1")}, request: SetRequest{Wanted: want("http://n:1"), Layer: "daemon.json"},
			verbs: "create 0644 " + configPath + "; write 0755 " + adminDir + "a.conf", told: "http://n:1@" + configPath + ":3 only-value"},
		{name: "unless it is to be kept", tree: []map[string]string{inUnit("http://o:1")}, request: SetRequest{Wanted: want("http://n:1"), Layer: "daemon.json", KeepShadowed: true},
			verbs: "create 0644 " + configPath, told: "http://n:1@" + configPath + ":3 config-over-environment > http://o:1@" + adminDir + "a.conf:3 config-over-environment"},
		{name: "a vendor's drop-in unsets it", tree: []map[string]string{{vendorDir + "v.conf": service("UnsetEnvironment=HTTPS_PROXY https_proxy")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			err: "v.conf:2: https-proxy would not reach dockerd from systemd (UnsetEnvironment="},
		{name: "a vendor's environment file wins", tree: []map[string]string{{vendorDir + "z.conf": service("EnvironmentFile=/usr/lib/docker/z.env"), "/usr/lib/docker/z.env": "HTTPS_PROXY=http://v:1\n"}},
			request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"}, err: "/usr/lib/docker/z.env:1: https-proxy is set there and would keep winning"},
		{name: "a flag wins", tree: []map[string]string{flags}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"}, err: "x.conf:3: https-proxy is set there and would keep winning"},
		{name: "a flag and daemon.json", tree: []map[string]string{flags}, request: SetRequest{Wanted: want("http://n:1"), Layer: "daemon.json"}, err: "the same setting in " + configPath + " would stop it"},
		{name: "credentials make daemon.json private", tree: []map[string]string{{configPath: "{}"}}, request: SetRequest{Wanted: want("http://u:p@n:1"), Layer: "daemon.json"},
			verbs: "write 0700 " + configPath, told: "http://u:p@n:1@" + configPath + ":1 only-value"},
		{name: "credentials make the startup file private", tree: []map[string]string{{startupPath: "A=1\n"}}, request: SetRequest{Wanted: want("http://u:p@n:1"), Layer: "startup"},
			verbs: "write 0700 " + startupPath, told: "http://u:p@n:1@" + startupPath + ":3 only-value"},
		{name: "no credentials in a shared place", request: SetRequest{Wanted: want("http://u:p@n:1"), Layer: "env"}, err: "credentials are not written to a place that is shared"},
		{name: "a shared place when named", request: SetRequest{Wanted: want("http://n:1"), Layer: "env"},
			verbs: "create 0644 /etc/systemd/system.conf.d/docker-proxy.conf", told: "http://n:1@/etc/systemd/system.conf.d/docker-proxy.conf:3 only-value"},
		{name: "somebody else's http-proxy.conf", tree: []map[string]string{{ourConf: service("Environment=LANG=C")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			verbs: "create 0600 " + adminDir + "docker-proxy.env; create 0644 " + adminDir + "docker-proxy.conf", told: "http://n:1@" + adminDir + "docker-proxy.env:2 only-value"},
		{name: "a daemon.json that stops dockerd", tree: []map[string]string{{configPath: `{"proxies": `}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"}, err: configPath + ":1"},
		{name: "a drop-in unsets the variable", tree: []map[string]string{{adminDir + "a.conf": service("Environment=LANG=C", "UnsetEnvironment=HTTPS_PROXY https_proxy")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"}, err: adminDir + "a.conf:3: https-proxy would not reach dockerd from systemd"},
		{name: "a drop-in unsets what the startup file says", tree: []map[string]string{{adminDir + "a.conf": service("UnsetEnvironment=HTTPS_PROXY https_proxy")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "startup"}, err: adminDir + "a.conf:2: https-proxy would not reach dockerd from startup"},
		{name: "a later drop-in resets", tree: []map[string]string{{adminDir + "zz.conf": service("EnvironmentFile=")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"}, err: adminDir + "zz.conf:2: https-proxy would not reach dockerd from systemd"},
		{name: "too long for an environment", tree: []map[string]string{inConfig("http://o:1")}, request: SetRequest{Wanted: want("http://" + strings.Repeat("n", 128<<10) + ":1")}, err: "https-proxy has 131081 bytes"},
		{name: "a vendor's drop-in of our name is not hidden", tree: []map[string]string{{vendorDir + "http-proxy.conf": service("LimitNOFILE=1", "Environment=http_proxy=http://v:1")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			verbs: "create 0600 " + adminDir + "docker-proxy.env; create 0644 " + adminDir + "docker-proxy.conf", told: "http://n:1@" + adminDir + "docker-proxy.env:2 only-value"},
		{name: "our other pair stays ours", tree: []map[string]string{{adminDir + "docker-proxy.conf": marker + "\n[Service]\nUnsetEnvironment=HTTPS_PROXY https_proxy\n"}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			verbs: "create 0600 " + adminDir + "docker-proxy.env; write 0644 " + adminDir + "docker-proxy.conf", told: "http://n:1@" + adminDir + "docker-proxy.env:2 only-value"},
		{name: "a drop-in for all services is not edited", tree: []map[string]string{{"/etc/systemd/system/service.d/p.conf": service("Environment=HTTPS_PROXY=http://all:1")}}, request: SetRequest{Wanted: want("http://n:1"), Layer: "systemd"},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf, told: "http://n:1@" + ourEnv + ":2 environment-file-over-environment > http://all:1@/etc/systemd/system/service.d/p.conf:2 environment-file-over-environment"},
		{name: "auto passes over a managed file that wins", tree: []map[string]string{{startupPath: "# Ansible managed\nHTTPS_PROXY=http://o:1\n"}}, request: SetRequest{Wanted: want("http://n:1")},
			verbs: "create 0644 " + configPath + "; write 0755 " + startupPath, told: "http://n:1@" + configPath + ":3 only-value"},
		{name: "an engine too old for what daemon.json holds already", version: "20.10.24", tree: []map[string]string{{configPath: `{"proxies": {"http-proxy": "http://o:1"}}`}}, request: SetRequest{Wanted: want("http://n:1")},
			err: configPath + ":1: docker engine 20.10.24 refuses to start with proxies in this file; it reads them since 23.0; dockerd would not start with it, so mend it first: docker proxy unset --layer daemon.json"},
		{name: "an engine too old for the value that moves", version: "20.10.24", tree: []map[string]string{inConfig("http://o:1")}, request: SetRequest{Wanted: want("http://n:1"), Layer: "startup"},
			verbs: "create 0644 " + startupPath + "; write 0755 " + configPath, told: "http://n:1@" + startupPath + ":2 only-value"},
		{name: "nothing to do", tree: []map[string]string{inConfig("http://n:1")}, request: SetRequest{Wanted: want("http://n:1")}, told: "http://n:1@" + configPath + ":1 only-value"},
		{name: "where it stands", tree: []map[string]string{inConfig("http://o:1"), inUnit("http://o:1")}, request: SetRequest{Wanted: want("http://u:p@o:1"), WhereTheyStand: true},
			verbs: "write 0700 " + configPath, told: "http://u:p@o:1@" + configPath + ":1 config-over-environment > http://o:1@" + adminDir + "a.conf:3 config-over-environment"},
		{name: "where it stands and may not be changed", tree: []map[string]string{flags}, request: SetRequest{Wanted: want("http://u:p@o:1"), WhereTheyStand: true}, err: "is not set in a place that can be edited"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			version := c.version
			if version == "" {
				version = "26.1.5"
			}
			o := observed(t, append([]map[string]string{debianHost(version)}, c.tree...)...)
			p, err := PlanSet(o, c.request, nil)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, verbs(p), c.verbs)
			assert.Equal(t, told(p.After), c.told)
		})
	}
}

// TestPlanSetKeepsBytes: what is not ours to change stays as it is.
func TestPlanSetKeepsBytes(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), inUnit("http://u:old@o:1"))
	p, err := PlanSet(o, SetRequest{Wanted: want("http://u:new@n:1"), Layer: "systemd"}, nil)
	assert.NilError(t, err)
	for _, c := range p.Changes {
		switch c.Path {
		case adminDir + "a.conf":
			assert.Equal(t, string(c.To.Data), "# why\n[Service]\nEnvironment=LANG=C\n")
			assert.Assert(t, c.Secret && c.Needs.Restart && c.Needs.DaemonReload, "%+v", c.Needs)
		case ourEnv:
			assert.Equal(t, string(c.To.Data), marker+"\nHTTPS_PROXY='http://u:new@n:1'\nhttps_proxy='http://u:new@n:1'\n")
			assert.Assert(t, c.Secret && c.Needs.Restart && !c.Needs.DaemonReload, "%+v", c.Needs)
		case ourConf:
			assert.Assert(t, strings.HasPrefix(string(c.To.Data), marker+"\n[Service]\nEnvironmentFile=-"+ourEnv), "%s", c.To.Data)
			assert.Assert(t, !strings.Contains(string(c.To.Data), "new") && c.Needs.DaemonReload)
		}
	}
}

func TestPlanUnset(t *testing.T) {
	keys := []precedence.Key{precedence.HTTPSProxy}
	vendor := map[string]string{vendorDir + "v.conf": service("Environment=HTTPS_PROXY=http://v:1")}
	cases := []struct {
		name    string
		tree    []map[string]string
		request UnsetRequest
		verbs   string
		told    string
		err     string
	}{
		{name: "nothing is set", request: UnsetRequest{Keys: keys}, told: "unset"},
		{name: "the effective one", tree: []map[string]string{inUnit("http://o:1")}, request: UnsetRequest{Keys: keys}, verbs: "write 0755 " + adminDir + "a.conf", told: "unset"},
		{name: "an older value would surface", tree: []map[string]string{inConfig("http://c:1"), inUnit("http://u:s3cret@o:1")}, request: UnsetRequest{Keys: keys},
			err: adminDir + "a.conf:3: an older value of https-proxy (http://xxxxx:xxxxx@o:1) would take effect instead"},
		{name: "everything", tree: []map[string]string{inConfig("http://c:1"), inUnit("http://o:1")}, request: UnsetRequest{Keys: keys, All: true},
			verbs: "write 0755 " + configPath + "; write 0755 " + adminDir + "a.conf", told: "unset"},
		{name: "one layer, and the rest stays", tree: []map[string]string{inConfig("http://c:1"), inUnit("http://o:1")}, request: UnsetRequest{Keys: keys, Layer: "daemon.json"},
			verbs: "write 0755 " + configPath, told: "http://o:1@" + adminDir + "a.conf:3 only-value"},
		{name: "a vendor's value is kept from dockerd", tree: []map[string]string{vendor}, request: UnsetRequest{Keys: keys}, verbs: "create 0644 " + ourConf, told: "unset > http://v:1@" + vendorDir + "v.conf:2 unset-environment"},
		{name: "a flag and daemon.json: the file gives way", tree: []map[string]string{inConfig("http://c:1"), {adminDir + "x.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://f:1")}}, request: UnsetRequest{Keys: keys, Layer: "daemon.json"},
			verbs: "write 0755 " + configPath, told: "http://f:1@" + adminDir + "x.conf:3 only-value"},
		{name: "a flag is the administrator's", tree: []map[string]string{{adminDir + "x.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://f:1")}}, request: UnsetRequest{Keys: keys, All: true},
			err: "which this program does not edit"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, append([]map[string]string{debianHost("26.1.5")}, c.tree...)...)
			p, err := PlanUnset(o, c.request, nil)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				assert.Assert(t, !strings.Contains(err.Error(), "s3cret"), "%v", err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, verbs(p), c.verbs)
			assert.Equal(t, told(p.After), c.told)
		})
	}
	t.Run("without systemd a foreign value cannot be kept from dockerd", func(t *testing.T) {
		o := observed(t, map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": "#!/sbin/openrc-run\n", "/etc/rc.conf": "export HTTPS_PROXY=http://r:1\n"})
		_, err := PlanUnset(o, UnsetRequest{Keys: keys}, nil)
		assert.ErrorContains(t, err, "use --layer env")
	})
}

func TestPlanReconcile(t *testing.T) {
	cases := []struct {
		name    string
		tree    []map[string]string
		request ReconcileRequest
		verbs   string
		told    string
		err     string
	}{
		{name: "they agree", tree: []map[string]string{inConfig("http://c:1")}, told: "http://c:1@" + configPath + ":1 only-value"},
		{name: "the winner's layer keeps it, others lose it", tree: []map[string]string{inConfig("http://c:1"), inUnit("http://o:1")},
			verbs: "write 0755 " + adminDir + "a.conf", told: "http://c:1@" + configPath + ":1 only-value"},
		{name: "moved to the unit", tree: []map[string]string{inConfig("http://c:1")}, request: ReconcileRequest{To: []precedence.Layer{precedence.LayerSystemd}},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + ourConf + "; write 0755 " + configPath, told: "http://c:1@" + ourEnv + ":2 only-value"},
		{name: "all places", tree: []map[string]string{inConfig("http://c:1")}, request: ReconcileRequest{ToAll: true},
			verbs: "create 0600 " + ourEnv + "; create 0644 " + startupPath + "; create 0644 " + ourConf,
			told:  "http://c:1@" + configPath + ":1 config-over-environment > http://c:1@" + ourEnv + ":2 config-over-environment > http://c:1@" + startupPath + ":2 config-over-environment"},
		{name: "a value that is kept from dockerd stays so", tree: []map[string]string{{vendorDir + "v.conf": service("Environment=HTTPS_PROXY=http://v:1"), ourConf: marker + "\n[Service]\nUnsetEnvironment=HTTPS_PROXY https_proxy\n"}},
			verbs: "chmod 0644 " + ourConf, told: "unset > http://v:1@" + vendorDir + "v.conf:2 unset-environment"},
		{name: "a flag", tree: []map[string]string{{adminDir + "x.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://f:1")}}, err: "which this program does not edit"},
		{name: "given values clear the others", tree: []map[string]string{inConfig("http://c:1")}, request: ReconcileRequest{Wanted: precedence.Settings{precedence.HTTPProxy: "http://g:1"}}, verbs: "write 0755 " + configPath, told: "unset"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, append([]map[string]string{debianHost("26.1.5")}, c.tree...)...)
			p, err := PlanReconcile(o, c.request, nil)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, verbs(p), c.verbs)
			assert.Equal(t, told(p.After), c.told)
		})
	}
}

// TestPlanRestoresThePast: a file that goes back to what it was before this program touched it does so byte for byte, with its mode; another meaning is no way back.
func TestPlanRestoresThePast(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), inConfig("http://u:p@c:1"))
	past := change.NewFile([]byte(`{ "debug" : true }`), 0o640)
	same := func(string, change.State) []Past { return []Past{{State: past}} }
	p, err := PlanUnset(o, UnsetRequest{Keys: precedence.Keys(), All: true}, same)
	assert.NilError(t, err)
	assert.Equal(t, len(p.Changes), 1)
	assert.Equal(t, string(p.Changes[0].To.Data), `{ "debug" : true }`)
	assert.Equal(t, verbs(p), "write 0640 "+configPath)

	other := func(string, change.State) []Past {
		return []Past{{State: change.NewFile([]byte(`{"proxies": {"http-proxy": "http://x:1"}}`), 0o640)}}
	}
	p, err = PlanUnset(o, UnsetRequest{Keys: precedence.Keys(), All: true}, other)
	assert.NilError(t, err)
	assert.Equal(t, verbs(p), "write 0755 "+configPath)
}
