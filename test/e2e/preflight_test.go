//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestPreflight shows, with a real squid, that settings which cannot work are refused before anything is written, with the cause.
func TestPreflight(t *testing.T) { on(t, "trixie", playPreflight) }

func playPreflight(t *testing.T, h *hosts.Host) {
	h.Network(t)
	before, pid := snapshot(t, h), h.DaemonPID(t)
	cases := []struct{ name, url, user, password, says string }{
		{"wrong password", hosts.ProxyURL(hosts.AuthPort), hosts.ProxyUser, "wrong-password", "407"},
		{"no password", hosts.ProxyURL(hosts.AuthPort), "", "", "407"},
		{"dead port", "http://" + hosts.ProxyHost + ":9", "", "", "refused"},
		{"no such name", "http://nowhere.corp:3128", "", "", "does not resolve"},
		{"TLS to a plain proxy", strings.Replace(hosts.ProxyURL(hosts.PlainPort), "http:", "https:", 1), "", "", "TLS"},
		{"TLS proxy of an unknown authority", hosts.ProxyURL(hosts.TLSPort), "", "", "authority"},
		{"a registry is no proxy", "http://" + hosts.Registry, "", "", "prox"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"set", "--proxy", c.url, "--only", "daemon", "--restart"}
			var r hosts.Result
			if c.user != "" {
				r = withPassword(t, h, c.password, append(args, "--username", c.user, "--password-stdin")...)
			} else {
				r = proxy(t, h, args...)
			}
			assert.Equal(t, r.Code, 1, "%s", r)
			assert.Assert(t, cmp.Contains(r.Stderr, c.says))
			assert.Assert(t, cmp.Contains(r.Stderr, "nothing was changed"))
			assert.Equal(t, snapshot(t, h), before)
			assert.Equal(t, h.DaemonPID(t), pid)
		})
	}
	r := withPassword(t, h, hosts.ProxyPassword, "set", "--proxy", hosts.ProxyURL(hosts.AuthPort), "--username", hosts.ProxyUser, "--password-stdin", "--only", "daemon", "--restart")
	assert.Equal(t, r.Code, 0, "%s", r)
}
