//go:build hosts && linux

package truth

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// booted is a machine for the oracles.
type booted struct {
	t *testing.T
	m *hosts.Machine
}

// boot starts a host and waits for its dockerd.
func boot(t *testing.T, kind string) booted {
	t.Helper()
	m, release, err := hosts.Start(t.Context(), kind, hosts.Seed{}, os.Stderr)
	assert.NilError(t, err)
	t.Cleanup(m.Stop)
	err = m.AwaitDocker(t.Context())
	release()
	assert.NilError(t, err)
	return booted{t, m}
}

// Run is machine's.
func (b booted) Run(script string, stdin []byte) ([]byte, error) {
	return b.run(stdin, "sh", "-c", script, "sh")
}

func (b booted) run(stdin []byte, argv ...string) ([]byte, error) {
	r, err := b.m.Exec(b.t.Context(), hosts.Cmd{Argv: argv, Stdin: string(stdin), Timeout: 10 * time.Minute})
	if err == nil && r.Code != 0 {
		err = errors.New(r.String())
	}
	return []byte(r.Stdout), err
}

// TestLiveAnswersAreTheRecordedOnes asks the oracles of the corpus again.
func TestLiveAnswersAreTheRecordedOnes(t *testing.T) {
	for _, kind := range []string{"trixie", "bookworm"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := boot(t, kind)
			rec, err := recordSystemd(b, statesOf(Systemd))
			assert.NilError(t, err)
			checkRecording(t, fmt.Sprintf(systemdFile, rec.Facts.Systemd), rec)
			if kind == "trixie" {
				rec, err := recordDockerd(b, statesOf(Dockerd))
				assert.NilError(t, err)
				checkRecording(t, dockerdFile, rec)
			}
		})
	}
}

// TestNewestSystemd compares the project with the systemd of Debian's moving
// suite, whose answers are not recorded because they move with it.
func TestNewestSystemd(t *testing.T) {
	needSid(t)
	b := boot(t, "sid")
	states := statesOf(Systemd)
	rec, err := recordSystemd(b, states)
	assert.NilError(t, err)
	t.Logf("systemd %s, %d states answered", rec.Facts.Systemd, len(rec.Answers))
	compareAll(t, projectBinary(t), states, rec, func(State) bool { return false })
}

// needSid skips where Debian's moving suite cannot be made into a host; it is
// the only host that may be missing.
func needSid(t *testing.T) {
	t.Helper()
	if _, err := hosts.Build(t.Context(), "sid", os.Stderr); err != nil {
		t.Skipf("the moving suite cannot be made into a host today; the other hosts are compared: %v", err)
	}
}

// checkRecording compares live answers with a file of testdata, or writes it.
func checkRecording(t *testing.T, path string, live Recording) {
	t.Helper()
	t.Logf("%s: %d states answered", path, len(live.Answers))
	data, err := encodeRecording(live)
	assert.NilError(t, err)
	if updating() {
		assert.NilError(t, os.WriteFile(path, data, 0o644))
		return
	}
	old, err := readRecording(path)
	assert.NilError(t, err)
	for name, a := range live.Answers {
		was, err := encode(old.Answers[name])
		assert.NilError(t, err)
		is, err := encode(a)
		assert.NilError(t, err)
		if string(was) != string(is) {
			t.Errorf("%s: recorded %s, live %s", name, was, is)
		}
	}
	assert.Equal(t, len(old.Answers), len(live.Answers))
}

// TestLiveRestarts configures the real docker.service or init script, restarts
// the real dockerd, and asks the project while it runs, while it is stopped, and
// about the same tree by --root.
func TestLiveRestarts(t *testing.T) {
	binary, err := os.ReadFile(projectBinary(t))
	assert.NilError(t, err)
	for _, c := range []struct {
		host string
		liveHost
	}{
		{"trixie", systemHost(true)},
		{"bookworm", systemHost(false)},
		{"trixie-ce", systemHost(true)},
		{"sid", systemHost(true)},
		{"rootless", rootlessHost()},
		{"sysvinit", scriptHost(SysV, "/etc/default/docker")},
		{"openrc", scriptHost(OpenRC, "/etc/conf.d/docker")},
		{"manual", handHost()},
	} {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			if c.host == "sid" {
				needSid(t)
			}
			b := boot(t, c.host)
			_, err := b.Run("mkdir -p /dpt-bin && cat > /dpt-bin/docker-proxy && chmod 755 /dpt-bin/docker-proxy", binary)
			assert.NilError(t, err)
			_, err = b.Run(liveKeep, nil)
			assert.NilError(t, err)
			running, refused, stopped := 0, 0, 0
			winners := map[string]int{} // by layer, as the oracle has it
			for _, s := range liveStates(c.liveHost) {
				a := b.restart(c.manager, s)
				countWinners(winners, s, a)
				b.judge("running", c.user, s, a, false)
				running++
				if !a.Ran {
					refused++
				}
				if !a.Ran && c.proxies {
					t.Fatalf("%s: dockerd does not start: %s\n%s", s.Name, a.Log, describe(s))
				}
				if c.kind == Manual {
					s = s.typedAgain()
					a = b.restart(c.manager, s)
				}
				if _, err := b.run(nil, "sh", "-c", liveStop, "sh", c.manager); err != nil {
					t.Fatalf("%s: dockerd does not stop: %v", s.Name, err)
				}
				b.judge("stopped", c.user, s, a, true)
				stopped++
				if c.user == "" { // --root is about the daemon of the system
					b.judge("--root", "", s, a, true, "--root", "/")
					stopped++
				}
				if _, err := b.Run("! pidof dockerd", nil); err != nil {
					t.Errorf("%s: asking the project started dockerd", s.Name)
				}
			}
			t.Logf("%s: %d dockerd restarts (%d refused the configuration), %d comparisons with dockerd stopped, values in effect by layer: %v",
				c.host, running, refused, stopped, winners)
			for _, layer := range []string{"daemon.json", "flag"} {
				if c.proxies && winners[layer] == 0 {
					t.Errorf("no state in which %s wins", layer)
				}
			}
		})
	}
}

// countWinners counts the values a daemon has by the layer they stand in.
func countWinners(n map[string]int, s State, a Answer) {
	if !a.Ran {
		return
	}
	for _, f := range families {
		value := expect(f, a).value
		switch m, ok := s.markIn(value); {
		case value == "":
			n["not set"]++
		case ok && !strings.Contains(value, ".caller") && !strings.Contains(value, ".manager"):
			n[m.Layer]++
		default:
			n["caller or manager"]++
		}
	}
}

// restart applies a state and returns what the daemon has.
func (b booted) restart(manager string, s State) Answer {
	b.t.Helper()
	in, err := archive(s.Files)
	assert.NilError(b.t, err)
	typed := slices.Clone(s.Env)
	if s.Kind == Manual {
		typed = slices.Concat(typed, []string{"dockerd"}, s.Args)
	}
	out, err := b.run(in, append([]string{"sh", "-c", liveApply, "sh", manager}, typed...)...)
	assert.NilError(b.t, err)
	a, err := liveAnswer(out)
	assert.NilError(b.t, err)
	return a
}

// judge runs the project inside the host. With offline, what only a running
// daemon or manager knows is not asked for.
func (b booted) judge(what, user string, s State, a Answer, offline bool, args ...string) {
	b.t.Helper()
	r, err := b.m.Exec(b.t.Context(), hosts.Cmd{User: user, Argv: slices.Concat([]string{"/dpt-bin/docker-proxy"}, showArgs, args)})
	assert.NilError(b.t, err)
	got := readResult(r.Stdout, r.Stderr, r.Code)
	if !a.Ran && len(args) > 0 {
		return // which engine will read the tree is not known there
	}
	wrong := judgeLive(s, a, got, offline, len(args) > 0)
	if len(wrong) > 0 {
		b.t.Errorf("%s, %s, manager or caller %q:\n  %s\n%s\ninfo %+v\nenviron %q", s.Name, what, s.Env, strings.Join(wrong, "\n  "), describe(s), a.Info, redacted(a.Env))
	}
}
