package main

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// TestProxyFinding: every cause is about the proxy itself and told, or about the way behind it, or told without a connection.
func TestProxyFinding(t *testing.T) {
	elsewhere := []probe.Cause{probe.Unusable, probe.Forbidden, probe.NoTarget, probe.Unexpected, probe.TargetAuthority, probe.TargetTLSFailed}
	for _, c := range probe.Causes() {
		t.Run(string(c), func(t *testing.T) {
			id := proxyFinding(c)
			behind := slices.Contains(elsewhere, c) || strings.HasPrefix(string(c), "endpoint-")
			assert.Equal(t, id == "", behind, id)
			if id != "" {
				check, ok := precedence.CheckOf(id)
				assert.Assert(t, ok && check.Needs == precedence.NeedOnline, id)
			}
		})
	}
}

// onlineView is a daemon with an https-proxy in daemon.json.
func onlineView(t *testing.T) *online {
	t.Helper()
	j, _ := preflightJob(t)
	v := j.view
	v.site.Unit, v.site.Info = "docker.service", &engine.Info{}
	v.obs.Verdicts = verdicts("", "http://p:3128", "")
	v.obs.Verdicts[1].Winner.Source = precedence.Source{Layer: precedence.LayerDaemonJSON, Path: "/etc/docker/daemon.json", Line: 3}
	return &online{tester: &tester{app: j.app, view: v, job: j}, app: j.app, view: v}
}

func TestJudge(t *testing.T) {
	inspected := &tlsReport{Ends: probe.Ending{At: probe.OnTheWay}, Chain: []probe.Certificate{{Issuer: "CN=Leaf"}, {Issuer: "CN=Proxy Root"}}}
	through := testResult{Target: "https://registry-1.docker.io/v2/", Proxy: "http://p:3128"}
	with := func(change func(*testResult)) testResult {
		r := through
		change(&r)
		return r
	}
	for _, c := range []struct {
		name string
		r    testResult
		want string
		says string
	}{
		{"it works", with(func(r *testResult) { r.OK = true }), "", ""},
		{"refused", with(func(r *testResult) { r.Cause, r.Message, r.Next = probe.Refused, "nothing listens", "x" }), "proxy-not-reachable", "nothing listens"},
		{"wants a password", with(func(r *testResult) { r.Cause = probe.AuthRequired }), "proxy-refuses-credentials", ""},
		{"https to a plain proxy", with(func(r *testResult) { r.Cause = probe.PlainProxy }), "url-scheme-https-to-plain-proxy", ""},
		{"the proxy does not reach this one", with(func(r *testResult) { r.Cause = probe.NoTarget }), "", ""},
		{"an authority on the way", with(func(r *testResult) { r.Cause, r.TLS = probe.EndpointAuthority, inspected }), "ca-not-in-daemon-store", "signed by CN=Proxy Root"},
		{"an authority that may be the registry's own", with(func(r *testResult) { r.Cause, r.TLS = probe.EndpointAuthority, &tlsReport{Chain: inspected.Chain} }), "", ""},
		{"without a proxy", with(func(r *testResult) { r.Cause, r.Proxy = probe.EndpointRefused, "" }), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := onlineView(t)
			o.judge(c.r)
			o.judge(c.r) // a second registry with the same proxy
			if c.want == "" {
				assert.Equal(t, len(o.found), 0)
				return
			}
			assert.Equal(t, len(o.found), 1)
			assert.Equal(t, o.found[0].ID, c.want)
			assert.Equal(t, o.found[0].Source.String(), "/etc/docker/daemon.json:3")
			assert.Assert(t, strings.Contains(o.found[0].Message, c.says), o.found[0].Message)
		})
	}
}

// TestJudgeOwn: what dockerd runs into itself, where this program did not.
func TestJudgeOwn(t *testing.T) {
	fine := testResult{Target: "https://registry.corp:5000/v2/", Proxy: "http://p:3128", OK: true, TLS: &tlsReport{}}
	for _, c := range []struct {
		name string
		own  testResult
		was  testResult
		want string
	}{
		{"it has not read the roots again", testResult{Cause: probe.EndpointAuthority}, fine, "ca-daemon-not-restarted"},
		{"both do not trust it", testResult{Cause: probe.EndpointAuthority}, testResult{Target: fine.Target, Cause: probe.EndpointAuthority, TLS: &tlsReport{}}, ""},
		{"it has another password", testResult{Cause: probe.AuthRequired}, fine, "proxy-refuses-credentials"},
		{"it is in another network", testResult{Cause: probe.Refused}, fine, "proxy-not-reachable"},
		{"neither reaches it", testResult{Cause: probe.Refused}, testResult{Target: fine.Target, Cause: probe.Refused}, ""},
		{"the registry has no such image", testResult{Cause: probe.EndpointError}, fine, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := onlineView(t)
			o.judgeOwn(c.own, c.was)
			got := ""
			for _, f := range o.found {
				got += f.ID
			}
			assert.Equal(t, got, c.want)
		})
	}
	t.Run("a guess gives way to a proof", func(t *testing.T) {
		o := onlineView(t)
		guess := precedence.NewFinding("ca-not-in-daemon-store", nil, "", "guess")
		guess.Severity = precedence.SeverityWarning
		o.view.extra = []precedence.Finding{guess}
		o.add(precedence.NewFinding("ca-not-in-daemon-store", o.source(precedence.HTTPSProxy), "", "proof"))
		assert.Equal(t, len(o.view.extra), 0)
		assert.Equal(t, o.found[0].Message, "proof")
	})
}

// TestLookRestart: live-restore is worth a word only where a restart is pending and stops something for good.
func TestLookRestart(t *testing.T) {
	pending := precedence.NewFinding("ca-daemon-not-restarted", nil, "", "x")
	lost, back := engine.Container{Name: "gone", Restart: "no"}, engine.Container{Name: "back", Restart: "always"}
	for _, c := range []struct {
		name    string
		extra   []precedence.Finding
		info    engine.Info
		running []engine.Container
		want    bool
	}{
		{"nothing pending", nil, engine.Info{Running: 1, OSType: "linux"}, []engine.Container{lost}, false},
		{"pending, and one is lost", []precedence.Finding{pending}, engine.Info{Running: 2, OSType: "linux"}, []engine.Container{lost, back}, true},
		{"pending, and all come back", []precedence.Finding{pending}, engine.Info{Running: 1, OSType: "linux"}, []engine.Container{back}, false},
		{"pending, and nothing runs", []precedence.Finding{pending}, engine.Info{OSType: "linux"}, nil, false},
		{"in a swarm", []precedence.Finding{pending}, engine.Info{Running: 1, OSType: "linux", Swarm: true}, []engine.Container{lost}, false},
		{"it is on", []precedence.Finding{pending}, engine.Info{Running: 1, OSType: "linux", LiveRestore: true}, []engine.Container{lost}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, _ := preflightJob(t)
			v := j.view
			files, err := host.Open(t.TempDir())
			assert.NilError(t, err)
			defer files.Close()
			v.files, v.site.FS, v.site.Info = files, files, &c.info
			v.site.Manager, v.site.ConfigFile, v.site.Flavor = daemon.ManagerSysV, "/etc/docker/daemon.json", daemon.FlavorStandard
			v.engine = &engine.Fake{Answer: c.info, Running: c.running}
			v.extra = c.extra
			v.lookRestart(t.Context())
			i := slices.IndexFunc(v.extra, func(f precedence.Finding) bool { return f.ID == "live-restore-off" })
			assert.Equal(t, i >= 0, c.want)
			if c.want {
				assert.Assert(t, strings.Contains(v.extra[i].Message, "stops gone,"), v.extra[i].Message)
			}
		})
	}
}
