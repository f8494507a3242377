// Package proc reads processes from /proc: which dockerd runs, with what command line and environment, since when, and whether it serves a socket.
//
// It reads files, opens no connection, and sends no signal but by Hangup. What may not be read by this user is empty, never an error: /proc/PID/environ, exe and fd
// belong to root and the owner. Start at Read and Dockerds.
package proc

import (
	"path"
	"strings"
	"time"
)

// Process is one running process.
type Process struct {
	PID, PPID int
	Comm      string   // the kernel's name of it, at most 15 bytes
	Argv      []string // may hold passwords
	// Environ is the environment the process was started with, NAME=VALUE; nil when it may not be read. What the process changed later is not in it.
	Environ []string
	// Start is when it was started, to one clock tick (10 ms), on the clock as it is set now. The zero time when it cannot be told.
	Start  time.Time
	Exe    string // "" when it may not be read
	UID    int    // effective user
	Cgroup string // in the unified or the systemd hierarchy, such as /system.slice/docker.service
	// Foreign says that it lives in a pid namespace below ours: a process of a container.
	Foreign bool
}

// Variable returns a variable of the process's environment. Of several with one name the first counts, as for getenv(3) and Go. False when it has none, and when
// Environ may not be read.
func (p *Process) Variable(name string) (string, bool) {
	for _, entry := range p.Environ {
		if n, value, ok := strings.Cut(entry, "="); ok && n == name {
			return value, true
		}
	}
	return "", false
}

// Unit returns the systemd unit the process runs in, such as docker.service, by its cgroup; "" without one.
func (p *Process) Unit() string {
	for dir := p.Cgroup; dir != "/" && dir != "." && dir != ""; dir = path.Dir(dir) {
		if base := path.Base(dir); strings.HasSuffix(base, ".service") && !strings.HasPrefix(base, "user@") {
			return base
		}
	}
	return ""
}

// startSlack is how far two readings of one process's Start may differ: it is counted back from the time of the reading.
const startSlack = 50 * time.Millisecond

// Same reports whether both describe one process, and not a later one that got the same number. What cannot be told, without a start time or with nil, is no.
func (p *Process) Same(q *Process) bool {
	return p != nil && q != nil && p.PID == q.PID && !p.Start.IsZero() && !q.Start.IsZero() && p.Start.Sub(q.Start).Abs() <= startSlack
}
