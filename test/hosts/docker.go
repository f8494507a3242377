//go:build linux

package hosts

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// Docker runs the docker CLI as the user the daemon belongs to.
func (h *Host) Docker(t testing.TB, args ...string) Result {
	t.Helper()
	return h.Do(t, Cmd{Argv: append([]string{"docker"}, args...), User: h.Kind.User})
}

// MustDocker runs the docker CLI, which has to succeed, and returns its output
// without the last newline.
func (h *Host) MustDocker(t testing.TB, args ...string) string {
	t.Helper()
	result := h.Docker(t, args...)
	assert.Equal(t, result.Code, 0, "docker %q: %s", args, result)
	return strings.TrimSuffix(result.Stdout, "\n")
}

// Info is what `docker info` says about proxies, masked as it masks.
type Info struct {
	HTTPProxy     string `json:"HttpProxy"`
	HTTPSProxy    string `json:"HttpsProxy"`
	NoProxy       string
	ServerVersion string
	Driver        string
}

// Info asks the daemon.
func (h *Host) Info(t testing.TB) Info {
	t.Helper()
	var info Info
	assert.NilError(t, json.Unmarshal([]byte(h.MustDocker(t, "info", "--format", "{{json .}}")), &info))
	return info
}

// DaemonPID returns dockerd's process id inside the host, or 0 when none runs.
func (h *Host) DaemonPID(t testing.TB) int {
	t.Helper()
	pids := strings.Fields(h.Run(t, "pgrep", "-x", "dockerd").Stdout)
	if len(pids) == 0 {
		return 0
	}
	assert.Equal(t, len(pids), 1, "more than one dockerd: %q", pids)
	pid, err := strconv.Atoi(pids[0])
	assert.NilError(t, err)
	return pid
}

// DaemonEnviron returns the environment dockerd was started with, from
// /proc/PID/environ.
func (h *Host) DaemonEnviron(t testing.TB) map[string]string {
	t.Helper()
	environ := map[string]string{}
	for _, entry := range strings.Split(h.MustRun(t, "cat", "/proc/"+strconv.Itoa(h.DaemonPID(t))+"/environ").Stdout, "\x00") {
		if name, value, ok := strings.Cut(entry, "="); ok {
			environ[name] = value
		}
	}
	return environ
}

// RestartDocker restarts dockerd the way this host's administrator would,
// after a daemon-reload under systemd, and waits until it answers. The limit of
// three starts a minute is reset first.
func (h *Host) RestartDocker(t testing.TB) {
	t.Helper()
	if h.Kind.Manager == Manual {
		h.StopDocker(t)
		h.StartByHand(t, h.byHand.env, h.byHand.args...)
		return
	}
	h.service(t, "restart")
	h.AwaitAnswer(t)
}

// StartDocker starts dockerd through its manager, on the manual host as it was
// started last, and waits until it answers.
func (h *Host) StartDocker(t testing.TB) {
	t.Helper()
	if h.Kind.Manager == Manual {
		h.StartByHand(t, h.byHand.env, h.byHand.args...)
		return
	}
	h.service(t, "start")
	h.AwaitAnswer(t)
}

// StopDocker stops dockerd and the socket that would start it again, and waits
// until the process is gone.
func (h *Host) StopDocker(t testing.TB) {
	t.Helper()
	if h.Kind.Manager == Manual {
		h.Run(t, "pkill", "-x", "dockerd")
	} else {
		h.service(t, "stop")
	}
	h.Eventually(t, "the end of dockerd", func() bool { return h.DaemonPID(t) == 0 })
}

// StartByHand starts the manual host's dockerd with the given environment
// added (NAME=value) and arguments; a later RestartDocker repeats them.
func (h *Host) StartByHand(t testing.TB, env []string, args ...string) {
	t.Helper()
	h.byHand.env, h.byHand.args = env, args
	assert.NilError(t, h.Machine.StartByHand(context.WithoutCancel(t.Context()), env, args...))
	h.AwaitAnswer(t)
}

// AwaitAnswer waits until `docker version` answers, which starts a stopped
// dockerd where systemd listens on its socket.
func (h *Host) AwaitAnswer(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bootTimeout)
	defer cancel()
	assert.NilError(t, h.awaitAnswer(ctx))
}

// service asks the manager to start, stop or restart docker.
func (h *Host) service(t testing.TB, verb string) {
	t.Helper()
	var script string
	switch h.Kind.Manager {
	case Systemd:
		units := "docker.service"
		if verb == "stop" {
			units = "docker.socket docker.service"
		}
		script = "systemctl daemon-reload; systemctl reset-failed docker.service docker.socket || :; systemctl " + verb + " " + units
	case SystemdUser:
		script = "systemctl --user daemon-reload; systemctl --user reset-failed docker.service || :; systemctl --user " + verb + " docker.service"
	case SysVInit:
		script = "service docker " + verb
	case RunIt:
		script = "sv -w 60 " + verb + " docker"
	case OpenRC:
		script = "rc-service docker " + verb
	case Manual:
		t.Fatalf("nothing manages the dockerd of %s", h.Kind.Name)
	}
	result := h.Do(t, Cmd{Argv: []string{"sh", "-e", "-c", script}, User: h.Kind.User})
	assert.Equal(t, result.Code, 0, "%s: %s\n%s", script, result, h.daemonLog(context.WithoutCancel(t.Context())))
}
