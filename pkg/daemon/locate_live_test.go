//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// fakeSystemd is a bus with fixed answers.
type fakeSystemd struct {
	units  map[string]*systemd.Unit
	asked  []string
	closed bool
}

func (f *fakeSystemd) Unit(_ context.Context, name string) (*systemd.Unit, error) {
	f.asked = append(f.asked, name)
	if u := f.units[name]; u != nil {
		u.Name = name
		return u, nil
	}
	return &systemd.Unit{Name: name, LoadState: "not-found", ActiveState: "inactive"}, nil
}

func (f *fakeSystemd) Active(_ context.Context, name string) (bool, error) {
	u := f.units[name]
	return u != nil && (u.ActiveState == "active" || u.ActiveState == "reloading"), nil
}

func (f *fakeSystemd) Environment(context.Context) ([]string, error) {
	return []string{"HTTP_PROXY=http://m:1"}, nil
}
func (f *fakeSystemd) Version(context.Context) (int, error) { return 252, nil }
func (f *fakeSystemd) Close()                               { f.closed = true }

func process(pid, ppid, uid int, comm string, argv ...string) map[string]string {
	dir := fmt.Sprintf("/proc/%d/", pid)
	return map[string]string{
		dir + "stat":    fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 1 1\n", pid, comm, ppid),
		dir + "comm":    comm + "\n",
		dir + "status":  fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d\nNSpid:\t%d\n", uid, uid, uid, uid, pid),
		dir + "cmdline": strings.Join(argv, "\x00") + "\x00",
		dir + "cgroup":  "0::/\n",
	}
}

// sockets gives a process the listening socket at name.
func sockets(pid int, name string) map[string]string {
	dir := fmt.Sprintf("/proc/%d/", pid)
	table := "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 0001 01 777 " + name + "\n"
	return map[string]string{dir + "net/unix": table, dir + "fd/3": "-> socket:[777]", "/proc/net/unix": table}
}

func runningSystemd() map[string]string {
	return map[string]string{
		"/run/systemd/system/": "", "/var/run": "-> ../run", "/proc/stat": "btime 1700000000\n", "/usr/lib/systemd/system/docker.service": debianUnit,
		"/usr/lib/systemd/system/docker.socket": "[Socket]\n", "/var/lib/docker/engine-id": "the-id\n",
	}
}

func loaded(state string, pid int) map[string]*systemd.Unit {
	return map[string]*systemd.Unit{
		"docker.service": {LoadState: "loaded", ActiveState: state, MainPID: pid, TriggeredBy: []string{"docker.socket"}},
		"docker.socket":  {LoadState: "loaded", ActiveState: "active", Listen: []string{"/run/docker.sock"}},
	}
}

func live(files *host.FS, bus *fakeSystemd, api *engine.Fake) Env {
	env := Env{
		FS: files, Endpoint: "unix:///var/run/docker.sock", Context: "default", running: true,
		Connect: func(context.Context, systemd.Bus) (UnitSource, error) { return bus, nil },
	}
	if api != nil {
		env.Engine = api
	}
	return env
}

func TestStoppedDaemonIsNotAsked(t *testing.T) {
	for _, state := range []string{"inactive", "failed", "activating", "deactivating"} {
		t.Run(state, func(t *testing.T) {
			bus, api := &fakeSystemd{units: loaded(state, 0)}, &engine.Fake{Answer: engine.Info{ID: "the-id"}}
			s, err := Locate(t.Context(), live(hostTree(t, runningSystemd()), bus, api))
			assert.NilError(t, err)
			assert.Equal(t, api.Asked, 0)
			assert.Assert(t, !s.Active && s.Info == nil && s.Local && bus.closed)
			assert.Equal(t, s.State, state)
			assert.Equal(t, s.LocalProof, "docker.socket listens on /var/run/docker.sock for docker.service")
			assert.DeepEqual(t, s.ManagerEnvironment, []string{"HTTP_PROXY=http://m:1"})
			assert.Equal(t, s.SystemdVersion, 252)
		})
	}
	t.Run("sysvinit", func(t *testing.T) {
		api := &engine.Fake{}
		s, err := Locate(t.Context(), live(hostTree(t, map[string]string{"/etc/init.d/docker": debianInit, "/run/docker.pid": "99\n", "/var/run": "-> ../run", "/run/docker.sock": ""}), nil, api))
		assert.NilError(t, err)
		assert.Equal(t, api.Asked, 0)
		assert.Assert(t, s.Manager == ManagerSysV && !s.Active && s.State == "inactive")
	})
	t.Run("nothing listens", func(t *testing.T) {
		api := &engine.Fake{}
		s, err := Locate(t.Context(), live(hostTree(t, map[string]string{"/proc/net/unix": "Num\n", "/var/run/docker.sock": ""}), nil, api))
		assert.NilError(t, err)
		assert.Equal(t, api.Asked, 0)
		assert.Assert(t, s.Manager == ManagerNone && s.Flavor == FlavorStandard && !s.Active)
	})
}

func TestRunningDaemon(t *testing.T) {
	dockerd := process(74, 1, 0, "dockerd", "/usr/sbin/dockerd", "-H", "fd://", "--data-root=/data")
	for _, tc := range []struct {
		name   string
		id     string // of /info
		tree   map[string]string
		local  bool
		flavor Flavor
		proof  string
	}{
		{name: "the id is on disk", id: "data-id", tree: map[string]string{"/data/engine-id": "data-id"}, local: true, flavor: FlavorStandard, proof: "/info ID equals /data/engine-id"},
		{name: "an engine before 23.0", id: "K:K", tree: map[string]string{"/etc/docker/key.json": `{"crv":"P-256","kid":"K:K"}`}, local: true, flavor: FlavorStandard, proof: "/info ID equals /etc/docker/key.json"},
		{name: "another daemon's socket under our name", id: "other", tree: map[string]string{"/data/engine-id": "data-id"}, flavor: FlavorRemote, proof: "the daemon that answers has another ID than /data/engine-id"},
		{name: "by the process's socket", id: "x", tree: sockets(74, "/run/docker.sock"), local: true, flavor: FlavorStandard, proof: "the main process of docker.service serves /var/run/docker.sock"},
		{name: "unprivileged: by the socket unit", id: "x", local: true, flavor: FlavorStandard, proof: "docker.socket listens on /var/run/docker.sock for docker.service"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bus := &fakeSystemd{units: loaded("active", 74)}
			api := &engine.Fake{Answer: engine.Info{ID: tc.id, ServerVersion: "26.1.5", DockerRootDir: "/data"}}
			env := live(hostTree(t, runningSystemd(), dockerd, tc.tree), bus, api)
			env.UID = 1000
			s, err := Locate(t.Context(), env)
			assert.NilError(t, err)
			assert.Equal(t, s.LocalProof, tc.proof)
			assert.Equal(t, s.Local, tc.local)
			assert.Equal(t, s.Flavor, tc.flavor)
			assert.Equal(t, s.Version, "26.1.5")
			assert.Assert(t, s.Active && s.Reachable())
			if tc.local {
				assert.Equal(t, s.PID, 74)
				assert.DeepEqual(t, s.Argv, []string{"/usr/sbin/dockerd", "-H", "fd://", "--data-root=/data"})
			} else {
				assert.Equal(t, s.PID, 0)
				assert.Equal(t, s.ConfigFile, "")
			}
		})
	}
}

func TestDaemonThatDoesNotAnswer(t *testing.T) {
	bus := &fakeSystemd{units: loaded("active", 74)}
	api := &engine.Fake{Err: errors.New("permission denied")}
	s, err := Locate(t.Context(), live(hostTree(t, runningSystemd(), process(74, 1, 0, "dockerd", "dockerd")), bus, api))
	assert.NilError(t, err)
	assert.Assert(t, s.Active && !s.Reachable())
	assert.ErrorContains(t, s.APIError, "permission denied")
}

func TestStartedByHand(t *testing.T) {
	tree := []map[string]string{runningSystemd(), process(80, 70, 0, "dockerd", "dockerd", "--config-file="), sockets(80, "/var/run/docker.sock")}
	bus := &fakeSystemd{units: loaded("inactive", 0)}
	s, err := Locate(t.Context(), live(hostTree(t, tree...), bus, &engine.Fake{Answer: engine.Info{ID: "the-id"}}))
	assert.NilError(t, err)
	assert.Assert(t, s.Manager == ManagerManual && s.Unit == "" && s.PID == 80 && s.Active && s.UnitFiles == nil)
	assert.Assert(t, s.ConfigDisabled && s.ConfigFile == "" && !s.ConfigExplicit)
}

// A unit that systemd made of an init script: the script sources the startup file.
func TestGeneratedUnit(t *testing.T) {
	bus := &fakeSystemd{units: map[string]*systemd.Unit{"docker.service": {LoadState: "loaded", ActiveState: "inactive", SourcePath: "/etc/init.d/docker"}}}
	s, err := Locate(t.Context(), live(hostTree(t, map[string]string{
		"/run/systemd/system/": "", "/run/systemd/generator.late/docker.service": "[Service]\nExecStart=/etc/init.d/docker start\n", "/etc/init.d/docker": debianInit, "/etc/default/docker": "",
	}), bus, nil))
	assert.NilError(t, err)
	assert.Equal(t, s.Manager, ManagerSystemd)
	assert.Assert(t, !s.ArgvKnown)
	assert.DeepEqual(t, s.Startup, []StartupFile{{"/etc/default/docker", ReaderSourced, "/etc/init.d/docker:9", true}})
}

func TestRootless(t *testing.T) {
	tree := []map[string]string{
		{
			"/run/systemd/system/": "", "/run/user/1000/systemd/": "", "/home/ann/.config/systemd/user/docker.service": "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh\n",
			"/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n", "/proc/stat": "btime 1700000000\n", "/home/ann/.config/docker/daemon.json": `{"data-root":"/big"}`, "/big/engine-id": "r",
		},
		process(50, 40, 1000, "rootlesskit", "rootlesskit"), process(51, 50, 1000, "exe", "/proc/self/exe"), process(52, 51, 1000, "dockerd", "dockerd"), process(9, 1, 0, "dockerd", "/usr/bin/dockerd"),
	}
	for name, uid := range map[string]int{"as ann": 1000, "as root": 0} {
		t.Run(name, func(t *testing.T) {
			bus := &fakeSystemd{units: map[string]*systemd.Unit{"docker.service": {LoadState: "loaded", ActiveState: "active", MainPID: 50}}}
			env := live(hostTree(t, tree...), bus, &engine.Fake{Answer: engine.Info{ID: "r"}})
			env.Endpoint, env.UID = "unix:///run/user/1000/docker.sock", uid
			s, err := Locate(t.Context(), env)
			assert.NilError(t, err)
			assert.Assert(t, s.Manager == ManagerSystemdUser && s.Flavor == FlavorRootless && s.PID == 52)
			assert.Equal(t, s.ConfigFile, "/home/ann/.config/docker/daemon.json")
			assert.Equal(t, s.DataRoot, "/big")
			assert.DeepEqual(t, *s.User, User{Name: "ann", UID: 1000, GID: 1001, Home: "/home/ann", XDGConfigHome: "/home/ann/.config", RuntimeDir: "/run/user/1000"})
			assert.Equal(t, s.UnitFiles[0].Path, "/home/ann/.config/systemd/user/docker.service")
		})
	}
}

func TestEndpoints(t *testing.T) {
	for _, tc := range []struct {
		endpoint string
		info     engine.Info
		flavor   Flavor
	}{
		{"ssh://host", engine.Info{ID: "z"}, FlavorRemote},
		{"tcp://10.0.0.5:2376", engine.Info{ID: "z"}, FlavorRemote},
		{"tcp://127.0.0.1:2375", engine.Info{ID: "z"}, FlavorRemote},
		{"tcp://127.0.0.1:2375", engine.Info{ID: "the-id"}, FlavorStandard},
		{"unix:///home/ann/.docker/desktop/docker.sock", engine.Info{}, FlavorDesktop},
		{"unix:///var/run/docker.sock", engine.Info{OperatingSystem: "Docker Desktop"}, FlavorDesktop},
	} {
		t.Run(tc.endpoint, func(t *testing.T) {
			bus := &fakeSystemd{units: loaded("active", 74)}
			env := live(hostTree(t, runningSystemd(), process(74, 1, 0, "dockerd", "dockerd")), bus, &engine.Fake{Answer: tc.info})
			env.Endpoint = tc.endpoint
			s, err := Locate(t.Context(), env)
			assert.NilError(t, err)
			assert.Equal(t, s.Flavor, tc.flavor)
			assert.Equal(t, s.Local, tc.flavor == FlavorStandard)
		})
	}
}

// A socket without any dockerd or service of this machine behind it: handed into a container, or forwarded by ssh.
func TestSocketFromElsewhere(t *testing.T) {
	table := "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 0001 01 777 /var/run/docker.sock\n"
	api := &engine.Fake{Answer: engine.Info{ID: "z", ServerVersion: "27.0.1"}}
	s, err := Locate(t.Context(), live(hostTree(t, map[string]string{"/var/run/docker.sock": "", "/proc/net/unix": table}), nil, api))
	assert.NilError(t, err)
	assert.Equal(t, s.Flavor, FlavorRemote)
	assert.Equal(t, s.Version, "27.0.1")
	assert.Assert(t, !s.Local && s.Reachable())
}

func TestBusThatDoesNotAnswer(t *testing.T) {
	env := live(hostTree(t, runningSystemd(), process(74, 1, 0, "dockerd", "dockerd"), map[string]string{"/proc/74/cgroup": "0::/system.slice/docker.service\n"}, sockets(74, "/run/docker.sock")), nil, &engine.Fake{})
	env.Connect = func(context.Context, systemd.Bus) (UnitSource, error) { return nil, systemd.ErrNoManager }
	s, err := Locate(t.Context(), env)
	assert.NilError(t, err)
	assert.Assert(t, s.Manager == ManagerSystemd && s.Unit == "docker.service" && s.PID == 74 && s.Active && s.Loaded == nil)
	assert.Assert(t, slices.ContainsFunc(s.Unknown, func(u string) bool { return strings.Contains(u, "D-Bus") }))
}
