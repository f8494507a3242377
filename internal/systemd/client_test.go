//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
)

// standIn is systemd's side of a real bus: two units, and jobs that end as told.
type standIn struct {
	conn   *dbus.Conn
	result string // of the next job
	calls  []string
}

const (
	managerPath = dbus.ObjectPath("/org/freedesktop/systemd1")
	jobPath     = managerPath + "/job/7"
)

func (s *standIn) job(verb, name, mode string) (dbus.ObjectPath, *dbus.Error) {
	s.calls = append(s.calls, verb+" "+name+" "+mode)
	if s.result != "" {
		go func() { // systemd, too, answers the call before it tells of the end
			_ = s.conn.Emit(managerPath, "org.freedesktop.systemd1.Manager.JobRemoved", uint32(7), jobPath, name, s.result)
		}()
	}
	return jobPath, nil
}

func (s *standIn) StartUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return s.job("start", name, mode)
}
func (s *standIn) StopUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return s.job("stop", name, mode)
}
func (s *standIn) RestartUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return s.job("restart", name, mode)
}
func (s *standIn) TryRestartUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return s.job("try-restart", name, mode)
}
func (s *standIn) ReloadUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return s.job("reload", name, mode)
}
func (s *standIn) CancelJob(id uint32) *dbus.Error {
	s.calls = append(s.calls, fmt.Sprint("cancel ", id))
	return nil
}
func (s *standIn) Reload() *dbus.Error {
	s.calls = append(s.calls, "reload")
	return nil
}
func (s *standIn) ResetFailedUnit(name string) *dbus.Error {
	s.calls = append(s.calls, "reset "+name)
	if name == "gone.socket" {
		return dbus.NewError("org.freedesktop.systemd1.NoSuchUnit", []any{"Unit gone.socket not loaded."})
	}
	return nil
}

// startStandIn starts a real bus daemon in a runtime directory of its own and puts the stand-in on it.
func startStandIn(t *testing.T) (*standIn, Bus) {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("dbus-daemon is not installed; the suites on booted hosts use the real bus")
	}
	dir, err := os.MkdirTemp("", "bus") // t.TempDir() is too long for a socket's name
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	address := "unix:path=" + filepath.Join(dir, "bus")
	cmd := exec.CommandContext(t.Context(), daemon, "--session", "--nofork", "--nopidfile", "--address="+address)
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var conn *dbus.Conn
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if conn, err = dbus.Connect(address); err != nil {
			return poll.Continue("bus: %v", err)
		}
		return poll.Success()
	}, poll.WithTimeout(30*time.Second))
	t.Cleanup(func() { conn.Close() })
	s := &standIn{conn: conn, result: "done"}
	assert.NilError(t, conn.Export(s, managerPath, "org.freedesktop.systemd1.Manager"))
	export(t, conn, managerPath, "org.freedesktop.systemd1.Manager", map[string]any{"Version": "252.39-1~deb12u1", "Environment": []string{"A=1", "B=x y"}})
	exportUnits(t, conn)
	_, err = conn.RequestName("org.freedesktop.systemd1", dbus.NameFlagDoNotQueue)
	assert.NilError(t, err)
	return s, Bus{RuntimeDir: dir}
}

func export(t *testing.T, conn *dbus.Conn, at dbus.ObjectPath, iface string, values map[string]any) {
	t.Helper()
	exportAll(t, conn, at, map[string]map[string]any{iface: values})
}

func exportAll(t *testing.T, conn *dbus.Conn, at dbus.ObjectPath, all map[string]map[string]any) {
	t.Helper()
	m := prop.Map{}
	for iface, values := range all {
		m[iface] = map[string]*prop.Prop{}
		for name, v := range values {
			m[iface][name] = &prop.Prop{Value: v, Emit: prop.EmitFalse}
		}
	}
	_, err := prop.Export(conn, at, m)
	assert.NilError(t, err)
}

func exportUnits(t *testing.T, conn *dbus.Conn) {
	t.Helper()
	type environmentFile struct {
		Path     string
		Optional bool
	}
	type listen struct{ Kind, Address string }
	type command struct {
		Path         string
		Argv         []string
		Ignore       bool
		A, B, C, D   uint64
		PID          uint32
		Code, Status int32
	}
	exportAll(t, conn, managerPath+"/unit/docker_2eservice", map[string]map[string]any{
		"org.freedesktop.systemd1.Unit": {
			"Id": "docker.service", "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "FragmentPath": "/f", "DropInPaths": []string{"/a", "/b"},
			"SourcePath": "/etc/init.d/docker", "NeedDaemonReload": true, "UnitFileState": "enabled", "TriggeredBy": []string{"docker.socket"}, "InvocationID": []byte{0xab, 1},
			"Requires": []string{"docker.socket"}, "CanReload": true,
		},
		"org.freedesktop.systemd1.Service": {
			"MainPID": uint32(74), "NRestarts": uint32(3), "Result": "success", "KillMode": "process", "Environment": []string{"HTTP_PROXY=http://p:1"}, "PassEnvironment": []string{"X"},
			"UnsetEnvironment": []string{"Y"}, "EnvironmentFiles": []environmentFile{{"/etc/default/docker", true}, {"/x", false}},
			"ExecStart": []command{{Path: "/usr/sbin/dockerd", Argv: []string{"dockerd", "$DOCKER_OPTS"}}, {Path: "/second", Argv: []string{"second"}}},
		},
	})
	exportAll(t, conn, managerPath+"/unit/docker_2esocket", map[string]map[string]any{
		"org.freedesktop.systemd1.Unit":   {"Id": "docker.socket", "LoadState": "loaded", "ActiveState": "active"},
		"org.freedesktop.systemd1.Socket": {"Listen": []listen{{"Stream", "/run/docker.sock"}}},
	})
	export(t, conn, managerPath+"/unit/gone_2eservice", "org.freedesktop.systemd1.Unit", map[string]any{"Id": "gone.service", "LoadState": "not-found", "ActiveState": "inactive"})
}

func TestClientReads(t *testing.T) {
	_, bus := startStandIn(t)
	c, err := Connect(t.Context(), bus)
	assert.NilError(t, err)
	defer c.Close()
	v, err := c.Version(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v, 252)
	env, err := c.Environment(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, env, []string{"A=1", "B=x y"})
	for name, want := range map[string]bool{"docker.service": true, "gone.service": false} {
		active, err := c.Active(t.Context(), name)
		assert.NilError(t, err)
		assert.Equal(t, active, want, name)
	}
	u, err := c.Unit(t.Context(), "docker.service")
	assert.NilError(t, err)
	assert.DeepEqual(t, u, &Unit{
		Name: "docker.service", LoadState: "loaded", ActiveState: "active", SubState: "running", FragmentPath: "/f", DropInPaths: []string{"/a", "/b"},
		SourcePath: "/etc/init.d/docker", NeedDaemonReload: true, UnitFileState: "enabled", TriggeredBy: []string{"docker.socket"}, InvocationID: "ab01",
		Requires: []string{"docker.socket"}, CanReload: true, KillMode: "process",
		MainPID: 74, NRestarts: 3, Result: "success", Environment: []string{"HTTP_PROXY=http://p:1"}, PassEnvironment: []string{"X"}, UnsetEnvironment: []string{"Y"},
		EnvironmentFiles: []EnvironmentFile{{"/etc/default/docker", true}, {"/x", false}}, ExecStart: []string{"dockerd", "$DOCKER_OPTS"},
	})
	u, err = c.Unit(t.Context(), "docker.socket")
	assert.NilError(t, err)
	assert.DeepEqual(t, u.Listen, []string{"/run/docker.sock"})
	u, err = c.Unit(t.Context(), "gone.service")
	assert.NilError(t, err)
	assert.Assert(t, !u.Found() && !u.Active())
}

func TestClientActs(t *testing.T) {
	s, bus := startStandIn(t)
	c, err := Connect(t.Context(), bus)
	assert.NilError(t, err)
	defer c.Close()
	assert.NilError(t, c.Reload(t.Context()))
	assert.NilError(t, c.ResetFailed(t.Context(), "docker.service", "gone.socket"))
	assert.NilError(t, c.Start(t.Context(), "docker.service"))
	assert.NilError(t, c.TryRestart(t.Context(), "docker.service"))
	assert.NilError(t, c.ReloadUnit(t.Context(), "docker.service"))
	s.result = "failed"
	err = c.Restart(t.Context(), "docker.service")
	var job *JobError
	assert.Assert(t, errors.As(err, &job))
	assert.Equal(t, *job, JobError{"restarting", "docker.service", "failed"})
	assert.Error(t, err, "restarting docker.service: job failed")
	s.result = "" // a job that does not end
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, c.Stop(ctx, "docker.service"), context.DeadlineExceeded)
	assert.Equal(t, fmt.Sprint(s.calls), "[reload reset docker.service reset gone.socket start docker.service replace try-restart docker.service replace "+
		"reload docker.service replace restart docker.service replace stop docker.service replace cancel 7]")
}

// A bus that takes the connection and never says a word must not hang the program.
func TestConnectToSilentBus(t *testing.T) {
	dir, err := os.MkdirTemp("", "bus")
	assert.NilError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "bus"))
	assert.NilError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Connect(ctx, Bus{RuntimeDir: dir})
	assert.ErrorIs(t, err, ErrNoManager)
}

func TestConnectWithoutBus(t *testing.T) {
	_, err := Connect(t.Context(), Bus{RuntimeDir: t.TempDir()})
	assert.ErrorIs(t, err, ErrNoManager)
}
