//go:build linux

package daemon

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// withID returns the findings of a kind.
func withID(o *Observation, id string) []precedence.Finding {
	return slices.DeleteFunc(slices.Clone(o.Findings), func(f precedence.Finding) bool { return f.ID != id })
}

func TestRunningDiffers(t *testing.T) {
	const differs, pending = "running-differs-from-configured", "restart-pending"
	inUnit := map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1 HTTP_PROXY=http://p:1")}
	both := &engine.Info{HTTPProxy: "http://p:1", HTTPSProxy: "http://p:1"}
	hour := func(ago time.Duration) *proc.Process { return &proc.Process{PID: 7, Start: time.Now().Add(ago)} }
	cases := []struct {
		name   string
		tree   map[string]string
		info   *engine.Info
		p      *proc.Process
		change func(*Site)
		want   string
		says   string
	}{
		{name: "the same", tree: inUnit, info: both, p: hour(time.Hour)},
		{name: "by hand, with another one", tree: inUnit, info: &engine.Info{HTTPProxy: "http://p:1", HTTPSProxy: "http://u:xxxxx@q:1"}, p: hour(time.Hour), want: differs, says: "xxxxx@q:1, although http://p:1 is configured"},
		{name: "by hand, with none", tree: inUnit, info: &engine.Info{HTTPProxy: "http://p:1"}, p: hour(time.Hour), want: differs, says: "has no https-proxy, although http://p:1 is configured"},
		{name: "by hand, and nothing is configured", info: &engine.Info{HTTPProxy: "http://p:1", HTTPSProxy: "http://p:1"}, p: hour(time.Hour), want: differs, says: "which no file configures"},
		{name: "the file is newer", tree: inUnit, info: &engine.Info{HTTPProxy: "http://p:1"}, p: hour(-time.Hour), want: pending},
		{name: "a file may have been removed since", info: both, p: hour(-time.Hour), want: pending},
		{name: "since when it runs is not known", tree: inUnit, info: &engine.Info{HTTPProxy: "http://p:1"}, p: &proc.Process{PID: 7}, want: pending},
		{name: "systemd has not read its files", tree: inUnit, info: &engine.Info{HTTPProxy: "http://p:1"}, p: hour(time.Hour), change: func(s *Site) { s.Loaded = &systemd.Unit{NeedDaemonReload: true} }, want: "systemd-reload-needed"},
		{name: "another password", tree: map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://u:new@p:1 HTTP_PROXY=http://p:1")},
			info: &engine.Info{HTTPProxy: "http://p:1", HTTPSProxy: "http://xxxxx:xxxxx@p:1"}, p: &proc.Process{PID: 7, Start: time.Now().Add(time.Hour), Environ: []string{"HTTPS_PROXY=http://u:old@p:1"}},
			want: differs, says: "another password"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost("26.1.5"), c.tree)
			s.Live, s.Active, s.Info, s.Process, s.PID = true, true, c.info, c.p, 7
			if c.change != nil {
				c.change(s)
			}
			o := Observe(s)
			for _, id := range []string{differs, pending, "systemd-reload-needed"} {
				found := withID(o, id)
				assert.Equal(t, len(found) > 0, id == c.want, "%s: %v", id, found)
				for _, f := range found {
					assert.Equal(t, f.Fix, "docker proxy restart")
					assert.Assert(t, !strings.Contains(f.Message, "new@") && !strings.Contains(f.Message, "old@"), f.Message)
				}
			}
			if c.says != "" {
				assert.Assert(t, strings.Contains(withID(o, c.want)[0].Message, c.says), withID(o, c.want)[0].Message)
			}
		})
	}
	t.Run("what is planned is newer than any process", func(t *testing.T) {
		s := rooted(t, debianHost("26.1.5"), inUnit)
		s.Live, s.Active, s.Info, s.Process = true, true, &engine.Info{HTTPProxy: "http://p:1", HTTPSProxy: "http://q:1"}, hour(time.Hour)
		assert.Equal(t, len(withID(observeIn(s, s.FS.With(map[string]host.Overlay{adminDir + "b.conf": {Data: []byte(service("Environment=NO_PROXY=x"))}})), differs)), 0)
	})
}

func TestManagedFiles(t *testing.T) {
	const dropIn = "# This file is managed by Puppet. Changes will be lost.\n[Service]\n"
	for _, c := range []struct {
		name string
		tree map[string]string
		want string
	}{
		{"a drop-in with proxies", map[string]string{adminDir + "a.conf": dropIn + "Environment=HTTPS_PROXY=http://p:1 HTTP_PROXY=http://p:1\n"}, adminDir + "a.conf Puppet"},
		{"the startup file", map[string]string{startupPath: "# Ansible managed\nHTTPS_PROXY=http://p:1\n"}, startupPath + " Ansible"},
		{"without proxies", map[string]string{adminDir + "a.conf": dropIn + "LimitNOFILE=1024\n"}, ""},
		{"with proxies, of nobody", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1")}, ""},
		{"where the tool is a word of something else", map[string]string{startupPath: "# the chef's proxy; salt to taste\nHTTPS_PROXY=http://p:1\n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range withID(observed(t, debianHost("26.1.5"), c.tree), "managed-by-configuration-tool") {
				_, tool, _ := strings.Cut(f.Message, "managed by ")
				tool, _, _ = strings.Cut(tool, ":")
				got = append(got, f.Source.Path+" "+tool)
			}
			assert.Equal(t, strings.Join(got, ", "), c.want)
		})
	}
}

// TestVariableTooLong asks the kernel itself for the limit.
func TestVariableTooLong(t *testing.T) {
	no := strings.Repeat("a.corp,", maxVariable/7+1)
	for _, c := range []struct {
		name string
		size int // of NO_PROXY=…, without its end
		tree func(value string) map[string]string
		want bool
		says string
	}{
		{"a drop-in, the longest that goes", maxVariable - 1, func(v string) map[string]string {
			return map[string]string{adminDir + "a.conf": service("Environment=NO_PROXY=" + v)}
		}, false, ""},
		{"a drop-in, one more", maxVariable, func(v string) map[string]string {
			return map[string]string{adminDir + "a.conf": service("Environment=NO_PROXY=" + v)}
		}, true, "dockerd does not start"},
		{"the startup file, lower case", maxVariable, func(v string) map[string]string { return map[string]string{startupPath: "no_proxy=" + v + "\n"} }, true, "dockerd does not start"},
		{"daemon.json", maxVariable, func(v string) map[string]string {
			return map[string]string{configPath: `{"proxies": {"no-proxy": "` + v + `"}}`}
		}, true, "iptables"},
		{"what systemd does not hand on", maxVariable, func(v string) map[string]string { return map[string]string{startupPath: "export NO_PROXY=" + v + "\n"} }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			value := no[:c.size-len("NO_PROXY=")]
			found := withID(observed(t, debianHost("26.1.5"), c.tree(value)), "variable-too-long")
			assert.Equal(t, len(found), map[bool]int{true: 1}[c.want])
			if c.want {
				assert.Assert(t, strings.Contains(found[0].Message, c.says), found[0].Message)
				assert.Equal(t, found[0].Fix, "docker proxy unset --no-proxy")
				assert.Assert(t, len(found[0].Message) < 400, "the value itself is not repeated")
			}
			run := exec.CommandContext(t.Context(), "/bin/true")
			run.Env = []string{"NO_PROXY=" + value}
			assert.Equal(t, errors.Is(run.Run(), syscall.E2BIG), c.size >= maxVariable)
		})
	}
}

func TestUserlandProxy(t *testing.T) {
	self, err := os.Executable() // a program of this module
	assert.NilError(t, err)
	data, err := os.ReadFile(self)
	assert.NilError(t, err)
	const dockers = "\x7fELF container-ip host-port use-listen-fd" // without build information
	plugin := string(data)
	for _, c := range []struct {
		name    string
		version string
		tree    map[string]string
		env     []string
		want    string // where
	}{
		{"Docker's alone", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers}, nil, ""},
		{"none", "26.1.5", nil, nil, ""},
		{"the plugin before it", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers, "/usr/local/bin/docker-proxy": plugin}, nil, "/usr/local/bin/docker-proxy"},
		{"the plugin behind it", "26.1.5", map[string]string{"/usr/local/sbin/docker-proxy": dockers, "/usr/local/bin/docker-proxy": plugin}, nil, ""},
		{"the plugin where plugins belong", "28.5.2", map[string]string{"/usr/sbin/docker-proxy": dockers, "/usr/local/lib/docker/cli-plugins/docker-proxy": plugin}, nil, ""},
		{"a directory that newer engines look in", "28.5.2", map[string]string{"/usr/sbin/docker-proxy": dockers, "/usr/local/lib/docker/docker-proxy": plugin}, nil, "/usr/local/lib/docker/docker-proxy"},
		{"the same, of an older one", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers, "/usr/local/lib/docker/docker-proxy": plugin}, nil, ""},
		{"another program", "26.1.5", map[string]string{"/usr/local/bin/docker-proxy": "#!/bin/sh\necho set a proxy\n"}, nil, "/usr/local/bin/docker-proxy"},
		{"a wrapper", "26.1.5", map[string]string{"/usr/local/bin/docker-proxy": "#!/bin/sh\nexec /usr/sbin/docker-proxy \"$@\"\n"}, nil, ""},
		{"on the PATH of the process", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers, "/opt/bin/docker-proxy": plugin}, []string{"PATH=/opt/bin:/usr/sbin"}, "/opt/bin/docker-proxy"},
		{"not on the PATH of the process", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers, "/usr/local/bin/docker-proxy": plugin}, []string{"PATH=/usr/sbin"}, ""},
		{"turned off", "26.1.5", map[string]string{"/usr/local/bin/docker-proxy": plugin, configPath: `{"userland-proxy": false}`}, nil, ""},
		{"turned on", "26.1.5", map[string]string{"/usr/local/bin/docker-proxy": plugin, configPath: `{"userland-proxy": true}`}, nil, "/usr/local/bin/docker-proxy"},
		{"by its path", "26.1.5", map[string]string{"/usr/local/bin/docker-proxy": plugin, "/opt/docker-proxy": dockers, configPath: `{"userland-proxy-path": "/opt/docker-proxy"}`}, nil, ""},
		{"by a path to the plugin", "26.1.5", map[string]string{"/usr/sbin/docker-proxy": dockers, "/opt/docker-proxy": plugin, configPath: `{"userland-proxy-path": "/opt/docker-proxy"}`}, nil, "/opt/docker-proxy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost(c.version), c.tree)
			if c.env != nil {
				s.Process = &proc.Process{PID: 7, Environ: c.env}
			}
			got := ""
			for _, f := range withID(Observe(s), "userland-proxy-shadowed-by-plugin") {
				got = f.Source.Path
				assert.Assert(t, strings.Contains(f.Fix, "mv "+got+" "), f.Fix)
				assert.Equal(t, strings.HasSuffix(f.Fix, "systemctl restart docker.service"), c.version != "20.10.24", f.Fix)
			}
			assert.Equal(t, got, c.want)
		})
	}
	t.Run("what is no program is not found", func(t *testing.T) {
		files := hostTree(t, debianHost("26.1.5"), map[string]string{"/usr/local/bin/docker-proxy": plugin})
		assert.NilError(t, os.Chmod(filepath.Join(files.Root(), "usr/local/bin/docker-proxy"), 0o644))
		s, err := Locate(t.Context(), Env{FS: files})
		assert.NilError(t, err)
		assert.Equal(t, len(withID(Observe(s), "userland-proxy-shadowed-by-plugin")), 0)
	})
}

func TestDesktopManages(t *testing.T) {
	for _, c := range []struct {
		name, file, flavor string
		want               int
	}{
		{"proxies that Desktop ignores", `{"proxies": {"https-proxy": "http://u:s3cr3t@p:1"}}`, string(FlavorDesktop), 1},
		{"its default file", `{"builder": {"gc": {"enabled": true}}, "experimental": false}`, string(FlavorDesktop), 0},
		{"no file", "", string(FlavorDesktop), 0},
		{"somebody else's daemon", `{"proxies": {"https-proxy": "http://p:1"}}`, string(FlavorRemote), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := map[string]string{"/home/ann/.docker/": ""}
			if c.file != "" {
				tree["/home/ann/.docker/daemon.json"] = c.file
			}
			s := &Site{FS: hostTree(t, tree), Live: true, Active: true, Flavor: Flavor(c.flavor), Home: "/home/ann", Info: &engine.Info{HTTPSProxy: "http.docker.internal:3128"}}
			found := withID(Observe(s), "desktop-manages-proxy")
			assert.Equal(t, len(found), c.want)
			for _, f := range found {
				assert.Equal(t, f.Source.String(), "/home/ann/.docker/daemon.json:1")
				assert.Assert(t, !strings.Contains(f.Message, "s3cr3t"))
			}
		})
	}
}
