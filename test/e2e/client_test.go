//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// clientView is what `show --format json` says about clients and containers.
type clientView struct {
	Clients []struct {
		Host, Lookup string
		Variables    []struct {
			Name, Value string
			Builds      bool
		}
	}
	Containers []struct {
		Name        string
		Differences []struct{ Variable, Has, New string }
		OtherUser   bool
		Credentials []string
		Recreate    string
	}
}

func viewClient(t *testing.T, h *hosts.Host, args ...string) clientView {
	t.Helper()
	var v clientView
	assert.NilError(t, json.Unmarshal([]byte(mustProxy(t, h, append([]string{"show", "--format", "json"}, args...)...).Stdout), &v))
	return v
}

// environment reads the lines NAME=VALUE of the proxy variables, sorted.
func environment(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, "@@"); i >= 0 { // as a RUN step prints them, after a builder's own decoration
			line = line[i+2:]
		} else if strings.Contains(text, "@@") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); ok && strings.HasSuffix(strings.ToLower(name), "_proxy") && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

// said is what show says, for containers or for builds.
func (v clientView) said(builds bool) []string {
	var out []string
	for _, x := range v.Clients[0].Variables {
		if !builds || x.Builds {
			out = append(out, x.Name+"="+x.Value)
		}
	}
	slices.Sort(out)
	return out
}

// TestClient: what containers and builds get is what show says, by whatever way the settings came; containers that were created before are named.
func TestClient(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		buildx, err := hosts.Buildx(t.Context(), "trixie", os.Stderr)
		assert.NilError(t, err)
		plugin, err := os.ReadFile(buildx)
		assert.NilError(t, err)
		h.WriteFile(t, hosts.BuildxPlace, string(plugin), 0o755)
		h.Sh(t, "tar -C / -c usr/bin/busybox | docker import - box && mkdir -p /root/build && cp /usr/bin/busybox /root/build/")
		h.WriteFile(t, "/root/build/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"/bin/busybox env | /bin/busybox sed s/^/@@/\"]\n", 0o644)
		before := `{"auths": {"r.corp": {}}, "unknown": [1,  2]}`
		h.WriteFile(t, ".docker/config.json", before, 0o640)
		h.MustDocker(t, "create", "--name", "earlier", "box", "/usr/bin/busybox", "true")

		mustClient(t, h, "set", "--only", "client", "--proxy", "http://ann:p%40ss@p.corp:3128", "--ftp-proxy", "http://f.corp:21", "--all-proxy", "socks5://s.corp:1080",
			"--no-proxy", "a.corp,b.corp", "--client-credentials", "include")
		view := viewClient(t, h, "--reveal")
		assert.Equal(t, view.Clients[0].Lookup, "unix:///var/run/docker.sock")
		assert.Equal(t, len(view.said(false)), 10)

		t.Run("run", func(t *testing.T) {
			run := func(args ...string) []string {
				return environment(h.MustDocker(t, append(append([]string{"run", "--rm", "--network", "none"}, args...), "box", "/usr/bin/busybox", "env")...))
			}
			assert.DeepEqual(t, run(), view.said(false))
			// -e wins for its own spelling alone; --env-file loses.
			with := run("-e", "HTTP_PROXY=http://own:1")
			assert.Assert(t, slices.Contains(with, "HTTP_PROXY=http://own:1"))
			assert.Assert(t, slices.Contains(with, "http_proxy=http://ann:p%40ss@p.corp:3128"))
			h.WriteFile(t, "/root/env", "HTTPS_PROXY=http://file:1\n", 0o600)
			assert.DeepEqual(t, run("--env-file", "/root/env"), view.said(false))
		})
		t.Run("build", func(t *testing.T) {
			build := func(buildkit string, args ...string) []string {
				if buildkit == "1" {
					args = append(args, "--progress", "plain")
				}
				r := h.Do(t, hosts.Cmd{Argv: slices.Concat([]string{"docker", "build", "--no-cache"}, args, []string{"/root/build"}), Env: []string{"DOCKER_BUILDKIT=" + buildkit}})
				assert.Equal(t, r.Code, 0, "%s", r)
				return environment(r.Stdout + r.Stderr)
			}
			assert.DeepEqual(t, build("1"), view.said(true))
			assert.DeepEqual(t, build("0"), view.said(false)) // the legacy builder has the record as a whole
			// An argument in upper case wins for both spellings; one in lower case alone does so since buildx 0.33 only.
			with := build("1", "--build-arg", "HTTPS_PROXY=http://arg:1")
			assert.Assert(t, slices.Contains(with, "https_proxy=http://arg:1") && slices.Contains(with, "HTTPS_PROXY=http://arg:1"), with)
		})
		t.Run("stale containers", func(t *testing.T) {
			h.MustDocker(t, "create", "--name", "current", "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web", "box", "/usr/bin/busybox", "true")
			mustClient(t, h, "set", "--only", "client", "--proxy", "http://bob:new@p.corp:3128", "--client-credentials", "include")
			v := viewClient(t, h)
			names := map[string]int{}
			for i, c := range v.Containers {
				names[c.Name] = i
			}
			earlier, current := v.Containers[names["earlier"]], v.Containers[names["current"]]
			assert.Equal(t, earlier.Name, "earlier")
			assert.Equal(t, len(earlier.Differences), 10)
			assert.Equal(t, earlier.Differences[0].Has, "")
			assert.Equal(t, current.Name, "current")
			assert.Equal(t, current.OtherUser, true)
			assert.Assert(t, slices.Contains(current.Credentials, "HTTPS_PROXY"))
			assert.Assert(t, cmp.Contains(current.Recreate, "docker compose -p shop up -d --force-recreate"))
			text := mustProxy(t, h, "show").Stdout
			assert.Assert(t, !strings.Contains(text, "p%40ss") && !strings.Contains(text, "bob"), text)
			assert.Assert(t, cmp.Contains(text, "credentials are visible in docker inspect"))
		})
		mustClient(t, h, "unset", "--only", "client")
		assert.Equal(t, h.ReadFile(t, ".docker/config.json"), before)
		assert.Equal(t, strings.TrimSpace(h.Sh(t, "stat -c %a /root/.docker/config.json")), "640")
		h.Sh(t, "docker rm -f $(docker ps -aq) >/dev/null")
		t.Run("doctor about config.json", func(t *testing.T) { doctorConfig(t, h) })
		t.Run("doctor about containers", func(t *testing.T) { doctorContainers(t, h) })
	})
}

// mustClient runs `docker proxy … --user root`: plain root has no config.json that is written without being named.
func mustClient(t *testing.T, h *hosts.Host, args ...string) {
	t.Helper()
	mustProxy(t, h, append(args, "--user", "root")...)
}
