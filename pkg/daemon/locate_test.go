//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// hostTree makes a root out of path → text; a text "-> x" is a link to x, a path that ends in "/" a directory.
func hostTree(t *testing.T, parts ...map[string]string) *host.FS {
	t.Helper()
	root := t.TempDir()
	for _, list := range parts {
		for name, text := range list {
			at := filepath.Join(root, name)
			assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
			switch target, link := strings.CutPrefix(text, "-> "); {
			case link:
				assert.NilError(t, os.Symlink(target, at))
			case strings.HasSuffix(name, "/"):
				assert.NilError(t, os.MkdirAll(at, 0o755))
			default:
				assert.NilError(t, os.WriteFile(at, []byte(text), 0o755))
			}
		}
	}
	files, err := host.Open(root)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	return files
}

// The layouts, as their packages install them. Only Debian's, docker-ce's unit and OpenRC are also proven on booted hosts; the others are modelled.
func systemdBase() map[string]string {
	return map[string]string{"/sbin/init": "-> ../lib/systemd/systemd", "/lib/systemd/systemd": "elf", "/lib/systemd/libsystemd-shared-257.so": "elf", "/usr/lib/os-release": "x"}
}

const debianUnit = `[Unit]
Requires=docker.socket
[Service]
Type=notify
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
`

const ceUnit = `[Service]
Type=notify
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
`

const debianInit = `#!/bin/sh
set -e
BASE=docker
DOCKER_SSD_PIDFILE=/var/run/$BASE-ssd.pid
DOCKER_OPTS=
. /lib/lsb/init-functions

if [ -f /etc/default/$BASE ]; then
	. /etc/default/$BASE
fi
case "$1" in
	start) start-stop-daemon --start --exec /usr/sbin/dockerd -- $DOCKER_OPTS ;;
esac
`

const redhatInit = `#!/bin/sh
. /etc/rc.d/init.d/functions
prog="docker"
[ -e /etc/sysconfig/$prog ] && . /etc/sysconfig/$prog
start() {
    $exec $other_args >> $logfile 2>&1 &
}
`

func rooted(t *testing.T, parts ...map[string]string) *Site {
	t.Helper()
	s, err := Locate(t.Context(), Env{FS: hostTree(t, parts...)})
	assert.NilError(t, err)
	return s
}

func TestLocateFromFiles(t *testing.T) {
	for _, tc := range []struct {
		name    string
		tree    map[string]string
		systemd bool
		manager Manager
		flavor  Flavor
		unit    string
		script  string
		config  string
		version string
		argv    []string
		startup []StartupFile
		flags   []string // name=value@path:line
	}{
		{
			name: "Debian docker.io, options in the startup file", systemd: true, manager: ManagerSystemd, unit: "docker.service", config: "/etc/other.json", version: "26.1.5",
			tree: map[string]string{
				"/usr/lib/systemd/system/docker.service": debianUnit, "/etc/default/docker": "# x\nDOCKER_OPTS=\"--config-file /etc/other.json --http-proxy=http://p:1\"\n",
				"/var/lib/dpkg/status": "Package: docker\nStatus: install ok installed\nVersion: 1.5-2\n\nPackage: docker.io\nStatus: install ok installed\nVersion: 26.1.5+dfsg1-9+b1\n",
			},
			argv:    []string{"/usr/sbin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock", "--config-file", "/etc/other.json", "--http-proxy=http://p:1"},
			startup: []StartupFile{{"/etc/default/docker", ReaderEnvironmentFile, "/usr/lib/systemd/system/docker.service:5", true}},
			flags:   []string{"host=fd://@/usr/lib/systemd/system/docker.service:6", "config-file=/etc/other.json@/etc/default/docker:2", "http-proxy=http://p:1@/etc/default/docker:2"},
		},
		{
			name: "docker-ce: nobody reads the startup file the package installs", systemd: true, manager: ManagerSystemd, unit: "docker.service", config: "/etc/docker/daemon.json", version: "28.5.2",
			tree: map[string]string{
				"/usr/lib/systemd/system/docker.service": ceUnit, "/etc/default/docker": "export http_proxy=x\n",
				"/var/lib/dpkg/status": "Package: docker-ce\nStatus: install ok installed\nVersion: 5:28.5.2-1~debian.12~bookworm\n",
			},
			argv:    []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"},
			startup: []StartupFile{{"/etc/default/docker", ReaderNobody, "", true}},
			flags:   []string{"host=fd://@/usr/lib/systemd/system/docker.service:3"},
		},
		{
			name: "SUSE: no dash, so the file must be there; a drop-in replaces ExecStart=", systemd: true, manager: ManagerSystemd, unit: "docker.service", config: "/etc/docker/daemon.json",
			tree: map[string]string{
				"/usr/lib/systemd/system/docker.service":      "[Service]\nEnvironmentFile=/etc/sysconfig/docker\nExecStart=/usr/bin/dockerd $DOCKER_OPTS\n",
				"/etc/systemd/system/docker.service.d/o.conf": "[Service]\nExecStart=\nExecStart=/opt/dockerd \\\n  -g /data ${MISSING}\n", "/etc/sysconfig/docker": "DOCKER_OPTS=-D\n",
			},
			argv:    []string{"/opt/dockerd", "-g", "/data", ""},
			startup: []StartupFile{{"/etc/sysconfig/docker", ReaderEnvironmentFile, "/usr/lib/systemd/system/docker.service:2", false}},
			flags:   []string{"data-root=/data@/etc/systemd/system/docker.service.d/o.conf:3"},
		},
		{
			name: "snap", systemd: true, manager: ManagerSystemd, flavor: FlavorSnap, unit: "snap.docker.dockerd.service", config: "/var/snap/docker/current/config/daemon.json",
			tree: map[string]string{
				"/etc/systemd/system/snap.docker.dockerd.service": "[Service]\nEnvironmentFile=-/etc/environment\nExecStart=/usr/bin/snap run docker.dockerd\n", "/etc/environment": "HTTP_PROXY=x\n", "/etc/default/": "",
			},
			startup: []StartupFile{{"/etc/default/docker", ReaderNobody, "", true}},
		},
		{
			name: "Debian sysvinit", manager: ManagerSysV, script: "/etc/init.d/docker", config: "/etc/docker/daemon.json",
			tree:    map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": debianInit, "/etc/default/docker": "A=1\nDOCKER_OPTS='--no-proxy a'\n", "/usr/lib/systemd/system/docker.service": debianUnit},
			argv:    []string{"dockerd", "--no-proxy", "a"},
			startup: []StartupFile{{"/etc/default/docker", ReaderSourced, "/etc/init.d/docker:9", true}},
			flags:   []string{"no-proxy=a@/etc/default/docker:2"},
		},
		{
			name: "Red Hat sysvinit", manager: ManagerSysV, script: "/etc/init.d/docker", config: "/x.json",
			tree:    map[string]string{"/sbin/init": "elf", "/etc/init.d": "-> rc.d/init.d", "/etc/rc.d/init.d/docker": redhatInit, "/etc/sysconfig/docker": "other_args=--config-file=/x.json\n"},
			argv:    []string{"dockerd", "--config-file=/x.json"},
			startup: []StartupFile{{"/etc/sysconfig/docker", ReaderSourced, "/etc/init.d/docker:4", true}},
			flags:   []string{"config-file=/x.json@/etc/sysconfig/docker:1"},
		},
		{
			name: "options that only running the file can tell", manager: ManagerSysV, script: "/etc/init.d/docker", config: "/etc/docker/daemon.json",
			tree:    map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": debianInit, "/etc/default/docker": "DOCKER_OPTS=\"$(cat /x)\"\n"},
			startup: []StartupFile{{"/etc/default/docker", ReaderSourced, "/etc/init.d/docker:9", true}},
		},
		{
			name: "Gentoo OpenRC with a file for the runlevel", manager: ManagerOpenRC, script: "/etc/init.d/docker", config: "/etc/docker/daemon.json",
			tree: map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": "#!/sbin/openrc-run\ncommand_args=\"${DOCKER_OPTS}\"\n", "/etc/conf.d/docker": "", "/etc/conf.d/docker.default": "DOCKER_OPTS=-D\n", "/etc/env.d/99proxy": ""},
			argv: []string{"dockerd", "-D"},
			startup: []StartupFile{
				{"/etc/conf.d/docker.default", ReaderSourced, "openrc-run", true}, {"/etc/conf.d/docker", ReaderNobody, "", true},
			},
		},
		{
			name: "Alpine OpenRC, version from apk", manager: ManagerOpenRC, script: "/etc/init.d/docker", config: "/etc/docker/daemon.json", version: "27.3.1",
			tree: map[string]string{
				"/sbin/init": "-> /bin/busybox", "/bin/busybox": "elf", "/etc/conf.d/docker": "DOCKER_OPTS=\"--registry-mirror 'x'\"\n", "/lib/apk/db/installed": "P:docker-cli\nV:1.0-r0\n\nC:Q1\nP:docker-engine\nV:27.3.1-r3\n\n",
				"/etc/init.d/docker": "#!/sbin/openrc-run\nsupervisor=supervise-daemon\nstart_pre() {\n\t[ -f /etc/profile.d/proxy.sh ] && . /etc/profile.d/proxy.sh\n}\n",
			},
			startup: []StartupFile{{"/etc/conf.d/docker", ReaderSourced, "openrc-run", true}},
		},
		{
			name: "Void runit", manager: ManagerRunit, script: "/etc/sv/docker/run", config: "/etc/docker/daemon.json",
			tree:    map[string]string{"/sbin/init": "-> runit-init", "/sbin/runit-init": "elf", "/etc/sv/docker/run": "#!/bin/sh\n[ -r conf ] && . ./conf\nexec chpst -o 1048576 dockerd $OPTS 2>&1\n", "/etc/sv/docker/conf": "OPTS=-D\n"},
			argv:    []string{"dockerd", "-D"},
			startup: []StartupFile{{"/etc/sv/docker/conf", ReaderSourced, "/etc/sv/docker/run:2", true}},
		},
		{
			name: "no init at all, a unit of Docker", manager: ManagerSystemd, unit: "docker.service", config: "/etc/docker/daemon.json", tree: map[string]string{"/usr/lib/systemd/system/docker.service": ceUnit},
			argv: []string{"/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"}, startup: []StartupFile{{"/etc/default/docker", ReaderNobody, "", true}},
			flags: []string{"host=fd://@/usr/lib/systemd/system/docker.service:3"},
		},
		{
			name: "nothing", manager: ManagerNone, config: "/etc/docker/daemon.json", tree: map[string]string{"/etc/os-release": "x"}, startup: []StartupFile{{"/etc/default/docker", ReaderNobody, "", true}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base := map[string]string{}
			if tc.systemd {
				base = systemdBase()
			}
			if tc.flavor == "" {
				tc.flavor = FlavorStandard
			}
			s := rooted(t, base, tc.tree)
			assert.Equal(t, s.Manager, tc.manager)
			assert.Equal(t, s.Flavor, tc.flavor)
			assert.Equal(t, s.Unit, tc.unit)
			assert.Equal(t, s.InitScript, tc.script)
			assert.Equal(t, s.ConfigFile, tc.config)
			assert.Equal(t, s.Version, tc.version)
			assert.DeepEqual(t, s.Argv, tc.argv)
			assert.Equal(t, s.ArgvKnown, tc.argv != nil)
			assert.DeepEqual(t, s.Startup, tc.startup)
			var flags []string
			for _, f := range s.Flags {
				flags = append(flags, fmt.Sprintf("%s=%s@%s:%d", f.Name, f.Value.Reveal(), f.Source.Path, f.Source.Line))
			}
			assert.DeepEqual(t, flags, tc.flags)
			assert.Assert(t, !s.Live && !s.Active && s.State == "unknown" && len(s.Unknown) > 0)
			if tc.systemd {
				assert.Equal(t, s.SystemdVersion, 257)
			}
		})
	}
}

func TestSharedPlaces(t *testing.T) {
	alpine := rooted(t, map[string]string{
		"/sbin/init": "elf", "/etc/profile.d/proxy.sh": "x", "/etc/rc.conf.d/a.conf": "x",
		"/etc/init.d/docker": "#!/sbin/openrc-run\nstart_pre() {\n\t[ -f /etc/profile.d/proxy.sh ] && . /etc/profile.d/proxy.sh\n}\n",
	})
	assert.DeepEqual(t, alpine.Shared, []SharedFile{
		{"/etc/profile.env", ReaderManager, "openrc-run"}, {"/etc/rc.conf", ReaderSourced, "openrc-run"}, {"/etc/rc.conf.d/a.conf", ReaderSourced, "openrc-run"},
		{"/etc/profile.d/proxy.sh", ReaderSourced, "/etc/init.d/docker:3"}, {"/etc/environment", ReaderNobody, ""},
	})
	snap := rooted(t, systemdBase(), map[string]string{"/etc/systemd/system/snap.docker.dockerd.service": "[Service]\nEnvironmentFile=-/etc/environment\nExecStart=/usr/bin/snap run docker.dockerd\n"})
	assert.DeepEqual(t, snap.Shared, []SharedFile{{"/etc/environment", ReaderEnvironmentFile, "/etc/systemd/system/snap.docker.dockerd.service:2"}})
}

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
	return Env{
		FS: files, Endpoint: "unix:///var/run/docker.sock", Context: "default", Engine: api, running: true,
		Connect: func(context.Context, systemd.Bus) (UnitSource, error) { return bus, nil },
	}
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

func TestReadsProxies(t *testing.T) {
	for version, want := range map[string]Answer{
		"20.10.24+dfsg1": No, "22.06.0-beta.0": No, "23.0.0": Yes, "23.0.0-rc.1": Yes, "26.1.5+dfsg1": Yes, "28.5.2": Yes, "18.09.1-ce": No, "": Unknown, "dev": Unknown, "library-import": Unknown,
	} {
		assert.Equal(t, (&Site{Version: version}).ReadsProxies(), want, version)
	}
}

func TestParseFlags(t *testing.T) {
	for _, tc := range []struct {
		name string
		args string
		want []argFlag
	}{
		{"both long forms", "--http-proxy=http://a:1 --no-proxy b,c", []argFlag{{"http-proxy", "http://a:1"}, {"no-proxy", "b,c"}}},
		{"short forms", "-Hfd:// -H=unix:///x -H tcp://y -DH z", []argFlag{{"host", "fd://"}, {"host", "unix:///x"}, {"host", "tcp://y"}, {"host", "z"}}},
		{"old spellings", "-g /a --graph=/b --data-root /c", []argFlag{{"data-root", "/a"}, {"data-root", "/b"}, {"data-root", "/c"}}},
		{"switched off", "--config-file=", []argFlag{{"config-file", ""}}},
		{"others are passed over", "-D --debug --log-level info --storage-driver=overlay2 --iptables=false -v", nil},
		{"value missing", "--https-proxy", nil},
		{"after the end of options", "-- --https-proxy=x", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := parseFlags(append([]string{"dockerd"}, strings.Fields(tc.args)...))
			assert.Equal(t, fmt.Sprint(got), fmt.Sprint(tc.want))
		})
	}
}
