package daemon

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/proc"
)

// findProcess finds dockerd's own process: the manager's main process, or the dockerd below it (rootlesskit), or by pid file and process table where the manager
// keeps no count. A dockerd that serves the endpoint and that the manager did not start makes the site a manual one.
func (l *locator) findProcess() {
	if l.Loaded != nil && l.Loaded.MainPID > 0 {
		l.take(l.mainProcess(l.Loaded.MainPID))
		if l.PID == 0 && l.User == nil {
			l.PID = l.Loaded.MainPID // hidden from this user (hidepid=, proc(5))
			return
		}
	}
	byPort := socketPath(l.Endpoint) == ""
	if l.PID > 0 && (l.serves(l.Process) == Yes || l.serves(l.Process) == Unknown && !byPort) {
		return
	}
	all := proc.Dockerds(l.FS)
	if l.User != nil {
		all = slices.DeleteFunc(all, func(p *proc.Process) bool { return p.UID != l.User.UID })
	} else {
		all = slices.DeleteFunc(all, l.isRootless)
	}
	// Over TCP the pid file and the manager only name a candidate: another dockerd that is told to listen on that port comes first.
	other := byPort && slices.ContainsFunc(all, func(p *proc.Process) bool { return l.serves(p) == Yes })
	if l.PID == 0 && !other && !l.Manager.Systemd() {
		if p := l.byPidFile(); p != nil && l.serves(p) != No {
			l.takeStray(p)
			return
		}
	}
	if p := l.choose(all); p != nil {
		l.takeStray(p)
	}
}

// mainProcess returns dockerd at or below the manager's main process. A dockerd that was given another name is known by the endpoint's socket.
func (l *locator) mainProcess(pid int) *proc.Process {
	p, err := proc.Read(l.FS, pid)
	if err != nil {
		return nil
	}
	if p.IsDockerd() {
		return p
	}
	for _, d := range proc.Below(l.FS, proc.Dockerds(l.FS), pid) {
		return d
	}
	if p.MayBeDockerd() && socketPath(l.Endpoint) != "" && l.serves(p) == Yes {
		return p
	}
	return nil
}

// isRootless reports whether a dockerd belongs to an account's own manager; the system's endpoint is not its.
func (l *locator) isRootless(p *proc.Process) bool {
	if p.UID == 0 || p.UID < 0 {
		return false
	}
	parent, err := proc.Read(l.FS, p.PPID)
	return err == nil && !parent.IsDockerd() && (parent.Comm == "exe" || parent.Comm == "rootlesskit")
}

func (l *locator) byPidFile() *proc.Process {
	for _, name := range []string{"/run/docker.pid", "/var/run/docker.pid", "/run/docker/docker.pid"} {
		if p := proc.PidFile(l.FS, name); p != nil {
			return p
		}
	}
	return nil
}

// serves reports whether a process has the endpoint's socket. Where its descriptors may not be read, its --host options speak.
func (l *locator) serves(p *proc.Process) Answer {
	path := socketPath(l.Endpoint)
	if path == "" {
		return l.servesPort(p)
	}
	ok, err := proc.Serves(l.FS, p.PID, path)
	switch {
	case err == nil && ok:
		return Yes
	case err == nil:
		return No
	}
	hosts := 0
	for _, f := range parseFlags(p.Argv) {
		if f.name != "host" {
			continue
		}
		if hosts++; sameSocket(l.Site, socketPath(f.value), path) {
			return Yes
		}
		if f.value == "fd://" {
			return Unknown // it got its sockets from the manager
		}
	}
	if hosts == 0 && l.User == nil && sameSocket(l.Site, defaultSocket, path) {
		return Yes
	}
	if hosts > 0 {
		return No
	}
	return Unknown
}

// servesPort reports whether a process is told to listen on the endpoint's TCP port. Without such an option it may still do so: by daemon.json, or by a socket unit.
func (l *locator) servesPort(p *proc.Process) Answer {
	want := tcpPort(l.Endpoint)
	for _, f := range parseFlags(p.Argv) {
		if f.name == "host" && want != "" && tcpPort(f.value) == want {
			return Yes
		}
	}
	return Unknown
}

// sameSocket compares two paths after links (/var/run is /run).
func sameSocket(s *Site, a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	ra, err1 := s.FS.Resolve(a, true)
	rb, err2 := s.FS.Resolve(b, true)
	return a == b || err1 == nil && err2 == nil && ra == rb
}

// choose returns the process that serves the endpoint; without proof the only candidate, if its manager says nothing else.
func (l *locator) choose(all []*proc.Process) *proc.Process {
	var maybe []*proc.Process
	for _, p := range all {
		switch l.serves(p) {
		case Yes:
			return p
		case Unknown:
			maybe = append(maybe, p)
		case No:
		}
	}
	if l.PID == 0 && len(maybe) == 1 {
		return maybe[0]
	}
	return nil
}

// takeStray takes a process that the manager's word did not lead to.
func (l *locator) takeStray(p *proc.Process) {
	ours := p.Unit() == l.Unit && l.Unit != ""
	l.take(p)
	if ours || l.startedByScript(p) {
		return
	}
	l.Manager, l.Unit, l.Socket, l.InitScript = ManagerManual, "", "", ""
	l.UnitFiles, l.Loaded, l.ManagerEnvironment, l.State = nil, nil, nil, "active"
}

// startedByScript reports whether an init script started the process: it is a child of init or of a supervisor (runsv, supervise-daemon). Debian's sysvinit
// script also notes the pid in a file of its own, which a dockerd started by hand does not.
func (l *locator) startedByScript(p *proc.Process) bool {
	if l.InitScript == "" {
		return false
	}
	const noted = "/var/run/docker-ssd.pid"
	if script, err := l.FS.ReadFile(l.InitScript); err == nil && l.Manager == ManagerSysV && strings.Contains(string(script), "$BASE-ssd.pid") {
		q := proc.PidFile(l.FS, noted)
		return q != nil && q.PID == p.PID
	}
	parent, err := proc.Read(l.FS, p.PPID)
	return p.PPID <= 1 || err == nil && (parent.Comm == "runsv" || parent.Comm == "supervise-daemo")
}
