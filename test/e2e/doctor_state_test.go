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

// TestDoctorState brings one host into the states that doctor's checks of what runs, of authorities, --deep and --online are about, asks doctor, and asks the real thing whether it is so:
// a pull, a start of dockerd, a published port, the distribution's own tool. What doctor says to type is typed, and has to help.
func TestDoctorState(t *testing.T) { on(t, "trixie", playDoctorState) }

// diagnosis is what these tests read of `doctor --format json`.
type diagnosis struct {
	Asked    []string
	Findings []stateFinding
	Notes    []string
}

// stateFinding is one finding.
type stateFinding struct{ ID, Severity, Message, Fix string }

// has returns the message of a finding, and whether there is one.
func (d diagnosis) has(id string) (message, fix string, ok bool) {
	for _, f := range d.Findings {
		if f.ID == id {
			return f.Message, f.Fix, true
		}
	}
	return "", "", false
}

func (d diagnosis) ids() string {
	var out []string
	for _, f := range d.Findings {
		if !slices.Contains(out, f.ID) {
			out = append(out, f.ID)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func diagnose(t *testing.T, h *hosts.Host, args ...string) diagnosis {
	t.Helper()
	r := proxy(t, h, append([]string{"doctor", "--format", "json"}, args...)...)
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "s3cr3t"), "%s", r)
	var d diagnosis
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &d), "%s", r)
	failed := slices.ContainsFunc(d.Findings, func(f stateFinding) bool { return f.Severity == "error" })
	assert.Equal(t, r.Code, map[bool]int{true: 1}[failed], "%s", r)
	return d
}

// mend types what a finding says.
func mend(t *testing.T, h *hosts.Host, d diagnosis, id string) {
	t.Helper()
	_, fix, ok := d.has(id)
	assert.Assert(t, ok && fix != "", "%s: %+v", id, d)
	h.Sh(t, "systemctl reset-failed docker.service docker.socket || true")
	r := h.Run(t, "sh", "-ec", strings.ReplaceAll(fix+" ", "docker proxy restart ", "docker proxy restart --restart "))
	assert.Equal(t, r.Code, 0, "%s\n%s", fix, r)
	h.AwaitAnswer(t)
}

func playDoctorState(t *testing.T, h *hosts.Host) {
	n := h.Network(t)
	h.WriteFile(t, "/root/.docker/config.json", `{"auths": {"`+hosts.Registry+`": {"auth": ""}}}`, 0o600)
	withImage(t, h)
	use := func(t *testing.T, url string) {
		h.Sh(t, "systemctl reset-failed docker.service docker.socket || true")
		mustProxy(t, h, "set", "--proxy", url, "--only", "daemon", "--restart", "--no-check", "--yes", "--layer", "daemon.json")
	}
	steps := []struct {
		name string
		play func(*testing.T, *hosts.Host, *hosts.Network, func(*testing.T, string))
	}{
		{"without options nothing is sent", stateNothingSent},
		{"online", stateOnline},
		{"an authority on the way", stateAuthority},
		{"the bundle", stateBundle},
		{"by hand", stateByHand},
		{"live restore", stateLiveRestore},
		{"the userland proxy", stateUserland},
		{"deep", stateDeep},
		{"too long", stateTooLong},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) { s.play(t, h, n, use) })
	}
}

func stateNothingSent(t *testing.T, h *hosts.Host, n *hosts.Network, use func(*testing.T, string)) {
	use(t, hosts.ProxyURL(hosts.PlainPort))
	served, proxied := len(n.RegistryLog(t)), len(n.ProxyLog(t))
	assert.Equal(t, diagnose(t, h).ids(), "")
	assert.DeepEqual(t, diagnose(t, h, "--deep").Asked, []string{"--deep"})
	assert.Equal(t, len(n.RegistryLog(t)), served)
	assert.Equal(t, len(n.ProxyLog(t)), proxied)
	d := diagnose(t, h, "--online")
	assert.Equal(t, d.ids(), "", "%+v", d)
	h.Eventually(t, "the proxy's log", func() bool { return len(n.ProxyLog(t)) > proxied })
}

func stateOnline(t *testing.T, h *hosts.Host, n *hosts.Network, use func(*testing.T, string)) {
	for _, c := range []struct{ name, url, id, says string }{
		{"https to a plain proxy", "https://proxy.corp:3128", "url-scheme-https-to-plain-proxy", "plain HTTP"},
		{"another password", "http://user:s3cr3t@proxy.corp:3129", "proxy-refuses-credentials", "does not accept user and password"},
		{"nothing listens", "http://proxy.corp:3999", "proxy-not-reachable", "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			use(t, c.url)
			_, _, early := diagnose(t, h).has(c.id)
			assert.Assert(t, !early, "only a connection can tell")
			d := diagnose(t, h, "--online")
			message, _, ok := d.has(c.id)
			assert.Assert(t, ok, "%+v", d)
			assert.Assert(t, cmp.Contains(message, c.says))
			assert.Assert(t, n.Pull(t, hosts.Registry).Code != 0)
		})
	}
	use(t, hosts.AuthProxyURL())
	assert.Equal(t, diagnose(t, h, "--online", "--severity", "error").ids(), "")
	assert.Equal(t, n.Pull(t, hosts.Registry).Code, 0)
}

// stateAuthority has squid terminate TLS with an authority nobody trusts yet.
func stateAuthority(t *testing.T, h *hosts.Host, n *hosts.Network, use func(*testing.T, string)) {
	h.Sh(t, "mkdir -p /root/certs.d; mv /etc/docker/certs.d/* /root/certs.d/") // dockerd and the machine know no authority of the network now
	use(t, hosts.ProxyURL(hosts.InspectPort))
	fails := func() { assert.Assert(t, cmp.Contains(n.Pull(t, hosts.Registry).Stderr, "x509")) }
	fails()
	d := diagnose(t, h, "--online")
	message, fix, ok := d.has("ca-not-in-daemon-store")
	assert.Assert(t, ok, "%+v", d)
	assert.Assert(t, cmp.Contains(message, "Example Corp TLS Inspection CA"))
	assert.Assert(t, cmp.Contains(fix, "docker proxy ca fetch "))

	t.Run("given to a container alone", func(t *testing.T) {
		start(t, h, "web", "sleep 600")
		start(t, h, "db", "sleep 600")
		mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "web")
		d := diagnose(t, h)
		message, _, ok := d.has("ca-not-in-daemon-store")
		assert.Assert(t, ok, "%+v", d)
		assert.Assert(t, cmp.Contains(message, "was added to the container web"))
		i := slices.IndexFunc(d.Findings, func(f stateFinding) bool { return f.ID == "ca-not-in-daemon-store" })
		assert.Equal(t, d.Findings[i].Severity, "warning", "without a handshake it may be any other authority")
		_, _, ok = d.has("ca-containers-missing")
		assert.Assert(t, !ok, "nobody has asked for containers")
		d = diagnose(t, h, "--containers")
		message, _, ok = d.has("ca-containers-missing")
		assert.Assert(t, ok, "%+v", d)
		assert.Assert(t, cmp.Contains(message, "was not added to db; of the running containers 1 have it"))
		mend(t, h, d, "ca-containers-missing")
		_, _, ok = diagnose(t, h, "--containers").has("ca-containers-missing")
		assert.Assert(t, !ok)
		mustProxy(t, h, "ca", "verify", "db", "--cert", hosts.InspectionCAFile)
	})
	t.Run("in certs.d for Docker Hub", func(t *testing.T) {
		h.Sh(t, "mkdir -p /etc/docker/certs.d/docker.io /etc/docker/certs.d/registry-1.docker.io; for d in docker.io registry-1.docker.io; do cp "+hosts.InspectionCAFile+" /etc/docker/certs.d/$d/ca.crt; done")
		d := diagnose(t, h)
		_, _, ok := d.has("ca-certs-d-not-used-for-hub")
		assert.Assert(t, ok, "%+v", d)
		pull := h.Docker(t, "pull", "busybox")
		assert.Assert(t, cmp.Contains(pull.Stderr, "x509"), "dockerd does not look there")
	})
	t.Run("the machine has it, dockerd not yet", func(t *testing.T) {
		mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "--machine", "--no-restart")
		d := diagnose(t, h)
		assert.Equal(t, d.ids(), "ca-daemon-not-restarted live-restore-off", "%+v", d) // and no longer certs.d
		fails()
		_, _, ok := diagnose(t, h, "--online").has("ca-daemon-not-restarted")
		assert.Assert(t, ok)
		mend(t, h, d, "ca-daemon-not-restarted")
	})
	d = diagnose(t, h, "--online")
	assert.Equal(t, d.ids(), "", "%+v", d)
	pull := n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	h.Sh(t, "rm -r /etc/docker/certs.d; mv /root/certs.d /etc/docker/")
}

func stateBundle(t *testing.T, h *hosts.Host, _ *hosts.Network, _ func(*testing.T, string)) {
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	before := h.Sh(t, "sha256sum <"+bundle)
	h.Sh(t, "cat "+hosts.CAFile+" >"+bundle) // as a guide says, and one arrow too few
	d := diagnose(t, h)
	message, _, ok := d.has("ca-bundle-shrank")
	assert.Assert(t, ok, "%+v", d)
	assert.Assert(t, cmp.Contains(message, "more, which stand among the sources"))
	mend(t, h, d, "ca-bundle-shrank")
	assert.Equal(t, h.Sh(t, "sha256sum <"+bundle), before)
	_, _, ok = diagnose(t, h).has("ca-bundle-shrank")
	assert.Assert(t, !ok)

	// An authority that has ended: openssl's own judgment is the witness.
	h.Sh(t, `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out /usr/local/share/ca-certificates/old.crt -not_before 20190101000000Z -not_after 20200101000000Z -subj "/CN=Old Root"`)
	assert.Assert(t, h.Run(t, "openssl", "x509", "-checkend", "0", "-noout", "-in", "/usr/local/share/ca-certificates/old.crt").Code != 0)
	h.Sh(t, "update-ca-certificates")
	message, _, ok = diagnose(t, h).has("ca-expired")
	assert.Assert(t, ok)
	assert.Assert(t, cmp.Contains(message, "Old Root"))
	h.Sh(t, "rm /usr/local/share/ca-certificates/old.crt; update-ca-certificates")
	assert.Equal(t, diagnose(t, h).ids(), "")
}

func stateByHand(t *testing.T, h *hosts.Host, n *hosts.Network, _ func(*testing.T, string)) {
	mustProxy(t, h, "unset", "--all", "--only", "daemon", "--restart")
	h.Sh(t, "systemctl reset-failed docker.service docker.socket || true; systemctl set-environment HTTPS_PROXY="+hosts.ProxyURL(hosts.InspectPort)+"; systemctl restart docker; systemctl unset-environment HTTPS_PROXY")
	d := diagnose(t, h)
	assert.Equal(t, d.ids(), "running-differs-from-configured", "%+v", d)
	assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "proxy", "what runs is not what is configured")
	mend(t, h, d, "running-differs-from-configured")
	assert.Equal(t, diagnose(t, h).ids(), "")
	assert.Equal(t, n.Pull(t, hosts.Registry).Route(), "direct")
}

func stateLiveRestore(t *testing.T, h *hosts.Host, _ *hosts.Network, _ func(*testing.T, string)) {
	h.Docker(t, "rm", "-f", "web", "db")
	set := func() {
		mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--no-restart", "--no-check", "--layer", "daemon.json")
	}
	start(t, h, "back", "sleep 600", "--restart", "always")
	set()
	assert.Equal(t, diagnose(t, h).ids(), "restart-pending", "what comes back by itself needs nothing")
	start(t, h, "gone", "sleep 600")
	d := diagnose(t, h)
	assert.Equal(t, d.ids(), "live-restore-off restart-pending", "%+v", d)
	message, _, _ := d.has("live-restore-off")
	assert.Assert(t, cmp.Contains(message, "stops gone,"))
	pid := h.MustDocker(t, "inspect", "-f", "{{.State.Pid}}", "gone")
	_, fix, _ := d.has("live-restore-off")
	h.Sh(t, "systemctl reset-failed docker.service docker.socket || true; "+fix+" --restart")
	assert.Equal(t, h.MustDocker(t, "inspect", "-f", "{{.State.Pid}}", "gone"), pid)
	assert.Equal(t, diagnose(t, h).ids(), "")
	h.Sh(t, "systemctl reset-failed docker.service docker.socket || true")
	mustProxy(t, h, "unset", "--all", "--only", "daemon", "--restart")
	assert.Equal(t, strings.TrimSpace(h.MustDocker(t, "ps", "--format", "{{.Names}}")), "back", "without it, it is gone")
	h.Docker(t, "rm", "-f", "back", "gone")
}

func stateUserland(t *testing.T, h *hosts.Host, _ *hosts.Network, _ func(*testing.T, string)) {
	publish := func() hosts.Result {
		return h.Docker(t, "run", "--rm", "-p", "127.0.0.1:18080:80", "bb", "/bin/sh", "-c", "true")
	}
	assert.Equal(t, publish().Code, 0)
	h.Sh(t, `p=$(ls /usr/local/lib/docker/cli-plugins/docker-proxy /usr/libexec/docker/cli-plugins/docker-proxy 2>/dev/null | head -1); cp "$p" /usr/local/bin/docker-proxy
		systemctl reset-failed docker.service docker.socket || true; systemctl restart docker`)
	d := diagnose(t, h)
	assert.Equal(t, d.ids(), "userland-proxy-shadowed-by-plugin", "%+v", d)
	assert.Assert(t, publish().Code != 0)
	mend(t, h, d, "userland-proxy-shadowed-by-plugin")
	assert.Equal(t, diagnose(t, h).ids(), "")
	assert.Equal(t, publish().Code, 0)
}

// stateDeep: what dockerd refuses and no fast check knows is told by --deep; what a fast check calls fatal, dockerd confirms.
func stateDeep(t *testing.T, h *hosts.Host, _ *hosts.Network, _ func(*testing.T, string)) {
	const config = "/etc/docker/daemon.json"
	validate := func() hosts.Result { return h.Run(t, "dockerd", "--validate", "--config-file="+config) }
	for _, c := range []struct {
		name, text string
		fatal      bool
		news       bool // only dockerd knows
	}{
		{"an option with a wrong value", "{\n  \"log-level\": \"nonsense\"\n}\n", true, true},
		{"a key of another program", "{\n  \"experimental\": false,\n  \"nonsense\": 1\n}\n", true, true},
		{"a comment", "{\n  // ours\n  \"debug\": false\n}\n", true, false},
		{"the client's form", `{"proxies": {"default": {"httpProxy": "http://proxy.corp:3128"}}}`, true, false},
		{"a list", `{"proxies": {"no-proxy": ["localhost"]}}`, true, false},
		{"nothing wrong", `{"debug": false}`, false, false},
		{"wrong for people alone", `{"http-proxy": "http://proxy.corp:3128"}`, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.WriteFile(t, config, c.text, 0o644)
			assert.Equal(t, validate().Code != 0, c.fatal)
			d := diagnose(t, h, "--deep")
			_, _, said := d.has("daemon-json-validate-fails")
			assert.Equal(t, said, c.news)
			fast := slices.ContainsFunc(d.Findings, func(f stateFinding) bool {
				return f.Severity == "error" && strings.HasPrefix(f.ID, "daemon-json-") && f.ID != "daemon-json-validate-fails"
			})
			assert.Equal(t, fast, (c.fatal || c.name == "wrong for people alone") && !c.news, "%+v", d)
		})
	}
	h.Remove(t, config)
	t.Run("a unit", func(t *testing.T) {
		const dropIn = "/etc/systemd/system/docker.service.d/x.conf"
		h.WriteFile(t, dropIn, "[Service]\nPassEnvironment=1BAD\nLimitNOFILE=many\n", 0o644)
		d := diagnose(t, h, "--deep")
		message, _, ok := d.has("systemd-verify-complains")
		assert.Assert(t, ok && !strings.Contains(message, "1BAD"), "%+v", d)
		assert.Equal(t, strings.Count(d.ids(), "systemd-verify-complains"), 1)
		h.Sh(t, "rm -r /etc/systemd/system/docker.service.d; systemctl daemon-reload")
		assert.Equal(t, diagnose(t, h, "--deep").ids(), "")
	})
}

func stateTooLong(t *testing.T, h *hosts.Host, _ *hosts.Network, _ func(*testing.T, string)) {
	fits := strings.Repeat("a.corp,", 1<<17/7+1)[:1<<17-1-len("NO_PROXY=")]
	again := func() hosts.Result {
		return h.Run(t, "sh", "-c", "systemctl reset-failed docker.service docker.socket; systemctl restart docker")
	}
	for _, c := range []struct {
		name, path string
		text       func(list string) string
	}{
		{"an environment file", "/etc/default/docker", func(list string) string {
			return "HTTPS_PROXY=http://proxy.corp:3128\nHTTP_PROXY=http://proxy.corp:3128\nNO_PROXY=" + list + "\n"
		}},
		{"daemon.json", "/etc/docker/daemon.json", func(list string) string {
			return `{"proxies": {"http-proxy": "http://proxy.corp:3128", "https-proxy": "http://proxy.corp:3128", "no-proxy": "` + list + `"}}`
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := h.Sh(t, "cat "+c.path+" 2>/dev/null || true")
			h.WriteFile(t, c.path, c.text(fits), 0o600)
			_, _, said := diagnose(t, h).has("variable-too-long")
			assert.Assert(t, !said)
			assert.Equal(t, again().Code, 0, "the longest that goes")
			h.WriteFile(t, c.path, c.text(fits+"x"), 0o600)
			_, _, said = diagnose(t, h).has("variable-too-long")
			assert.Assert(t, said)
			assert.Assert(t, again().Code != 0, "one byte more")
			if before == "" {
				h.Remove(t, c.path)
			} else {
				h.WriteFile(t, c.path, before+"\n", 0o644)
			}
			assert.Equal(t, again().Code, 0)
		})
	}
}
