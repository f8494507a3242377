package proc

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Dockerds returns the Docker daemons of this pid namespace, by pid. Those of containers (Docker in Docker) are left out: their files are not this host's.
func Dockerds(files *host.FS) []*Process {
	names, err := files.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []*Process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// One small file for each of the other processes.
		comm, err := files.ReadFile(path.Join("/proc", name, "comm"))
		if err != nil || !isDockerd(strings.TrimSuffix(string(comm), "\n")) {
			continue
		}
		if p, err := Read(files, pid); err == nil && !p.Foreign && len(p.Argv) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Process) int { return a.PID - b.PID })
	return out
}

// isDockerd reports whether a process name is the daemon's: dockerd, or dockerd-current of Red Hat's docker 1.13.
func isDockerd(comm string) bool { return comm == "dockerd" || comm == "dockerd-current" }

// IsDockerd reports whether the process is a Docker daemon, and not a wrapper, rootlesskit or a process that got the pid later.
func (p *Process) IsDockerd() bool {
	return p != nil && (isDockerd(p.Comm) || len(p.Argv) > 0 && isDockerd(path.Base(p.Argv[0])))
}

// MayBeDockerd reports whether the process may be a Docker daemon under another name: a program, not a script that an interpreter reads, and nothing stands on its command line
// that dockerd, which takes options only, would refuse. A process name is at most 15 bytes long (PR_SET_NAME(2const)); a program that was replaced meanwhile is " (deleted)".
func (p *Process) MayBeDockerd() bool {
	if p == nil || p.Foreign || len(p.Argv) == 0 || p.Exe == "" {
		return false
	}
	name := path.Base(strings.TrimSuffix(p.Exe, " (deleted)"))
	return p.Comm == name[:min(len(name), 15)] && (len(p.Argv) == 1 || strings.HasPrefix(p.Argv[1], "-"))
}

// Below returns the processes of list that descend from pid, or are it.
func Below(files *host.FS, list []*Process, pid int) []*Process {
	var out []*Process
	for _, p := range list {
		for at := p; at != nil; {
			if at.PID == pid {
				out = append(out, p)
				break
			}
			if at.PPID <= 1 {
				break
			}
			at, _ = Read(files, at.PPID)
		}
	}
	return out
}

// PidFile reads a file with a process id in it and returns the process; nil when there is none, or it is no dockerd.
func PidFile(files *host.FS, name string) *Process {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 0 {
		return nil
	}
	p, err := Read(files, pid)
	if err != nil || !p.IsDockerd() || p.Foreign {
		return nil
	}
	return p
}
