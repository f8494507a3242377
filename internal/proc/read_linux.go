package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// userHZ is the unit of times in /proc/PID/stat, clock ticks a second: 100 on every architecture Go runs Linux on (USER_HZ, include/asm-generic/param.h).
const userHZ = 100

// Read describes one process. The error wraps fs.ErrNotExist when there is none.
func Read(files *host.FS, pid int) (*Process, error) {
	dir := path.Join("/proc", strconv.Itoa(pid))
	stat, err := files.ReadFile(dir + "/stat")
	if errors.Is(err, unix.ESRCH) { // it ended between open and read
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("reading process %d: %w", pid, err)
	}
	p := &Process{PID: pid, UID: -1}
	ticks, err := p.readStat(string(stat))
	if err != nil {
		return nil, fmt.Errorf("reading %s/stat: %w", dir, err)
	}
	p.Start = startTime(files, ticks)
	if status, err := files.ReadFile(dir + "/status"); err == nil {
		p.readStatus(string(status))
	}
	p.Argv, _ = readStrings(files, dir+"/cmdline")
	if env, err := readStrings(files, dir+"/environ"); err == nil {
		p.Environ = slices.Concat([]string{}, env) // readable and empty is not nil
	}
	p.Exe, _ = files.Readlink(dir + "/exe")
	if cgroup, err := files.ReadFile(dir + "/cgroup"); err == nil {
		p.Cgroup = unified(string(cgroup))
	}
	return p, nil
}

// readStat takes name, parent and start time, in ticks since boot, out of proc_pid_stat(5). The name stands in parentheses and may hold any character.
func (p *Process) readStat(line string) (int64, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return 0, errors.New("no process name")
	}
	p.Comm = line[open+1 : end]
	fields := strings.Fields(line[end+1:]) // from field 3, the state, on
	const ppid, starttime = 4 - 3, 22 - 3
	if len(fields) <= starttime {
		return 0, errors.New("too few fields")
	}
	p.PPID, _ = strconv.Atoi(fields[ppid])
	return strconv.ParseInt(fields[starttime], 10, 64)
}

// readStatus takes the effective user and the pid namespaces out of proc_pid_status(5): NSpid has one number for each namespace from this /proc's down.
func (p *Process) readStatus(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch {
		case key == "Uid" && len(fields) > 1:
			if uid, err := strconv.Atoi(fields[1]); err == nil {
				p.UID = uid
			}
		case key == "NSpid":
			p.Foreign = len(fields) > 1
		}
	}
}

// readStrings reads a file of NUL-terminated strings.
func readStrings(files *host.FS, name string) ([]string, error) {
	data, err := files.ReadFile(name)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00"), nil
}

// unified returns the cgroup of the unified hierarchy ("0::/x"), or of systemd's named one where only that is used.
func unified(text string) string {
	named := ""
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.SplitN(line, ":", 3)
		switch {
		case len(f) < 3:
		case f[0] == "0" && f[2] != "/":
			return f[2]
		case f[1] == "name=systemd" || f[0] == "0" && named == "":
			named = f[2]
		}
	}
	return named
}

// startTime turns ticks since boot into wall-clock time. The boot time in /proc/stat is cut to seconds, so on the running system the clocks are asked.
func startTime(files *host.FS, ticks int64) time.Time {
	sinceBoot := time.Duration(ticks) * (time.Second / userHZ)
	var up unix.Timespec
	if files.Live() && unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) == nil {
		return time.Now().Add(sinceBoot - time.Duration(up.Nano())).Round(0)
	}
	stat, err := files.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.SplitSeq(string(stat), "\n") {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			if sec, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
				return time.Unix(sec, 0).Add(sinceBoot)
			}
		}
	}
	return time.Time{}
}
