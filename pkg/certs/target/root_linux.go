package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// process is the first process of a container, held so that a later one with its number is never taken for it: what is opened below /proc/PID through dir answers
// ESRCH once that very process is gone (proc(5)), and alive is a pidfd.
type process struct {
	dir   *os.File // /proc/PID
	alive *os.File // pidfd_open(2)
}

func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("opening process %d: %w", pid, err)
	}
	p := &process{alive: os.NewFile(uintptr(fd), "pidfd")}
	p.dir, err = os.OpenFile("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY, 0) //nolint:forbidigo // of the machine's own process table
	if err != nil {
		p.alive.Close()
		return nil, err
	}
	return p, nil
}

func (p *process) Close() error { return errors.Join(p.dir.Close(), p.alive.Close()) }

// running says whether the process has not ended: a pidfd is readable after that.
func (p *process) running() bool {
	if p == nil {
		return true
	}
	fds := []unix.PollFd{{Fd: int32(p.alive.Fd()), Events: unix.POLLIN}} //nolint:gosec // a descriptor is an int
	for {
		n, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && n == 0
	}
}

// maxProcFile bounds what is read of one file below /proc; mountinfo of a machine with thousands of mounts has some hundred kB.
const maxProcFile = 8 << 20

func (p *process) read(name string) (string, error) {
	f, err := openat(int(p.dir.Fd()), name, name, unix.O_RDONLY|unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer f.Close()
	// The kernel makes the text anew for each call, so that a large buffer is faster than one that grows.
	buf := bytes.NewBuffer(make([]byte, 0, procFile))
	_, err = buf.ReadFrom(io.LimitReader(f, maxProcFile))
	return buf.String(), err
}

// procFile is what most files below /proc have at most.
const procFile = 8 << 10

// openRoot opens the root directory of a running container of this machine.
func openRoot(ctx context.Context, eng engine.Engine, seen engine.Inspected) (Target, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("opening the root directory of container %s: %w", seen.Name, errNotRoot)
	}
	if !seen.Running() {
		return nil, ErrGone
	}
	p, err := openProcess(seen.PID)
	if err != nil {
		return nil, err
	}
	t, err := p.root(seen)
	if err != nil {
		p.Close()
		return nil, err
	}
	t.end = ctx.Done()
	if p.before(seen.Asked) && p.running() {
		return t, nil
	}
	// Only what the daemon still says after the process is held proves that it was the container's.
	again, err := eng.Inspect(ctx, seen.ID)
	if err == nil && (again.ID != seen.ID || again.PID != seen.PID || again.StartedAt != seen.StartedAt || !p.running()) {
		err = ErrGone
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// before reports whether the process was there already when the daemon was asked for the number of the container's: then no other one had the number in between, and
// the daemon's answer was about this very process. False when that cannot be told.
func (p *process) before(asked time.Time) bool {
	if asked.IsZero() {
		return false
	}
	stat, err := p.read("stat")
	if err != nil {
		return false
	}
	// The rest of proc_pid_stat(5) from the third field on; starttime, the 22nd, counts ticks of the clock that runs while the machine sleeps, too.
	const starttime, tick = 22 - 3, 10 * time.Millisecond
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= starttime {
		return false
	}
	ticks, err := strconv.ParseInt(fields[starttime], 10, 64)
	if err != nil {
		return false
	}
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return false
	}
	// Of both clocks the one by which the question is longer ago: one stands still while the machine sleeps, the other can be set.
	ago := max(time.Since(asked), time.Since(asked.Round(0)))
	return time.Duration(ticks+1)*tick < time.Duration(now.Nano())-ago
}

// root opens the process's root directory and checks whose it is.
func (p *process) root(seen engine.Inspected) (*rootTarget, error) {
	if err := p.belongs(seen.ID); err != nil {
		return nil, err
	}
	t := &rootTarget{process: p, known: seen.Mounts, limit: stuckAfter}
	if err := t.readIDs(); err != nil {
		return nil, err
	}
	// A process may change its root directory, to one of the machine's that is mounted in the container: what stands in /proc is then the way to it.
	text, err := readlinkat(int(p.dir.Fd()), "root")
	if err != nil {
		return nil, fmt.Errorf("opening the root directory of container %s: %w", seen.Name, err)
	}
	if text != "/" {
		return nil, fmt.Errorf("%w: its root directory is %s", ErrNotContainer, text)
	}
	if t.root, err = openat(int(p.dir.Fd()), "root", "/", unix.O_PATH|unix.O_DIRECTORY); err != nil {
		return nil, err
	}
	if err = t.start(); err == nil && seen.UpperDir != "" {
		err = t.checkOverlay(seen.UpperDir)
	}
	if err != nil {
		t.root.Close()
		return nil, err
	}
	return t, nil
}

// belongs checks that the process is one of the container: its control groups are named for it, or, without control groups (rootless on cgroup v1), the shim above it was
// started for it.
func (p *process) belongs(id string) error {
	groups, err := p.read("cgroup")
	if errors.Is(err, unix.ESRCH) {
		return ErrGone
	}
	if err != nil {
		return err
	}
	if namesContainer(groups, id) {
		return nil
	}
	stat, err := p.read("stat")
	if err != nil {
		return ErrGone
	}
	_, after, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(after) // state, ppid
	if len(fields) > 1 {
		line, err := os.ReadFile("/proc/" + fields[1] + "/cmdline") //nolint:forbidigo // of the machine's own process table
		if err == nil && isShim(strings.Split(string(line), "\x00"), id) {
			return nil
		}
	}
	return ErrNotContainer
}

// isShim recognises containerd's shim: `containerd-shim-runc-v2 -namespace moby -id ID …` (containerd runtime/v2, shim.go).
func isShim(argv []string, id string) bool {
	if !strings.HasPrefix(path.Base(argv[0]), "containerd-shim") {
		return false
	}
	for i := range argv[:len(argv)-1] {
		if argv[i] == "-id" && argv[i+1] == id {
			return true
		}
	}
	return false
}

// namesContainer reads /proc/PID/cgroup: a line is `N:CONTROLLERS:PATH`, of the unified hierarchy `0::PATH` (cgroups(7)). Docker's element of the path is the ID, or
// docker-ID.scope with the systemd driver; below it the container may have made others.
func namesContainer(text, id string) bool {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 || len(id) < 12 {
			continue
		}
		for elem := range strings.SplitSeq(parts[2], "/") {
			elem = strings.TrimSuffix(elem, ".scope")
			if elem == id || strings.HasSuffix(elem, "-"+id) {
				return true
			}
		}
	}
	return false
}

// readIDs learns how the container's owners are called here. A process of this very user namespace sees what we see, whatever the map says.
func (t *rootTarget) readIDs() error {
	var own, theirs unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &own); err != nil {
		return fmt.Errorf("reading the user namespace: %w", err)
	}
	if err := unix.Fstatat(int(t.process.dir.Fd()), "ns/user", &theirs, 0); err != nil {
		return fmt.Errorf("reading the container's user namespace: %w", err)
	}
	if own.Ino == theirs.Ino && own.Dev == theirs.Dev {
		return nil
	}
	for name, m := range map[string]*idMap{"uid_map": &t.uids, "gid_map": &t.gids} {
		text, err := t.process.read(name)
		if err != nil {
			return err
		}
		if *m, err = parseIDMap(text); err != nil {
			return err
		}
	}
	return nil
}

// checkOverlay compares the overlay that is the root directory with the one that Docker made for the container. With many layers Docker mounts it by relative names
// (moby daemon/graphdriver/overlay2, mountFrom), hence the suffix.
func (t *rootTarget) checkOverlay(upper string) error {
	if m, ok := t.mountOf(t.mount); ok && m.fstype == "overlay" {
		if got := m.upperDir(); got == upper || got != "" && strings.HasSuffix(upper, "/"+got) {
			return nil
		}
		return fmt.Errorf("%w: its root directory is another overlay", ErrNotContainer)
	}
	return fmt.Errorf("%w: its root directory is no overlay", ErrNotContainer)
}
