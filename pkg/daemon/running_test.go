//go:build linux

package daemon

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// TestPending: what has to happen before the running daemon has the configured https-proxy.
func TestPending(t *testing.T) {
	const masked = "http://xxxxx:xxxxx@p:1"
	inUnit := map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://u:new@p:1")}
	inConfig := map[string]string{configPath: `{"proxies": {"https-proxy": "http://u:new@p:1"}}`}
	process := func(start time.Duration, env ...string) *proc.Process {
		return &proc.Process{PID: 7, Comm: "dockerd", Start: time.Now().Add(start), Environ: env}
	}
	cases := []struct {
		name    string
		tree    map[string]string
		running string
		change  func(*Site)
		want    Pending
	}{
		{"neither has one", nil, "", nil, PendingNone},
		{"both have it", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1")}, "http://p:1", nil, PendingNone},
		{"not there yet", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1")}, "", nil, PendingRestart},
		{"still there", nil, "http://p:1", nil, PendingRestart},
		{"systemd has not read it", map[string]string{adminDir + "a.conf": service("Environment=HTTPS_PROXY=http://p:1")}, "", func(s *Site) { s.Loaded = &systemd.Unit{NeedDaemonReload: true} }, PendingReload},
		{"systemd has not read it, and knows the file it is in", map[string]string{startupPath: "HTTPS_PROXY=http://p:1\n"}, "", func(s *Site) {
			s.Loaded = &systemd.Unit{NeedDaemonReload: true, EnvironmentFiles: []systemd.EnvironmentFile{{Path: startupPath}}}
		}, PendingRestart},
		{"systemd does not read daemon.json", map[string]string{configPath: `{"proxies": {"https-proxy": "http://p:1"}}`}, "", func(s *Site) { s.Loaded = &systemd.Unit{NeedDaemonReload: true} }, PendingRestart},
		{"a stopped daemon reads everything", inUnit, "", func(s *Site) { s.Active, s.Info = false, nil }, PendingNone},
		{"a directory tells nothing", inUnit, "", func(s *Site) { s.Live = false }, PendingUnknown},
		{"nobody answered", inUnit, "", func(s *Site) { s.Info = nil }, PendingUnknown},
		{"the process has the password", inUnit, masked, func(s *Site) { s.Process = process(-time.Hour, "HTTPS_PROXY=http://u:new@p:1") }, PendingNone},
		{"the process has another password", inUnit, masked, func(s *Site) { s.Process = process(time.Hour, "HTTPS_PROXY=http://u:old@p:1") }, PendingRestart},
		{"daemon.json is older than the process", inConfig, masked, func(s *Site) { s.Process = process(time.Hour) }, PendingNone},
		{"daemon.json is newer than the process", inConfig, masked, func(s *Site) { s.Process = process(-time.Hour) }, PendingRestart},
		{"no process to compare with", inConfig, masked, nil, PendingUnknown},
		{"the process may not be looked into", inUnit, masked, func(s *Site) { s.Process = &proc.Process{PID: 7} }, PendingUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost("26.1.5"), c.tree)
			s.Live, s.Active, s.Info = true, true, &engine.Info{HTTPSProxy: c.running}
			if c.change != nil {
				c.change(s)
			}
			o := Observe(s)
			st := o.Statuses()[1]
			assert.Equal(t, st.Verdict.Key, precedence.HTTPSProxy)
			assert.Equal(t, st.Pending, c.want)
			assert.Equal(t, o.AnyPending(), c.want == PendingRestart || c.want == PendingReload)
			assert.Equal(t, o.AnyUnknown(), c.want == PendingUnknown)
			if c.want != PendingNone {
				assert.Assert(t, !o.Runs(), "what may need a restart is not proven to run")
			}
		})
	}
}

// TestRuns: only what the daemon itself says, without a password in it, proves that no restart is needed.
func TestRuns(t *testing.T) {
	unit := func(vars string) map[string]string {
		return map[string]string{adminDir + "a.conf": service("Environment=" + vars)}
	}
	cases := []struct {
		name    string
		tree    map[string]string
		running string
		change  func(*Site)
		want    bool
	}{
		{"neither has one", nil, "", nil, true},
		{"both have it", unit("HTTPS_PROXY=http://p:1"), "http://p:1", nil, true},
		{"still there", nil, "http://p:1", nil, false},
		{"another", unit("HTTPS_PROXY=http://p:1"), "http://p:2", nil, false},
		{"a password is masked", unit("HTTPS_PROXY=http://u:pw@p:1"), "http://xxxxx:xxxxx@p:1", func(s *Site) {
			s.Process = &proc.Process{PID: 7, Start: time.Now().Add(time.Hour), Environ: []string{"HTTPS_PROXY=http://u:pw@p:1"}}
		}, false},
		{"another lower-case one", unit("HTTPS_PROXY=http://p:1 https_proxy=http://q:1"), "http://p:1", nil, false},
		{"nobody answered", nil, "", func(s *Site) { s.Info = nil }, false},
		{"a stopped daemon", nil, "", func(s *Site) { s.Active, s.Info = false, nil }, false},
		{"a directory", nil, "", func(s *Site) { s.Live = false }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := rooted(t, debianHost("26.1.5"), c.tree)
			s.Live, s.Active, s.Info = true, true, &engine.Info{HTTPSProxy: c.running}
			if c.change != nil {
				c.change(s)
			}
			assert.Equal(t, Observe(s).Runs(), c.want)
		})
	}
}

// TestFromProcess: what only running a script can tell is taken from the process it started.
func TestFromProcess(t *testing.T) {
	s := rooted(t, sysvHost(), map[string]string{startupPath: "export HTTPS_PROXY=$(cat /x)\n"})
	s.PID, s.Process = 7, &proc.Process{PID: 7, Environ: []string{"HTTPS_PROXY=http://r:1"}}
	o := Observe(s)
	assert.Equal(t, told(o), "http://r:1@/proc/7/environ only-value > ?@"+startupPath+":1 only-value")
	planned := observeIn(s, s.FS.With(nil))
	assert.Equal(t, told(planned), "?@"+startupPath+":1 only-value", "a plan's files are not what the process was started with")
	s.Process.Start = time.Now().Add(-time.Hour)
	assert.Equal(t, told(Observe(s)), "?@"+startupPath+":1 only-value", "a script that changed since does not have to give what the process got")
	s.Process.Start = time.Now().Add(time.Hour)
	assert.Equal(t, told(Observe(s)), told(o))
}
