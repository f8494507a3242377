//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

const exportFile = `schema: 1
httpProxy: http://proxy.corp:3128
httpsProxy: http://proxy.corp:3129
noProxy: localhost,*.corp,10.0.0.0/8
services:
  api: {username: ann, passwordFile: secret}
  web: {proxy: "http://other.corp:1", noProxy: localhost}
`

// exported is the environment of services in exportFile, credentials included, sorted as environment does.
func exported(service string) []string {
	http, https, no := "http://ann:p%40%24s@proxy.corp:3128", "http://ann:p%40%24s@proxy.corp:3129", "localhost,*.corp,10.0.0.0/8"
	switch service {
	case "web":
		http, https, no = "http://other.corp:1", "http://other.corp:1", "localhost"
	case "":
		http, https = "http://proxy.corp:3128", "http://proxy.corp:3129"
	}
	out := []string{"HTTP_PROXY=" + http, "http_proxy=" + http, "HTTPS_PROXY=" + https, "https_proxy=" + https, "NO_PROXY=" + no, "no_proxy=" + no}
	slices.Sort(out)
	return out
}

// writeExport puts the file of settings and its password beside each other.
func writeExport(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.WriteFile(t, "/root/x/proxy.yaml", exportFile, 0o644)
	h.WriteFile(t, "/root/x/secret", "p@$s\n", 0o600)
	h.Sh(t, "tar -C / -c usr/bin/busybox | docker import - box")
}

// in runs a script in /root/x.
func in(t *testing.T, h *hosts.Host, script string) hosts.Result {
	t.Helper()
	return h.Do(t, hosts.Cmd{Argv: []string{"sh", "-e", "-c", script}, Dir: "/root/x"})
}

func mustIn(t *testing.T, h *hosts.Host, script string) string {
	t.Helper()
	r := in(t, h, script)
	assert.Equal(t, r.Code, 0, "%s: %s", script, r)
	return r.Stdout
}

// TestExport: what a container, a shell and a Compose service have is what was exported, whatever config.json says.
func TestExport(t *testing.T) {
	for _, kind := range []string{"trixie", "bookworm", "sid"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			hosts.RecordAtEnd(t, kind)
			h := boot(t, kind)
			writeExport(t, h)
			playRun(t, h)
		})
	}
}

func playRun(t *testing.T, h *hosts.Host) {
	const container = "docker run --rm --network none "
	const env = " box /usr/bin/busybox env"
	configs := []string{"", `{"proxies": {"default": {"httpProxy": "http://cfg:1", "httpsProxy": "http://cfg:1", "noProxy": "cfg", "ftpProxy": "http://cfg:1", "allProxy": "http://cfg:1"}}}`}
	for _, config := range configs {
		h.WriteFile(t, ".docker/config.json", config+"\n", 0o600)
		if config == "" {
			h.Remove(t, ".docker/config.json")
		}
		own := func(out string) []string {
			return slices.DeleteFunc(environment(out), func(l string) bool {
				return strings.HasPrefix(strings.ToLower(l), "ftp_") || strings.HasPrefix(strings.ToLower(l), "all_")
			})
		}
		assert.DeepEqual(t, own(mustIn(t, h, container+"$(docker proxy export run -f proxy.yaml)"+env)), exported(""))
		assert.DeepEqual(t, own(mustIn(t, h, container+"$(docker proxy export run -f proxy.yaml --service web)"+env)), exported("web"))
		// with credentials: by a file, and config.json does not win over it
		words := mustIn(t, h, "docker proxy export run -f proxy.yaml --service api -o out")
		assert.Assert(t, !strings.Contains(words, "ann"))
		assert.DeepEqual(t, own(mustIn(t, h, container+"$(docker proxy export run -f proxy.yaml --service api -o out)"+env)), exported("api"))
		assert.Equal(t, strings.TrimSpace(h.Sh(t, "stat -c %a /root/x/out/proxy.env")), "600")
		// a file with one URL is all that is in force
		h.WriteFile(t, "/root/x/one.yaml", "schema: 1\nhttpProxy: http://one.corp:1\n", 0o644)
		h.WriteFile(t, "/root/x/secret.yaml", "schema: 1\nhttpProxy: http://one.corp:1\nusername: ann\npasswordFile: secret\n", 0o644)
		for options, url := range map[string]string{"-f one.yaml": "http://one.corp:1", "-f secret.yaml -o one": "http://ann:p%40%24s@one.corp:1"} {
			set := slices.DeleteFunc(environment(mustIn(t, h, container+"$(docker proxy export run "+options+")"+env)), func(l string) bool { return strings.HasSuffix(l, "=") })
			assert.DeepEqual(t, set, []string{"HTTP_PROXY=" + url, "http_proxy=" + url})
		}
		off := environment(mustIn(t, h, container+"$(docker proxy export run --off)"+env))
		assert.Equal(t, len(off), 10)
		for _, l := range off {
			assert.Assert(t, strings.HasSuffix(l, "="), l)
		}
	}
	// the env-file alone, which config.json would win over
	h.Remove(t, ".docker/config.json")
	assert.DeepEqual(t, environment(mustIn(t, h, container+"--env-file $(docker proxy export dotenv -f proxy.yaml --service api -o out)"+env)), exported("api"))
	assert.DeepEqual(t, environment(mustIn(t, h, `eval "$(docker proxy export shell -f proxy.yaml --service api --reveal)"; env`)), exported("api"))
	assert.DeepEqual(t, environment(mustIn(t, h, `eval "$(docker proxy export shell -f proxy.yaml)"; eval "$(docker proxy export shell --off)"; env`)), []string(nil))
	// without -f: the daemon's effective values, for a container those of config.json first
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/p.conf", "[Service]\nEnvironment=HTTPS_PROXY=http://unit.corp:1 NO_PROXY=unit\n", 0o644)
	h.MustRun(t, "systemctl", "daemon-reload")
	h.WriteFile(t, ".docker/config.json", `{"proxies": {"default": {"noProxy": "cfg"}}}`, 0o600)
	assert.DeepEqual(t, environment(mustIn(t, h, container+"$(docker proxy export run)"+env)), []string{"HTTPS_PROXY=http://unit.corp:1", "NO_PROXY=cfg", "https_proxy=http://unit.corp:1", "no_proxy=cfg"})
	assert.DeepEqual(t, environment(mustIn(t, h, `eval "$(docker proxy export shell)"; env`)), []string{"HTTPS_PROXY=http://unit.corp:1", "NO_PROXY=unit", "https_proxy=http://unit.corp:1", "no_proxy=unit"})
	h.Remove(t, ".docker/config.json")
}

// TestExportCompose: the printed command, typed as it is, gives the services their environment, and Compose recreates them; with --off they have no proxy.
func TestExportCompose(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.InstallDebian(t, "trixie", "docker-compose", hosts.ComposePlace)
		writeExport(t, h)
		h.WriteFile(t, "/root/x/compose.yaml", `services:
  api: {image: box, command: [/usr/bin/busybox, sleep, "600"], environment: ["HTTP_PROXY=http://old:1", "MINE=$X"]}
  web: {image: box, command: [/usr/bin/busybox, sleep, "600"]}
  db: {image: box, command: [/usr/bin/busybox, sleep, "600"]}
`, 0o644)
		h.WriteFile(t, "/root/x/.env", "X=from-dot-env\n", 0o644)
		h.WriteFile(t, ".docker/config.json", `{"proxies": {"default": {"httpProxy": "http://cfg:1"}}}`, 0o600)
		mustIn(t, h, "docker compose up -d")
		service := func(name string) []string {
			return environment(mustIn(t, h, "docker compose exec -T "+name+" /usr/bin/busybox env"))
		}
		with := func(list []string, more string) []string {
			out := slices.Clone(list)
			for i, l := range out {
				if strings.HasPrefix(strings.ToLower(l), "no_proxy=") {
					out[i] = l + more
				}
			}
			return out
		}
		command := mustIn(t, h, "docker proxy export compose -f proxy.yaml -o out")
		assert.Equal(t, command, "docker compose --env-file .env --env-file out/proxy-credentials.env -f compose.yaml -f out/compose.proxy.yaml up -d api web\n")
		mustIn(t, h, command)
		assert.DeepEqual(t, service("api"), with(exported("api"), ",127.0.0.1,::1,api,db,web"))
		assert.DeepEqual(t, service("web"), with(exported("web"), ",127.0.0.1,::1,api,db,web"))
		assert.DeepEqual(t, service("db"), []string{"HTTP_PROXY=http://cfg:1", "http_proxy=http://cfg:1"})
		assert.Assert(t, cmp.Contains(mustIn(t, h, "docker compose exec -T api /usr/bin/busybox env"), "MINE=from-dot-env\n"))
		// Compose does not start a service whose credentials nobody defines.
		r := in(t, h, "docker compose -f compose.yaml -f out/compose.proxy.yaml config")
		assert.Assert(t, r.Code != 0 && strings.Contains(r.Stderr, "API_PROXY_CREDENTIALS") || strings.Contains(r.Stderr, "PROXY_CREDENTIALS"), "%s", r)

		mustIn(t, h, mustIn(t, h, "docker proxy export compose --service api --off -o off"))
		off := service("api")
		assert.Equal(t, len(off), 10)
		for _, l := range off {
			assert.Assert(t, strings.HasSuffix(l, "="), l)
		}
	})
}

// storedBuilder is what docker buildx stores about a builder.
type storedBuilder struct {
	Nodes []struct {
		Name, Endpoint string
		Platforms      []map[string]any
		DriverOpts     map[string]string
		Flags          []string
		Files          map[string][]byte
	}
}

// TestExportBuildx: the printed commands replace a builder by one with the same options, as docker buildx itself stores them; its cache is kept, and goes without --keep-state.
func TestExportBuildx(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.InstallDebian(t, "trixie", "docker-buildx", hosts.BuildxPlace)
		writeExport(t, h)
		stored := func() storedBuilder {
			var b storedBuilder
			assert.NilError(t, json.Unmarshal([]byte(h.ReadFile(t, "/root/.docker/buildx/instances/one")), &b))
			return b
		}
		mustIn(t, h, `printf 'debug = true\n[registry."reg.corp:5000"]\n  ca = ["/root/x/ca.pem"]\n' >buildkitd.toml; echo pem >ca.pem
docker context create other --docker host=unix:///var/run/docker.sock
docker buildx create --name one --use --driver-opt network=host --driver-opt '"env.NO_PROXY=old,older",env.OTHER=x y' --driver-opt '"env.Q=a""b,$c"' --buildkitd-flags '--debug --group "a b"' --buildkitd-config buildkitd.toml --platform linux/amd64,linux/arm/v7
docker buildx create --append --name one --node two --driver-opt memory=1g --platform linux/s390x other`)
		before := stored()
		// a container with the volume of the builder's cache, as a builder that has been used has one
		volume := func() string {
			mustIn(t, h, "docker rm -f buildx_buildkit_one0 2>/dev/null; docker create --name buildx_buildkit_one0 -v buildx_buildkit_one0_state:/var/lib/buildkit box /usr/bin/busybox true")
			return "buildx_buildkit_one0_state"
		}
		name := volume()
		r := in(t, h, "docker proxy export buildx -f proxy.yaml --service api --from one -o out")
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "p%40"))
		assert.Assert(t, cmp.Contains(r.Stderr, "Without --keep-state its cache goes, too"))
		mustIn(t, h, r.Stdout)
		after := stored()
		assert.Assert(t, cmp.Contains(mustIn(t, h, "docker volume ls -q"), name))
		assert.Equal(t, len(after.Nodes), 2)
		for i, n := range after.Nodes {
			want := before.Nodes[i]
			if want.DriverOpts == nil {
				want.DriverOpts = map[string]string{}
			}
			for _, l := range exported("api") {
				key, value, _ := strings.Cut(l, "=")
				want.DriverOpts["env."+key] = value
			}
			assert.DeepEqual(t, n, want)
		}
		assert.Assert(t, cmp.Contains(h.ReadFile(t, "/root/.docker/buildx/current"), `"one"`))
		// once more: nothing grows, and --off takes the proxy out
		mustIn(t, h, mustIn(t, h, "docker proxy export buildx --off --from one -o out"))
		for _, n := range stored().Nodes {
			for key := range n.DriverOpts {
				assert.Assert(t, !strings.Contains(strings.ToLower(key), "_proxy"), key)
			}
		}
		assert.DeepEqual(t, stored().Nodes[0].Flags, before.Nodes[0].Flags)
		volume()
		mustIn(t, h, "docker buildx rm one")
		assert.Assert(t, !strings.Contains(mustIn(t, h, "docker volume ls -q"), name), "the cache outlives a builder that is removed without --keep-state")

		created := mustIn(t, h, "docker proxy export buildx -f proxy.yaml")
		mustIn(t, h, strings.TrimSpace(created)+" --name fresh")
		assert.Assert(t, cmp.Contains(mustIn(t, h, "docker buildx inspect fresh"), `env.HTTPS_PROXY="http://proxy.corp:3129"`))
	})
}

// TestExportKubernetes: kubectl itself reads the Secret and merges the patch into a Deployment.
func TestExportKubernetes(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.InstallDebian(t, "trixie", "kubectl", "/usr/bin/kubectl")
		writeExport(t, h)
		h.WriteFile(t, "/root/x/web.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - {name: sidecar, image: img}
      - {name: web, image: img, env: [{name: MINE, value: "1"}, {name: HTTP_PROXY, value: "http://old:1"}]}
`, 0o644)
		commands := mustIn(t, h, "docker proxy export kubernetes -f proxy.yaml --service web,api -o k8s")
		assert.Assert(t, cmp.Contains(commands, "kubectl patch deployment web --patch-file k8s/proxy-web.patch.yaml\n"))
		env := func(file string) string {
			out := mustIn(t, h, "kubectl patch --local -f "+file+" -o jsonpath='{range .spec.template.spec.containers[1].env[*]}{.name}={.value}{.valueFrom.secretKeyRef.name}/{.valueFrom.secretKeyRef.key}{\"\\n\"}{end}' --patch-file k8s/proxy-web.patch.yaml")
			return strings.ReplaceAll(out, "=null", "=") // without a server null stays, which is no value
		}
		assert.Equal(t, env("web.yaml"), "MINE=1/\nHTTP_PROXY=docker-proxy-web/HTTP_PROXY\nhttp_proxy=docker-proxy-web/http_proxy\nHTTPS_PROXY=docker-proxy-web/HTTPS_PROXY\nhttps_proxy=docker-proxy-web/https_proxy\nNO_PROXY=docker-proxy-web/NO_PROXY\nno_proxy=docker-proxy-web/no_proxy\n")
		secret := mustIn(t, h, "kubectl label --local -f k8s/proxy-secret.yaml a=b -o jsonpath='{.metadata.name} {.kind} {.stringData.HTTPS_PROXY}{\"\\n\"}'")
		assert.Equal(t, secret, "docker-proxy-web Secret http://other.corp:1\ndocker-proxy-api Secret http://ann:p%40%24s@proxy.corp:3129\n")
		mustIn(t, h, "kubectl patch --local -f web.yaml --patch-file k8s/proxy-web.patch.yaml -o yaml >patched.yaml; docker proxy export kubernetes --off --service web -o k8s")
		assert.Equal(t, env("patched.yaml"), "MINE=1/\n")
	})
}
