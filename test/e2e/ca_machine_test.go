//go:build hosts && linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestMachineCA shows, with a real squid that terminates TLS, that `set --ca` makes a failing pull work with one command and one restart, that the host's own tool finds
// nothing to do afterwards, and that a rollback takes the CA back with the settings.
func TestMachineCA(t *testing.T) {
	for _, kind := range []string{"trixie", "sysvinit"} {
		on(t, kind, playMachineCA)
	}
}

// stores is everything below the host's trust stores and Docker's own directory, links and bytes.
func stores(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return h.Sh(t, `for d in /etc/ssl /usr/local/share /usr/share/ca-certificates /etc/ca-certificates /etc/docker /etc/systemd; do
		[ -e "$d" ] || continue
		find "$d" -xdev -printf '%p %y %m %U:%G %l\n'
		find "$d" -xdev -type f -exec sha256sum {} +
	done | sort`)
}

func playMachineCA(t *testing.T, h *hosts.Host) {
	n := h.Network(t, hosts.Untrusted())
	inspecting := hosts.ProxyURL(hosts.InspectPort)
	start := stores(t, h)

	r := proxy(t, h, "set", "--proxy", inspecting, "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 1, "%s", r)
	for _, want := range []string{"does not trust", "nothing was changed", "--ca", "docker proxy ca fetch"} {
		assert.Assert(t, cmp.Contains(r.Stderr, want))
	}
	assert.Equal(t, stores(t, h), start)

	mustProxy(t, h, "set", "--proxy", inspecting, "--only", "daemon", "--restart", "--no-check")
	pull := n.Pull(t, hosts.Registry)
	assert.Assert(t, pull.Code != 0)
	assert.Assert(t, cmp.Contains(pull.Stderr, "x509"))
	settings, pid := stores(t, h), h.DaemonPID(t)

	fetchCA(t, h)
	t.Run("the wrong CA", func(t *testing.T) {
		r := proxy(t, h, "set", "--ca", hosts.CAFile, "--restart")
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "does not trust"))
		assert.Equal(t, stores(t, h), settings)
		assert.Equal(t, h.DaemonPID(t), pid)
	})

	reboots := processes(t, h, func() { mustProxy(t, h, "set", "--ca", hosts.InspectionCAFile, "--restart") })
	pull = n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, pull.Route(), "proxy")
	assert.Equal(t, len(reboots), 1, "one restart")

	with := stores(t, h)
	assert.Assert(t, with != settings)
	h.Sh(t, "update-ca-certificates")
	assert.Equal(t, stores(t, h), with, "the host's own tool makes the same of it")
	again := mustProxy(t, h, "set", "--ca", hosts.InspectionCAFile, "--restart")
	assert.Assert(t, cmp.Contains(again.Stderr, "Nothing to do"))

	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, stores(t, h), settings)
	assert.Assert(t, n.Pull(t, hosts.Registry).Code != 0)
	mustProxy(t, h, "rollback", "1", "--restart")
	assert.Equal(t, stores(t, h), start)

	mustProxy(t, h, "set", "--proxy", inspecting, "--ca", "/root/proxy-ca.pem", "--only", "daemon", "--restart")
	pull = n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	replaceCA(t, h, n)
	pendingCA(t, h)
}

// replaceCA puts another authority into the place of the proxy's and back: the pull goes by what is there now, each time with one restart, and the machine says what it has.
func replaceCA(t *testing.T, h *hosts.Host, n *hosts.Network) {
	t.Helper()
	const old = "/root/old.pem"
	url := "https://" + hosts.Registry + "/v2/"
	h.Sh(t, `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /root/old.key -out `+old+` -days 100 -subj "/CN=Old CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null`)
	with := stores(t, h)
	verified := mustProxy(t, h, "ca", "verify", "--machine", "--url", url).Stdout
	assert.Assert(t, cmp.Contains(verified, "its bundle trusts the chain"))
	check := proxy(t, h, "ca", "replace", "/root/proxy-ca.pem", old, "--machine", "--check")
	assert.Equal(t, check.Code, 3, "%s", check)
	mustProxy(t, h, "ca", "replace", "/root/proxy-ca.pem", old, "--machine", "--no-restart")
	assert.Assert(t, cmp.Contains(mustProxy(t, h, "ca", "verify", "--machine").Stdout, "dockerd runs since before"))
	assert.Equal(t, n.Pull(t, hosts.Registry).Code, 0, "dockerd still has the one that was there when it started")
	mustProxy(t, h, "restart", "--restart")
	assert.Assert(t, cmp.Contains(n.Pull(t, hosts.Registry).Stderr, "x509"))
	failed := proxy(t, h, "ca", "verify", "--machine", "--url", url)
	assert.Equal(t, failed.Code, 1, "%s", failed)
	assert.Assert(t, cmp.Contains(failed.Stdout, "its bundle does not trust the certificate that"))

	reboots := processes(t, h, func() {
		mustProxy(t, h, "ca", "replace", old, "/root/proxy-ca.pem", "--machine", "--restart")
	})
	assert.Equal(t, len(reboots), 1, "one restart")
	pull := n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, stores(t, h), with)
	gone := proxy(t, h, "ca", "verify", "--machine", "--cert", old)
	assert.Equal(t, gone.Code, 1, "%s", gone)
	verified = mustProxy(t, h, "ca", "verify", "--machine").Stdout
	assert.Assert(t, cmp.Contains(verified, "ok        this machine"))
	assert.Assert(t, !strings.Contains(verified, "dockerd runs since before"), verified)
}

// fetchCA shows that the chain which arrives tells of the proxy, and that its root is written only when somebody vouches for it.
func fetchCA(t *testing.T, h *hosts.Host) {
	t.Helper()
	const hub, file = "registry-1.docker.io", "/root/proxy-ca.pem"
	r := mustProxy(t, h, "ca", "fetch", hub)
	for _, want := range []string{"TLS is terminated on the way", "CN=Example Corp TLS Inspection CA", hub, "Next: "} {
		assert.Assert(t, cmp.Contains(r.Stdout, want))
	}
	print := strings.TrimSpace(h.Sh(t, "openssl x509 -noout -fingerprint -sha256 -in "+hosts.InspectionCAFile+" | cut -d= -f2"))
	r = proxy(t, h, "ca", "fetch", hub, "-o", file)
	assert.Equal(t, r.Code, 2, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "--fingerprint"))
	r = proxy(t, h, "ca", "fetch", hub, "-o", file, "--fingerprint", strings.Repeat("ab", 32))
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "another fingerprint"))
	r = proxy(t, h, "ca", "fetch", hub, "-o", file, "--fingerprint", print[:29])
	assert.Equal(t, r.Code, 2, "%s", r)
	assert.Assert(t, h.Run(t, "test", "-e", file).Code != 0)
	mustProxy(t, h, "ca", "fetch", hub, "-o", file, "--fingerprint", print)
	assert.Equal(t, h.Sh(t, "openssl x509 -outform DER -in "+file+" | sha256sum"), h.Sh(t, "openssl x509 -outform DER -in "+hosts.InspectionCAFile+" | sha256sum"))
	r = proxy(t, h, "ca", "fetch", hub, "-o", "/etc/hostname", "--fingerprint", print)
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "/etc/hostname exists and holds something else; nothing was written"))
	r = mustProxy(t, h, "ca", "fetch", hosts.Registry, "--direct")
	assert.Assert(t, cmp.Contains(r.Stdout, "CN=Example Corp Root CA"))
	assert.Equal(t, proxy(t, h, "ca", "fetch", "nowhere.corp", "--direct").Code, 1)
}

// TestCertsDirectory shows, with real dockerds, what certs.d is good for: single registries, at once and without a restart, and nothing for Docker Hub.
func TestCertsDirectory(t *testing.T) {
	for _, kind := range []string{"trixie", "trixie-ce", "sid"} {
		on(t, kind, playCertsDirectory)
	}
}

func playCertsDirectory(t *testing.T, h *hosts.Host) {
	n := h.Network(t, hosts.Untrusted())
	mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.InspectPort), "--only", "daemon", "--restart", "--no-check")
	assert.Assert(t, cmp.Contains(n.Pull(t, hosts.Registry).Stderr, "x509"))
	before, pid := stores(t, h), h.DaemonPID(t)

	mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "--machine", "--registry", hosts.Registry)
	pull := n.Pull(t, hosts.Registry)
	assert.Equal(t, pull.Code, 0, "%s", pull.Result)
	assert.Equal(t, h.DaemonPID(t), pid, "certs.d is read at every pull")
	assert.Assert(t, cmp.Contains(mustProxy(t, h, "ca", "list", "--machine").Stdout, "certs.d/"+hosts.Registry))
	print := strings.TrimSpace(h.Sh(t, "openssl x509 -noout -fingerprint -sha256 -in "+hosts.InspectionCAFile+" | cut -d= -f2"))
	mustProxy(t, h, "ca", "remove", print, "--machine")
	assert.Equal(t, stores(t, h), before)
	assert.Assert(t, n.Pull(t, hosts.Registry).Code != 0)

	r := proxy(t, h, "ca", "add", hosts.InspectionCAFile, "--machine", "--registry", "docker.io")
	assert.Equal(t, r.Code, 2, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "Docker Hub"))
	ca := h.ReadFile(t, hosts.InspectionCAFile)
	for _, name := range []string{"docker.io", "index.docker.io", "registry-1.docker.io", "auth.docker.io"} {
		h.WriteFile(t, "/etc/docker/certs.d/"+name+"/ca.crt", ca, 0o644)
	}
	assert.Assert(t, cmp.Contains(h.Docker(t, "pull", "busybox").Stderr, "x509"), "not even by hand")

	mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "--machine", "--restart")
	r = h.Docker(t, "pull", "busybox")
	assert.Assert(t, r.Code != 0 && !strings.Contains(r.Stderr, "x509"), "the Hub is not there, and its certificate is trusted: %s", r)
	mustProxy(t, h, "ca", "remove", print, "--machine", "--restart")
	assert.Assert(t, cmp.Contains(h.Docker(t, "pull", "busybox").Stderr, "x509"))
}

// pendingCA shows that a CA which dockerd has not read yet is pending, until a restart.
func pendingCA(t *testing.T, h *hosts.Host) {
	t.Helper()
	pid := h.DaemonPID(t)
	mustProxy(t, h, "set", "--ca", hosts.CAFile, "--no-restart", "--format", "json")
	check := proxy(t, h, "restart", "--check")
	assert.Equal(t, check.Code, 3, "%s", check)
	check = proxy(t, h, "set", "--ca", hosts.CAFile, "--check")
	assert.Equal(t, check.Code, 3, "%s", check)
	assert.Equal(t, h.DaemonPID(t), pid)
	mustProxy(t, h, "restart", "--restart")
	assert.Assert(t, h.DaemonPID(t) != pid)
	assert.Equal(t, proxy(t, h, "restart", "--check").Code, 0)
}

// processes gives the process ids that dockerd has written to its pid file while do ran; it is run for other ends, too, such as --validate.
func processes(t *testing.T, h *hosts.Host, do func()) []string {
	t.Helper()
	const list = `cat /run/docker.pid 2>/dev/null || true`
	h.Sh(t, `rm -f /tmp/dockerds; setsid sh -c 'while [ ! -e /tmp/enough ]; do `+list+`; sleep 0.05; done >/tmp/dockerds' >/dev/null 2>&1 </dev/null &`)
	before := strings.Fields(h.Sh(t, list))
	do()
	h.Sh(t, "touch /tmp/enough; sleep 0.2")
	var out []string
	for _, pid := range strings.Fields(h.Sh(t, "sort -u /tmp/dockerds")) {
		if !slices.Contains(before, pid) {
			out = append(out, pid)
		}
	}
	h.Sh(t, "rm -f /tmp/enough /tmp/dockerds")
	return out
}
