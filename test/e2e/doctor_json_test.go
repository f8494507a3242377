//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

const configFile = "/etc/docker/daemon.json"

// found runs doctor and returns the findings of the groups about daemon.json and values by ID. Nothing of it may hold a password.
func found(t *testing.T, h *hosts.Host) map[string]finding {
	t.Helper()
	r := proxy(t, h, "doctor", "--format", "json", "--filter", "group=daemon.json", "--filter", "group=values")
	var out struct{ Findings []finding }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), "%s", r)
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "hunter2"), r.Stdout)
	byID := map[string]finding{}
	for _, f := range out.Findings {
		byID[f.ID] = f
	}
	return byID
}

// mended types the command that a finding offers, and looks again.
func mended(t *testing.T, h *hosts.Host, f finding, answers string) {
	t.Helper()
	h.Sh(t, f.Fix+answers)
	_, still := found(t, h)[f.ID]
	assert.Assert(t, !still, "%s is still there after %s", f.ID, f.Fix)
}

// TestDoctorDaemonJSON: what doctor says of a running dockerd and its file is what that dockerd does, and the command mends it.
func TestDoctorDaemonJSON(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		for _, play := range []struct {
			name string
			run  func(*testing.T, *hosts.Host)
		}{
			{"the next start", stopsNextStart}, {"null beside a flag", nullBesideFlag}, {"a link to nothing", linkToNothing}, {"credentials in docker info", shownCredentials},
			{"CGI", cgiRefuses},
		} {
			t.Run(play.name, func(t *testing.T) {
				assert.Equal(t, len(found(t, h)), 0)
				defer func() {
					h.Sh(t, "rm -rf "+configFile+" /etc/systemd/system/docker.service.d /etc/default/docker && systemctl daemon-reload && { systemctl reset-failed docker docker.socket || true; }")
					h.RestartDocker(t)
				}()
				play.run(t, h)
			})
		}
	})
}

// stopsNextStart: a dockerd that runs has not read what will stop it; a reload says so in the journal only.
func stopsNextStart(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, configFile, "{\"debug\": true,\n\"proxies\": {\"http-proxy\": 3128}}\n", 0o644)
	h.Sh(t, "systemctl reload docker")
	h.Info(t)
	got := found(t, h)
	assert.Assert(t, got["daemon-json-wrong-type"].ID != "")
	bomb := got["daemon-json-breaks-next-restart"]
	assert.Equal(t, bomb.Severity, "error")
	r := h.Run(t, "systemctl", "restart", "docker")
	assert.Assert(t, r.Code != 0)
	assert.Assert(t, cmp.Contains(h.Sh(t, "journalctl -u docker --no-pager"), `level=error msg="unable to configure the Docker daemon with file`))
	got = found(t, h)
	assert.Assert(t, got["daemon-json-wrong-type"].ID != "")
	assert.Equal(t, got["daemon-json-breaks-next-restart"].ID, "", "it does not run")
	h.Sh(t, "systemctl reset-failed docker docker.socket")
	mended(t, h, bomb, " --yes --no-restart")
	h.RestartDocker(t)
	h.Info(t)
	assert.Assert(t, cmp.Contains(h.ReadFile(t, configFile), `"debug": true`))
}

// nullBesideFlag: dockerd does not only refuse, it crashes.
func nullBesideFlag(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, configFile, `{"proxies": {"https-proxy": null}}`, 0o644)
	h.WriteFile(t, "/etc/default/docker", "DOCKER_OPTS=--https-proxy=http://p.corp:1\n", 0o644)
	h.Sh(t, "systemctl stop docker docker.socket")
	f := found(t, h)["daemon-json-null"]
	assert.Assert(t, cmp.Contains(f.Message, "crashes"))
	r := h.Run(t, "dockerd", "--validate", "--config-file", configFile, "--https-proxy=http://p.corp:1")
	assert.Assert(t, cmp.Contains(r.Stderr, "panic: interface conversion"))
	mended(t, h, f, " --yes --no-restart")
	h.MustRun(t, "dockerd", "--validate", "--config-file", configFile, "--https-proxy=http://p.corp:1")
}

// linkToNothing: dockerd starts as if there were no file.
func linkToNothing(t *testing.T, h *hosts.Host) {
	h.Sh(t, "ln -sfn /srv/settings/daemon.json "+configFile)
	f := found(t, h)["daemon-json-dangling-link"]
	assert.Assert(t, cmp.Contains(f.Message, "without any configuration"))
	h.RestartDocker(t)
	assert.Equal(t, h.Info(t).HTTPSProxy, "")
	mended(t, h, f, "")
}

// shownCredentials: everybody who may ask the API sees the password, until it stands in a URL.
func shownCredentials(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, configFile, `{"proxies": {"http-proxy": "http://p.corp:1", "https-proxy": "ann:hunter2@p.corp:1"}}`, 0o600)
	h.RestartDocker(t)
	assert.Assert(t, cmp.Contains(h.MustDocker(t, "info"), "hunter2"))
	got := found(t, h)
	assert.Assert(t, got["url-missing-scheme"].ID != "")
	mended(t, h, got["url-credentials-leak-in-info"], " --yes --restart --no-check")
	info := h.MustDocker(t, "info")
	assert.Assert(t, !strings.Contains(info, "hunter2"), info)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://xxxxx:xxxxx@p.corp:1")
}

// cgiRefuses: with REQUEST_METHOD Go refuses what would go through http-proxy.
func cgiRefuses(t *testing.T, h *hosts.Host) {
	h.Sh(t, "mkdir -p /etc/systemd/system/docker.service.d && printf '[Service]\\nEnvironment=REQUEST_METHOD=GET HTTP_PROXY=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1\\n' >/etc/systemd/system/docker.service.d/a.conf && systemctl daemon-reload")
	h.RestartDocker(t)
	imports := func() string { return h.Docker(t, "import", "http://a.corp/x.tar").Stderr }
	assert.Assert(t, cmp.Contains(imports(), "refusing to use HTTP_PROXY value in CGI environment"))
	mended(t, h, found(t, h)["cgi-request-method"], "")
	assert.Assert(t, cmp.Contains(imports(), "127.0.0.1:1: connect: connection refused"))
}

// TestDoctorLoopback: a rootless dockerd does not reach a proxy of its own machine that the account's shell does.
func TestDoctorLoopback(t *testing.T) {
	on(t, "rootless", func(t *testing.T, h *hosts.Host) {
		const file = "/home/ann/.config/docker/daemon.json"
		h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "(busybox nc -ll -p 3999 -e /bin/true </dev/null >/dev/null 2>&1 &); mkdir -p ~/.config/docker"}, User: "ann"})
		t.Run("its network is another one", func(t *testing.T) {
			assert.Equal(t, len(found(t, h)), 0)
			h.WriteFile(t, file, `{"proxies": {"http-proxy": "http://127.0.0.1:3999", "https-proxy": "http://127.0.0.1:3999"}}`, 0o644)
			h.RestartDocker(t)
			assert.Assert(t, found(t, h)["url-loopback-in-rootless-or-vm"].ID != "")
			assert.Assert(t, cmp.Contains(h.Docker(t, "pull", "registry.corp:5000/x").Stderr, "127.0.0.1:3999: connect: connection refused"))
			r := h.Do(t, hosts.Cmd{Argv: []string{"curl", "-sS", "-m", "2", "-x", "http://127.0.0.1:3999", "http://registry.corp/"}, User: "ann"})
			assert.Assert(t, !strings.Contains(r.Stderr, "Failed to connect"), "%s", r)
		})
		t.Run("the system's file is not read", func(t *testing.T) {
			h.Remove(t, file)
			h.WriteFile(t, "/etc/docker/daemon.json", `{"proxies": {"https-proxy": "http://10.200.0.9:1"}}`, 0o644)
			h.RestartDocker(t)
			assert.Equal(t, h.Info(t).HTTPSProxy, "")
			assert.Assert(t, found(t, h)["daemon-json-not-the-one-read"].ID != "")
		})
	})
}
