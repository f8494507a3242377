//go:build hosts && linux

package docs

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// guides is the page about the tasks that guides do by hand.
const guides = "docs/from-the-guides.md"

// sections splits a page at its headings of the second level; what stands before the first one is left out.
func (p page) sections() []page {
	var out []page
	for _, text := range strings.Split(p.text, "\n## ")[1:] {
		heading, _, _ := strings.Cut(text, "\n")
		out = append(out, page{heading, text})
	}
	return out
}

// TestGuideTasks plays every task of the page on a booted Debian 13, each on a machine without settings, compares what is printed, and then looks by other means whether
// it had the effect: at dockerd's environment, at the way of real pulls, at what containers asked the proxy for. With -update the outputs are written into the page.
func TestGuideTasks(t *testing.T) { t.Run("trixie", playGuideTasks) }

func playGuideTasks(t *testing.T) {
	hosts.RecordAtEnd(t, "trixie")
	g := bootGuideHost(t)
	p := readPage(t, guides)
	effects := guideEffects()
	for _, section := range p.sections() {
		t.Run(section.name, func(t *testing.T) {
			effect := effects[section.name]
			assert.Assert(t, effect != nil, "nothing looks at the effect of this task")
			delete(effects, section.name)
			// A task that restarts dockerd has to, so the daemon starts without settings; the lists are looked at beside a running daemon that has a proxy.
			g.clean(t, section.name == "Containers and builds" || strings.Contains(section.text, "\nrestarted docker.service") && section.name != "Internal registries")
			served := len(g.n.ProxyLog(t))
			played := section
			for _, b := range section.blocks("console") {
				played = played.play(t, g.h, b, func(string) {})
			}
			p.text = strings.Replace(p.text, section.text, played.text, 1)
			effect(t, g, served)
		})
	}
	assert.Equal(t, len(effects), 0, "tasks that are not on the page: %v", effects)
	p.save(t)
}

// guideHost is the machine of the page.
type guideHost struct {
	h       *hosts.Host
	n       *hosts.Network
	startup string // Debian's own /etc/default/docker
}

// bootGuideHost boots a machine that trusts the corporation's authority, on which root has logged in to its registry (so that this is the registry a proxy is tried with), with buildx, and
// in dev's home the files that the page names.
func bootGuideHost(t *testing.T) *guideHost {
	t.Helper()
	h := hosts.Boot(t, "trixie", hosts.WithTrustedCA())
	h.InstallPlugin(t, binary(t))
	g := &guideHost{h, h.Network(t), h.ReadFile(t, "/etc/default/docker")}
	h.InstallDebian(t, "trixie", "docker-buildx", hosts.BuildxPlace)
	h.WriteFile(t, "/root/.docker/config.json", `{"auths": {"`+hosts.Registry+`": {}}}`, 0o600)
	h.WriteFile(t, "/home/dev/app/Dockerfile", "FROM app\nRUN env\n", 0o644)
	h.WriteFile(t, "/home/dev/secret", hosts.ProxyPassword+"\n", 0o600)
	h.WriteFile(t, "/home/dev/proxy.yaml", "schema: 1\nhttpProxy: http://other.corp:3128\nhttpsProxy: http://other.corp:3128\nnoProxy: localhost\n", 0o644)
	h.Sh(t, `usermod -aG docker dev
		chown -R dev: /home/dev
		mkdir -p /root/app/bin
		cp /usr/bin/busybox /root/app/bin
		for name in sh env sleep wget; do ln -s busybox /root/app/bin/$name; done
		tar -C /root/app -c . | docker import -c 'ENV PATH=/bin' - app`)
	return g
}

// clean takes out what the task before has left; with fresh the running dockerd does not have it either, so that a task that restarts it has to.
func (g *guideHost) clean(t *testing.T, fresh bool) {
	t.Helper()
	g.h.WriteFile(t, "/etc/default/docker", g.startup, 0o644)
	g.h.Sh(t, `rm -rf /etc/docker/daemon.json /etc/systemd/system/docker.service.d /etc/systemd/system.conf.d /var/lib/docker-proxy /home/dev/.docker /home/dev/.local
		docker container prune --force
		systemctl daemon-reload
		systemctl reset-failed docker.service docker.socket || :`)
	if fresh {
		g.h.RestartDocker(t)
	}
}

// asked is what a new container of dev's asked the proxies for when it fetched a page from a host that the list of direct ones does not have.
func (g *guideHost) asked(t *testing.T, options ...string) []hosts.ProxyRequest {
	t.Helper()
	before := len(g.n.ProxyLog(t))
	argv := slices.Concat([]string{"docker", "run", "--rm", "--network", "host"}, options, []string{"app", "wget", "-q", "-O", "-", "http://" + hosts.Registry + "/"})
	g.h.Do(t, hosts.Cmd{Argv: argv, User: "dev"}) // the registry speaks TLS only, so this fails wherever it goes
	return g.n.ProxyLog(t)[before:]
}

// pulls checks which way dockerd goes to a registry that no list has, and to the internal one.
func (g *guideHost) pulls(t *testing.T, internal string) {
	t.Helper()
	assert.Equal(t, g.n.Pull(t, hosts.Registry).Route(), "proxy")
	assert.Equal(t, g.n.Pull(t, hosts.DirectRegistry).Route(), internal)
}

// guideEffects says for each task how its effect is seen. served is how many requests the proxy had served before it.
func guideEffects() map[string]func(t *testing.T, g *guideHost, served int) {
	url := hosts.ProxyURL(hosts.PlainPort)
	inEnviron := func(t *testing.T, g *guideHost, _ int) {
		assert.Equal(t, g.h.DaemonEnviron(t)["HTTPS_PROXY"], url)
		g.pulls(t, "direct")
	}
	return map[string]func(t *testing.T, g *guideHost, served int){
		"A drop-in for docker.service": inEnviron,
		"daemon.json": func(t *testing.T, g *guideHost, _ int) {
			assert.Equal(t, g.h.DaemonEnviron(t)["HTTPS_PROXY"], "")
			g.pulls(t, "direct")
		},
		"https through a proxy, or https to the proxy": func(t *testing.T, g *guideHost, served int) {
			log := g.n.ProxyLog(t) // of the second trial alone: the first one does not get as far as a request
			assert.DeepEqual(t, log[len(log)-1], hosts.ProxyRequest{Port: hosts.PlainPort, Method: "CONNECT", Target: hosts.Registry, Status: 200})
			assert.Assert(t, len(log) > served)
		},
		"Variables of a shell": inEnviron,
		"The startup file":     inEnviron,
		"Several of them at once": func(t *testing.T, g *guideHost, _ int) {
			g.pulls(t, "proxy")
			assert.Equal(t, g.h.Run(t, "grep", "-r", "HTTPS_PROXY", "/etc/default/docker", "/etc/systemd/system/docker.service.d").Code, 1)
		},
		"User and password": func(t *testing.T, g *guideHost, _ int) {
			g.pulls(t, "proxy")
			log := g.n.ProxyLog(t)
			assert.DeepEqual(t, log[len(log)-1], hosts.ProxyRequest{Port: hosts.AuthPort, Method: "CONNECT", Target: hosts.DirectRegistry, Status: 200, User: hosts.ProxyUser})
		},
		"Internal registries":                       func(t *testing.T, g *guideHost, _ int) { g.pulls(t, "direct") },
		"Containers and builds":                     containerEffect(hosts.PlainPort),
		"One container, one build":                  oneContainerEffect,
		"Another proxy for one daemon's containers": containerEffect(hosts.InspectPort),
		"Who connects in a pull": func(t *testing.T, g *guideHost, _ int) {
			assert.Equal(t, len(g.asked(t)), 0) // the client has no proxy
			g.pulls(t, "direct")
		},
		"A feed, asked for from inside a service": func(t *testing.T, g *guideHost, served int) {
			log := g.n.ProxyLog(t)
			assert.Assert(t, len(log) > served)
			assert.Equal(t, log[served].Target, hosts.Registry)
			assert.Equal(t, log[served].Port, hosts.PlainPort)
		},
		"Taking it back": func(t *testing.T, g *guideHost, served int) {
			assert.Equal(t, g.h.Info(t).HTTPSProxy, "") // unset is in effect; what came back after it waits for a restart
			assert.Equal(t, g.n.Pull(t, hosts.Registry).Route(), "direct")
			containerEffect(hosts.PlainPort)(t, g, served)
		},
	}
}

// containerEffect checks that new containers ask the proxy at port.
func containerEffect(port int) func(t *testing.T, g *guideHost, served int) {
	return func(t *testing.T, g *guideHost, _ int) {
		asked := g.asked(t)
		assert.Equal(t, len(asked), 1)
		assert.Equal(t, asked[0].Port, port)
		assert.Equal(t, asked[0].Target, "http://"+hosts.Registry+"/")
	}
}

func oneContainerEffect(t *testing.T, g *guideHost, served int) {
	containerEffect(hosts.PlainPort)(t, g, served)
	off := strings.Fields(g.h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "export", "run", "--off"}, User: "dev"}).Stdout)
	assert.Assert(t, len(off) > 0)
	assert.Equal(t, len(g.asked(t, off...)), 0)
}
