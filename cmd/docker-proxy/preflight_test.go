package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/types"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
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
		waits         precedence.Key // configured, and not yet running
		mirrors       []string
		insecure      []string
		logins        []string
		want          string
	}{
		{name: "one for both", before: []string{"", "", ""}, after: []string{p, p, ""}, want: p + " registry-1.docker.io:443"},
		{name: "two", before: []string{"", "", ""}, after: []string{q, p, ""}, want: p + " registry-1.docker.io:443|" + q + " registry-1.docker.io:80 plain"},
		{name: "nothing changes", before: []string{p, p, ""}, after: []string{p, p, ""}},
		{name: "only no-proxy changes", before: []string{p, p, ""}, after: []string{p, p, "localhost"}},
		{name: "the password changes", before: []string{p, p, ""}, after: []string{q, q, ""}, want: q + " registry-1.docker.io:443"},
		{name: "configured, not yet running", before: []string{p, q, ""}, after: []string{p, q, ""}, waits: precedence.HTTPSProxy, want: q + " registry-1.docker.io:443"},
		{name: "taken out", before: []string{p, p, ""}, after: []string{"", "", ""}},
		{name: "an older value surfaces", before: []string{p, p, ""}, after: []string{p, q, ""}, want: q + " registry-1.docker.io:443"},
		{name: "unknown before", before: []string{"?", "?", "?"}, after: []string{"", p, ""}, want: p + " registry-1.docker.io:443"},
		{name: "unknown after", before: []string{"", "", ""}, after: []string{"?", "?", ""}, settings: precedence.Settings{precedence.HTTPSProxy: p}, want: p + " registry-1.docker.io:443"},
		{name: "docker hub excluded", before: []string{"", "", ""}, after: []string{"", p, "localhost,.docker.io"}, want: p + " "},
		{name: "everything excluded", before: []string{"", "", ""}, after: []string{"", p, "*"}, want: p + " "},
		{
			name: "mirrors", before: []string{"", "", ""}, after: []string{q, p, ""}, want: p + " mirror.corp:443|" + q + " plain.corp:5000 plain",
			mirrors: []string{"http://plain.corp:5000/", "https://mirror.corp/", "::"}, logins: []string{"ghcr.io"}, insecure: []string{"late.corp"},
		},
		{
			name: "an excluded mirror", before: []string{"", "", ""}, after: []string{"", p, "mirror.corp"}, want: p + " registry-1.docker.io:443",
			mirrors: []string{"https://mirror.corp:8443"},
		},
		{
			name: "registries without tls", before: []string{"", "", ""}, after: []string{p, "", ""}, want: p + " [2001:db8::1]:80 plain",
			insecure: []string{"127.0.0.0/8", "::1/128", "127.0.0.1:5000", "2001:db8::1", "registry.corp:5000"},
		},
		{
			name: "a registry whose certificate is not looked at", before: []string{"", "", ""}, after: []string{"", p, ""}, want: p + " registry.corp:5000 insecure",
			insecure: []string{"127.0.0.0/8", "registry.corp:5000"}, logins: []string{"https://ghcr.io"},
		},
		{
			name: "an insecure mirror", before: []string{"", "", ""}, after: []string{"", p, ""}, want: p + " mirror.corp:443 insecure",
			insecure: []string{"mirror.corp"}, mirrors: []string{"https://mirror.corp"},
		},
		{
			name: "logins", before: []string{"", "", ""}, after: []string{p, p, ""}, want: p + " registry.corp:5000",
			logins: []string{"https://index.docker.io/v1/", "a b", "https://registry.corp:5000/v2/", "z.corp"},
		},
		{name: "a login that is excluded", before: []string{"", "", ""}, after: []string{"", p, ".corp"}, want: p + " registry-1.docker.io:443", logins: []string{"registry.corp:5000"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]string, 0, 2)
			var after []daemon.Status
			for _, v := range verdicts(tc.after...) {
				st := daemon.Status{Verdict: v, Pending: daemon.PendingNone}
				if v.Key == tc.waits {
					st.Pending = daemon.PendingRestart
				}
				after = append(after, st)
			}
			for _, x := range trials(verdicts(tc.before...), after, tc.settings, registriesOf(tc.mirrors, tc.insecure, tc.logins)) {
				line := x.value.Reveal() + " " + x.target.address
				if x.plain {
					line += " plain"
				}
				if x.target.insecure {
					line += " insecure"
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
	site := &daemon.Site{Live: true}
	return &job{
		app:  &app{cli: cli},
		view: &view{site: site, obs: &daemon.Observation{Site: site, Verdicts: verdicts("", "", "")}},
		plan: &daemon.Plan{After: &daemon.Observation{Site: site, Verdicts: verdicts(after...)}},
		memo: &memo{},
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
		back   string // the recorded change this takes back
	}{
		{name: "works", after: []string{p, p, ""}, asked: 1},
		{name: "rejected", after: []string{p, "http://q:1", ""}, result: failing(probe.AuthRejected), asked: 1, fails: "does not accept user and password"},
		{name: "works, target not reached", after: []string{p, p, ""}, result: failing(probe.NoTarget), asked: 1, notes: "does not reach registry-1.docker.io:443; next: curl"},
		{name: "works, tls terminated", after: []string{p, p, ""}, result: failing(probe.TargetAuthority), asked: 1, fails: "next: docker proxy set --proxy http://p:3128 --ca FILE (with the proxy's root CA; docker proxy ca fetch registry-1.docker.io"},
		{name: "interrupted", after: []string{p, p, ""}, err: errInterrupted, asked: 1, fails: errInterrupted.Error()},
		{name: "excluded", after: []string{p, p, "*"}, notes: "was not tried"},
		{name: "rejected, of a rollback", after: []string{p, "http://q:1", ""}, back: "3", result: failing(probe.AuthRejected), asked: 2, notes: "what comes back does not work: the proxy http://p:3128 does not accept user and password"},
		{name: "loopback", after: []string{"", "http://127.0.0.1:3128", ""}, asked: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, progress := preflightJob(t, tc.after...)
			asked := 0
			j.reverts = tc.back
			err := j.preflightWith(t.Context(), func(_ context.Context, req probe.Request) (probe.Result, error) {
				asked++
				assert.Equal(t, req.TargetTLS, !req.Plain)
				return tc.result, tc.err
			})
			assert.Equal(t, asked, tc.asked)
			notes := strings.Join(j.notes, "\n")
			assert.Assert(t, strings.Contains(notes, tc.notes) && (notes == "") == (tc.notes == ""), notes)
			if tc.fails == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.fails)
			}
			assert.Assert(t, !strings.Contains(fmt.Sprint(notes, err, progress.String()), "s3cr3t"))
			if tc.result.Blocks() && tc.back == "" {
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
		assert.NilError(t, j.preflight(t.Context()))
	})
	t.Run("rootless loopback without a process", func(t *testing.T) {
		j, _ := preflightJob(t, "", "http://localhost:3128", "")
		j.view.site.Flavor = daemon.FlavorRootless
		assert.NilError(t, j.preflightWith(t.Context(), func(context.Context, probe.Request) (probe.Result, error) { return probe.Result{}, nil }))
		assert.Assert(t, strings.Contains(strings.Join(j.notes, ""), "older than 29.5"))
	})
}

func TestLogins(t *testing.T) {
	j, _ := preflightJob(t)
	c := j.app.cli.ConfigFile()
	c.AuthConfigs = map[string]types.AuthConfig{"registry.corp:5000": {Username: "ann", Password: "s3cr3t"}}
	c.CredentialHelpers = map[string]string{"ghcr.io": "no-such-helper"}
	assert.Equal(t, strings.Join(j.logins(), " "), "ghcr.io registry.corp:5000")
}

// TestTrusted has authorities where dockerd looks for those of single registries.
func TestTrusted(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	root := t.TempDir()
	for _, dir := range []string{"etc/docker/certs.d/registry.corp:5000", "etc/docker/certs.d/plain.corp", "home/ann/.config/docker/certs.d/registry.corp:5000"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(root, dir, "ca.crt"), cert, 0o600))
	}
	assert.NilError(t, os.MkdirAll(filepath.Join(root, "etc/docker/certs.d/none.corp:443"), 0o755))
	files, err := host.Open(root)
	assert.NilError(t, err)
	defer files.Close()
	for _, tc := range []struct {
		name, address string
		rootless      bool
		want          bool
	}{
		{name: "with its port", address: "registry.corp:5000", want: true},
		{name: "without the usual port", address: "plain.corp:443", want: true},
		{name: "another port", address: "plain.corp:5000"},
		{name: "an empty directory", address: "none.corp:443"},
		{name: "rootless", address: "registry.corp:5000", rootless: true, want: true},
		{name: "rootless has directories of its own", address: "plain.corp:443", rootless: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, _ := preflightJob(t)
			j.view.site = &daemon.Site{FS: files}
			if tc.rootless {
				j.view.site.Flavor, j.view.site.User = daemon.FlavorRootless, &daemon.User{XDGConfigHome: "/home/ann/.config"}
			}
			pool := j.trusted(tc.address)
			assert.Equal(t, pool != nil, tc.want)
			if tc.want {
				_, err := server.Certificate().Verify(x509.VerifyOptions{Roots: pool})
				assert.NilError(t, err)
			}
		})
	}
}
