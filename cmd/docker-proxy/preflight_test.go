package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// verdicts are those of http-proxy, https-proxy and no-proxy; "" is not set, "?" cannot be known.
func verdicts(values ...string) []precedence.Verdict {
	out := make([]precedence.Verdict, 0, len(values))
	for i, v := range values {
		verdict := precedence.Verdict{Key: precedence.Keys()[i]}
		switch v {
		case "":
		case "?":
			verdict.Winner = &precedence.Binding{Key: verdict.Key, Unknown: true}
		default:
			verdict.Winner = &precedence.Binding{Key: verdict.Key, Value: precedence.Value(v)}
		}
		out = append(out, verdict)
	}
	return out
}

func TestTrials(t *testing.T) {
	const p, q = "http://ann:pw@p:3128", "http://ann:other@p:3128"
	for _, tc := range []struct {
		name          string
		before, after []string
		settings      precedence.Settings
		info          *engine.Info
		want          string
	}{
		{name: "one for both", before: []string{"", "", ""}, after: []string{p, p, ""}, want: p + " registry-1.docker.io:443"},
		{name: "two", before: []string{"", "", ""}, after: []string{q, p, ""}, want: p + " registry-1.docker.io:443|" + q + " registry-1.docker.io:80 plain"},
		{name: "nothing changes", before: []string{p, p, ""}, after: []string{p, p, ""}},
		{name: "only no-proxy changes", before: []string{p, p, ""}, after: []string{p, p, "localhost"}},
		{name: "the password changes", before: []string{p, p, ""}, after: []string{q, q, ""}, want: q + " registry-1.docker.io:443"},
		{name: "taken out", before: []string{p, p, ""}, after: []string{"", "", ""}},
		{name: "an older value surfaces", before: []string{p, p, ""}, after: []string{p, q, ""}, want: q + " registry-1.docker.io:443"},
		{name: "unknown before", before: []string{"?", "?", "?"}, after: []string{"", p, ""}, want: p + " registry-1.docker.io:443"},
		{name: "unknown after", before: []string{"", "", ""}, after: []string{"?", "?", ""}, settings: precedence.Settings{precedence.HTTPSProxy: p}, want: p + " registry-1.docker.io:443"},
		{name: "docker hub excluded", before: []string{"", "", ""}, after: []string{"", p, "localhost,.docker.io"}, want: p + " "},
		{name: "everything excluded", before: []string{"", "", ""}, after: []string{"", p, "*"}, want: p + " "},
		{
			name: "mirrors", before: []string{"", "", ""}, after: []string{q, p, ""}, want: p + " mirror.corp:443|" + q + " plain.corp:5000 plain",
			info: &engine.Info{Mirrors: []string{"http://plain.corp:5000/", "https://mirror.corp/", "::"}},
		},
		{
			name: "an excluded mirror", before: []string{"", "", ""}, after: []string{"", p, "mirror.corp"}, want: p + " registry-1.docker.io:443",
			info: &engine.Info{Mirrors: []string{"https://mirror.corp:8443"}},
		},
		{
			name: "registries without tls", before: []string{"", "", ""}, after: []string{p, "", ""}, want: p + " [2001:db8::1]:80 plain",
			info: &engine.Info{Insecure: []string{"127.0.0.0/8", "::1/128", "127.0.0.1:5000", "2001:db8::1", "registry.corp:5000"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]string, 0, 2)
			for _, x := range trials(verdicts(tc.before...), verdicts(tc.after...), tc.settings, tc.info) {
				line := x.value.Reveal() + " " + x.target
				if x.plain {
					line += " plain"
				}
				got = append(got, line)
			}
			assert.Equal(t, strings.Join(got, "|"), tc.want)
		})
	}
}

func preflightJob(t *testing.T, after ...string) (*job, *bytes.Buffer) {
	t.Helper()
	var progress bytes.Buffer
	cli, err := command.NewDockerCli(command.WithBaseContext(t.Context()), command.WithOutputStream(io.Discard), command.WithErrorStream(&progress))
	assert.NilError(t, err)
	return &job{
		app:  &app{cli: cli},
		memo: &memo{},
		view: &view{site: &daemon.Site{Live: true}, obs: &daemon.Observation{Verdicts: verdicts("", "", "")}},
		plan: &daemon.Plan{After: &daemon.Observation{Verdicts: verdicts(after...)}},
	}, &progress
}

func TestPreflight(t *testing.T) {
	const p = "http://ann:s3cr3t@p:3128"
	failing := func(c probe.Cause) probe.Result {
		return probe.Result{Failure: &probe.Failure{Cause: c, Proxy: "http://p:3128", Target: "registry-1.docker.io:443"}}
	}
	for _, tc := range []struct {
		name   string
		after  []string
		result probe.Result
		err    error
		asked  int
		fails  string
		notes  string
	}{
		{name: "works", after: []string{p, p, ""}, asked: 1},
		{name: "rejected", after: []string{p, "http://q:1", ""}, result: failing(probe.AuthRejected), asked: 1, fails: "does not accept user and password"},
		{name: "works, target not reached", after: []string{p, p, ""}, result: failing(probe.NoTarget), asked: 1, notes: "does not reach registry-1.docker.io:443; next: curl"},
		{name: "works, tls terminated", after: []string{p, p, ""}, result: failing(probe.TargetAuthority), asked: 1, notes: "docker proxy restart"},
		{name: "interrupted", after: []string{p, p, ""}, err: errInterrupted, asked: 1, fails: errInterrupted.Error()},
		{name: "excluded", after: []string{p, p, "*"}, notes: "was not tried"},
		{name: "loopback", after: []string{"", "http://127.0.0.1:3128", ""}, asked: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, progress := preflightJob(t, tc.after...)
			asked := 0
			err := j.preflightWith(nil, func(_ context.Context, req probe.Request) (probe.Result, error) {
				asked++
				assert.Equal(t, req.TargetTLS, !req.Plain)
				return tc.result, tc.err
			})(t.Context())
			assert.Equal(t, asked, tc.asked)
			notes := strings.Join(j.notes, "\n")
			assert.Assert(t, strings.Contains(notes, tc.notes) && (notes == "") == (tc.notes == ""), notes)
			if tc.fails == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.fails)
			}
			assert.Assert(t, !strings.Contains(fmt.Sprint(notes, err, progress.String()), "s3cr3t"))
			if tc.result.Blocks() {
				assert.ErrorContains(t, err, "--no-check")
				var status *exitError
				assert.Assert(t, errors.As(err, &status))
				assert.Equal(t, status.status, exitFailed)
			}
		})
	}
	t.Run("the client alone", func(t *testing.T) {
		j, _ := preflightJob(t)
		j.plan = nil
		assert.NilError(t, j.preflight(nil)(t.Context()))
	})
	t.Run("rootless loopback without a process", func(t *testing.T) {
		j, _ := preflightJob(t, "", "http://localhost:3128", "")
		j.view.site.Flavor = daemon.FlavorRootless
		assert.NilError(t, j.preflightWith(nil, func(context.Context, probe.Request) (probe.Result, error) { return probe.Result{}, nil })(t.Context()))
		assert.Assert(t, strings.Contains(strings.Join(j.notes, ""), "older than 29.5"))
	})
}
