//go:build linux

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// hostTree makes a root out of path → text; a text "-> x" is a link to x, a path that ends in "/" a directory.
func hostTree(t testing.TB, parts ...map[string]string) *host.FS {
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

func TestReadsProxies(t *testing.T) {
	for version, want := range map[string]Answer{
		"20.10.24+dfsg1": No, "22.06.0-beta.0": No, "23.0.0": Yes, "23.0.0-rc.1": Yes, "26.1.5+dfsg1": Yes, "28.5.2": Yes, "18.09.1-ce": No, "": Unknown, "dev": Unknown, "library-import": Unknown,
	} {
		assert.Equal(t, (&Site{Version: version}).ReadsProxies(), want, version)
	}
}

func TestPackageVersion(t *testing.T) {
	for _, tc := range []struct{ name, file, text, want string }{
		{"removed, but remembered", "/var/lib/dpkg/status", "Package: docker-ce\nStatus: deinstall ok config-files\nVersion: 5:20.10.1-1\n\nPackage: docker.io\nStatus: install ok installed\nVersion: 28.5.2+dfsg4-5\n", "28.5.2"},
		{"a package of a longer name", "/var/lib/dpkg/status", "Package: docker-ce-cli\nStatus: install ok installed\nVersion: 5:27.0.1-1\n", ""},
		{"distroless", "/var/lib/dpkg/status.d/docker-ce", "Package: docker-ce\nVersion: 5:27.0.1-1", "27.0.1"},
		{"apk", "/lib/apk/db/installed", "P:docker\nV:29.0.0-r1\n", "29.0.0"},
		{"pacman", "/var/lib/pacman/local/docker-1:28.5.2-1/desc", "x", "28.5.2"},
		{"another package called docker", "/var/lib/dpkg/status", "Package: docker\nStatus: install ok installed\nVersion: 1.5-2\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			version, _ := packageVersion(hostTree(t, map[string]string{tc.file: tc.text}))
			assert.Equal(t, version, tc.want)
		})
	}
}

func TestParseFlags(t *testing.T) {
	for _, tc := range []struct {
		name string
		args string
		want string
	}{
		{"both long forms", "--http-proxy=http://a:1 --no-proxy b,c", "http-proxy=http://a:1 no-proxy=b,c"},
		{"short forms", "-Hfd:// -H=unix:///x -H tcp://y -DH z", "host=fd:// host=unix:///x host=tcp://y host=z"},
		{"old spellings", "-g /a --graph=/b --data-root /c", "data-root=/a data-root=/b data-root=/c"},
		{"switched off", "--config-file=", "config-file="},
		{"others are passed over", "-D --debug --log-level info --storage-driver=overlay2 --iptables=false -v", ""},
		{"value missing", "--https-proxy", ""},
		{"after the end of options", "-- --https-proxy=x", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			argv := append([]string{"dockerd"}, strings.Fields(tc.args)...)
			var got []string
			for _, f := range parseFlags(argv) {
				got = append(got, f.name+"="+f.value)
				assert.Assert(t, strings.HasSuffix(argv[f.at], f.value), "%q stands in %q", f.value, argv[f.at])
			}
			assert.Equal(t, strings.Join(got, " "), tc.want)
		})
	}
}
