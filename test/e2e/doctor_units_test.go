//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestDoctorUnits asks systemd itself, 257 and 262, about what doctor says of units, environment files, the manager's memory and its start limit.
func TestDoctorUnits(t *testing.T) {
	for _, kind := range []string{"trixie", "sid"} {
		on(t, kind, playDoctorUnits)
	}
}

const (
	dropInPath  = "/etc/systemd/system/docker.service.d/p.conf"
	defaultFile = "/etc/default/docker"
	wanted      = "http://proxy.corp:3128"
)

func playDoctorUnits(t *testing.T, h *hosts.Host) {
	t.Run("lines", func(t *testing.T) { playLines(t, h) })
	t.Run("not loaded", func(t *testing.T) { playNotLoaded(t, h) })
	t.Run("passwords", func(t *testing.T) { playPasswords(t, h) })
	t.Run("start limit", func(t *testing.T) { playStartLimit(t, h) })
}

// unitsTold runs doctor and returns the ids of the groups systemd and startup files, and which command mends the first.
func unitsTold(t *testing.T, h *hosts.Host) (ids []string, fix string) {
	t.Helper()
	r := proxy(t, h, "doctor", "--format", "json")
	var rep struct{ Findings []struct{ ID, Fix string } }
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &rep), "%s", r)
	for _, f := range rep.Findings {
		if !strings.HasPrefix(f.ID, "systemd-") && !strings.HasPrefix(f.ID, "startup-") {
			continue
		}
		if fix == "" {
			fix = f.Fix
		}
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids, fix
}

// playLines gives the same bytes to docker.service, which doctor reads, and to a unit that tells its environment. What is an error does harm, all else does not.
func playLines(t *testing.T, h *hosts.Host) {
	env := func(line string) string { return "[Service]\nEnvironment=" + line + "\n" }
	h.Sh(t, "mkdir -p /run/systemd/system/teller.service.d /etc/systemd/system/docker.service.d; cp "+defaultFile+" /root/default")
	h.WriteFile(t, "/run/systemd/system/teller.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nEnvironmentFile=-"+defaultFile+"\nExecStart=/usr/bin/env -0\nStandardOutput=truncate:/run/told\n", 0o644)
	for _, c := range []struct {
		name, dropIn, file, id string
		harm                   bool
	}{
		{"right", env(`"HTTPS_PROXY=http://proxy.corp:3128"`), "", "", false},
		{"percent", env(`HTTPS_PROXY=http://proxy.corp:3128/%40`), "", "systemd-unescaped-percent", true},
		{"specifier", env(`HTTPS_PROXY=http://proxy.corp:3128/%C3%A9`), "", "systemd-unescaped-percent", true},
		{"escape", env(`HTTPS_PROXY=http://proxy.corp:3128/CORP\user`), "", "systemd-bad-escape", true},
		{"open quote", env(`"HTTPS_PROXY=http://proxy.corp:3128`), "", "systemd-unbalanced-quote", true},
		{"two in one", env(`"HTTP_PROXY=http://proxy.corp:3128 HTTPS_PROXY=http://proxy.corp:3128"`), "", "systemd-one-variable-in-two", true},
		{"blanks", env(`HTTPS_PROXY = http://proxy.corp:3128`), "", "systemd-one-variable-in-two", true},
		{"comment", env(`HTTPS_PROXY=http://proxy.corp:3128 # don't`), "", "systemd-trailing-comment", false},
		{"comment that assigns", env(`HTTPS_PROXY=http://proxy.corp:3128 # was HTTPS_PROXY=http://old:1`), "", "systemd-trailing-comment", true},
		{"another section", "[Unit]\nEnvironment=HTTPS_PROXY=http://proxy.corp:3128\n", "", "systemd-wrong-section-or-directory", true},
		{"no directive", "[Service]\nHTTPS_PROXY=http://proxy.corp:3128\n", "", "systemd-ignored-assignment", true},
		{"a variable", env(`HTTPS_PROXY=http://$HOST:3128`), "", "startup-shell-expansion-not-done", true},
		{"file, right", "", "# caf\xe9\nHTTPS_PROXY='http://proxy.corp:3128'\nexport HTTPS_PROXY\n", "", false},
		{"file, export", "", "export HTTPS_PROXY=http://proxy.corp:3128\n", "startup-export-in-environment-file", true},
		{"file, comment", "", "HTTPS_PROXY=http://proxy.corp:3128 # head office\n", "startup-inline-comment", true},
		{"file, a variable", "", "P=http://proxy.corp:3128\nHTTPS_PROXY=$P\n", "startup-shell-expansion-not-done", true},
		{"file, Latin-1", "", "X=caf\xe9\nHTTPS_PROXY=http://proxy.corp:3128\n", "startup-invalid-utf8", true},
		{"file, open quote", "", "HTTPS_PROXY=\"http://proxy.corp:3128\nX=\"1\"\n", "systemd-unbalanced-quote", true},
		{"file over drop-in", env(`HTTPS_PROXY=http://proxy.corp:3128`), "HTTPS_PROXY=http://old:1\n", "systemd-environment-file-wins", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.WriteFile(t, dropInPath, c.dropIn, 0o644)
			h.WriteFile(t, defaultFile, c.file, 0o644)
			environ := h.Sh(t, "cp "+dropInPath+" /run/systemd/system/teller.service.d/; systemctl daemon-reload; systemctl start teller; cat /run/told")
			got := strings.Split(environ, "\x00")
			assert.Equal(t, !slices.Contains(got, "HTTPS_PROXY="+wanted), c.harm, "the unit got %q", got)
			ids, _ := unitsTold(t, h)
			assert.Equal(t, strings.Join(ids, " "), c.id)
		})
	}
	h.Sh(t, "cp /root/default "+defaultFile+"; rm -r "+dropInPath+" /run/systemd/system/teller.service*; systemctl daemon-reload")
	ids, _ := unitsTold(t, h)
	assert.Equal(t, len(ids), 0, "%v", ids)
}

// playNotLoaded changes a drop-in so that NeedDaemonReload does not notice.
func playNotLoaded(t *testing.T, h *hosts.Host) {
	h.WriteFile(t, dropInPath, "[Service]\nEnvironment=HTTPS_PROXY=http://old.corp:1\n", 0o644)
	h.Sh(t, "touch -d '2020-01-01' "+dropInPath+"; systemctl daemon-reload; systemctl stop docker.socket docker.service")
	h.WriteFile(t, dropInPath, "[Service]\nEnvironment=HTTPS_PROXY=http://new.corp:1\n", 0o644)
	h.Sh(t, "touch -d '2020-01-01' "+dropInPath)
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "systemctl show -P NeedDaemonReload docker")), "no")
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "systemctl show -P Environment docker")), "HTTPS_PROXY=http://old.corp:1")
	ids, fix := unitsTold(t, h)
	assert.DeepEqual(t, ids, []string{"systemd-reload-needed"})
	if fix == "docker proxy doctor --fix" {
		fix = "systemctl daemon-reload"
	}
	h.Sh(t, fix)
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "systemctl show -P Environment docker")), "HTTPS_PROXY=http://new.corp:1")
	ids, _ = unitsTold(t, h)
	assert.Equal(t, len(ids), 0, "%v", ids)
	h.Sh(t, "rm "+dropInPath+"; systemctl daemon-reload; systemctl reset-failed docker.service docker.socket; systemctl start docker.socket docker.service")
}

// playPasswords: another user reads what doctor says everybody can read, and nothing where it says nothing.
func playPasswords(t *testing.T, h *hosts.Host) {
	const secret = "s3cretpw"
	guest := func(script string) bool {
		r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", script}, User: "guest"})
		return strings.Contains(r.Stdout, secret)
	}
	for _, c := range []struct {
		name, dropIn, file string
		mode               string
		read               string // what the guest types
		leaks              bool
	}{
		{"a drop-in for root alone", "[Service]\nEnvironment=HTTPS_PROXY=http://u:" + secret + "@proxy.corp:3128\n", "", "600", "systemctl show -P Environment docker", true},
		{"a readable environment file", "", "HTTPS_PROXY=http://u:" + secret + "@proxy.corp:3128\n", "644", "cat " + defaultFile, true},
		{"an environment file for root alone", "", "HTTPS_PROXY=http://u:" + secret + "@proxy.corp:3128\n", "600", "cat " + defaultFile + "; systemctl show docker; cat /proc/$(pidof dockerd)/environ", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.WriteFile(t, dropInPath, c.dropIn, 0o644)
			h.WriteFile(t, defaultFile, c.file, 0o644)
			h.Sh(t, fmt.Sprintf("chmod %s %s %s; systemctl daemon-reload", c.mode, dropInPath, defaultFile))
			assert.Equal(t, guest(c.read+" 2>/dev/null"), c.leaks)
			ids, _ := unitsTold(t, h)
			assert.Equal(t, slices.Contains(ids, "systemd-credentials-world-readable"), c.leaks, "%v", ids)
		})
	}
	h.Sh(t, "chmod 644 "+defaultFile+"; cp /root/default "+defaultFile+"; rm "+dropInPath+"; systemctl daemon-reload")
}

// playStartLimit lets dockerd die until systemd has started it as often as it may: doctor tells before the start that is refused, and after it.
func playStartLimit(t *testing.T, h *hosts.Host) {
	// die kills dockerd and waits until another one runs, or until systemd refuses to start one.
	die := func(until string) {
		h.Sh(t, `p=$(systemctl show -P MainPID docker); [ "$p" -gt 1 ]; kill -KILL $p
		for i in $(seq 150); do
			s=$(systemctl show -P ActiveState docker); n=$(systemctl show -P MainPID docker)
			if `+until+`; then exit 0; fi
			sleep 0.1
		done; exit 1`)
	}
	const again = `[ "$s" = active ] && [ "$n" != "$p" ] && [ "$n" != 0 ]`
	// The interval is longer than the usual minute: a busy machine must not let it pass.
	h.Sh(t, "mkdir -p /run/systemd/system/docker.service.d")
	h.WriteFile(t, "/run/systemd/system/docker.service.d/limit.conf", "[Unit]\nStartLimitIntervalSec=900\n", 0o644)
	h.Sh(t, "systemctl daemon-reload; systemctl reset-failed docker.service docker.socket; systemctl restart docker")
	die(again)
	ids, _ := unitsTold(t, h)
	assert.Assert(t, !slices.Contains(ids, "systemd-start-limit-near"), "%v", ids)
	die(again)
	ids, _ = unitsTold(t, h)
	assert.DeepEqual(t, ids, []string{"systemd-start-limit-near"})
	die(`[ "$s" = failed ] && journalctl -q -u docker -n 20 --no-pager | grep -q "repeated too quickly"`)
	assert.Assert(t, h.Run(t, "systemctl", "start", "docker").Code != 0)
	ids, fix := unitsTold(t, h)
	assert.DeepEqual(t, ids, []string{"systemd-start-limit-near"})
	h.Sh(t, fix)
	ids, _ = unitsTold(t, h)
	assert.Equal(t, len(ids), 0, "%v", ids)
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "systemctl show -P ActiveState docker")), "active")
}
