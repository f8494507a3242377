//go:build hosts && linux

package hosts

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// TestKilledRunLeavesNothing shows that a machine goes down with the process
// that booted it even when that is killed outright, and that a sweep removes
// the notes about it.
func TestKilledRunLeavesNothing(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "hosts")
	output, err := exec.Command("go", "build", "-o", tool, "./cmd/hosts").CombinedOutput()
	assert.NilError(t, err, "%s", output)
	cmd := exec.Command(tool, "boot", "trixie")
	stdout, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	cmd.Stderr = os.Stderr
	assert.NilError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	assert.NilError(t, err)
	name := strings.TrimSpace(strings.TrimPrefix(line, "machine "))
	m, err := Find(name)
	assert.NilError(t, err)
	leader, root := m.Root(), filepath.Join(RunDir(), name)
	assert.NilError(t, m.cgroup.Close())

	assert.NilError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, process := os.Stat(leader)
		_, dir := os.Stat(root)
		if process != nil && dir != nil {
			break
		}
	}
	_, err = os.Stat(leader)
	assert.ErrorIs(t, err, os.ErrNotExist)
	Sweep()
	for _, pattern := range []string{root + "*", "/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name} {
		left, err := filepath.Glob(pattern)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0, "%q", left)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(mounts), name))
}

// TestCommands shows what a command inside gets and gives back, and that two
// machines of a kind share nothing.
func TestCommands(t *testing.T) {
	h, other := Boot(t, "trixie", WithFile("/etc/seeded", "by a seed\n"), WithPrepare("echo prepared >>/etc/seeded")), Boot(t, "trixie")
	assert.Equal(t, h.ReadFile(t, "/etc/seeded"), "by a seed\nprepared\n")
	assert.Assert(t, other.Run(t, "test", "-e", "/etc/seeded").Code != 0)

	h.WriteFile(t, "/etc/some/file", "bytes \x00 and\r\n", 0o640)
	assert.Equal(t, h.ReadFile(t, "/etc/some/file"), "bytes \x00 and\r\n")
	assert.Equal(t, h.Sh(t, "stat -c %a:%U /etc/some/file"), "640:root")
	h.Remove(t, "/etc/some")
	assert.Assert(t, h.Run(t, "test", "-e", "/etc/some").Code != 0)

	assert.DeepEqual(t, h.Run(t, "sh", "-c", "echo out; echo err >&2; kill -TERM $$"), Result{Stdout: "out\n", Stderr: "err\n", Code: 143})
	_, err := h.Exec(t.Context(), Cmd{Argv: []string{"sleep", "1000"}, Timeout: time.Second})
	assert.Assert(t, errors.Is(err, context.DeadlineExceeded), err)
	h.Eventually(t, "the end of a timed-out command", func() bool { return h.Run(t, "pgrep", "-x", "sleep").Code != 0 })

	// A stopped daemon stays stopped until somebody asks its socket.
	h.StopDocker(t)
	assert.Equal(t, h.DaemonPID(t), 0)
	assert.Equal(t, h.Sh(t, "systemctl is-active docker.service docker.socket || :"), "inactive\ninactive")
	h.StartDocker(t)
	assert.Assert(t, h.DaemonPID(t) != 0)
	assert.Assert(t, other.Info(t).ServerVersion != "")
}

// TestTLSProxies shows the proxy that terminates TLS and the one that speaks it:
// pulls fail until the host trusts the corporation's authorities.
func TestTLSProxies(t *testing.T) {
	tests := []struct {
		name    string
		port    int
		options []NetworkOption
		err     string
	}{
		{name: "inspecting", port: InspectPort, err: "x509: certificate signed by unknown authority"},
		// An authority in certs.d counts for the proxy on the way there, too.
		{name: "https proxy", port: TLSPort, options: []NetworkOption{Untrusted()}, err: "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			settings := WithFile("/etc/default/docker", "HTTPS_PROXY="+ProxyURL(test.port)+"\n")
			pull := Boot(t, "trixie", settings).Network(t, test.options...).Pull(t, Registry)
			assert.Assert(t, pull.Code != 0 && strings.Contains(pull.Stderr, test.err), "%s", pull.Result)
			assert.Equal(t, pull.Route(), "none")

			pull = Boot(t, "trixie", settings, WithTrustedCA()).Network(t, Untrusted()).Pull(t, Registry)
			assert.Equal(t, pull.Code, 0, "%s", pull.Result)
			assert.Equal(t, pull.Route(), "proxy")
		})
	}
}
