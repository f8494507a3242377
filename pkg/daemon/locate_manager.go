package daemon

import (
	"context"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// The units that start dockerd: of every package but one, and of the snap.
const (
	standardUnit = "docker.service"
	snapUnit     = "snap.docker.dockerd.service"
)

// findManager finds what starts dockerd on the running system, and whether it runs by that manager's word. Nothing is connected but the manager's bus.
func (l *locator) findManager(ctx context.Context) {
	switch {
	case l.User != nil:
		l.userManager(ctx)
	case systemd.LivesHere(l.FS):
		l.systemManager(ctx)
	default:
		l.scriptManager()
	}
}

func (l *locator) systemManager(ctx context.Context) {
	l.Manager = ManagerSystemd
	l.SystemdVersion = installedSystemd(l.FS)
	bus, err := l.env.Connect(ctx, systemd.Bus{})
	if err != nil {
		l.cannotKnow("systemd does not answer on D-Bus, so what it has loaded is not known; its files were read instead")
	} else {
		defer bus.Close()
		l.askEarly(ctx, bus)
		l.askManager(ctx, bus)
	}
	if l.pickUnit(ctx, bus, standardUnit, snapUnit) {
		return
	}
	// A unit of another name: the process says which.
	for _, p := range proc.Dockerds(l.FS) {
		if unit := p.Unit(); unit != "" && !strings.Contains(p.Cgroup, "/user@") && l.pickUnit(ctx, bus, unit) {
			return
		}
	}
	l.Manager, l.Unit = ManagerNone, ""
	if l.env.UID > 0 {
		l.ownRootless(ctx)
	}
}

// ownRootless is tried when the machine has no docker.service: the caller may have one.
func (l *locator) ownRootless(ctx context.Context) {
	dir := l.env.getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return
	}
	before := *l.Site
	l.rootless(l.env.UID, path.Clean(dir))
	l.userManager(ctx)
	if l.Manager == ManagerNone {
		*l.Site = before
	}
}

func (l *locator) userManager(ctx context.Context) {
	if !l.FS.Exists(path.Join(l.User.RuntimeDir, "systemd")) {
		return
	}
	l.Manager = ManagerSystemdUser
	l.SystemdVersion = installedSystemd(l.FS)
	bus, err := l.env.Connect(ctx, systemd.Bus{RuntimeDir: l.User.RuntimeDir})
	if err != nil {
		l.cannotKnow("the account's systemd does not answer on D-Bus, so what it has loaded is not known; its files were read instead")
	} else {
		defer bus.Close()
		l.askEarly(ctx, bus)
		l.askManager(ctx, bus)
	}
	if !l.pickUnit(ctx, bus, standardUnit) {
		l.Manager, l.Unit = ManagerNone, ""
	}
}

// askEarly sends the API its question as soon as one small answer says that docker.service runs: what else there is to ask the manager takes as long as /info.
func (l *locator) askEarly(ctx context.Context, bus UnitSource) {
	if active, err := bus.Active(ctx, standardUnit); err == nil && active {
		l.startAsking(ctx)
	}
}

func (l *locator) askManager(ctx context.Context, bus UnitSource) {
	if v, err := bus.Version(ctx); err == nil {
		l.SystemdVersion = v
	}
	if env, err := bus.Environment(ctx); err == nil {
		l.ManagerEnvironment = env
	}
}

// pickUnit takes the first of the names that exists; one that runs comes before the others, and a masked one last. Without a bus the files say what exists.
func (l *locator) pickUnit(ctx context.Context, bus UnitSource, names ...string) bool {
	var best *systemd.Unit
	for _, name := range names {
		u := l.unit(ctx, bus, name)
		if u.Found() && (best == nil || u.Active() || best.LoadState == "masked") {
			best = u
		}
		if best.Active() {
			break
		}
	}
	if best == nil {
		return false
	}
	l.Unit = best.Name
	l.UnitFiles = systemd.UnitFiles(l.FS, l.Unit, l.userDirs())
	if strings.HasPrefix(l.Unit, "snap.") {
		l.Flavor = FlavorSnap
	}
	l.Socket = socketOf(best, l.Site)
	if bus == nil {
		return true
	}
	l.Loaded, l.State = best, best.ActiveState
	// While it is starting or stopping, a question would only hang.
	l.Active = best.ActiveState == "active" || best.ActiveState == "reloading"
	// Root can look at the daemon's own sockets.
	if l.Socket != "" && (l.env.UID != 0 || !l.Active) {
		if su, err := bus.Unit(ctx, l.Socket); err == nil {
			l.listen = su.Listen
		}
	}
	return true
}

// unit asks the bus, or looks for files. It is never nil.
func (l *locator) unit(ctx context.Context, bus UnitSource, name string) *systemd.Unit {
	if bus != nil {
		u, err := bus.Unit(ctx, name)
		if err == nil {
			return u
		}
		l.cannotKnow("systemd did not answer about " + name)
	}
	if files := systemd.UnitFiles(l.FS, name, l.userDirs()); len(files) > 0 && !files[0].DropIn {
		return &systemd.Unit{Name: name, LoadState: "unknown"}
	}
	return &systemd.Unit{Name: name, LoadState: "not-found"}
}

// socketOf returns the socket unit that starts dockerd, or "".
func socketOf(u *systemd.Unit, s *Site) string {
	for _, t := range u.TriggeredBy {
		if strings.HasSuffix(t, ".socket") {
			return t
		}
	}
	name := strings.TrimSuffix(u.Name, ".service") + ".socket"
	if files := systemd.UnitFiles(s.FS, name, s.userDirs()); len(files) > 0 && !files[0].DropIn && !files[0].Masked {
		return name
	}
	return ""
}

// scriptManager is a running system without systemd: OpenRC, runit or sysvinit, told by what they keep in /run, then by the scripts that are there.
func (l *locator) scriptManager() {
	if l.FS.Exists("/run/runit") || l.FS.Exists("/run/runit.stopit") {
		if l.pickScript(ManagerRunit) {
			return
		}
	}
	if l.FS.Exists("/run/openrc") && l.pickScript(ManagerOpenRC) {
		return
	}
	for _, m := range []Manager{ManagerSysV, ManagerRunit} {
		if l.pickScript(m) {
			return
		}
	}
}

// pickScript takes the manager when it has a script for dockerd.
func (l *locator) pickScript(m Manager) bool {
	for _, p := range scriptPaths(m) {
		data, err := l.FS.ReadFile(p)
		if err != nil || isOpenRC(data) != (m == ManagerOpenRC) {
			continue
		}
		l.Manager, l.InitScript, l.State = m, p, "inactive"
		return true
	}
	return false
}

// scriptPaths returns where a manager keeps its script for dockerd.
func scriptPaths(m Manager) []string {
	if m == ManagerRunit {
		return []string{"/etc/sv/docker/run", "/etc/runit/sv/docker/run", "/etc/service/docker/run"}
	}
	return []string{"/etc/init.d/docker", "/etc/init.d/docker.io"}
}

// isOpenRC reports whether a script is interpreted by openrc-run (called runscript before 2014).
func isOpenRC(script []byte) bool {
	line, _, _ := strings.Cut(string(script), "\n")
	return strings.HasPrefix(line, "#!") && (strings.Contains(line, "openrc-run") || strings.Contains(line, "runscript"))
}
