//go:build linux

package hosts

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// PluginPath is where [Host.InstallPlugin] puts the plugin: where `make
// install` puts it for root, which both root's and ann's docker search.
const PluginPath = "/usr/local/lib/docker/cli-plugins/docker-proxy"

// A Host is a booted machine in the hands of a test.
type Host struct {
	*Machine

	byHand struct{ env, args []string } // how the manual host's dockerd was last started
}

// places are the tests of this process that have a machine.
var places seating

// An Option changes what a host finds when it boots.
type Option func(*Seed)

// WithFile puts a file (0644, root's) on the disk before boot.
func WithFile(path, text string) Option {
	return func(s *Seed) {
		if s.Files == nil {
			s.Files = map[string]string{}
		}
		s.Files[path] = text
	}
}

// WithPrepare runs a script in the root before boot, by sh -e and as root.
func WithPrepare(script string) Option {
	return func(s *Seed) { s.Prepare += script + "\n" }
}

// WithTrustedCA puts the corporation's authorities into the host's own trust
// store before dockerd starts: the one of its registries and the one of the
// proxy that terminates TLS.
func WithTrustedCA() Option {
	return WithPrepare(`
		cp /srv/corp/ca.crt /usr/local/share/ca-certificates/corp-ca.crt
		cp /srv/corp/inspection-ca.crt /usr/local/share/ca-certificates/corp-inspection-ca.crt
		update-ca-certificates`)
}

// Boot boots a fresh host of the given kind and returns when its dockerd
// answers; the test's clean-up takes it down. A host that cannot be made or
// booted fails the test and is recorded as failed, or as not available and
// skipped when it is optional.
func Boot(t testing.TB, kind string, options ...Option) *Host {
	t.Helper()
	k, err := KindOf(kind)
	assert.NilError(t, err)
	var seed Seed
	for _, option := range options {
		option(&seed)
	}
	// The machine outlives t's context until the clean-up stops it.
	ctx := places.take(context.WithoutCancel(t.Context()), t)
	m, release, err := Start(ctx, kind, seed, testLog{t})
	if err == nil {
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s console:\n%s\n%s dockerd:\n%s", m.Name, m.Console(), m.Name, m.daemonLog(ctx))
			}
			m.Stop()
		})
		err = m.AwaitDocker(ctx)
		release()
	}
	if err != nil && k.Optional {
		Record(t, kind, NotAvailable, err.Error())
		t.Skipf("host %s is not available: %v", kind, err)
	}
	assert.NilError(t, err)
	return &Host{Machine: m}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// Do runs a command and fails the test only when it could not be run or ran
// into its time-out.
func (h *Host) Do(t testing.TB, c Cmd) Result {
	t.Helper()
	result, err := h.Exec(context.WithoutCancel(t.Context()), c)
	assert.NilError(t, err)
	return result
}

// Run runs a command as root.
func (h *Host) Run(t testing.TB, argv ...string) Result {
	t.Helper()
	return h.Do(t, Cmd{Argv: argv})
}

// MustRun runs a command as root that has to succeed.
func (h *Host) MustRun(t testing.TB, argv ...string) Result {
	t.Helper()
	result := h.Run(t, argv...)
	assert.Equal(t, result.Code, 0, "%q: %s", argv, result)
	return result
}

// Sh runs a script as root by sh -e, which has to succeed, and returns its
// output without the last newline.
func (h *Host) Sh(t testing.TB, script string) string {
	t.Helper()
	return strings.TrimSuffix(h.MustRun(t, "sh", "-e", "-c", script).Stdout, "\n")
}

// WriteFile writes a file inside, through links as any program there would,
// making its directories. A relative path is below the home of the user the
// daemon belongs to, and then it is that user's file; else root's.
func (h *Host) WriteFile(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	user := "root"
	if !path.IsAbs(name) {
		user = h.Kind.User
	}
	script := `mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"`
	result := h.Do(t, Cmd{Argv: []string{"sh", "-e", "-c", script, "sh", name, fmt.Sprintf("%o", mode)}, User: user, Stdin: text})
	assert.Equal(t, result.Code, 0, "writing %s: %s", name, result)
}

// ReadFile reads a file inside, paths as in [Host.WriteFile].
func (h *Host) ReadFile(t testing.TB, name string) string {
	t.Helper()
	result := h.Do(t, Cmd{Argv: []string{"cat", "--", name}, User: h.Kind.User})
	assert.Equal(t, result.Code, 0, "reading %s: %s", name, result)
	return result.Stdout
}

// Remove removes a file or a tree inside, paths as in [Host.WriteFile].
func (h *Host) Remove(t testing.TB, name string) {
	t.Helper()
	result := h.Do(t, Cmd{Argv: []string{"rm", "-rf", "--", name}, User: h.Kind.User})
	assert.Equal(t, result.Code, 0, "removing %s: %s", name, result)
}

// InstallPlugin copies the plugin built outside to where `make install` as
// root puts it.
func (h *Host) InstallPlugin(t testing.TB, binary string) {
	t.Helper()
	data, err := os.ReadFile(binary)
	assert.NilError(t, err)
	h.WriteFile(t, PluginPath, string(data), 0o755)
}

// Eventually polls until done answers true, for at most a minute.
func (h *Host) Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen on %s within a minute\n%s", what, h.Name, h.daemonLog(context.WithoutCancel(t.Context())))
		}
	}
}
