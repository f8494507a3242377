//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// debianOf makes an image of the host's own Debian with curl and its roots, with a configuration of which nothing may get lost.
func debianOf(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.Sh(t, `cd / && tar -cf - --exclude=var/lib/docker --exclude=usr/share/doc --exclude=usr/share/man --exclude=usr/share/locale --exclude=usr/lib/modules \
		--exclude='usr/bin/docker*' --exclude='usr/sbin/docker*' --exclude='usr/bin/containerd*' --exclude=usr/libexec --exclude=usr/local/bin --exclude=usr/local/lib --exclude=var/cache \
		usr bin sbin lib lib64 etc var | docker import -c 'CMD ["sleep", "600"]' -c 'ENV MINE=kept' -c 'LABEL mine=kept' -c 'WORKDIR /var' -c 'STOPSIGNAL SIGKILL' - full >/dev/null`)
}

// through asks for the registry through the proxy that terminates TLS.
const through = "curl -sS --max-time 10 --proxy http://proxy.corp:3131 https://registry.corp:5000/v2/"

// TestCABuild: a RUN step fails with the certificate of the terminating proxy, and with what `ca export build` prints every form of step succeeds; the image that comes out
// has neither the authority nor a variable nor a mount point.
func TestCABuild(t *testing.T) {
	for _, kind := range []string{"trixie", "sid"} {
		on(t, kind, playCABuild)
	}
}

func playCABuild(t *testing.T, h *hosts.Host) {
	h.Network(t)
	h.InstallDebian(t, "trixie", "docker-buildx", hosts.BuildxPlace)
	debianOf(t, h)
	h.WriteFile(t, "/root/x/Dockerfile", `FROM full AS first
RUN mkdir -p /tmp /proc /sys /dev && touch /a
RUN `+through+` >/b
RUN --mount=type=cache,target=/cache \
    # two lines
    `+through+` >/c && \
    touch /cache/x
RUN <<EOF
set -e
`+through+` >/d
EOF
RUN ["curl", "-sS", "-o", "/e", "--proxy", "http://proxy.corp:3131", "https://registry.corp:5000/v2/"]
FROM first
USER 1500
RUN `+through+`
ENV OTHER=kept
`, 0o644)
	failed := in(t, h, "docker build --add-host proxy.corp:10.200.0.10 -t out .")
	assert.Assert(t, failed.Code != 0 && strings.Contains(failed.Stderr, "exit code: 60"), "%s", failed) // CURLE_PEER_FAILED_VERIFICATION

	r := in(t, h, "docker proxy ca export build "+hosts.InspectionCAFile+" -o ca")
	assert.Equal(t, r.Code, 0, "%s", r)
	secrets := strings.Contains(r.Stdout, "--secret")
	assert.Equal(t, secrets, h.Kind.Name == "sid", "Docker 28 makes variables of secrets, 26.1 does not")
	mustIn(t, h, strings.TrimSuffix(r.Stdout, "\n")+" --add-host proxy.corp:10.200.0.10 -t out")

	assert.Equal(t, mustIn(t, h, "docker image inspect -f '{{.Config.User}} {{json .Config.Cmd}}' out"), "1500 [\"sleep\",\"600\"]\n")
	assert.Equal(t, mustIn(t, h, "docker image inspect -f '{{range .Config.Env}}{{println .}}{{end}}' out | grep -v PATH="), "MINE=kept\nOTHER=kept\n\n")
	history := mustIn(t, h, "docker history --no-trunc --format '{{.CreatedBy}}' out")
	assert.Assert(t, !strings.Contains(history, "SSL_CERT_FILE") && !strings.Contains(history, "CURL_CA_BUNDLE"))
	assert.Equal(t, strings.Contains(history, "docker-proxy-ca"), !secrets, history)
	// Everything in the layers on top of the first one, which is the image's own: the names, and whether a line of the certificate or a variable is in their bytes.
	names := strings.Fields(mustIn(t, h, `mkdir s && docker save out | tar -xC s
first=1
for l in $(tr -d '[]{}"' <s/manifest.json | tr ',:' '\n\n' | grep -E '^blobs/|layer\.tar$' | awk '!seen[$0]++'); do
	tar -tf s/$l >names 2>/dev/null || continue
	if grep -q '^usr/bin/curl$' names; then continue; fi
	cat names
	if tar -xOf s/$l | grep -aqF -e SSL_CERT_FILE -e docker-proxy-ca -e "$(sed -n 2p `+hosts.InspectionCAFile+`)"; then echo LEAKS; fi
done`))
	slices.Sort(names)
	assert.DeepEqual(t, names, []string{"a", "b", "c", "d", "e", "proc/", "sys/", "tmp/"})
	// BuildKit is needed, as the help says.
	old := in(t, h, "DOCKER_BUILDKIT=0 docker build -f ca/Dockerfile .")
	assert.Assert(t, old.Code != 0 && strings.Contains(old.Stderr, "requires BuildKit"), "%s", old)
}

// TestCABake: an image with one layer more, in which nothing but the stores differs, and whose containers trust the terminating proxy at once.
func TestCABake(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		debianOf(t, h)
		run := "docker run --rm --network host %s " + through
		assert.Equal(t, h.Run(t, "sh", "-c", strings.ReplaceAll(run, "%s", "full")).Code, 60)
		assert.Equal(t, proxy(t, h, "ca", "bake", hosts.InspectionCAFile, "full", "--check").Code, 3)
		r := mustProxy(t, h, "ca", "bake", hosts.InspectionCAFile, "full", "--format", "json")
		var rep struct {
			Changed    bool
			Image, Tag string
			Files      []string
		}
		assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &rep))
		assert.Assert(t, rep.Changed && rep.Tag == "full:latest-ca" && len(rep.Files) == 4, "%+v", rep)
		assert.Equal(t, h.Sh(t, strings.ReplaceAll(run, "%s", "full:latest-ca")), "{}")

		type image struct {
			Config map[string]any
			RootFS struct{ Layers []string }
		}
		look := func(name string) (i image) {
			assert.NilError(t, json.Unmarshal([]byte(h.MustDocker(t, "image", "inspect", "-f", "{{json .}}", name)), &i))
			return i
		}
		before, after := look("full"), look("full:latest-ca")
		assert.DeepEqual(t, after.Config, before.Config)
		assert.Equal(t, len(after.RootFS.Layers), len(before.RootFS.Layers)+1)
		assert.DeepEqual(t, after.RootFS.Layers[:len(before.RootFS.Layers)], before.RootFS.Layers)
		assert.Equal(t, h.MustDocker(t, "ps", "-aq"), "", "the container it was made of is gone")
		// The whole trees differ in the store alone; what docker create itself puts into a container does not count.
		diff := h.Sh(t, `cd /root; for i in full full:latest-ca; do c=$(docker create $i); docker export $c | tar --numeric-owner --full-time -tvf - | grep -v '/$' |
grep -v ' \(\.dockerenv\|etc/hostname\|etc/hosts\|etc/resolv\.conf\|etc/mtab\|dev/[^ ]*\)\( -> .*\)\{0,1\}$' | sort -k6 >$i.list; docker rm $c >/dev/null; done
diff full.list full:latest-ca.list | grep '^[<>]' || true`)
		assert.Equal(t, len(strings.Split(strings.TrimSpace(diff), "\n")), 5, "the bundle before and after, the anchor and two links: %s", diff)
		// Again: the name, no layer.
		mustProxy(t, h, "ca", "bake", hosts.InspectionCAFile, "full:latest-ca", "-t", "again:1")
		assert.DeepEqual(t, look("again:1").RootFS.Layers, after.RootFS.Layers)

		// A builder in a container, as far as there is one without BuildKit's image: its store is changed, it starts again, and the list shows it beside the images.
		h.MustDocker(t, "run", "-d", "--name", "buildx_buildkit_mine0", "full")
		assert.Equal(t, proxy(t, h, "ca", "add", hosts.InspectionCAFile, "--builder", "other").Code, 2)
		added := mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "--builder", "mine", "--restart", "--format", "json")
		assert.Assert(t, cmp.Contains(added.Stdout, `"restarted": true`))
		places := otherPlaces(t, h)
		assert.Equal(t, strings.Join(places, "; "), "image again:1 baked 1; image full:latest-ca baked 1; builder mine0 container running 1")
	})
}

// otherPlaces are the places besides containers that `ca list` shows, with the number of their certificates.
func otherPlaces(t *testing.T, h *hosts.Host) []string {
	t.Helper()
	var rep struct {
		Others []struct {
			Kind, Name, State string
			Authorities       []string
		}
	}
	assert.NilError(t, json.Unmarshal([]byte(mustProxy(t, h, "ca", "list", "--format", "json").Stdout), &rep))
	var out []string
	for _, o := range rep.Others {
		if o.Kind == "machine" || o.Kind == "registry" {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s %s %d", o.Kind, o.Name, o.State, len(o.Authorities)))
	}
	return out
}

// TestCAExport: a service of Compose and a container of docker run trust the proxy from their first moment, by the printed words as they are.
func TestCAExport(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		h.InstallDebian(t, "trixie", "docker-compose", hosts.ComposePlace)
		debianOf(t, h)
		h.WriteFile(t, "/root/x/compose.yaml", "services:\n  repo_api: {image: full, network_mode: host, command: [sleep, \"600\"]}\n", 0o644)
		mustIn(t, h, "docker compose up -d")
		ask := "docker compose exec -T repo_api " + through
		assert.Equal(t, in(t, h, ask).Code, 60)
		mustIn(t, h, mustIn(t, h, "docker proxy ca export compose "+hosts.InspectionCAFile+" --service repo_api -o ca"))
		assert.Equal(t, mustIn(t, h, ask), "{}")

		mustIn(t, h, mustIn(t, h, "docker proxy ca export compose "+hosts.InspectionCAFile+" --service repo_api -o own --mount-at /etc/repo/ca_certs/ca_cert.pem --env REPO_CUSTOM_CA_CERT"))
		got := mustIn(t, h, `docker compose exec -T repo_api sh -c 'echo $REPO_CUSTOM_CA_CERT; openssl x509 -noout -fingerprint -sha256 -in "$REPO_CUSTOM_CA_CERT"'`)
		want := h.Sh(t, "openssl x509 -noout -fingerprint -sha256 -in "+hosts.InspectionCAFile)
		assert.Equal(t, strings.TrimSpace(got), "/etc/repo/ca_certs/ca_cert.pem\n"+strings.TrimSpace(want))

		run := "docker run --rm --network host %s full " + through
		assert.Equal(t, in(t, h, strings.ReplaceAll(run, "%s", "")).Code, 60)
		assert.Equal(t, mustIn(t, h, strings.ReplaceAll(run, "%s", "$(docker proxy ca export run "+hosts.InspectionCAFile+" -o run)")), "{}")
		assert.Equal(t, mustIn(t, h, strings.ReplaceAll(run, "%s", "$(docker proxy ca export run "+hosts.InspectionCAFile+" -o over --mount-at /etc/ssl/certs/ca-certificates.crt)")), "{}")
	})
}

// TestCAWatch: the service makes containers trust the proxy that come while it runs, survives the daemon, wakes none, and ends well.
func TestCAWatch(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t)
		debianOf(t, h)
		start := func(name string, more ...string) {
			h.MustDocker(t, append(append([]string{"run", "-d", "--network", "host", "--name", name}, more...), "full")...)
		}
		trusts := func(name string) bool {
			return h.Run(t, "sh", "-c", "docker exec "+name+" "+through).Code == 0
		}
		log := func() string { return h.Sh(t, "journalctl -u docker-proxy-ca-watch -o cat --no-pager") }
		start("before", "--label", "corp=yes")
		r := mustProxy(t, h, "ca", "watch", hosts.InspectionCAFile, "--filter", "label=corp=yes", "--install")
		assert.Equal(t, r.Stdout, "systemctl daemon-reload && systemctl enable --now docker-proxy-ca-watch.service\n")
		assert.Equal(t, h.Run(t, "systemctl", "is-active", "docker-proxy-ca-watch").Stdout, "inactive\n", "it is not started for somebody")
		verify := h.Run(t, "systemd-analyze", "verify", "/etc/systemd/system/docker-proxy-ca-watch.service")
		assert.Equal(t, verify.Code, 0, "%s", verify)
		h.Sh(t, r.Stdout)
		h.Eventually(t, "trust in a container that was there", func() bool { return trusts("before") })

		assert.DeepEqual(t, otherPlaces(t, h), []string{"watch docker-proxy-ca-watch.service enabled 1"})

		start("web", "--label", "corp=yes")
		start("other")
		start("out", "--label", "corp=yes", "--label", "docker-proxy.ca=false")
		h.Eventually(t, "trust in a new container", func() bool { return trusts("web") })
		// One that is created trusts the proxy when its program begins.
		h.MustDocker(t, "create", "--network", "host", "--label", "corp=yes", "--name", "later", "full", "sh", "-c", through)
		h.Eventually(t, "the line of a container that was created", func() bool { return strings.Contains(log(), "later: trusts") })
		assert.Equal(t, h.MustDocker(t, "start", "-a", "later"), "{}")

		h.RestartDocker(t)
		h.Eventually(t, "the daemon noticed", func() bool { return strings.Contains(log(), "the daemon is back: looking at all containers") })
		start("after", "--label", "corp=yes")
		h.Eventually(t, "trust after a restart of the daemon", func() bool { return trusts("after") })
		assert.Assert(t, !trusts("out"))
		h.MustDocker(t, "start", "other")
		assert.Assert(t, !trusts("other"))

		// A daemon that was stopped stays so, although its socket would start it.
		h.Sh(t, "systemctl stop docker.service docker.socket && systemctl start docker.socket")
		h.Eventually(t, "that the daemon is gone", func() bool {
			return strings.HasSuffix(strings.TrimSpace(log()), "EOF") || strings.Contains(log(), "waiting until it is started")
		})
		h.Sh(t, "sleep 3") // several attempts
		assert.Equal(t, strings.TrimSpace(h.Run(t, "systemctl", "is-active", "docker.service").Stdout), "inactive")
		h.StartDocker(t)

		h.MustRun(t, "systemctl", "stop", "docker-proxy-ca-watch")
		assert.Equal(t, h.Sh(t, "systemctl show -p Result,ExecMainStatus,NRestarts --value docker-proxy-ca-watch"), "success\n0\n0")
		text := log()
		assert.Assert(t, cmp.Contains(text, "web: trusts "))
		assert.Assert(t, cmp.Contains(text, "out: left alone: it has the label docker-proxy.ca=false"))
		assert.Assert(t, !strings.Contains(text, "other:"), text)
	})
}
