package readers

import (
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

// firstHost is a program for Node: where its fetch and its http module would connect to, without any help of its own.
const firstHost = `
const net = require('net'), http = require('http'), seen = []
net.Socket.prototype.connect = function (...args) {
  seen.push((Array.isArray(args[0]) ? args[0][0] : args[0]).host)
  queueMicrotask(() => this.destroy(new Error('stopped')))
  return this
}
fetch('http://example.com/').catch(() => {}).finally(() => http.get('http://example.com/').on('error', () => console.log(seen.join(' '))))
`

// TestNodeNeeds: Node reads the variables with NODE_USE_ENV_PROXY=1, as the model says, and not without.
func TestNodeNeeds(t *testing.T) {
	node := nodeProgram(t)
	for _, r := range []reader.Name{reader.Node, reader.Fetch} {
		assert.Equal(t, named(t, r).Needs, "NODE_USE_ENV_PROXY=1")
	}
	for _, tc := range []struct{ name, needs, want string }{
		{"without", "", "example.com example.com"},
		{"with", named(t, reader.Node).Needs, "http-proxy.test http-proxy.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, "-e", firstHost)
			cmd.Env = []string{"http_proxy=" + oracle.HTTPProxy, tc.needs}
			out, err := cmd.CombinedOutput()
			assert.NilError(t, err, "%s", out)
			assert.Equal(t, strings.TrimSpace(string(out)), tc.want)
		})
	}
}

// TestJavaNeeds: the JVM takes the properties out of JAVA_TOOL_OPTIONS as explain prints them, and reads no proxy variable.
func TestJavaNeeds(t *testing.T) {
	java := program(t, "java")
	env := reader.Env{{Name: "HTTP_PROXY", Value: oracle.HTTPProxy}, {Name: "NO_PROXY", Value: ".corp,10.0.0.0/8,*.example.com,[::1]:443"}}
	props, lost := reader.JavaProperties(env)
	assert.Equal(t, len(lost), 1)
	var options []string
	for _, p := range props {
		options = append(options, "-D"+p.Name+"="+p.Value.Reveal())
	}
	for _, tc := range []struct {
		name, options string
		want          bool
	}{{"without", "", false}, {"with", strings.Join(options, " "), true}} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), java, "-XshowSettings:properties", "-version")
			cmd.Env = []string{"HTTP_PROXY=" + oracle.HTTPProxy, "http_proxy=" + oracle.HTTPProxy}
			if tc.options != "" {
				cmd.Env = append(cmd.Env, "JAVA_TOOL_OPTIONS="+tc.options)
			}
			out, err := cmd.CombinedOutput()
			assert.NilError(t, err, "%s", out)
			for _, line := range []string{"http.proxyHost = http-proxy.test", "http.proxyPort = 3128", "http.nonProxyHosts = *.corp|10.*|*.example.com"} {
				if tc.want {
					assert.Assert(t, cmp.Contains(string(out), line))
				} else {
					assert.Assert(t, !strings.Contains(string(out), line), line)
				}
			}
		})
	}
}
