//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestPrompts answers questions on a terminal: the password, which is not shown, also where stdin carries something else; consent to a restart; credentials for containers.
func TestPrompts(t *testing.T) { on(t, "trixie", playPrompts) }

// typed runs a command on a terminal and types an answer after each question; what the terminal showed is returned.
func typed(t *testing.T, h *hosts.Host, command string, status int, answers ...[2]string) string {
	t.Helper()
	script := "rm -f /tmp/tty /tmp/keys; mkfifo /tmp/keys; script -qfec '" + command + "' /tmp/tty </tmp/keys >/dev/null 2>&1 & job=$!; exec 3>/tmp/keys\n"
	for _, a := range answers {
		// What is typed before the echo is off would be shown by the terminal itself.
		script += "n=0; until grep -qF '" + a[0] + "' /tmp/tty 2>/dev/null; do n=$((n+1)); [ $n -lt 400 ] && kill -0 $job || { cat /tmp/tty; echo 'it never asked: " + a[0] + "'; exit 98; }; sleep 0.05; done; sleep 0.5; printf '%s\\n' '" + a[1] + "' >&3\n"
	}
	script += "wait $job; s=$?; cat /tmp/tty; exit $s"
	r := h.Do(t, hosts.Cmd{Argv: []string{"bash", "-c", script}, Env: []string{"DOCKER_CONFIG=/root/.docker"}})
	assert.Equal(t, r.Code, status, "%s", r)
	return r.Stdout
}

func playPrompts(t *testing.T, h *hosts.Host) {
	const set = "docker proxy set --only daemon --no-check --no-restart --no-proxy a.corp --username ann "
	password := [2]string{"Password of ann at the proxy: ", "pa55 w%rd"}
	const encoded = "http://ann:pa55%20w%25rd@p.corp:1"
	for _, command := range []string{set + "--proxy http://p.corp:1", "echo http://p.corp:1 | " + set + "--proxy -"} {
		shown := typed(t, h, command, 0, password)
		assert.Assert(t, !strings.Contains(shown, "pa55"), shown)
		assert.Equal(t, show(t, h, "--reveal").setting("https-proxy").Value, encoded)
		mustProxy(t, h, "unset", "--all", "--only", "daemon", "--no-restart")
	}
	r := proxy(t, h, "set", "--only", "daemon", "--no-check", "--no-restart", "--proxy", "http://p.corp:1", "--username", "ann")
	assert.Equal(t, r.Code, 2, "no terminal: %s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "--password-stdin"))

	const restart = "docker proxy set --only daemon --layer daemon.json --no-check --no-proxy a.corp --https-proxy "
	pid := h.DaemonPID(t)
	typed(t, h, restart+"http://one.corp:1", 0, [2]string{"Restart docker.service now?", "n"})
	assert.Equal(t, h.DaemonPID(t), pid)
	assert.Equal(t, show(t, h).setting("https-proxy").Pending, "restart")
	typed(t, h, restart+"http://two.corp:1", 0, [2]string{"Restart docker.service now?", "y"})
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://two.corp:1")

	const question = "Write user and password into config.json as well?"
	both := "docker proxy set --no-check --no-restart --no-proxy a.corp --proxy http://p.corp:1 --username ann "
	shown := typed(t, h, both, 0, [2]string{question, "n"}, password)
	assert.Assert(t, !strings.Contains(shown, "pa55"), shown)
	assert.Assert(t, cmp.Contains(h.ReadFile(t, ".docker/config.json"), "http://p.corp:1"))
	assert.Assert(t, !strings.Contains(h.ReadFile(t, ".docker/config.json"), "ann"))
	typed(t, h, both, 0, [2]string{question, "y"}, password)
	assert.Assert(t, cmp.Contains(h.ReadFile(t, ".docker/config.json"), encoded))
	assert.Equal(t, h.Sh(t, "stat -c %a /root/.docker/config.json"), "600")
}
