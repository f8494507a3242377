package daemon

import (
	"path"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// fromFiles is Locate for a directory: which init it boots, what that would start, what it would read. Nothing is executed and nothing is asked.
func (l *locator) fromFiles() {
	l.Endpoint, l.Context = "", ""
	l.State, l.LocalProof = "unknown", "the directory given by --root holds it"
	l.Local = true
	l.fileManager()
	if l.Manager == ManagerNone {
		l.cannotKnow("no service that starts dockerd was found under " + l.Root)
	}
	l.readStartup()
	l.readCommandLine()
	l.readConfigPlace()
	l.Version, l.VersionSource = packageVersion(l.FS)
	if l.Version == "" {
		l.cannotKnow("the engine's version is not known: no package database under " + l.Root + " has it")
	}
	l.cannotKnow("whether the daemon would start, and what it runs with, is not known under --root")
	if l.Manager.Systemd() {
		l.cannotKnow("what `systemctl set-environment` and generators add when this system runs is not known under --root")
	}
}

func (l *locator) fileManager() {
	if bootsSystemd(l.FS) {
		l.Manager = ManagerSystemd
		l.SystemdVersion = installedSystemd(l.FS)
		for _, name := range []string{standardUnit, snapUnit} {
			if files := systemd.UnitFiles(l.FS, name, nil); len(files) > 0 && !files[0].DropIn {
				l.Unit, l.UnitFiles = name, files
				break
			}
		}
		if l.Unit == "" {
			l.Manager = ManagerNone
			return
		}
		if l.Unit == snapUnit {
			l.Flavor = FlavorSnap
		}
		l.Socket = socketOf(&systemd.Unit{Name: l.Unit}, l.Site)
		return
	}
	for _, m := range []Manager{ManagerOpenRC, ManagerSysV, ManagerRunit} {
		if l.pickScript(m) {
			l.State = "unknown"
			return
		}
	}
}

// bootsSystemd reports whether the directory's init is systemd. A tree without any init (a container image, a partial copy) counts when it has units of Docker.
func bootsSystemd(files *host.FS) bool {
	for _, name := range []string{"/sbin/init", "/usr/sbin/init", "/bin/init", "/init"} {
		if _, err := files.Lstat(name); err != nil {
			continue
		}
		target, err := files.Resolve(name, true)
		return err == nil && path.Base(target) == "systemd"
	}
	for _, name := range []string{standardUnit, snapUnit} {
		if u := systemd.UnitFiles(files, name, nil); len(u) > 0 && !u[0].DropIn {
			return true
		}
	}
	return false
}

// installedSystemd returns the release of the systemd that is installed, by the name of its private library (libsystemd-shared-257.so), or 0.
func installedSystemd(files *host.FS) int {
	best := 0
	for _, pattern := range []string{"/usr/lib/systemd/libsystemd-shared-*.so", "/usr/lib/*/systemd/libsystemd-shared-*.so", "/usr/lib64/systemd/libsystemd-shared-*.so", "/lib/systemd/libsystemd-shared-*.so"} {
		for _, p := range files.Glob(pattern) {
			text := strings.TrimPrefix(path.Base(p), "libsystemd-shared-")
			digits, _, _ := strings.Cut(strings.NewReplacer("-", ".", "~", ".").Replace(text), ".")
			if n, err := strconv.Atoi(digits); err == nil && n > best {
				best = n
			}
		}
	}
	return best
}
