package client_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// configured is a config.json with these settings.
func configured(settings ...client.Setting) client.File {
	for i := range settings {
		settings[i].Line = i + 3
	}
	return client.File{Path: "/root/.docker/config.json", Host: client.DefaultHost, Settings: settings}
}

func setting(key, value string) client.Setting {
	return client.Setting{Key: key, Value: precedence.Value(value)}
}

// injected is what a container gets of a config.json.
func injected(f client.File) []string {
	var out []string
	for _, v := range f.ForContainers() {
		out = append(out, v.Name+"="+v.Value.Reveal())
	}
	return out
}

// about writes findings as id(name), in their order.
func about(found []precedence.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s(%s)", f.ID, f.Source.Name))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestCheckContainers(t *testing.T) {
	proxied := configured(setting("httpProxy", "http://p.corp:3128"), setting("httpsProxy", "http://p.corp:3128"), setting("noProxy", "localhost,.corp"))
	secret := configured(setting("httpProxy", "http://ann:hunter2@p.corp:3128"), setting("httpsProxy", "http://ann:hunter2@p.corp:3128"))
	none := client.File{Path: "/root/.docker/config.json", Host: client.DefaultHost}
	one := func(env ...string) client.Daemon {
		return client.Daemon{Containers: []client.Created{{Name: "web", Env: env, Running: true}}}
	}
	both := func(name, value string) []string {
		return []string{name + "_PROXY=" + value, strings.ToLower(name) + "_proxy=" + value}
	}
	pair := slices.Concat(both("HTTP", "http://p.corp:3128"), both("HTTPS", "http://p.corp:3128"))
	cases := []struct {
		name   string
		daemon client.Daemon
		file   client.File
		want   string
	}{
		{"no proxies anywhere", one("PATH=/bin", "HOME=/"), none, ""},
		{"as config.json has it", one(injected(proxied)...), proxied, ""},
		{"given by hand, and well", one(append(pair, both("NO", "localhost,.corp")...)...), none, ""},
		{"quotes", one(append(both("HTTP", "http://p.corp:3128"), both("HTTPS", `"http://p.corp:3128"`)...)...), none, "url-quotes-kept(web)"},
		{"a raw percent sign", one(append(both("HTTP", "http://p.corp:3128"), both("HTTPS", "http://u:p%ss@p.corp:3128")...)...), none, "client-credentials-in-inspect(web) url-password-needs-encoding(web)"},
		{"no scheme", one(append(both("HTTP", "http://p.corp:3128"), both("HTTPS", "p.corp:3128")...)...), none, "url-missing-scheme(web)"},
		{"http only", one(both("HTTP", "http://p.corp:3128")...), none, "http-only(web)"},
		{"http and ALL_PROXY", one(append(both("HTTP", "http://p.corp:3128"), both("ALL", "http://p.corp:3128")...)...), none, ""},
		{"two values", one(append(pair[:3:3], "https_proxy=http://q.corp:3128")...), none, "case-conflict(web)"},
		{"one spelling", one("HTTP_PROXY=http://p.corp:3128", "HTTPS_PROXY=http://p.corp:3128"), none, "case-conflict(web)"},
		{"the lower one alone is read by all", one("http_proxy=http://p.corp:3128", "https_proxy=http://p.corp:3128"), none, ""},
		{"one spelling emptied", one(append(injected(proxied)[1:], "HTTP_PROXY=")...), proxied, "case-conflict(web)"},
		{"both spellings emptied", one(append(injected(proxied)[2:], "HTTP_PROXY=", "http_proxy=")...), proxied, ""},
		{"on loopback", one(append(both("HTTP", "http://localhost:3128"), both("HTTPS", "http://p.corp:3128")...)...), none, "client-loopback-proxy(web)"},
		{"on loopback, in the machine's network", client.Daemon{Containers: []client.Created{{Name: "web", Shared: true, Env: append(both("HTTP", "http://localhost:3128"), both("HTTPS", "http://localhost:3128")...)}}}, none, ""},
		{"a list alone", one(both("NO", "localhost")...), none, "no-proxy-without-proxy(web)"},
		{"a list of blanks", one(append(pair, both("NO", "localhost .corp")...)...), none, "no-proxy-space-separated(web)"},
		{"a dead entry", one(append(pair, both("NO", "https://r.corp")...)...), none, "no-proxy-dead-entry(web)"},
		{"credentials of its own", one(append(both("HTTP", "http://u:p@p.corp:1"), both("HTTPS", "http://u:p@p.corp:1")...)...), none, "client-credentials-in-inspect(web)"},
		{"config.json's credentials", one(injected(secret)...), secret, "client-credentials-in-inspect(web)"},

		{"created before", one("PATH=/bin"), proxied, "client-stale-containers(web)"},
		{"another proxy", one(slices.Concat(both("HTTP", "http://old.corp:1"), both("HTTPS", "http://old.corp:1"), both("NO", "localhost,.corp"))...), proxied, "client-stale-containers(web)"},
		{"what config.json does not give out may be its own", one(injected(proxied)...), none, ""},
		{"its Compose project sets it", client.Daemon{Containers: []client.Created{{Name: "web", Own: []string{"NO_PROXY"}, Env: append(pair, both("NO", "localhost,db")...)}}}, proxied, ""},
		{"its Compose project cannot be read", client.Daemon{Containers: []client.Created{{Name: "web", Any: true, Env: append(pair, both("NO", "localhost,db")...)}}}, proxied, ""},
		{"its Compose project cannot be read, and it has none", client.Daemon{Containers: []client.Created{{Name: "web", Any: true}}}, proxied, "client-stale-containers(web)"},
		{"another password", one(strings.Split(strings.ReplaceAll(strings.Join(injected(secret), "\n"), "hunter2", "hunter1"), "\n")...), secret, "client-credentials-in-inspect(web) client-stale-containers(web)"},
		{"given by -e for one spelling", one(append(injected(proxied)[1:], "HTTP_PROXY=http://own.corp:1")...), proxied, "case-conflict(web)"},
		{"emptied on purpose", one("HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=", "https_proxy=", "NO_PROXY=", "no_proxy="), proxied, ""},
		{"a swarm's task", client.Daemon{Containers: []client.Created{{Name: "web.1.x", Labels: map[string]string{"com.docker.swarm.service.name": "web"}}}}, proxied, ""},
		{"a builder", client.Daemon{Containers: []client.Created{{Name: "buildx_buildkit_b0"}}}, proxied, ""},

		{"--env-file lost", one(slices.Concat([]string{"HTTPS_PROXY=http://file.corp:1"}, injected(proxied))...), proxied, "client-env-file-loses(web)"},
		{"--env-file said the same", one(slices.Concat([]string{"HTTPS_PROXY=http://p.corp:3128"}, injected(proxied))...), proxied, ""},

		{"an image", client.Daemon{Images: []client.Baked{{ID: "sha256:1", Tags: []string{"app:1"}, Env: pair}}}, none, "client-image-has-proxy(app:1)"},
		{"an image that had one", client.Daemon{Images: []client.Baked{{ID: "sha256:1", Env: []string{"HTTP_PROXY=", "PATH=/bin"}}}}, none, ""},
		{"an image with credentials and quotes", client.Daemon{Images: []client.Baked{{ID: "sha256:1", Env: append(both("HTTP", "http://u:hunter2@p.corp:1"), both("HTTPS", "'http://p.corp:1'")...)}}}, none,
			"client-credentials-in-inspect(sha256:1) client-image-has-proxy(sha256:1) url-quotes-kept(sha256:1)"},
		{"what comes from the image is told there", client.Daemon{Images: []client.Baked{{ID: "sha256:1", Tags: []string{"app:1"}, Env: both("HTTP", "http://p.corp:3128")}},
			Containers: []client.Created{{Name: "web", Image: "sha256:1", Env: both("HTTP", "http://p.corp:3128")}}}, none, "client-image-has-proxy(app:1) http-only(app:1)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := client.CheckContainers(c.daemon, c.file, false)
			assert.Equal(t, about(found), c.want, "%v", found)
			for _, f := range found {
				assert.Assert(t, !strings.Contains(fmt.Sprint(f), "hunter") && !strings.Contains(fmt.Sprint(f), "p%ss"), "%v", f)
			}
		})
	}
}

// TestCheckNeighbours: the names that a container needs, by who runs in its networks.
func TestCheckNeighbours(t *testing.T) {
	env := func(list string) []string {
		out := []string{"HTTP_PROXY=http://p.corp:1", "http_proxy=http://p.corp:1", "HTTPS_PROXY=http://p.corp:1", "https_proxy=http://p.corp:1"}
		if list != "" {
			out = append(out, "NO_PROXY="+list, "no_proxy="+list)
		}
		return out
	}
	service := func(name string) map[string]string {
		return map[string]string{"com.docker.compose.project": "shop", "com.docker.compose.service": name}
	}
	shop := func(names ...string) []client.Attached {
		return []client.Attached{{Network: "shop_default", Names: names}}
	}
	db := client.Created{Name: "shop-db-1", Running: true, Labels: service("db"), Networks: shop("db", "shop-db-1")}
	plain := client.Created{Name: "cache", Running: true, Networks: shop()}
	named := client.Created{Name: "q1", Running: true, Networks: shop("queue")}
	web := func(list string) client.Created {
		return client.Created{Name: "shop-web-1", Running: true, Labels: service("web"), Networks: shop("web", "shop-web-1"), Env: env(list)}
	}
	stopped, elsewhere, bridge := plain, plain, plain
	stopped.Running = false
	elsewhere.Networks = []client.Attached{{Network: "other"}}
	bridge.Networks = []client.Attached{{Network: "bridge"}}
	onBridge := web("localhost")
	onBridge.Networks = bridge.Networks
	second := web("localhost")
	second.Name = "shop-web-2"
	cases := []struct {
		name       string
		containers []client.Created
		want       string // the names it lacks
	}{
		{"a service", []client.Created{web("localhost"), db}, "db"},
		{"no list at all", []client.Created{web(""), db}, "db"},
		{"a service that is listed", []client.Created{web("localhost,db"), db}, ""},
		{"everything is direct", []client.Created{web("*"), db}, ""},
		{"a container and an alias", []client.Created{web("localhost"), db, plain, named}, "cache, db, queue"},
		{"one that does not run", []client.Created{web("localhost"), stopped}, ""},
		{"another network", []client.Created{web("localhost"), elsewhere}, ""},
		{"the default bridge knows no names", []client.Created{onBridge, bridge}, ""},
		{"its own service", []client.Created{web("localhost"), second}, ""},
		{"alone", []client.Created{web("localhost")}, ""},
		{"no proxy", []client.Created{{Name: "web", Running: true, Networks: shop()}, db}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lacks, fix := "", ""
			for _, f := range client.CheckContainers(client.Daemon{Containers: c.containers}, configured(), false) {
				if f.ID == "no-proxy-missing-service" && f.Source.Name == "shop-web-1" {
					_, after, _ := strings.Cut(f.Message, "lacks ")
					lacks, _, _ = strings.Cut(after, ", in the same network")
					fix = f.Fix
				}
			}
			assert.Equal(t, lacks, c.want)
			assert.Assert(t, c.want == "" || strings.HasPrefix(fix, "docker compose -p shop "), fix)
		})
	}
	// The list comes from config.json: that is where it is mended, by hand or by computing it anew.
	file := configured(setting("httpProxy", "http://p.corp:1"), setting("httpsProxy", "http://p.corp:1"), setting("noProxy", "localhost"))
	for rule, want := range map[string]string{"": "docker proxy set --only client --no-proxy-add db", "auto": "docker proxy reconcile --only client"} {
		file.Rule = rule
		found := client.CheckContainers(client.Daemon{Containers: []client.Created{web("localhost"), db}}, file, false)
		i := slices.IndexFunc(found, func(f precedence.Finding) bool { return f.ID == "no-proxy-missing-service" })
		assert.Equal(t, found[i].Fix, want)
	}
}

// TestCheckNetworks: Docker's networks in the list of config.json, where several containers run in them.
func TestCheckNetworks(t *testing.T) {
	in := func(name, network string) client.Created {
		return client.Created{Name: name, Running: true, Networks: []client.Attached{{Network: network}}}
	}
	subnets := []client.Subnet{
		{Network: "bridge", Prefix: netip.MustParsePrefix("172.17.0.0/16")}, {Network: "shop", Prefix: netip.MustParsePrefix("172.18.0.0/16")}, {Network: "shop", Prefix: netip.MustParsePrefix("fd00:1::/64")},
	}
	file := func(list string) client.File {
		return configured(setting("httpProxy", "http://p.corp:1"), setting("httpsProxy", "http://p.corp:1"), setting("noProxy", list))
	}
	two := []client.Created{in("a", "shop"), in("b", "shop"), in("c", "bridge")}
	cases := []struct {
		name       string
		containers []client.Created
		file       client.File
		want       string
	}{
		{"two containers", two, file("localhost"), "docker proxy set --only client --no-proxy-add 172.18.0.0/16 --no-proxy-add fd00:1::/64"},
		{"one of its ranges", two, file("172.16.0.0/12"), "docker proxy set --only client --no-proxy-add fd00:1::/64"},
		{"covered", two, file("172.16.0.0/12,fd00::/8"), ""},
		{"everything", two, file("*"), ""},
		{"nobody to talk to", []client.Created{in("a", "shop"), in("c", "bridge")}, file("localhost"), ""},
		{"no proxy", two, configured(setting("noProxy", "localhost")), ""},
		{"nothing configured", two, configured(), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fix := ""
			for _, f := range client.CheckContainers(client.Daemon{Containers: c.containers, Subnets: subnets}, c.file, false) {
				if f.ID == "no-proxy-missing-docker-network" {
					fix = f.Fix
					assert.Equal(t, f.Source.Line, 5)
				}
			}
			assert.Equal(t, fix, c.want)
		})
	}
}
