//go:build linux

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// TestUnitFilesTogether: what several files make of one another.
func TestUnitFilesTogether(t *testing.T) {
	a, b := service("Environment=HTTP_PROXY=a http_proxy=a"), service("Environment=HTTP_PROXY=b http_proxy=b")
	cases := []struct {
		name string
		tree map[string]string
		want string
	}{
		{"two drop-ins", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": b}, "systemd-drop-in-overridden 1.conf:2 HTTP_PROXY"},
		{"two that agree", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": a}, ""},
		{"a vendor's later one", map[string]string{adminDir + "1.conf": a, vendorDir + "2.conf": b}, "systemd-drop-in-overridden 1.conf:2 HTTP_PROXY"},
		{"a vendor's is overridden", map[string]string{vendorDir + "1.conf": a, adminDir + "2.conf": b}, ""},
		{"two lines", map[string]string{adminDir + "1.conf": service("Environment=HTTP_PROXY=a", "Environment=HTTPS_PROXY=a"), adminDir + "2.conf": service("Environment=HTTP_PROXY=b HTTPS_PROXY=b")},
			"systemd-drop-in-overridden 1.conf:2 HTTP_PROXY"},
		{"a reset", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": service("Environment=", "Environment=A=1")}, "systemd-drop-in-overridden 1.conf:2 HTTP_PROXY"},
		{"a reset, and the same again", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": service("Environment=") + a}, ""},
		{"a reset of one's own", map[string]string{adminDir + "1.conf": a + "Environment=\nEnvironment=HTTP_PROXY=c\n"}, ""},
		{"a reset of a vendor's", map[string]string{vendorDir + "1.conf": a, adminDir + "2.conf": service("Environment=")}, ""},
		{"unset", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": service("UnsetEnvironment=HTTP_PROXY")}, "systemd-drop-in-overridden 1.conf:2 HTTP_PROXY"},
		{"unset before", map[string]string{adminDir + "2.conf": a, adminDir + "1.conf": service("UnsetEnvironment=HTTP_PROXY")}, "systemd-drop-in-overridden 2.conf:2 HTTP_PROXY"},
		{"unset, of another value", map[string]string{adminDir + "1.conf": a, adminDir + "2.conf": service("UnsetEnvironment=HTTP_PROXY=x")}, ""},
		{"an environment file", map[string]string{adminDir + "1.conf": a, startupPath: "HTTP_PROXY=b\n"}, "systemd-environment-file-wins 1.conf:2 HTTP_PROXY"},
		{"an environment file that agrees", map[string]string{adminDir + "1.conf": a, startupPath: "HTTP_PROXY=a\n"}, ""},
		{"a later environment file", map[string]string{adminDir + "1.conf": service("EnvironmentFile=/etc/x"), "/etc/x": "HTTP_PROXY=a\n", startupPath: "HTTP_PROXY=b\n"}, "systemd-environment-file-wins docker:1 HTTP_PROXY"},
		{"an environment file, reset", map[string]string{adminDir + "1.conf": service("EnvironmentFile="), startupPath: "HTTP_PROXY=b\n"}, "startup-not-read-by-this-init docker:1 HTTP_PROXY"},
		{"hidden by the same name", map[string]string{vendorDir + "1.conf": a, adminDir + "1.conf": service("LimitNOFILE=1")}, "systemd-drop-in-masked 1.conf:2 HTTP_PROXY"},
		{"the same name, on purpose", map[string]string{vendorDir + "1.conf": a, adminDir + "1.conf": b}, ""},
		{"the same name, one of two", map[string]string{vendorDir + "1.conf": a, adminDir + "1.conf": service("Environment=HTTP_PROXY=c")}, "systemd-drop-in-masked 1.conf:2 http_proxy"},
		{"the same name, with a file", map[string]string{vendorDir + "1.conf": a, adminDir + "1.conf": service("EnvironmentFile=/etc/x"), "/etc/x": "HTTP_PROXY=c\nhttp_proxy=c\n"}, ""},
		{"hidden, and nothing about proxies", map[string]string{vendorDir + "1.conf": service("LimitNOFILE=1"), adminDir + "1.conf": "-> /dev/null"}, ""},
		{"an empty file", map[string]string{vendorDir + "1.conf": a, adminDir + "1.conf": ""}, "systemd-drop-in-masked 1.conf:2 HTTP_PROXY"},
		{"a hidden unit", map[string]string{unitPath: debianUnit + "Environment=HTTP_PROXY=x\n", "/etc/systemd/system/docker.service": debianUnit}, "systemd-drop-in-masked docker.service:7 HTTP_PROXY"},
		{"no .conf", map[string]string{adminDir + "http-proxy": a}, "systemd-wrong-section-or-directory http-proxy:2 HTTP_PROXY"},
		{"another ending", map[string]string{adminDir + "http-proxy.cfg": a}, "systemd-wrong-section-or-directory http-proxy.cfg:2 HTTP_PROXY"},
		{"backups", map[string]string{adminDir + "1.conf.bak": a, adminDir + "2.conf~": a, adminDir + ".3.conf": a, adminDir + "4.conf.disabled": a, adminDir + "5.conf.dpkg-old": a, adminDir + "old.conf.2": service("A=1")}, ""},
		{"an environment file beside it", map[string]string{adminDir + "1.conf": service("EnvironmentFile=" + adminDir + "p.env"), adminDir + "p.env": "HTTP_PROXY=x\n"}, ""},
		{"docker.d", map[string]string{"/etc/systemd/system/docker.d/p.conf": a}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"dockerd.service.d", map[string]string{"/etc/systemd/system/dockerd.service.d/p.conf": a}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"docker.socket.d", map[string]string{"/etc/systemd/system/docker.socket.d/p.conf": a, "/usr/lib/systemd/system/docker.socket": "[Socket]\nListenStream=/run/docker.sock\n"}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"outside the directories", map[string]string{"/etc/systemd/docker.service.d/p.conf": a}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"a directory without .d", map[string]string{"/etc/systemd/system/docker.conf.d/p.conf": a}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"of containerd, which is another program", map[string]string{"/etc/systemd/system/containerd.service.d/p.conf": a}, ""},
		{"containerd too", map[string]string{"/etc/systemd/system/containerd.service.d/p.conf": a, configPath: `{"proxies": {"http-proxy": "http://c:1"}}`}, ""},
		{"of accounts", map[string]string{"/etc/systemd/user/docker.service.d/p.conf": a}, "systemd-wrong-section-or-directory p.conf:2 HTTP_PROXY"},
		{"elsewhere, and nothing about proxies", map[string]string{"/etc/systemd/system/docker.d/p.conf": service("LimitNOFILE=1"), adminDir + "README": "HTTP_PROXY"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, unitFindings(observed(t, debianHost("26.1.5"), c.tree)), c.want)
		})
	}
}

// TestMovedFile: the command for a misplaced drop-in puts it where dockerd's are.
func TestMovedFile(t *testing.T) {
	o := observed(t, debianHost("26.1.5"))
	assert.Equal(t, o.moveFile("/etc/systemd/system/docker.d/p.conf"),
		"mkdir -p /etc/systemd/system/docker.service.d && mv /etc/systemd/system/docker.d/p.conf /etc/systemd/system/docker.service.d/p.conf && systemctl daemon-reload")
}

func TestOtherInits(t *testing.T) {
	drop := map[string]string{adminDir + "p.conf": service("Environment=HTTP_PROXY=x")}
	assert.Equal(t, unitFindings(observed(t, sysvHost(), drop)), "startup-not-read-by-this-init p.conf:2 HTTP_PROXY")
	assert.Equal(t, unitFindings(observed(t, sysvHost(), map[string]string{adminDir + "p.conf": service("LimitNOFILE=1")})), "")
	assert.Equal(t, unitFindings(observed(t, sysvHost(), map[string]string{startupPath: "HTTP_PROXY=x # note\nexport HTTP_PROXY NO_PROXY\nNO_PROXY=$HTTP_PROXY\n"})), "", "a shell reads it as it is meant")
	assert.Equal(t, unitFindings(observed(t, sysvHost(), map[string]string{startupPath: "HTTP_PROXY=x\n"})), "startup-not-exported docker:1 HTTP_PROXY")
	assert.Equal(t, unitFindings(observed(t, sysvHost(), map[string]string{startupPath: "export HTTP_PROXY='x\n"})), "startup-syntax-error docker:1")
	ce := debianHost("28.5.2")
	ce[unitPath] = ceUnit
	assert.Equal(t, unitFindings(observed(t, ce, map[string]string{startupPath: "export HTTP_PROXY=x\n"})), "startup-not-read-by-this-init docker:1 HTTP_PROXY")
	assert.Equal(t, unitFindings(observed(t, ce, map[string]string{startupPath: "#export HTTP_PROXY=x\nDOCKER_OPTS=x\n"})), "")
}

func TestReadableCredentials(t *testing.T) {
	secret := "http://u:secret@p:1"
	cases := []struct {
		name, file, text string
		mode, dir        os.FileMode
		want             string
	}{
		{"a readable environment file", startupPath, "HTTP_PROXY=" + secret + "\n", 0o644, 0o755, "docker:1"},
		{"for root alone", startupPath, "HTTP_PROXY=" + secret + "\n", 0o600, 0o755, ""},
		{"for a group", startupPath, "HTTP_PROXY=" + secret + "\n", 0o640, 0o755, ""},
		{"in a closed directory", startupPath, "HTTP_PROXY=" + secret + "\n", 0o644, 0o700, ""},
		{"without a password", startupPath, "HTTP_PROXY=http://p:1\nNO_PROXY=a@b\n", 0o644, 0o755, ""},
		{"a unit for root alone", adminDir + "a.conf", service("Environment=HTTP_PROXY=" + secret), 0o600, 0o755, "a.conf:2"},
		{"the manager's", "/etc/systemd/system.conf.d/a.conf", "[Manager]\nDefaultEnvironment=HTTP_PROXY=" + secret + "\n", 0o600, 0o755, "a.conf:2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			site := rooted(t, debianHost("26.1.5"), map[string]string{c.file: c.text})
			at := filepath.Join(site.FS.Root(), c.file)
			assert.NilError(t, os.Chmod(at, c.mode))
			assert.NilError(t, os.Chmod(filepath.Dir(at), c.dir))
			got := unitFindings(Observe(site))
			want := c.want
			if want != "" {
				want = "systemd-credentials-world-readable " + want + " HTTP_PROXY"
			}
			assert.Equal(t, got, want)
			for _, f := range Observe(site).Findings {
				assert.Assert(t, !strings.Contains(f.Message+f.Fix, "secret"))
			}
		})
	}
}

// TestLoadedUnit: what systemd has in memory against the files.
func TestLoadedUnit(t *testing.T) {
	tree := map[string]string{adminDir + "a.conf": service("Environment=HTTP_PROXY=x", "EnvironmentFile=-/etc/x.env", "UnsetEnvironment=no_proxy A"), "/etc/x.env": "HTTPS_PROXY=x\n", "/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=NO_PROXY=n\n"}
	now := func() *systemd.Unit {
		return &systemd.Unit{Name: "docker.service", LoadState: "loaded", ActiveState: "active", FragmentPath: unitPath, Environment: []string{"A=1", "HTTP_PROXY=x"},
			EnvironmentFiles: []systemd.EnvironmentFile{{Path: "/etc/default/docker", Optional: true}, {Path: "/etc/x.env", Optional: true}}, UnsetEnvironment: []string{"no_proxy", "A"}, StartLimitBurst: 3, StartLimitInterval: time.Minute}
	}
	for _, c := range []struct {
		name string
		edit func(*systemd.Unit, *Site)
		want string
	}{
		{"as the files say", func(*systemd.Unit, *Site) {}, ""},
		{"changed in what is no proxy's", func(u *systemd.Unit, _ *Site) {
			u.NeedDaemonReload, u.Environment = true, []string{"A=2", "HTTP_PROXY=x"}
		}, ""},
		{"another value", func(u *systemd.Unit, _ *Site) { u.Environment = []string{"HTTP_PROXY=y"} }, "systemd-reload-needed a.conf:0"},
		{"nothing loaded", func(u *systemd.Unit, _ *Site) { u.Environment = nil }, "systemd-reload-needed a.conf:0"},
		{"what is gone from the files", func(u *systemd.Unit, _ *Site) { u.Environment = append(u.Environment, "https_proxy=z") }, "systemd-reload-needed a.conf:0"},
		{"a new environment file", func(u *systemd.Unit, _ *Site) { u.EnvironmentFiles = u.EnvironmentFiles[:1] }, "systemd-reload-needed a.conf:0"},
		{"a new environment file without proxies", func(u *systemd.Unit, _ *Site) { u.EnvironmentFiles = u.EnvironmentFiles[1:] }, ""},
		{"UnsetEnvironment", func(u *systemd.Unit, _ *Site) { u.UnsetEnvironment = nil }, "systemd-reload-needed a.conf:0"},
		{"the manager's", func(_ *systemd.Unit, s *Site) { s.ManagerEnvironment = []string{"PATH=/bin"} }, "systemd-reload-needed a.conf:0"},
		{"set at run time over the manager's", func(_ *systemd.Unit, s *Site) { s.ManagerEnvironment = []string{"NO_PROXY=other"} }, ""},
		{"a unit that is broken", func(u *systemd.Unit, _ *Site) { u.LoadState, u.Environment = "bad-setting", nil }, ""},
		{"restarted twice, just now", func(u *systemd.Unit, _ *Site) { u.NRestarts, u.LastStart = 2, time.Now() }, "systemd-start-limit-near docker.service:0"},
		{"restarted twice, long ago", func(u *systemd.Unit, _ *Site) { u.NRestarts, u.LastStart = 2, time.Now().Add(-time.Hour) }, ""},
		{"restarted once", func(u *systemd.Unit, _ *Site) { u.NRestarts, u.LastStart = 1, time.Now() }, ""},
		{"no limit", func(u *systemd.Unit, _ *Site) { u.NRestarts, u.LastStart, u.StartLimitInterval = 9, time.Now(), 0 }, ""},
		{"refused", func(u *systemd.Unit, _ *Site) { u.Result, u.ActiveState = "start-limit-hit", "failed" }, "systemd-start-limit-near docker.service:0"},
		{"refused after a signal", func(u *systemd.Unit, _ *Site) {
			u.Result, u.ActiveState, u.NRestarts, u.LastStart = "signal", "failed", 2, time.Now()
		}, "systemd-start-limit-near docker.service:0"},
		{"refused once, running now", func(u *systemd.Unit, _ *Site) { u.Result = "start-limit-hit" }, ""},
		{"a password that no file holds any more", func(u *systemd.Unit, _ *Site) { u.Environment = []string{"HTTP_PROXY=http://u:p@x:1"} }, "systemd-credentials-world-readable docker.service:0 HTTP_PROXY | systemd-reload-needed a.conf:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := rooted(t, debianHost("26.1.5"), tree)
			site.Live, site.Loaded, site.ManagerEnvironment = true, now(), []string{"NO_PROXY=n"}
			c.edit(site.Loaded, site)
			o := Observe(site)
			assert.Equal(t, unitFindings(o), c.want)
			o.Files = site.FS.With(nil)
			assert.Assert(t, !o.ReloadNeeded(), "a plan is not what systemd has loaded")
		})
	}
}

// TestPlannedUnits: the plan of a change tells the findings that will be left, and not those that it takes away.
func TestPlannedUnits(t *testing.T) {
	o := observed(t, debianHost("26.1.5"), map[string]string{adminDir + "a.conf": service("Environment=HTTP_PROXY=%40"), startupPath: "export HTTP_PROXY=x\n"})
	from, err := change.Observe(o.Files, adminDir+"a.conf")
	assert.NilError(t, err)
	after := o.Planned([]change.Change{{Path: adminDir + "a.conf", From: from, To: change.NewFile([]byte(service("Environment=HTTP_PROXY=x")), 0o644)}})
	assert.Equal(t, unitFindings(o), "startup-export-in-environment-file docker:1 HTTP_PROXY | systemd-unescaped-percent a.conf:2 HTTP_PROXY")
	assert.Equal(t, unitFindings(after), "startup-export-in-environment-file docker:1 HTTP_PROXY")
}
