//go:build linux

package daemon

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// noProxyFindings are the findings of the group, with the fixes.
func noProxyFindings(o *Observation) []string {
	out := []string{}
	for _, f := range o.Findings {
		if c, _ := precedence.CheckOf(f.ID); c.Group == precedence.GroupNoProxy {
			out = append(out, strings.TrimSuffix(f.ID+": "+f.Fix, ": "))
		}
	}
	return out
}

// TestNoProxyFindings: what is told of dockerd's list, from files alone.
func TestNoProxyFindings(t *testing.T) {
	proxies := "Environment=HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:1"
	with := func(list string, more map[string]string) map[string]string {
		tree := map[string]string{adminDir + "a.conf": service(proxies, `Environment="NO_PROXY=`+list+`"`)}
		maps.Copy(tree, more)
		return tree
	}
	const set = "docker proxy set --only daemon "
	cases := []struct {
		name string
		tree map[string]string
		want []string
	}{
		{"a good list", with("localhost,127.0.0.0/8,.corp,10.0.0.0/8", nil), nil},
		{"separated by blanks", with("localhost .corp 10.0.0.0/8", nil), []string{"no-proxy-space-separated: " + set + "--no-proxy localhost,.corp,10.0.0.0/8"}},
		{"a URL", with("localhost,https://r.corp/", nil), []string{"no-proxy-dead-entry: " + set + "--no-proxy-remove https://r.corp/ --no-proxy-add r.corp"}},
		{"an asterisk, without git", with("*.corp", nil), nil},
		{"an asterisk, and git", with("*.corp", map[string]string{"/usr/bin/git": "elf"}), []string{"no-proxy-readers-disagree: " + set + "--no-proxy-remove '*.corp' --no-proxy-add .corp"}},
		{"no proxy", map[string]string{adminDir + "a.conf": service("Environment=NO_PROXY=foo*")}, []string{"no-proxy-without-proxy: docker proxy unset --only daemon --no-proxy"}},
		{"no proxy in daemon.json", map[string]string{configPath: `{"proxies": {"no-proxy": "localhost"}}`}, []string{"no-proxy-without-proxy: docker proxy unset --only daemon --no-proxy"}},
		{"one proxy is enough", map[string]string{configPath: `{"proxies": {"https-proxy": "http://p:1", "no-proxy": "localhost"}}`}, nil},
		{"a proxy that is not known", map[string]string{adminDir + "a.conf": service("PassEnvironment=HTTPS_PROXY", "Environment=NO_PROXY=localhost")}, nil},
		{"a flag is not edited", map[string]string{adminDir + "a.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --https-proxy=http://p:1 --no-proxy=foo*")}, []string{"no-proxy-dead-entry"}},

		{"an insecure registry", with("localhost", map[string]string{configPath: `{"insecure-registries": ["reg.corp:5000"]}`}), []string{"no-proxy-missing-registry: " + set + "--no-proxy-add reg.corp:5000"}},
		{"an insecure registry in the list", with("reg.corp", map[string]string{configPath: `{"insecure-registries": ["reg.corp:5000"]}`}), nil},
		{"an insecure registry below a name in the list", with(".corp", map[string]string{configPath: `{"insecure-registries": ["Reg.corp:5000"]}`}), nil},
		{"an insecure registry, and no list", map[string]string{configPath: `{"insecure-registries": ["reg.corp:5000"], "proxies": {"https-proxy": "http://p:1"}}`}, []string{"no-proxy-missing-registry: " + set + "--no-proxy-add reg.corp:5000"}},
		{"an insecure registry, and no proxy", map[string]string{configPath: `{"insecure-registries": ["reg.corp:5000"]}`}, nil},
		{"an insecure registry of the flag", with("localhost", map[string]string{adminDir + "b.conf": service("ExecStart=", "ExecStart=/usr/sbin/dockerd --insecure-registry=reg.corp")}), []string{"no-proxy-missing-registry: " + set + "--no-proxy-add reg.corp"}},
		{"a registry on loopback", with(".corp", map[string]string{configPath: `{"insecure-registries": ["localhost:5000", "127.0.0.1:5000", "127.0.0.0/8", "[::1]:5000"]}`}), nil},
		{"an insecure network", with("localhost", map[string]string{configPath: `{"insecure-registries": ["10.1.0.0/16"]}`}), []string{"no-proxy-missing-registry: " + set + "--no-proxy-add 10.1.0.0/16"}},
		{"an insecure network in a wider one", with("10.0.0.0/8", map[string]string{configPath: `{"insecure-registries": ["10.1.0.0/16", "10.9.9.9:5000"]}`}), nil},
		{"everything is insecure", with("localhost", map[string]string{configPath: `{"insecure-registries": ["0.0.0.0/0"]}`}), nil},
		{"a mirror", with("localhost", map[string]string{configPath: `{"registry-mirrors": ["https://mirror.corp/"]}`}), []string{"no-proxy-missing-registry: " + set + "--no-proxy-add mirror.corp"}},
		{"a public mirror", with("localhost", map[string]string{configPath: `{"registry-mirrors": ["https://mirror.gcr.io"]}`}), nil},
		{"a mirror by http, and a proxy for https alone", map[string]string{configPath: `{"registry-mirrors": ["http://mirror.corp"], "proxies": {"https-proxy": "http://p:1"}}`}, nil},
		{"a network does not match a name", with("10.0.0.0/8", map[string]string{configPath: `{"insecure-registries": ["reg.corp:5000"]}`}), []string{"no-proxy-cidr-for-names: " + set + "--no-proxy-add reg.corp:5000"}},
		{"a network matches an address", with("10.0.0.0/8", map[string]string{configPath: `{"insecure-registries": ["10.9.9.9:5000"]}`}), nil},
		{"loopback is no network for names", with("127.0.0.0/8", map[string]string{configPath: `{"registry-mirrors": ["https://mirror.corp"]}`}), []string{"no-proxy-missing-registry: " + set + "--no-proxy-add mirror.corp"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := noProxyFindings(observed(t, debianHost("26.1.5"), c.tree))
			assert.Assert(t, slices.Equal(got, c.want), "%q, not %q", got, c.want)
		})
	}
}

// TestNetworkAndHostsFile: where hosts(5) gives the registry an address in the network, that is said.
func TestNetworkAndHostsFile(t *testing.T) {
	tree := map[string]string{
		configPath:   `{"insecure-registries": ["reg.corp:5000"], "proxies": {"https-proxy": "http://p:1", "no-proxy": "10.0.0.0/8"}}`,
		"/etc/hosts": "127.0.0.1 localhost\n10.2.3.4 other Reg.corp # the registry\n",
	}
	for _, f := range observed(t, debianHost("26.1.5"), tree).Findings {
		if f.ID == "no-proxy-cidr-for-names" {
			assert.Assert(t, strings.Contains(f.Message, "10.2.3.4"), f.Message)
			assert.Equal(t, f.Source.Path, configPath)
			return
		}
	}
	t.Fatal("nothing is told")
}

// TestNoProxyOfADaemonElsewhere: the list of a daemon that only its API tells about is judged, too, and no command of this machine is offered.
func TestNoProxyOfADaemonElsewhere(t *testing.T) {
	info := &engine.Info{HTTPSProxy: "http://p:1", NoProxy: "a.corp b.corp,10.0.0.0/8,foo*", Insecure: []string{"127.0.0.0/8", "::1/128", "reg.corp:5000"}}
	for _, flavor := range []Flavor{FlavorRemote, FlavorDesktop} {
		o := Observe(&Site{Flavor: flavor, Live: true, Active: true, Info: info})
		got := noProxyFindings(o)
		slices.Sort(got)
		assert.DeepEqual(t, got, []string{"no-proxy-cidr-for-names", "no-proxy-dead-entry", "no-proxy-space-separated"})
	}
}
