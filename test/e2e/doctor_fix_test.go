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

// ailment is what somebody did to a host, and what doctor has to call it.
type ailment struct {
	name, path, text string
	ids              string // of the errors and warnings, sorted
	apply            string // how they made it take effect
}

func ailments() []ailment {
	const dropIn, restart = "/etc/systemd/system/docker.service.d/http-proxy.conf", "systemctl daemon-reload; systemctl restart docker"
	plain, auth := hosts.ProxyURL(hosts.PlainPort), hosts.AuthProxyURL()
	both := func(before, after string) string {
		return before + "HTTP_PROXY=" + after + "\n" + before + "HTTPS_PROXY=" + after + "\n"
	}
	return []ailment{
		{"percent signs in a drop-in", dropIn, "[Service]\n" + both("Environment=", auth), "systemd-unescaped-percent", restart},
		{"keys at the top of daemon.json", "/etc/docker/daemon.json", `{"http-proxy": "` + plain + `", "https-proxy": "` + plain + `"}`, "daemon-json-flat-key", restart},
		{"the client's form in daemon.json", "/etc/docker/daemon.json", `{"proxies": {"default": {"httpProxy": "` + plain + `", "httpsProxy": "` + plain + `"}}}`, "daemon-json-breaks-next-restart daemon-json-client-shape", "systemctl reload docker"},
		{"export in the startup file", "/etc/default/docker", both("export ", plain), "startup-export-in-environment-file", restart},
		{"quotes in the startup file", "/etc/default/docker", both("", `"'`+plain+`'"`), "url-quotes-kept", restart},
		{"another directory", "/etc/systemd/system/docker.d/http-proxy.conf", "[Service]\n" + both("Environment=", plain), "systemd-wrong-section-or-directory", restart},
		{"no reload", dropIn, "[Service]\n" + both("Environment=", plain), "systemd-reload-needed", "true"},
		{"no restart", "/etc/default/docker", both("", plain), "restart-pending", "true"},
	}
}

// TestDoctorFix: after `doctor --fix` there is nothing more to find, and real pulls go through the proxy.
func TestDoctorFix(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		n := h.Network(t)
		h.Sh(t, "mkdir -p /dpt-before && cp -a /etc/default/docker /dpt-before")
		for _, a := range ailments() {
			t.Run(a.name, func(t *testing.T) {
				h.Sh(t, `rm -rf /etc/systemd/system/docker.service.d /etc/systemd/system/docker.d /etc/docker/daemon.json; cp -a /dpt-before/docker /etc/default/docker
					systemctl daemon-reload; systemctl reset-failed docker.service docker.socket; systemctl restart docker`)
				h.AwaitAnswer(t)
				h.WriteFile(t, a.path, a.text, 0o644)
				h.Sh(t, "systemctl reset-failed docker.service docker.socket; "+a.apply)
				h.AwaitAnswer(t)
				assert.Equal(t, troubles(t, h), a.ids)
				assert.Equal(t, n.Pull(t, hosts.Registry).Route() == "proxy", false, "it works before it is mended")
				h.Sh(t, "systemctl reset-failed docker.service docker.socket || :")
				r := proxy(t, h, "doctor", "--fix", "--yes", "--restart")
				assert.Equal(t, r.Code, 0, "%s", r)
				nothingFound(t, h)
				assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "proxy")
				r = proxy(t, h, "doctor", "--fix", "--yes", "--restart")
				assert.Equal(t, r.Code, 0, "%s", r)
				assert.Assert(t, strings.Contains(r.Stdout+r.Stderr, "Nothing"), "a second time: %s", r)
			})
		}
		t.Run("no permission to ask", func(t *testing.T) {
			r := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "doctor"}, User: "guest"})
			assert.Assert(t, strings.Contains(r.Stdout, "[daemon-not-reachable]"), "%s", r)
		})
		t.Run("too many starts", func(t *testing.T) { tooManyStarts(t, h) })
	})
}

// tooManyStarts brings systemd to refuse another start, and types what doctor says.
func tooManyStarts(t *testing.T, h *hosts.Host) {
	h.Run(t, "sh", "-c", "for i in 1 2 3 4 5; do systemctl restart docker.service; done")
	r := proxy(t, h, "doctor", "--format", "json", "--filter", "id=systemd-start-limit-near")
	var d struct{ Findings []struct{ Fix string } }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &d), "%s", r)
	assert.Equal(t, len(d.Findings), 1, "%s", r)
	h.Sh(t, d.Findings[0].Fix)
	h.AwaitAnswer(t)
	nothingFound(t, h)
}

// troubles are the errors and warnings that doctor has, each once, sorted; who can read a password is another matter.
func troubles(t *testing.T, h *hosts.Host) string {
	t.Helper()
	r := proxy(t, h, "doctor", "--format", "json", "--severity", "warning")
	var d struct{ Findings []struct{ ID string } }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &d), "%s", r)
	var ids []string
	for _, f := range d.Findings {
		if beside := f.ID == "systemd-credentials-world-readable"; !beside && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}
