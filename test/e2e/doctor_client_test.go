//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// finding is what `doctor --format json` says.
type finding struct {
	ID, Severity, Message, Fix string
	Source                     *struct{ Layer, Path, Name string }
}

// diagnosed runs doctor and returns the findings of the two groups that are about clients and lists, without the credentials that nobody may see.
func diagnosed(t *testing.T, h *hosts.Host, args ...string) []finding {
	t.Helper()
	r := proxy(t, h, append([]string{"doctor", "--format", "json", "--filter", "group=client", "--filter", "group=NO_PROXY", "--filter", "group=values"}, args...)...)
	var out struct{ Findings []finding }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), "%s", r)
	assert.Assert(t, !strings.Contains(r.Stdout, "hunter2"), r.Stdout)
	return out.Findings
}

// told writes findings as id(name of what they are about), sorted, each once.
func told(found []finding) []string {
	out := []string{}
	for _, f := range found {
		text := f.ID
		if f.Source != nil && f.Source.Path == "" {
			text += "(" + f.Source.Name + ")"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newContainer is the environment of a container that docker create makes now, of the names that matter, and what the CLI says beside it.
func newContainer(t *testing.T, h *hosts.Host, args ...string) (variables []string, said string) {
	t.Helper()
	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", `id=$(docker create "$@" box /usr/bin/busybox true) && docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' $id && docker rm $id >/dev/null`, "sh"}, User: h.Kind.User})
	if len(args) > 0 {
		r = h.Do(t, hosts.Cmd{Argv: append([]string{"sh", "-c", `docker run --rm "$@" box /usr/bin/busybox env`, "sh"}, args...), User: h.Kind.User})
	}
	assert.Equal(t, r.Code, 0, "%s", r)
	return environment(r.Stdout), r.Stderr
}

// doctorConfig: what doctor says of a config.json is what the Docker CLI does with it, and the command that it offers mends it.
func doctorConfig(t *testing.T, h *hosts.Host) {
	t.Helper()
	good := `"httpProxy": "http://p.corp:1", "httpsProxy": "http://p.corp:1"`
	states := []struct {
		name, text string
		says       []string
		has        int  // variables of a new container
		warns      bool // the CLI says something
		mended     int  // variables after the fixes; -1: none is offered
	}{
		{"good", `{"proxies": {"default": {` + good + `}}}`, nil, 4, false, 4},
		{"flat", `{"proxies": {` + good + `}}`, []string{"client-flat-proxies"}, 0, true, 4},
		{"top level", `{` + good + `}`, []string{"client-flat-proxies"}, 0, false, 4},
		{"the daemon's spelling", `{"proxies": {"default": {"http-proxy": "http://p.corp:1", "https-proxy": "http://p.corp:1"}}}`, []string{"client-flat-proxies"}, 0, false, 4},
		{"a comma too many", `{"proxies": {"default": {` + good + `,}}}`, []string{"client-unparsable-config"}, 0, true, -1},
		{"a byte order mark", "\xef\xbb\xbf" + `{"proxies": {"default": {` + good + `}}}`, []string{"client-unparsable-config"}, 0, true, 4},
		{"a list in brackets", `{"proxies": {"default": {` + good + `, "noProxy": ["a"]}}}`, []string{"client-unparsable-config"}, 4, true, -1},
		{"a second value", `{}{"proxies": {"default": {` + good + `}}}`, []string{"client-unparsable-config"}, 0, false, -1},
		{"a key of ssh", `{"proxies": {"ssh://root@localhost": {` + good + `}}}`, []string{"client-key-never-matches"}, 0, false, 0},
		{"a key without a scheme", `{"proxies": {"/var/run/docker.sock": {` + good + `}}}`, []string{"client-key-never-matches"}, 0, false, 0},
		{"the key of this daemon", `{"proxies": {"unix:///var/run/docker.sock": {` + good + `}}}`, nil, 4, false, 4},
		{"a list alone", `{"proxies": {"default": {"noProxy": "a"}}}`, []string{"no-proxy-without-proxy"}, 2, false, 0},
		{"a list of blanks", `{"proxies": {"default": {` + good + `, "noProxy": "a b"}}}`, []string{"no-proxy-space-separated"}, 6, false, 6},
		{"dead entries", `{"proxies": {"default": {` + good + `, "noProxy": "a,https://b.corp,*.c.corp"}}}`, []string{"no-proxy-dead-entry", "no-proxy-readers-disagree"}, 6, false, 6},
		{"no scheme", `{"proxies": {"default": {"httpProxy": "p.corp:1", "httpsProxy": "p.corp:1"}}}`, []string{"url-missing-scheme"}, 4, false, 6},
	}
	for _, s := range states {
		h.WriteFile(t, ".docker/config.json", s.text, 0o600)
		found := diagnosed(t, h)
		assert.Check(t, slices.Equal(told(found), append([]string{}, s.says...)), "%s: %q", s.name, found)
		has, said := newContainer(t, h)
		assert.Check(t, len(has) == s.has, "%s: a new container has %q", s.name, has)
		assert.Check(t, strings.Contains(said, "WARNING") == s.warns, "%s: %s", s.name, said)
		if s.mended < 0 || len(found) == 0 {
			continue
		}
		for range found { // each fix takes one cause away, and some take several
			h.Sh(t, found[0].Fix)
			if found = diagnosed(t, h); len(found) == 0 {
				break
			}
		}
		assert.Check(t, len(found) == 0, "%s: after the fixes: %q", s.name, found)
		has, _ = newContainer(t, h)
		assert.Check(t, len(has) == s.mended, "%s: %q", s.name, has)
	}
	// What sudo leaves in somebody's home. Where the user may not even look into the directory, the CLI finds no plugins, and sudo's doctor tells.
	for _, c := range []struct{ mode, by string }{{"755", ""}, {"700", "sudo -n "}} {
		h.Sh(t, "rm -rf /home/dev/.docker && mkdir -m "+c.mode+" /home/dev/.docker && echo '{}' >/home/dev/.docker/config.json")
		asDev := func(script string) hosts.Result {
			return h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", script}, User: "dev"})
		}
		text := asDev(c.by + "docker proxy doctor --filter id=client-config-root-owned").Stdout
		assert.Assert(t, strings.Contains(text, "/home/dev/.docker: it belongs to root"), text)
		_, fix, _ := strings.Cut(text, "mend it with: ")
		fix, _, _ = strings.Cut(fix, "\n")
		r := asDev(fix)
		assert.Equal(t, r.Code, 0, "%s: %s", fix, r)
		text = asDev(c.by + "docker proxy doctor --filter id=client-config-root-owned").Stdout
		assert.Assert(t, strings.Contains(text, "Nothing found"), text)
	}
}

// doctorContainers: what containers really have, however they were made.
func doctorContainers(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.WriteFile(t, ".docker/config.json", "{}", 0o600)
	h.MustDocker(t, "create", "--name", "before", "box", "/usr/bin/busybox", "true")
	h.WriteFile(t, ".docker/config.json", `{"proxies": {"default": {"httpProxy": "http://p.corp:1", "httpsProxy": "http://p.corp:1", "noProxy": "localhost"}}}`, 0o600)
	h.WriteFile(t, "/root/proxy.env", "HTTPS_PROXY=http://file.corp:1\nOTHER=1\n", 0o600)
	h.WriteFile(t, "/root/shop/compose.yaml", "services:\n  own:\n    environment:\n      HTTP_PROXY: x\n      HTTPS_PROXY: x\n      NO_PROXY: x\n", 0o644)
	h.MustDocker(t, "network", "create", "shop")
	create := func(name string, args ...string) {
		h.MustDocker(t, append(append([]string{"create", "--name", name}, args...), "box", "/usr/bin/busybox", "true")...)
	}
	both := func(name, value string) []string {
		return []string{"-e", strings.ToUpper(name) + "=" + value, "-e", strings.ToLower(name) + "=" + value}
	}
	create("well")
	create("env-file", "--env-file", "/root/proxy.env")
	create("quotes", both("https_proxy", `"http://q.corp:1"`)...)
	create("percent", both("https_proxy", "http://ann:hunter2%ss@q.corp:1")...)
	create("bare", both("https_proxy", "q.corp:1")...)
	create("half", "-e", "HTTPS_PROXY=")
	create("blanks", both("no_proxy", "a b")...)
	create("off", slices.Concat(both("http_proxy", ""), both("https_proxy", ""), both("no_proxy", ""))...)
	create("secret", slices.Concat(both("http_proxy", "http://ann:hunter2@q.corp:1"), both("https_proxy", "http://ann:hunter2@q.corp:1"))...)
	create("loop", slices.Concat(both("http_proxy", "http://127.0.0.1:1"), both("https_proxy", "http://p.corp:1"))...)
	create("own", slices.Concat([]string{
		"--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=own",
		"--label", "com.docker.compose.project.config_files=/root/shop/compose.yaml", "--label", "com.docker.compose.project.working_dir=/root/shop",
	}, both("no_proxy", "localhost,db"))...)
	h.Sh(t, `tar -C / -c usr/bin/busybox | docker import -c 'ENV HTTP_PROXY=http://ann:hunter2@q.corp:1' - baked >/dev/null`)
	for _, name := range []string{"db", "web"} {
		h.MustDocker(t, "run", "-d", "--name", "shop-"+name+"-1", "--network", "shop", "--network-alias", name, "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service="+name,
			"box", "/usr/bin/busybox", "sleep", "600")
	}
	assert.DeepEqual(t, told(diagnosed(t, h)), []string{}) // not asked for
	found := diagnosed(t, h, "--containers")
	assert.DeepEqual(t, told(found), []string{
		"case-conflict(half)",
		"client-credentials-in-inspect(baked:latest)",
		"client-credentials-in-inspect(percent)",
		"client-credentials-in-inspect(secret)",
		"client-env-file-loses(env-file)",
		"client-image-has-proxy(baked:latest)",
		"client-loopback-proxy(loop)",
		"client-stale-containers(bare)",
		"client-stale-containers(before)",
		"client-stale-containers(blanks)",
		"client-stale-containers(loop)",
		"client-stale-containers(percent)",
		"client-stale-containers(quotes)",
		"client-stale-containers(secret)",
		"http-only(baked:latest)",
		"no-proxy-missing-docker-network",
		"no-proxy-missing-service(shop-db-1)",
		"no-proxy-missing-service(shop-web-1)",
		"no-proxy-space-separated(blanks)",
		"url-missing-scheme(bare)",
		"url-password-needs-encoding(percent)",
		"url-quotes-kept(quotes)",
	})
	// What it rests on: Docker keeps both values, and the process has the later one.
	kept := h.MustDocker(t, "inspect", "--format", "{{json .Config.Env}}", "env-file")
	assert.Assert(t, strings.Contains(kept, "HTTPS_PROXY=http://file.corp:1") && strings.Contains(kept, "HTTPS_PROXY=http://p.corp:1"), kept)
	has, _ := newContainer(t, h, "--env-file", "/root/proxy.env", "--network", "none")
	assert.Assert(t, slices.Contains(has, "HTTPS_PROXY=http://p.corp:1"), has)
	// The fixes, typed: lists for what exists from now on, an image without the variables.
	mend := func(id string) {
		for _, f := range diagnosed(t, h, "--containers", "--filter", "id="+id) {
			if f.ID == id {
				h.Sh(t, f.Fix)
				break
			}
		}
	}
	mend("no-proxy-missing-service")
	mend("no-proxy-missing-docker-network")
	text := h.ReadFile(t, ".docker/config.json")
	for _, entry := range []string{"web", "/16"} { // what shop-db-1 lacks
		assert.Assert(t, strings.Contains(text, entry), text)
	}
	assert.Assert(t, !slices.Contains(told(diagnosed(t, h, "--containers")), "no-proxy-missing-docker-network"))
	h.Sh(t, "docker rm -f env-file && docker create --name env-file -e HTTPS_PROXY=http://file.corp:1 -e https_proxy=http://file.corp:1 box /usr/bin/busybox true")
	assert.Assert(t, !slices.Contains(told(diagnosed(t, h, "--containers")), "client-env-file-loses(env-file)"))
	h.Sh(t, "docker rm -f $(docker ps -aq) >/dev/null; docker network rm shop; docker rmi baked")
}
