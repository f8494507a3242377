package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// A dockerd of an init script that died at once is not waited for until the time is up: the machine is without a daemon all the while.
func TestWaitGivesUpOnADeadDaemon(t *testing.T) {
	for _, tc := range []struct {
		name  string
		site  Site
		ended bool // only the caller's time ends the wait
	}{
		{"sysvinit", Site{Manager: ManagerSysV}, false},
		{"openrc", Site{Manager: ManagerOpenRC}, false},
		{"systemd starts it again", Site{Manager: ManagerSystemd, Loaded: &systemd.Unit{ActiveState: "activating"}}, true},
		{"systemd, without a word", Site{Manager: ManagerSystemd}, true},
		{"systemd gave up", Site{Manager: ManagerSystemd, Loaded: &systemd.Unit{ActiveState: "failed", Result: "exit-code"}}, false},
		{"systemd does not start it again", Site{Manager: ManagerSystemd, Loaded: &systemd.Unit{ActiveState: "inactive"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			looks := 0
			h := Health{Gone: time.Nanosecond, Locate: func(context.Context) (*Site, error) {
				if looks++; looks == 3 {
					cancel()
				}
				return &tc.site, nil
			}}
			_, err := h.Wait(ctx)
			assert.ErrorIs(t, err, errNotRunning)
			assert.Equal(t, ctx.Err() != nil, tc.ended)
		})
	}
}

// lookedAt is one look at a daemon; pid 0 means that none runs.
func lookedAt(pid int, answers bool) *Site {
	s := &Site{Manager: ManagerSystemd, Loaded: &systemd.Unit{ActiveState: "active", Result: "signal"}, PID: pid, Active: pid != 0}
	if pid == 0 {
		s.Loaded.ActiveState = "activating"
	}
	if answers {
		s.Info = &engine.Info{}
	} else {
		s.APIError = errors.New("no answer")
	}
	return s
}

// What a daemon does in the moment after its first answer decides: the looks come every quarter of a second, the last one repeats.
func TestWaitSettles(t *testing.T) {
	well, deaf, gone, next := lookedAt(7, true), lookedAt(7, false), lookedAt(0, false), lookedAt(8, true)
	dying := lookedAt(7, true) // it ended while it was asked, and the next one answered
	for _, tc := range []struct {
		name  string
		looks []*Site
		until time.Duration
		fails string
		after time.Duration
	}{
		{name: "it stays", looks: []*Site{gone, deaf, well}, after: settleTime + 2*healthPoll},
		{name: "it dies after its first answer", looks: []*Site{well, gone, next}, fails: "answered, and then ended (signal)", after: healthPoll},
		{name: "it dies between two looks", looks: []*Site{well, well, next}, fails: "process 7", after: 2 * healthPoll},
		{name: "it dies during a look", looks: []*Site{well, dying, next}, fails: "process 7", after: healthPoll},
		{name: "it dies during the first look", looks: []*Site{dying, gone, next}, after: settleTime + 2*healthPoll},
		{name: "it falls silent for a while", looks: []*Site{well, well, deaf, well}, after: settleTime + 3*healthPoll},
		{name: "it falls silent for good", looks: []*Site{well, deaf}, until: 10 * time.Second, fails: "not ready in time", after: 10*time.Second + healthPoll},
		{name: "it is ready in the last moment", looks: []*Site{deaf, deaf, well}, until: 3 * healthPoll, after: settleTime + 2*healthPoll},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := -1
				h := Health{Any: true, there: func(s *Site) bool { return s != dying }, Locate: func(context.Context) (*Site, error) { n = min(n+1, len(tc.looks)-1); return tc.looks[n], nil }}
				start := time.Now()
				if tc.until != 0 {
					h.Until = start.Add(tc.until)
				}
				_, err := h.Wait(t.Context())
				if tc.fails == "" {
					assert.NilError(t, err)
				} else {
					assert.ErrorContains(t, err, tc.fails)
				}
				assert.Equal(t, time.Since(start), tc.after)
			})
		})
	}
}

// TestCompare has daemons that run and answer, and are not what was promised.
func TestCompare(t *testing.T) {
	const password, other = "http://u:secret@p:1", "http://u:another@p:1"
	wanted := func(route precedence.Route, name, value string) *Observation {
		b := precedence.Binding{Key: precedence.HTTPSProxy, Value: precedence.Value(value), Source: precedence.Source{Layer: precedence.LayerSystemd, Path: "/f", Line: 2, Name: name, Route: route}}
		o := &Observation{Site: &Site{}, Inputs: precedence.Inputs{Env: precedence.MergeScript([]precedence.Binding{b}, nil)}}
		for _, k := range precedence.Keys() {
			v := precedence.Verdict{Key: k}
			if k == b.Key && value != "" {
				v.Winner = &b
			}
			o.Verdicts = append(o.Verdicts, v)
		}
		return o
	}
	env, file := precedence.RouteEnvironment, precedence.RouteConfigFile
	for _, tc := range []struct {
		name    string
		want    *Observation
		info    string
		environ []string
		fails   string
	}{
		{name: "as promised", want: wanted(env, "HTTPS_PROXY", "http://p:1"), info: "http://p:1", environ: []string{"HTTPS_PROXY=http://p:1"}},
		{name: "another value", want: wanted(env, "HTTPS_PROXY", "http://p:1"), info: "http://q:1", fails: "https-proxy is http://q:1 instead of http://p:1: it comes from /f:2"},
		{name: "none", want: wanted(env, "HTTPS_PROXY", password), info: "", fails: "https-proxy is not set instead of http://xxxxx:xxxxx@p:1"},
		{name: "one too many", want: wanted(env, "HTTPS_PROXY", ""), info: "http://p:1", fails: "https-proxy is http://p:1 instead of not set"},
		{name: "the password that /info masks", want: wanted(env, "HTTPS_PROXY", password), info: "http://xxxxx:xxxxx@p:1", environ: []string{"HTTPS_PROXY=" + other}, fails: "HTTPS_PROXY in its environment is not what /f:2 says"},
		{name: "an environment that may not be read", want: wanted(env, "HTTPS_PROXY", password), info: "http://xxxxx:xxxxx@p:1"},
		{name: "from daemon.json", want: wanted(file, "proxies.https-proxy", password), info: "http://xxxxx:xxxxx@p:1", environ: []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := wanted(env, "HTTPS_PROXY", tc.info)
			now.Site = &Site{Active: true, Info: &engine.Info{HTTPSProxy: tc.info}, Process: &proc.Process{Environ: tc.environ}}
			err := Health{Want: tc.want}.compare(now)
			if tc.fails == "" {
				assert.NilError(t, err)
				return
			}
			var wrong *wrongError
			assert.Assert(t, errors.As(err, &wrong))
			assert.ErrorContains(t, err, tc.fails)
			assert.Assert(t, !strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "another"))
		})
	}
}
