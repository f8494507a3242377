// Package proc reads processes from /proc: which dockerd runs, with what command line and environment, since when.
//
// It reads files only and sends no signal. Start at Find and Read.
package proc

import "time"

// Process is one running process.
type Process struct {
	PID, PPID int
	Comm      string   // the kernel's name of it, at most 15 bytes
	Argv      []string // may hold passwords
	// Environ is the environment the process was started with, NAME=VALUE; nil when it may not be read (only root and the owner may).
	Environ []string
	// Start is when it was started: boot time plus clock ticks of 10 ms. Boot time moves when the clock is set, so two readings can differ by a second.
	Start   time.Time
	Exe     string // "" when it may not be read
	UID     int    // effective user
	Cgroup  string // of the unified hierarchy, such as /system.slice/docker.service
	NSpid   []int  // its pid in every nested pid namespace, outermost first
	RootDev uint64 // device of its root directory; 0 when it may not be read
	PIDNS   string // "pid:[4026531836]"; "" when it may not be read
}
