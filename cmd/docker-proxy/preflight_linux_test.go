package main

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// TestLoopbackNetwork uses real processes: one in this network namespace, one in its own.
func TestLoopbackNetwork(t *testing.T) {
	files, err := host.Open("")
	assert.NilError(t, err)
	defer files.Close()
	own := exec.Command("sleep", "600")
	own.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	if err := own.Start(); err != nil {
		t.Skipf("this kernel lets us make no network namespace (%v), so only the answers yes and unknown could be tried; root can make one", err)
	}
	defer func() { _ = own.Process.Kill(); _ = own.Wait() }()
	for _, tc := range []struct {
		name string
		pid  int
		want daemon.Answer
	}{
		{name: "here", pid: os.Getpid(), want: daemon.Yes},
		{name: "in its own", pid: own.Process.Pid, want: daemon.No},
		{name: "stopped", pid: 0, want: daemon.Unknown},
		{name: "gone", pid: 1 << 30, want: daemon.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, _ := preflightJob(t, "", "http://127.0.0.1:3128", "")
			j.view.site.FS, j.view.site.PID, j.view.site.Flavor = files, tc.pid, daemon.FlavorRootless
			assert.Equal(t, sameNetwork(j.view.site), tc.want)
			err := j.preflightWith(t.Context(), func(context.Context, probe.Request) (probe.Result, error) { return probe.Result{}, nil })
			if tc.want == daemon.No {
				assert.ErrorContains(t, err, "network of its own")
			} else {
				assert.NilError(t, err)
			}
			assert.Equal(t, len(j.notes) == 1, tc.want == daemon.Unknown)
		})
	}
}
