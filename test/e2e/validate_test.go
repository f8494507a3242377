//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// buildCandidate makes the program that shows any bytes to the validation, see its documentation.
var buildCandidate = sync.OnceValues(func() (string, error) { return goBuild("candidate", "./candidate") })

// candidates are files to be shown to the host's own readers, by path; nil is one that goes away.
type candidates map[string]any

type verdict struct {
	Notes []string
	Error string
}

// validated shows candidates to the validation, as the daemon's user. Nothing may change, nothing may be left over, and no secret may be said.
func validated(t *testing.T, h *hosts.Host, c candidates, args ...string) verdict {
	t.Helper()
	const program = "/usr/local/bin/candidate"
	if r := h.Run(t, "test", "-x", program); r.Code != 0 {
		bin, err := buildCandidate()
		assert.NilError(t, err)
		data, err := os.ReadFile(bin)
		assert.NilError(t, err)
		h.WriteFile(t, program, string(data), 0o755)
	}
	in, err := json.Marshal(c)
	assert.NilError(t, err)
	r := h.Do(t, hosts.Cmd{Argv: append([]string{program}, args...), User: h.Kind.User, Stdin: string(in)})
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "s3cr3t"), "%s", r)
	assert.Assert(t, !strings.Contains(r.Stdout, "docker-proxy-candidate-"), "the message names the scratch directory: %s", r)
	assert.Equal(t, h.Sh(t, "ls -d /tmp/docker-proxy-candidate-* 2>/dev/null | wc -l"), "0", "a scratch directory is left")
	var out verdict
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out))
	return out
}

// TestCandidates shows what the real dockerd, systemd-analyze and sh of each host have against files, with the host's own file and line, and that a file they take passes.
func TestCandidates(t *testing.T) {
	each(t, func(t *testing.T, kind hosts.Kind) {
		h := hosts.Boot(t, kind.Name)
		config, units := "/etc/docker/daemon.json", "/etc/systemd/system/"
		if kind.Manager == hosts.SystemdUser {
			config, units = "/home/ann/.config/docker/daemon.json", "/home/ann/.config/systemd/user/"
		}
		before, pid := snapshot(t, h), h.DaemonPID(t)
		for _, c := range configCandidates(config) {
			if kind.Name != "bookworm" { // 20.10 has no --validate
				t.Run(c.name, func(t *testing.T) { c.play(t, h) })
			}
		}
		for _, c := range unitCandidates(units + "docker.service") {
			if kind.Manager == hosts.Systemd || kind.Manager == hosts.SystemdUser {
				t.Run(c.name, func(t *testing.T) { c.play(t, h) })
			}
		}
		for _, c := range startupCandidates(kind) {
			t.Run(c.name, func(t *testing.T) { c.play(t, h) })
		}
		assert.Equal(t, snapshot(t, h), before)
		assert.Equal(t, h.DaemonPID(t), pid)
	})
}

type candidateCase struct {
	name  string
	files candidates
	says  string // in the error; "" when the readers take it
	notes string // in the notes; "" when there are none
	args  []string
}

func (c candidateCase) play(t *testing.T, h *hosts.Host) {
	t.Helper()
	v := validated(t, h, c.files, c.args...)
	if c.says == "" {
		assert.Equal(t, v.Error, "")
	} else {
		assert.Assert(t, cmp.Contains(v.Error, c.says))
		assert.Assert(t, cmp.Contains(v.Error, "nothing was changed"))
	}
	notes := strings.Join(v.Notes, "\n")
	assert.Assert(t, strings.Contains(notes, c.notes) && (notes == "") == (c.notes == ""), notes)
}

func configCandidates(path string) []candidateCase {
	const proxies = `"proxies": {"http-proxy": "http://u:s3cr3t@p:1"}`
	return []candidateCase{
		{name: "daemon.json", files: candidates{path: "{" + proxies + "}"}},
		{name: "daemon.json as it is", files: candidates{}},
		{name: "an unknown key", files: candidates{path: "{\n" + proxies + ",\n\"nope\": 1}"}, says: path + ":3: dockerd would not start with it: the following directives don't match any configuration option: nope"},
		{name: "a wrong type", files: candidates{path: "{\n" + proxies + ",\n\"debug\": \"yes\"}"}, says: path + ":3: dockerd would not start with it"},
		{name: "a wrong value", files: candidates{path: `{"labels": ["x"]}`}, says: path + ": dockerd would not start with it: merged configuration validation from file and command line flags failed: bad attribute format: x"},
		{name: "broken json", files: candidates{path: "{\n" + proxies + ",\n}\n}"}, says: path + ":"},
		{name: "a userland proxy that is missing", files: candidates{path: `{"userland-proxy-path": "/nope"}`}, says: "invalid userland-proxy-path"},
		{name: "no userland proxy", files: candidates{path: `{"userland-proxy": false}`}},
	}
}

func unitCandidates(unit string) []candidateCase {
	at := unit + ".d/candidate.conf"
	env := func(line string) candidates { return candidates{at: "[Service]\n" + line + "\n"} }
	const meant = ":2: systemd would not take it as it is meant: "
	return []candidateCase{
		{name: "a drop-in", files: candidates{at: "[Service]\nEnvironment=\"A=b %% c\"\nEnvironmentFile=-/nonexistent\n"}},
		{name: "an unbalanced quote", files: env(`Environment="HTTP_PROXY=http://u:s3cr3t@p:1`), says: at + meant + "Invalid syntax, ignoring"},
		{name: "an unbalanced quote that is put back", files: env(`Environment="HTTP_PROXY=http://u:s3cr3t@p:1`), args: []string{"back"}, notes: at + meant + "Invalid syntax, ignoring"},
		{name: "an unknown escape", files: env(`Environment="HTTP_PROXY=http://u:s3cr3t\q@p:1"`), says: at + meant + "Invalid syntax, ignoring"},
		{name: "an unescaped percent", files: env(`Environment="HTTP_PROXY=http://u:s3cr3t%40@p:1"`), says: at + meant + "Failed to resolve specifiers"},
		{name: "no equals sign", files: env(`Environment HTTP_PROXY`), says: at + meant + "Missing '='"},
		{name: "no assignment", files: env(`Environment=s3cr3t`), says: at + meant + "Invalid environment assignment"},
		{name: "an unknown key", files: env(`Environmentt=HTTP_PROXY=http://u:s3cr3t@p:1`), says: at + meant + "Unknown key 'Environmentt'"},
		{name: "a continued line", files: env("Environment=A=b \\\\\n  \"HTTP_PROXY=http://u:s3cr3t@p:1\""), says: at + meant},
		{name: "a relative environment file", files: env(`EnvironmentFile=s3cr3t`), says: at + meant + "EnvironmentFile= path is not absolute"},
		{name: "no section", files: candidates{at: "Environment=A=b\n"}, says: at + ":1: "},
		{name: "a unit that cannot be loaded", files: candidates{at: "[Service]\nExecStart=/bin/true\n"}, says: "docker.service: "},
	}
}

func startupCandidates(kind hosts.Kind) []candidateCase {
	file, sourced := "/etc/default/docker", kind.Manager == hosts.SysVInit
	if kind.Manager == hosts.OpenRC {
		file, sourced = "/etc/conf.d/docker", true
	}
	const set = "HTTP_PROXY='http://u:s3cr3t@p:1'\nexport HTTP_PROXY\n"
	switch {
	case sourced:
		return []candidateCase{
			{name: "a startup file", files: candidates{file: set}},
			{name: "a syntax error", files: candidates{file: set + "if true; then\n"}, says: file + ":4: sh cannot read it: Syntax error"},
			{name: "it ends the shell", files: candidates{file: set + "exit 3\n"}, says: file + ": the init script could not source it: it ends the shell with status 3"},
			{name: "it stops at an error", files: candidates{file: "readonly HTTP_PROXY=x\n" + set}, says: "HTTP_PROXY: is read only"},
			{name: "it hangs", files: candidates{file: set + "read x </dev/zero\nsleep 60 | cat\n"}, says: "it does not come to an end within 5s"},
			{name: "it asks on a terminal", files: candidates{file: "read answer </dev/tty\nread answer\n" + set}},
		}
	case kind.Manager == hosts.Systemd && kind.Name != "trixie-ce":
		return []candidateCase{
			{name: "an environment file", files: candidates{file: set}},
			{name: "a syntax error", files: candidates{file: set + "A=(\n"}, says: file + ":3: sh cannot read it"},
		}
	}
	return nil
}

// TestBrokenByOthers has files that somebody else has broken since dockerd started. No change is made on top of them and no restart kills the daemon; what was merely ignored
// before holds nobody up.
func TestBrokenByOthers(t *testing.T) { on(t, "trixie", playBrokenByOthers) }

func playBrokenByOthers(t *testing.T, h *hosts.Host) {
	const config, unset = "/etc/docker/daemon.json", "/etc/systemd/system/docker.service.d/own.conf"
	mustProxy(t, h, "set", "--layer", "systemd", "--proxy", "http://10.200.0.9:1", "--only", "daemon", "--no-check", "--no-restart")
	pid := h.DaemonPID(t)
	for _, c := range []struct{ name, data, says string }{
		{"broken json", "{\n\"debug\": false,\n}\n}", config + ":"},
		{"a value of the wrong type", "{\n\"debug\": \"yes\"\n}", config + ":2: "},
		{"a key that dockerd does not know", "{\n\n\"htpps\": 1\n}", config + ":3: "},
		{"a key that is a flag, too", "{\n\"log-level\": \"info\",\n\"hosts\": [\"unix:///run/docker.sock\"]\n}", config + ":3: "},
		{"a value that dockerd refuses", `{"labels": ["x"]}`, config + ": "},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.WriteFile(t, config, c.data, 0o644)
			before := snapshot(t, h)
			for _, args := range [][]string{
				{"restart", "--restart", "--no-check"},
				{"set", "--layer", "systemd", "--http-proxy", "http://10.200.0.9:2", "--only", "daemon", "--restart", "--no-check"},
				{"set", "--layer", "startup", "--reconcile", "--http-proxy", "http://10.200.0.9:2", "--only", "daemon", "--restart", "--no-check"},
				{"set", "--layer", "daemon.json", "--reconcile", "--http-proxy", "http://10.200.0.9:2", "--only", "daemon", "--restart", "--no-check"},
				{"unset", "--only", "daemon", "--restart"},
			} {
				r := proxy(t, h, args...)
				assert.Equal(t, r.Code, 1, "%q: %s", args, r)
				assert.Assert(t, cmp.Contains(r.Stderr, c.says), "%q", args)
				assert.Equal(t, snapshot(t, h), before)
				assert.Equal(t, h.DaemonPID(t), pid)
			}
		})
	}
	h.Remove(t, config)
	// What systemd ignores in other people's lines was so before.
	h.WriteFile(t, unset, "[Service]\nEnvironmentt=x\nEnvironment=\"OTHER=1\nEnvironment=NO_PROXY=old.corp bad\n", 0o644)
	r := mustProxy(t, h, "set", "--layer", "systemd", "--no-proxy", "new.corp", "--only", "daemon", "--restart", "--no-check")
	assert.Equal(t, h.ReadFile(t, unset), "[Service]\nEnvironmentt=x\nEnvironment=\"OTHER=1\nEnvironment=bad\n", "%s", r)
	assert.Equal(t, h.Info(t).NoProxy, "new.corp")

	// Nobody there to be asked about units: said, and no obstacle.
	h.Sh(t, "mv /usr/bin/systemd-analyze /usr/bin/systemd-analyse")
	mustProxy(t, h, "set", "--layer", "systemd", "--no-proxy", "newer.corp", "--https-proxy", "http://10.200.0.9:3", "--only", "daemon", "--restart", "--no-check")
	assert.Equal(t, h.Info(t).NoProxy, "newer.corp")
	r = mustProxy(t, h, "unset", "--only", "daemon", "--restart")
	assert.Assert(t, cmp.Contains(r.Stdout+r.Stderr, "systemd-analyze"))
}

// TestPreflightOfWhatComesBack: values that surface, come back or wait for a restart are tried like new ones; a rollback is told and not held up. The registry asked for is one
// this host uses.
func TestPreflightOfWhatComesBack(t *testing.T) { on(t, "trixie", playPreflightOfWhatComesBack) }

func playPreflightOfWhatComesBack(t *testing.T, h *hosts.Host) {
	n := h.Network(t)
	works, dead := hosts.ProxyURL(hosts.PlainPort), "http://"+hosts.ProxyHost+":9"
	h.WriteFile(t, "/root/.docker/config.json", `{"auths": {"`+hosts.Registry+`": {"auth": "dTpwCg=="}}}`, 0o600)
	mustProxy(t, h, "set", "--layer", "daemon.json", "--proxy", dead, "--only", "daemon", "--restart", "--no-check")
	asked := len(n.ProxyLog(t))
	r := mustProxy(t, h, "set", "--layer", "daemon.json", "--proxy", works, "--only", "daemon", "--restart")
	assert.Assert(t, !strings.Contains(r.Stderr, "Note: the proxy"), "the registry's authority in certs.d is known: %s", r)
	h.Eventually(t, "the trial in squid's log", func() bool { return len(n.ProxyLog(t)) > asked })
	assert.Equal(t, n.ProxyLog(t)[asked].Target, hosts.Registry)

	h.WriteFile(t, "/etc/systemd/system/docker.service.d/older.conf", "[Service]\nEnvironment=HTTPS_PROXY="+dead+"\n", 0o644)
	h.RestartDocker(t)
	before, pid := snapshot(t, h), h.DaemonPID(t)
	refused := func(args ...string) {
		t.Helper()
		r := proxy(t, h, args...)
		assert.Equal(t, r.Code, 1, "%q: %s", args, r)
		assert.Assert(t, cmp.Contains(r.Stderr, "nothing listens at "+dead))
		assert.Equal(t, snapshot(t, h), before)
		assert.Equal(t, h.DaemonPID(t), pid)
	}
	refused("unset", "--layer", "daemon.json", "--only", "daemon", "--restart")
	mustProxy(t, h, "unset", "--layer", "daemon.json", "--only", "daemon", "--no-restart", "--no-check")
	before = snapshot(t, h)
	refused("restart", "--restart")
	mustProxy(t, h, "restart", "--restart", "--no-check")
	assert.Equal(t, h.Info(t).HTTPSProxy, dead)
	mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, h.Info(t).HTTPSProxy, works)
	r = mustProxy(t, h, "rollback", "--restart")
	assert.Equal(t, h.Info(t).HTTPProxy, dead, "the change before the last one")
	assert.Assert(t, cmp.Contains(r.Stdout+r.Stderr, "what comes back does not work: nothing listens at "+dead))
}
