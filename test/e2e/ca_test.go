//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// caOutcome is the JSON of the writing commands.
type caOutcome struct {
	Changed, Restarted, Pending bool
	Containers                  []struct {
		ID, Name, State, Reason, Family string
		Restarted                       bool
		Files                           []struct{ Path, Action string }
		Notes                           []struct{ Kind, Path, Text, Command string }
		Unrestored                      []string
	}
	Certificates []struct{ Fingerprint, Subject, NotAfter string }
	Unrestored   []string
	Findings     []struct{ ID, Fix string }
}

// withDebian makes an image "deb" of the host's own Debian, without what only a host needs.
func withDebian(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.Sh(t, `mkdir -p /srv/image/tmp && chmod 1777 /srv/image/tmp && cd / && tar -cf - --exclude=var/lib/docker --exclude=usr/share/doc --exclude=usr/share/man --exclude=usr/share/locale --exclude=usr/lib/modules \
		--exclude='usr/bin/docker*' --exclude='usr/sbin/docker*' --exclude='usr/bin/containerd*' --exclude=usr/libexec --exclude=usr/local/bin --exclude=usr/local/lib --exclude=var/cache \
		usr bin sbin lib lib64 etc var -C /srv/image tmp | docker import -c 'CMD ["sleep","infinity"]' - deb >/dev/null`)
}

// runDebian starts containers of the image deb on the host's network.
func runDebian(t *testing.T, h *hosts.Host, names ...string) {
	t.Helper()
	for _, n := range names {
		h.MustDocker(t, "run", "-d", "--network", "host", "--name", n, "deb")
	}
}

// writeCAs runs a writing command with JSON.
func writeCAs(t *testing.T, h *hosts.Host, status int, args ...string) caOutcome {
	t.Helper()
	r := proxy(t, h, append(append([]string{"ca"}, args...), "--format", "json")...)
	assert.Equal(t, r.Code, status, "docker proxy ca %q: %s", args, r)
	var out caOutcome
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), r.Stdout)
	return out
}

func caStates(o caOutcome) string {
	var all []string
	for _, c := range o.Containers {
		all = append(all, c.Name+" "+c.State)
	}
	return strings.Join(all, ", ")
}

// tarOf describes the whole file system of a container as a tar of the daemon's has it: names, types, modes, owners, times, links, and the bytes by their hash.
func tarOf(t *testing.T, h *hosts.Host, name string) string {
	t.Helper()
	return h.Sh(t, fmt.Sprintf(`docker export %s | tar --full-time --numeric-owner -tvf - | grep -v ' \(dev\|proc\|sys\)/' | sort -k6 | sha256sum; docker export %s | tar -xOf - etc/ssl usr/local/share usr/share/ca-certificates etc/ca-certificates.conf 2>/dev/null | sha256sum`, name, name))
}

// handshake asks squid's inspecting port for the registry from inside a container, with the client and the bundle that are there.
func handshake(h *hosts.Host, t *testing.T, name string) hosts.Result {
	t.Helper()
	return h.Docker(t, "exec", name, "curl", "-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", "--proxy", hosts.ProxyURL(hosts.InspectPort), "https://"+hosts.DirectRegistry+"/v2/")
}

// TestCA: a container that does not trust the inspecting proxy does after `ca add`, by a real handshake of its own client; a second add does nothing; nothing runs inside; and
// `ca remove` leaves no trace.
func TestCA(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		withDebian(t, h)
		runDebian(t, h, "web", "db")
		h.MustDocker(t, "create", "--network", "host", "--name", "stopped", "deb")
		diff, tar := h.MustDocker(t, "diff", "web"), tarOf(t, h, "web")
		stopped := tarOf(t, h, "stopped")
		assert.Assert(t, handshake(h, t, "web").Code == 60, "%s", handshake(h, t, "web")) // CURLE_PEER_FAILED_VERIFICATION

		since := strings.TrimSpace(h.Sh(t, "date +%s.%N"))
		plan := writeCAs(t, h, 3, "add", hosts.InspectionCAFile, "web", "--check")
		assert.Assert(t, plan.Pending && !plan.Changed)
		assert.Equal(t, tarOf(t, h, "web"), tar)
		out := writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "web", "db", "stopped")
		assert.Equal(t, caStates(out), "web changed, db changed, stopped changed")
		assert.Assert(t, len(out.Certificates) == 1 && out.Certificates[0].Subject != "" && out.Certificates[0].NotAfter != "")
		events := h.MustDocker(t, "events", "--since", since, "--until", strings.TrimSpace(h.Sh(t, "date +%s.%N")), "--format", "{{.Action}}")
		assert.Assert(t, !strings.Contains(events, "exec"), "%s", events)
		for _, name := range []string{"web", "db"} {
			r := handshake(h, t, name)
			assert.Equal(t, r.Code, 0, "%s", r)
		}
		for _, name := range []string{"web", "stopped"} { // the same files by both ways
			h.Sh(t, `docker cp -q `+name+`:/etc/ssl/certs/ca-certificates.crt /root/`+name+`.crt`)
		}
		h.MustRun(t, "cmp", "/root/web.crt", "/root/stopped.crt")

		again := tarOf(t, h, "web")
		out = writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "--all")
		assert.Equal(t, caStates(out), "db unchanged, stopped unchanged, web unchanged")
		assert.Equal(t, tarOf(t, h, "web"), again)

		verified := proxy(t, h, "ca", "verify")
		assert.Equal(t, verified.Code, 0, "%s", verified)
		listed := proxy(t, h, "ca", "list", "--missing")
		assert.Equal(t, listed.Code, 0, "%s", listed)

		out = writeCAs(t, h, 0, "remove", out.Certificates[0].Fingerprint[:12], "web", "db", "stopped")
		assert.Equal(t, caStates(out), "web changed, db changed, stopped changed")
		assert.Equal(t, h.MustDocker(t, "diff", "web"), diff)
		assert.Equal(t, tarOf(t, h, "web"), tar)
		assert.Equal(t, handshake(h, t, "web").Code, 60)
		_ = stopped
	})
}

// TestCAFleet: one failure stops nobody, selectors choose, labels are respected, containers without a shell are done the same way.
func TestCAFleet(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		withDebian(t, h)
		runDebian(t, h, "aa", "bb")
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "out", "--label", "docker-proxy.ca=false", "deb")
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "ro", "--read-only", "deb")
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "shop-web-1", "--label", "com.docker.compose.project=shop", "deb")
		h.Sh(t, `cat /etc/ssl/certs/ca-certificates.crt >/srv/bundle.crt; sha256sum /srv/bundle.crt >/root/sum`)
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "bound", "-v", "/srv/bundle.crt:/etc/ssl/certs/ca-certificates.crt", "deb")

		out := writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "--project", "shop")
		assert.Equal(t, caStates(out), "shop-web-1 changed")
		out = writeCAs(t, h, 4, "add", hosts.InspectionCAFile, "--all")
		assert.Equal(t, caStates(out), "aa changed, bb changed, bound failed, out skipped, ro failed, shop-web-1 unchanged")
		for _, c := range out.Containers {
			switch c.Name {
			case "bound":
				assert.Assert(t, strings.Contains(c.Reason, "/srv/bundle.crt"), c.Reason)
			case "ro":
				assert.Assert(t, strings.Contains(c.Reason, "read-only"), c.Reason)
			}
			assert.Equal(t, len(c.Unrestored), 0)
		}
		h.MustRun(t, "sha256sum", "-c", "/root/sum")
		missing := proxy(t, h, "ca", "list", "--missing", "--quiet")
		assert.Equal(t, missing.Code, 3, "%s", missing)
		assert.Equal(t, missing.Stdout, "bound\nro\n")

		assert.Equal(t, proxy(t, h, "ca", "add", hosts.InspectionCAFile, "nobody").Code, 1)
		assert.Equal(t, proxy(t, h, "ca", "add", hosts.InspectionCAFile, "nobody", "aa").Code, 4)
		filtered := writeCAs(t, h, 0, "remove", hosts.InspectionCAFile, "--filter", "name=^/(aa|bb)$")
		assert.Equal(t, caStates(filtered), "aa changed, bb changed")

		through := writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "bound", "--through-mounts")
		assert.Equal(t, caStates(through), "bound changed")
		assert.Assert(t, h.Run(t, "sha256sum", "-c", "/root/sum").Code != 0)
		refused := writeCAs(t, h, 1, "remove", hosts.InspectionCAFile, "bound")
		assert.Assert(t, strings.Contains(refused.Containers[0].Reason, "--through-mounts"), refused.Containers[0].Reason)
		writeCAs(t, h, 0, "remove", hosts.InspectionCAFile, "bound", "--through-mounts")
		h.MustRun(t, "sha256sum", "-c", "/root/sum")
	})
}

// TestCAReplace: the old authority goes only after the new one is trusted, and the chain that the inspecting proxy presents is judged by the container's own bundle.
func TestCAReplace(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		withDebian(t, h)
		runDebian(t, h, "web")
		before := tarOf(t, h, "web")
		h.Sh(t, `cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -out old.pem -days 10 -subj "/CN=Old CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null`)
		mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.InspectPort), "--no-check", "--only", "daemon", "--no-restart", "--yes")
		url := "https://" + hosts.DirectRegistry + "/v2/"

		out := writeCAs(t, h, 0, "add", "/root/old.pem", "web")
		assert.Equal(t, len(out.Findings), 1)
		assert.Equal(t, out.Findings[0].ID, "ca-expires-soon")
		r := proxy(t, h, "ca", "verify", "web", "--url", url)
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, strings.Contains(r.Stdout, "FAIL      web: its bundle does not trust the certificate that"), "%s", r)

		out = writeCAs(t, h, 0, "replace", out.Certificates[0].Fingerprint[:12], hosts.InspectionCAFile, "web")
		assert.Equal(t, caStates(out), "web changed")
		r = mustProxy(t, h, "ca", "verify", "web", "--url", url)
		assert.Assert(t, strings.Contains(r.Stdout, "ok        web"), "%s", r)
		assert.Equal(t, handshake(h, t, "web").Code, 0)
		list := mustProxy(t, h, "ca", "list", "web")
		assert.Assert(t, !strings.Contains(list.Stdout, "Old CA"), "%s", list)
		writeCAs(t, h, 0, "remove", hosts.InspectionCAFile, "web")
		assert.Equal(t, tarOf(t, h, "web"), before)
	})
}

// TestCATool: what the distribution's own tool makes of the anchor equals what is written without it, byte for byte.
func TestCATool(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		withDebian(t, h)
		runDebian(t, h, "ours", "theirs")
		before := tarOf(t, h, "theirs")
		writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "ours")
		out := writeCAs(t, h, 0, "add", hosts.InspectionCAFile, "theirs", "--refresh", "tool")
		assert.Equal(t, caStates(out), "theirs changed")
		for _, n := range out.Containers[0].Notes {
			assert.Assert(t, !strings.Contains(n.Text, "taken back"), "%+v", n)
		}
		const stores = `docker exec %s sh -c 'cd / && find etc/ssl usr/local/share/ca-certificates -printf "%%p %%y %%m %%U:%%G %%l\n" | sort; cat etc/ssl/certs/ca-certificates.crt | sha256sum'`
		assert.Equal(t, h.Sh(t, fmt.Sprintf(stores, "theirs")), h.Sh(t, fmt.Sprintf(stores, "ours")))
		assert.Equal(t, handshake(h, t, "theirs").Code, 0)
		writeCAs(t, h, 0, "remove", hosts.InspectionCAFile, "theirs")
		_ = before
	})
}
