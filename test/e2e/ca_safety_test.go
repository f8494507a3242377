//go:build hosts && linux

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// newAuthority makes an authority on the host and gives its file and fingerprint.
func newAuthority(t *testing.T, h *hosts.Host) (file, fingerprint string) {
	t.Helper()
	out := h.Sh(t, `cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout safe.key -out safe.pem -days 100 -subj "/CN=Safe CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null; openssl x509 -in safe.pem -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f`)
	return "/root/safe.pem", strings.TrimSpace(out)
}

// withSmall makes an image "deb" with the trust store of the host's own Debian, and of its programs busybox alone: hundreds of its containers are made, and looked at whole.
func withSmall(t *testing.T, h *hosts.Host) {
	t.Helper()
	h.Sh(t, `mkdir -p /srv/small/bin /srv/small/tmp && cd / && cp -a --parents etc/debian_version etc/os-release usr/lib/os-release etc/ssl etc/ca-certificates.conf usr/share/ca-certificates usr/local/share/ca-certificates \
		usr/sbin/update-ca-certificates usr/bin/dpkg var/lib/dpkg/status /srv/small/ && cp bin/busybox /srv/small/bin/ && ln -s busybox /srv/small/bin/sh && ln -s busybox /srv/small/bin/cp && ln -s busybox /srv/small/bin/sleep && rm -rf /srv/small/etc/ssl/private &&
		tar -cC /srv/small . | docker import -c 'CMD ["/bin/sleep","infinity"]' - deb >/dev/null`)
}

// killAt runs a command that the kernel kills at a system call. strace counts the calls of each thread, and a Go program goes on in whichever is free, so a run may come through: then again
// takes back what it did, and it is tried anew. It reports whether a run was killed.
func killAt(t *testing.T, h *hosts.Host, again func(), call, when string, argv ...string) bool {
	t.Helper()
	for range 10 {
		r := h.Run(t, append([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + call + ":signal=SIGKILL:when=" + when}, argv...)...)
		if r.Code != 0 {
			return true
		}
		if call == "write" {
			return false // of the archive API, whose requests may be over by then
		}
		again()
	}
	return false
}

// TestCAKilled: the real program, killed in the middle of a container by the kernel, at several system calls and by both ways to a container's files. The next removal brings back
// exactly what was there, and says that a run was interrupted.
func TestCAKilled(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		withSmall(t, h)
		file, _ := newAuthority(t, h)
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "run", "deb")
		h.MustDocker(t, "create", "--network", "none", "--name", "stopped", "deb")
		plugin := strings.TrimSpace(h.Sh(t, `docker info --format '{{range .ClientInfo.Plugins}}{{if eq .Name "proxy"}}{{.Path}}{{end}}{{end}}'`))
		look := func(name string) string { return h.MustDocker(t, "diff", name) + tarOf(t, h, name) }
		before := map[string]string{"run": look("run"), "stopped": look("stopped")}
		// In the running container: a file is complete and not in its place, the anchor is there, the bundle, a link; and when everything is given back. In the stopped one all is one
		// request to the daemon, whose parts are writes to its socket.
		for _, at := range []struct{ name, what, call string }{
			{"run", "add", "fchown:1"}, {"run", "add", "symlinkat:1"}, {"run", "add", "symlinkat:2"}, {"run", "add", "renameat2:3"},
			{"run", "remove", "unlinkat:1"}, {"run", "remove", "utimensat:2"},
			{"stopped", "add", "write:18"}, {"stopped", "add", "write:20"}, {"stopped", "add", "write:22"}, {"stopped", "remove", "write:16"},
		} {
			call, when, _ := strings.Cut(at.call, ":")
			if at.what == "remove" {
				mustProxy(t, h, "ca", "add", file, at.name)
			}
			again := func() {
				mustProxy(t, h, "ca", map[string]string{"add": "remove", "remove": "add"}[at.what], file, at.name)
			}
			killed := killAt(t, h, again, call, when, plugin, "ca", at.what, file, at.name)
			assert.Assert(t, killed || at.name == "stopped", "%v was not killed", at)
			r := proxy(t, h, "ca", "remove", file, at.name)
			assert.Equal(t, r.Code, 0, "%v: %s", at, r)
			if at.name == "run" && at.what == "add" {
				assert.Assert(t, cmp.Contains(r.Stdout, "was interrupted in the middle of it"), "%v", at)
			}
			assert.Equal(t, look(at.name), before[at.name], "%v", at)
		}
		// Many containers at once, and then an addition that completes it.
		again := func() { mustProxy(t, h, "ca", "remove", file, "run", "stopped") }
		assert.Assert(t, killAt(t, h, again, "symlinkat", "2", plugin, "ca", "add", file, "run", "stopped"))
		mustProxy(t, h, "ca", "add", file, "--all")
		assert.Equal(t, proxy(t, h, "ca", "verify", "run", "stopped").Code, 0)
		mustProxy(t, h, "ca", "remove", file, "--all")
		for name, was := range before {
			assert.Equal(t, look(name), was, name)
		}
		assert.Equal(t, h.Sh(t, "ls /var/lib/docker-proxy/ca | grep container- || true"), "", "no record is left")
	})
}

// onTerminal runs a command on a terminal of its own, and gives what appears there with its exit status.
func onTerminal(t *testing.T, h *hosts.Host, keys, command string) (lines []string, status int) {
	t.Helper()
	r := h.Do(t, hosts.Cmd{Argv: []string{"script", "-qec", command, "/dev/null"}, Stdin: keys})
	for line := range strings.Lines(r.Stdout) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return lines, r.Code
}

// TestCATerminal: on a terminal there is a line for each container as it finishes, then what is left to do and a summary, and the status is 4 when some failed; --restart restarts what
// has to start again to notice, and nothing else; without it, it is asked. The statuses 5 and 1.
func TestCATerminal(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		withSmall(t, h)
		file, fingerprint := newAuthority(t, h)
		short := fingerprint[:12]
		runDebian(t, h, "aa", "bb")
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "out", "--label", "docker-proxy.ca=false", "deb")
		h.MustDocker(t, "run", "-d", "--network", "none", "--name", "ro", "--read-only", "deb")
		for _, name := range []string{"jvm", "jvm2"} { // a program that reads its certificates once; by its name
			h.MustDocker(t, "run", "-d", "--network", "none", "--name", name, "deb", "sh", "-c", "cp /bin/busybox /tmp/java; exec -a busybox /tmp/java sleep infinity")
		}
		started := func() string {
			return h.MustDocker(t, "inspect", "-f", "{{.Name}} {{.State.StartedAt}}", "aa", "bb", "jvm", "jvm2")
		}
		before := started()

		lines, status := onTerminal(t, h, "", "docker proxy ca add "+file+" --all --restart")
		assert.Equal(t, status, 4, "%q", lines)
		assert.Assert(t, len(lines) > 8, "%q", lines)
		progress := slices.Sorted(slices.Values(lines[:6])) // they come as the containers finish
		assert.DeepEqual(t, progress[:4], []string{"changed   aa: 4 files, debian", "changed   bb: 4 files, debian", "changed   jvm2: 4 files, debian", "changed   jvm: 4 files, debian"})
		assert.Assert(t, strings.HasPrefix(progress[4], "failed    ro: debian, ") && strings.Contains(progress[4], "read-only"), progress[4])
		assert.Equal(t, progress[5], "skipped   out: it has the label docker-proxy.ca=false")
		text := strings.Join(lines, "\n")
		assert.Equal(t, strings.Count(text, "changed   aa"), 1, "each container has one line: %s", text)
		assert.Equal(t, lines[len(lines)-1], "6 containers: 4 changed, 1 skipped, 1 failed")
		assert.Assert(t, cmp.Contains(text, short+"  CN=Safe CA, expires "))
		assert.Assert(t, !strings.Contains(text, "docker restart"), "it was done: %s", text)
		after := started()
		for i, line := range strings.Split(strings.TrimSpace(before), "\n") {
			same := line == strings.Split(strings.TrimSpace(after), "\n")[i]
			assert.Equal(t, same, !strings.HasPrefix(line, "/jvm"), "%s\n%s", before, after)
		}
		// Again: nothing to do, nothing restarts.
		_, status = onTerminal(t, h, "", "docker proxy ca add "+file+" aa bb jvm jvm2 --restart")
		assert.Equal(t, status, 0)
		assert.Equal(t, started(), after)

		// Without --restart a person is asked, and no is an answer.
		lines, status = onTerminal(t, h, "", "docker proxy ca remove "+file+" --all")
		assert.Equal(t, status, 0, "%q", lines) // what is read-only holds nothing
		lines, status = onTerminal(t, h, "n\n", "docker proxy ca add "+file+" jvm aa")
		text = strings.Join(lines, "\n")
		assert.Equal(t, status, 0, text)
		assert.Assert(t, cmp.Contains(text, "Restart jvm now?"))
		assert.Assert(t, cmp.Contains(text, "docker restart jvm"))
		assert.Equal(t, started(), after)
		// Without a terminal nobody is asked, and stderr is silent.
		r := proxy(t, h, "ca", "remove", file, "jvm", "aa")
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Equal(t, r.Stderr, "")
		assert.Assert(t, cmp.Contains(r.Stdout, "changed   jvm: 4 files, debian"))

		// A write that fails in the middle: no file may become larger than the anchor. All is put back, and the status is 5; 4 beside one that is done already; and 1 where nothing
		// was changed at all.
		small := "ulimit -f 8; docker proxy ca "
		was := tarOf(t, h, "aa")
		r = h.Run(t, "bash", "-c", small+"add "+file+" aa")
		assert.Equal(t, r.Code, 5, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stdout, "failed    aa: "))
		assert.Equal(t, tarOf(t, h, "aa"), was)
		assert.Equal(t, h.MustDocker(t, "diff", "aa"), "")
		mustProxy(t, h, "ca", "add", file, "bb")
		assert.Equal(t, h.Run(t, "bash", "-c", small+"add "+file+" aa bb").Code, 4)
		assert.Equal(t, proxy(t, h, "ca", "add", file, "ro").Code, 1)
		mustProxy(t, h, "ca", "remove", file, "bb")
		machine := func() string {
			return h.Sh(t, "sha256sum /etc/ssl/certs/ca-certificates.crt; find /usr/local/share/ca-certificates /etc/ssl/certs -printf '%p %y %m %U:%G %l\n' | sort")
		}
		was = machine()
		assert.Equal(t, h.Run(t, "bash", "-c", small+"add "+file+" --machine --no-restart --yes").Code, 1, "the journal comes first")
		assert.Equal(t, machine(), was)
		h.Sh(t, `mkdir -p /etc/systemd/system/docker.service.d && printf '[Service]\nExecStartPre=/bin/sh -c "! ls /usr/local/share/ca-certificates/docker-proxy-*.crt"\n' >/etc/systemd/system/docker.service.d/picky.conf && systemctl daemon-reload`)
		r = proxy(t, h, "ca", "add", file, "--machine", "--restart", "--yes")
		assert.Equal(t, r.Code, 5, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "the state before is back"))
		assert.Equal(t, machine(), was)
		// Containers that are done, and a machine that is not.
		h.MustDocker(t, "start", "aa")
		r = proxy(t, h, "ca", "add", file, "aa", "--machine", "--restart", "--yes")
		assert.Equal(t, r.Code, 4, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stdout, "aa: 4 files, debian"))
		assert.Assert(t, cmp.Contains(r.Stderr, "the state before is back"))
	})
}

// TestCAWatchCrowd: of 300 containers that are started as fast as the daemon can, none is missed, although the daemon is restarted in the middle; and the memory that takes is bounded.
func TestCAWatchCrowd(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		file, _ := newAuthority(t, h)
		withSmall(t, h)
		h.Sh(t, mustProxy(t, h, "ca", "watch", file, "--all", "--install").Stdout)
		start := func(from, to int) {
			h.Sh(t, fmt.Sprintf(`seq %d %d | xargs -P 8 -I{} docker run -d --restart always --network none --name n{} deb >/dev/null`, from, to))
		}
		start(1, 60)
		h.RestartDocker(t) // while there is still something to be done
		start(61, 300)
		h.Eventually(t, "a line for each of 300 containers", func() bool {
			return strings.TrimSpace(h.Sh(t, "journalctl -u docker-proxy-ca-watch -o cat --no-pager | sed -n 's/: trusts .*//p' | sort -u | wc -l")) == "300"
		})
		assert.Equal(t, strings.TrimSpace(h.Sh(t, "docker ps -q | wc -l")), "300")
		assert.Equal(t, strings.Count(mustProxy(t, h, "ca", "list", "--all").Stdout, "   yes\n"), 300)
		peak := regexp.MustCompile(`\d+`).FindString(h.Sh(t, "grep VmHWM /proc/$(systemctl show -p MainPID --value docker-proxy-ca-watch)/status"))
		kB, err := strconv.Atoi(peak)
		assert.NilError(t, err)
		assert.Assert(t, kB < 64_000, "%d kB", kB)
		assert.Equal(t, h.Sh(t, "systemctl show -p NRestarts --value docker-proxy-ca-watch"), "0")
	})
}

// TestCAWatchServices: the service on machines without systemd, by their own commands: it starts, does its work, survives the daemon, ends and is seen by `ca list`.
func TestCAWatchServices(t *testing.T) {
	for kind, play := range map[string]struct{ path, enable, stop, status string }{
		"openrc":   {"/etc/init.d/docker-proxy-ca-watch", "rc-update add docker-proxy-ca-watch default && rc-service docker-proxy-ca-watch start\n", "rc-service docker-proxy-ca-watch stop", "rc-service docker-proxy-ca-watch status"},
		"sysvinit": {"/etc/init.d/docker-proxy-ca-watch", "update-rc.d docker-proxy-ca-watch defaults && service docker-proxy-ca-watch start\n", "service docker-proxy-ca-watch stop", "service docker-proxy-ca-watch status"},
		"runit":    {"/etc/sv/docker-proxy-ca-watch/run", "ln -s /etc/sv/docker-proxy-ca-watch /etc/service/\n", "sv stop docker-proxy-ca-watch", "sv status docker-proxy-ca-watch | grep -q ^run:"},
	} {
		on(t, kind, func(t *testing.T, h *hosts.Host) {
			file, _ := newAuthority(t, h)
			withSmall(t, h)
			watched := func(name string) func() bool {
				return func() bool {
					return strings.Contains(h.Sh(t, "cat /var/log/docker-proxy-ca-watch.log 2>/dev/null || true"), name+": trusts ")
				}
			}
			r := mustProxy(t, h, "ca", "watch", file, "--filter", "label=ab=c d", "--install")
			assert.Equal(t, r.Stdout, play.enable)
			assert.Assert(t, cmp.Contains(r.Stderr, "created "+play.path))
			assert.DeepEqual(t, otherPlaces(t, h), []string{"watch docker-proxy-ca-watch not enabled 1"})
			h.Sh(t, r.Stdout)
			assert.DeepEqual(t, otherPlaces(t, h), []string{"watch docker-proxy-ca-watch enabled 1"})
			h.MustDocker(t, "run", "-d", "--network", "none", "--name", "one", "--label", "ab=c d", "deb")
			h.MustDocker(t, "run", "-d", "--network", "none", "--name", "other", "deb")
			h.Eventually(t, "trust in a new container", watched("one"))
			h.Sh(t, play.status)
			h.RestartDocker(t)
			h.MustDocker(t, "run", "-d", "--network", "none", "--name", "two", "--label", "ab=c d", "deb")
			h.Eventually(t, "trust after a restart of the daemon", watched("two"))
			assert.Assert(t, !watched("other")())
			h.Sh(t, play.stop)
			h.Eventually(t, "the end of the service", func() bool { return h.Run(t, "sh", "-c", play.status).Code != 0 })
			assert.Assert(t, cmp.Contains(h.Sh(t, "tail -1 /var/log/docker-proxy-ca-watch.log"), "ended"))
			// What somebody else put there is left alone.
			h.Sh(t, "printf '#!/bin/sh\\necho mine\\n' >"+play.path)
			foreign := proxy(t, h, "ca", "watch", file, "--all", "--install")
			assert.Equal(t, foreign.Code, 1, "%s", foreign)
			assert.Equal(t, h.Sh(t, "cat "+play.path), "#!/bin/sh\necho mine")
		})
	}
}
