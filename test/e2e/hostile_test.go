//go:build hosts && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestHostileUsers lets guest, who may do nothing, plant what they can where root writes on their behalf. Whatever happens there, nothing outside of their home changes, nothing of other
// people's files is printed, nothing hangs.
func TestHostileUsers(t *testing.T) { on(t, "trixie", playHostileUsers) }

func playHostileUsers(t *testing.T, h *hosts.Host) {
	h.Sh(t, `mkdir -p /srv/tree /srv/target && cp -a /etc /usr /srv/tree/ 2>/dev/null || true
		mkdir -p /srv/tree/var/lib /srv/tree/etc/docker
		echo '{"proxies":{"default":{"httpProxy":"http://dev:d3v-s3cr3t@dev.corp:1"}}}' >/srv/config.json
		install -d -o dev -g dev -m 0700 /home/dev/.docker && install -o dev -g dev -m 0600 /srv/config.json /home/dev/.docker/config.json
		install -m 0600 /srv/config.json /srv/target/config.json
		install -d -o guest -g guest /home/guest/.docker`)
	t.Run("planted", func(t *testing.T) { playPlanted(t, h) })
	t.Run("swapped", func(t *testing.T) { playSwapped(t, h) })
	t.Run("pretended", func(t *testing.T) { playPretended(t, h) })
	t.Run("state", func(t *testing.T) { playState(t, h) })
	t.Run("root", func(t *testing.T) { playTree(t, h) })
}

// outside describes everything that guest may not change, except the journal of root.
func outside(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return h.Sh(t, `for d in /etc /root /home/dev /srv/target /usr/local /var/spool/cron; do
		find "$d" -xdev -printf '%p %y %m %U:%G %l\n'; find "$d" -xdev -type f -exec sha256sum {} +
	done | sort | grep -v -e /etc/resolv.conf -e /etc/mtab -e '/etc/.pwd.lock'`)
}

// unharmed runs a command and checks what every one of these tests is about.
func unharmed(t *testing.T, h *hosts.Host, before string, c hosts.Cmd) hosts.Result {
	t.Helper()
	c.Timeout = 40 * time.Second
	r := h.Do(t, c)
	for _, secret := range []string{"d3v-s3cr3t", "$y$", "$6$", "root:*", "root:x"} {
		assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, secret), "%q is printed: %s", secret, r)
	}
	assert.Equal(t, outside(t, h), before, "%q: %s", c.Argv, r)
	return r
}

// setFor is what an administrator types for somebody else.
func setFor(user string, more ...string) hosts.Cmd {
	return hosts.Cmd{Argv: append([]string{"docker", "proxy", "set", "--only", "client", "--user", user, "--proxy", "http://p.corp:3128", "--no-proxy", "x.corp"}, more...)}
}

func playPlanted(t *testing.T, h *hosts.Host) {
	before := outside(t, h)
	for _, tc := range []struct {
		name, plant string
		code        int
		says        string
	}{
		{"nothing planted", "true", 0, ""},
		{"a link to a secret of root's", "ln -s /etc/shadow .docker/config.json", 1, "/home/guest/.docker/config.json"},
		{"a link to a configuration of root's", "ln -s /srv/target/config.json .docker/config.json", 1, "which is not theirs"},
		{"a link to somebody else's", "ln -s /home/dev/.docker/config.json .docker/config.json", 1, "dev"},
		{"a link to what does not exist yet", "ln -s /etc/profile.d/evil.sh .docker/config.json", 1, "which is not theirs"},
		{"the directory is a link", "rmdir .docker; ln -s /srv/target .docker", 1, "which is not theirs"},
		{"the directory is a link to somebody else's", "rmdir .docker; ln -s /home/dev/.docker .docker", 1, "dev"},
		{"links in a chain", "mkdir x; ln -s ../../../srv x/y; rmdir .docker; ln -s x/y/target .docker", 1, "which is not theirs"},
		{"links in a circle", "ln -s config.json .docker/config.json", 1, "config.json"},
		{"the way through /proc", "rmdir .docker; ln -s /proc/1/root/srv/target .docker", 1, ".docker"},
		{"a link within the home", "mkdir real; echo '{}' >real/c.json; ln -s ../real/c.json .docker/config.json", 0, ""},
		{"a fifo", "mkfifo .docker/config.json", 1, "not a regular file"},
		{"a directory", "mkdir .docker/config.json", 1, "config.json"},
		{"a very large file", "truncate -s 4G .docker/config.json", 1, "larger than 1 MiB"},
		{"a directory without rights", "chmod 0 .docker", 1, "permission denied"},
		{"a file of root's", "true # planted below", 1, "config.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h.Sh(t, "rm -rf /home/guest/.docker /home/guest/x /home/guest/real && install -d -o guest -g guest /home/guest/.docker")
			planted := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-e", "-c", tc.plant}, User: "guest"})
			assert.Equal(t, planted.Code, 0, "%s", planted)
			if tc.name == "a file of root's" {
				h.Sh(t, "install -m 0600 /srv/config.json /home/guest/.docker/config.json")
			}
			r := unharmed(t, h, before, setFor("guest"))
			assert.Equal(t, r.Code, tc.code, "%s", r)
			assert.Assert(t, cmp.Contains(r.Stderr, tc.says))
			if tc.name != "a fifo" { // at which the docker CLI waits for ever
				unharmed(t, h, before, hosts.Cmd{Argv: []string{"docker", "proxy", "show"}, Env: []string{"DOCKER_CONFIG=/home/guest/.docker"}})
			}
			unharmed(t, h, before, hosts.Cmd{Argv: []string{"docker", "proxy", "unset", "--only", "client", "--user", "guest"}})
			if tc.code == 0 {
				assert.Equal(t, h.Sh(t, "find /home/guest/.docker /home/guest/real ! -user guest 2>/dev/null || true"), "")
			}
			assert.Equal(t, h.Sh(t, "find /home/guest -name '*.tmp'"), "")
		})
	}
}

// playSwapped lets guest exchange directory and file for links to other people's, all the time, while root writes.
func playSwapped(t *testing.T, h *hosts.Host) {
	h.Sh(t, "rm -rf /home/guest/.docker && install -d -o guest -g guest /home/guest/.docker /home/guest/other")
	before := outside(t, h)
	loops := []string{
		`while [ ! -e stop ]; do ln -sfn /srv/target t1 && mv -T .docker away 2>/dev/null; mv -T t1 .docker 2>/dev/null; rm -f .docker; mv -T away .docker 2>/dev/null || mkdir -p .docker; done`,
		`while [ ! -e stop ]; do ln -sf /home/dev/.docker/config.json .docker/config.json; echo '{}' >c.new; mv -T c.new .docker/config.json; rm -f .docker/config.json; ln -s /etc/cron.d/evil .docker/config.json; rm -f .docker/config.json; done`,
		`while [ ! -e stop ]; do ln -sfn /home/dev other/d; rm -f other/d; mkdir -p other/d; rmdir other/d; done 2>/dev/null`,
	}
	h.Sh(t, "rm -f /home/guest/stop")
	for _, loop := range loops {
		r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "setsid sh -c '" + strings.ReplaceAll(loop, "'", `'\''`) + "' >/dev/null 2>&1 </dev/null & echo $!"}, User: "guest"})
		assert.Equal(t, r.Code, 0, "%s", r)
	}
	codes := map[int]int{}
	for i := range 25 {
		r := h.Do(t, setFor("guest", "--ftp-proxy", fmt.Sprintf("http://p.corp:%d", i+1)))
		codes[r.Code]++
		if r.Code > 0 {
			t.Log(r.Stderr)
		}
		assert.Assert(t, r.Code == 0 || r.Code == 1 || r.Code == 6, "%s", r)
		assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "d3v-s3cr3t"), "%s", r)
	}
	h.Sh(t, "touch /home/guest/stop; sleep 0.5; rm -rf /home/guest/.docker /home/guest/away /home/guest/other /home/guest/c.new /home/guest/t1")
	t.Logf("status and how often: %v", codes)
	assert.Equal(t, outside(t, h), before)
}

// playPretended: variables say that somebody else called, or that somebody else's directory is one's own.
func playPretended(t *testing.T, h *hosts.Host) {
	h.Sh(t, "rm -rf /home/guest/.docker")
	before := outside(t, h)
	const set = "docker proxy set --only client --proxy http://p.corp:3128 --no-proxy x.corp"
	const direct = hosts.PluginPath + " set --only client --proxy http://p.corp:3128 --no-proxy x.corp" // the docker CLI does not even find its plugins when it may not read its configuration
	guests := func() string { return h.Sh(t, "find /home/guest/.docker 2>/dev/null || true") }
	for _, tc := range []struct{ name, script, user, says string }{
		{"a number and another name", "SUDO_UID=1501 SUDO_USER=dev " + set, "", "no config.json is written for root"},
		{"a name that does not exist", "SUDO_UID=1501 SUDO_USER=nobody-here " + set, "", "no config.json is written for root"},
		{"root's own", "SUDO_UID=0 SUDO_USER=root " + set, "", "no config.json is written for root"},
		{"no number", "SUDO_UID=+1501 SUDO_USER=guest " + set, "", "no config.json is written for root"},
		{"without sudo it means nothing", "SUDO_UID=1500 SUDO_USER=dev DOCKER_CONFIG=/home/guest/nothing " + set + " && rm -rf /home/guest/nothing /home/guest/.local", "guest", ""},
		{"somebody else's configuration", "DOCKER_CONFIG=/home/dev/.docker " + direct, "guest", "permission denied"},
		{"somebody else's home", "HOME=/home/dev " + direct, "guest", "permission denied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := unharmed(t, h, before, hosts.Cmd{Argv: []string{"sh", "-c", tc.script}, User: tc.user})
			assert.Assert(t, cmp.Contains(r.Stderr, tc.says))
			if tc.says != "" {
				assert.Assert(t, r.Code == 1 || r.Code == 2, "%s", r)
			}
			assert.Equal(t, guests(), "")
		})
	}
	t.Run("sudo with the home of another", func(t *testing.T) {
		r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "sudo HOME=/home/guest " + set}, User: "dev"})
		assert.Equal(t, r.Code, 0, "%s", r)
		assert.Equal(t, guests(), "")
		assert.Assert(t, cmp.Contains(h.ReadFile(t, "/home/dev/.docker/config.json"), "p.corp"))
		assert.Equal(t, h.Sh(t, "stat -c '%U %a' /home/dev/.docker/config.json"), "dev 600")
		h.MustRun(t, "docker", "proxy", "rollback")
		assert.Equal(t, outside(t, h), before)
	})
}

// playState: the journal decides what recovery writes, so that a place of it which others have a hand in is none.
func playState(t *testing.T, h *hosts.Host) {
	h.Sh(t, "rm -rf /home/guest/.docker /home/guest/.local; rm -rf /tmp/st && install -d -m 0777 /tmp/st /tmp/st/docker-proxy && install -d -o dev -g dev -m 0777 /tmp/st/devs && ln -s /home/dev /tmp/st/link")
	before := outside(t, h)
	const set = "docker proxy set --only client --proxy http://p.corp:3128 --no-proxy x.corp"
	for _, state := range []string{"/tmp/st", "/tmp/st/devs", "/tmp/st/link", "/home/dev", "/var/lib", "/proc/self/root/root", "/nonexistent/../etc", "/dev/null", "/etc/shadow"} {
		t.Run(state, func(t *testing.T) {
			h.Sh(t, "rm -rf /home/guest/.docker")
			r := unharmed(t, h, before, hosts.Cmd{Argv: []string{"sh", "-c", set}, User: "guest", Env: []string{"XDG_STATE_HOME=" + state}})
			if state == "/tmp/st/devs" {
				return // where everybody may write guest makes a directory of their own, which is judged as such
			}
			assert.Equal(t, r.Code, 1, "%s", r)
			assert.Equal(t, h.Sh(t, "find /home/guest/.docker -type f 2>/dev/null || true"), "")
		})
	}
	t.Run("not for root", func(t *testing.T) {
		h.Sh(t, "rm -rf /tmp/st/devs /home/guest/.docker")
		unharmed(t, h, before, hosts.Cmd{Argv: setFor("guest").Argv, Env: []string{"XDG_STATE_HOME=/tmp/st"}})
		assert.Equal(t, h.Sh(t, "find /tmp/st -name '*.journal'"), "")
	})
}

// playTree: a directory given by --root holds what leads out of it.
func playTree(t *testing.T, h *hosts.Host) {
	before := outside(t, h)
	set := []string{"docker", "proxy", "set", "--root", "/srv/tree", "--only", "daemon", "--proxy", "http://p.corp:3128", "--no-proxy", "x.corp", "--layer"}
	for _, tc := range []struct {
		name, layer, plant string
		code               int
	}{
		{"nothing planted", "daemon.json", "true", 0},
		{"an absolute link", "daemon.json", "rm -rf etc/docker; ln -s /srv/target etc/docker; mkdir -p srv/target", 0},
		{"a link upwards", "daemon.json", "rm -rf etc/docker; ln -s ../../../../srv/target etc/docker; mkdir -p srv/target", 0},
		{"a file that leads out", "daemon.json", "ln -s ../../../../srv/target/config.json etc/docker/daemon.json", 0},
		{"a magic link", "daemon.json", "mount --bind /proc proc; ln -s /proc/1/root/srv/target/config.json etc/docker/daemon.json", -1},
		{"a magic directory", "systemd", "mount --bind /proc proc; rm -rf etc/systemd/system/docker.service.d; ln -s /proc/self/cwd etc/systemd/system/docker.service.d", -1},
		{"a fifo", "daemon.json", "mkfifo etc/docker/daemon.json", 1},
		{"a device", "daemon.json", "mknod etc/docker/daemon.json c 1 3", 1},
		{"a startup file that is a device", "startup", "rm -f etc/default/docker; mknod etc/default/docker c 1 5", 1},
		{"a drop-in directory of somebody else's", "systemd", "install -d -o guest -g guest etc/systemd/system/docker.service.d", -1},
		{"a state directory of somebody else's", "daemon.json", "install -d -o guest -g guest var/lib/docker-proxy", 1},
		{"a state directory that leads out", "daemon.json", "ln -s /srv/target var/lib/docker-proxy", 1},
		{"a bind mount of a file", "daemon.json", "echo '{}' >bound; : >etc/docker/daemon.json; mount --bind bound etc/docker/daemon.json", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h.Sh(t, `cd /srv/tree; umount proc 2>/dev/null || true; umount etc/docker/daemon.json 2>/dev/null || true
				rm -rf etc/docker srv var/lib/docker-proxy etc/systemd/system/docker.service.d bound; mkdir -p etc/docker proc; rm -f etc/default/docker; cp /etc/default/docker etc/default/docker`)
			h.Sh(t, "cd /srv/tree; "+tc.plant)
			r := unharmed(t, h, before, hosts.Cmd{Argv: append(set, tc.layer)})
			assert.Assert(t, tc.code < 0 || r.Code == tc.code, "%s", r)
			if r.Code == 0 {
				shown := h.MustRun(t, "docker", "proxy", "show", "--root", "/srv/tree", "--effective")
				assert.Assert(t, cmp.Contains(shown.Stdout, "http://p.corp:3128"))
			}
			unharmed(t, h, before, hosts.Cmd{Argv: []string{"docker", "proxy", "show", "--root", "/srv/tree"}})
			unharmed(t, h, before, hosts.Cmd{Argv: []string{"docker", "proxy", "unset", "--root", "/srv/tree", "--only", "daemon"}})
			unharmed(t, h, before, hosts.Cmd{Argv: []string{"docker", "proxy", "rollback", "--root", "/srv/tree"}})
		})
	}
	h.Sh(t, "cd /srv/tree; umount proc 2>/dev/null || true; umount etc/docker/daemon.json 2>/dev/null || true")
}
