package txn

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// writing says to everybody, for as long as the result is not called, that files are being written. The state directory is closed to others, but stat(2) of it is not, and
// /proc/locks (proc(5)) lists who holds a lock on its inode: its time of change tells that a run began to write, a lock on it that one is at it. Both serve
// readers only, so that no run fails for them.
func (s *stateFiles) writing() (done func()) {
	fd := int(s.dir.Fd())
	locked := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil
	_ = s.home.target.calls.touch(s.dir, time.Now())
	return func() {
		if locked {
			_ = unix.Flock(fd, unix.LOCK_UN)
		}
	}
}

// touch gives an open directory a time of change.
func (c calls) touch(dir *os.File, now time.Time) error {
	return c.do("utimes", dir.Name(), func() error {
		at := unix.NsecToTimespec(now.UnixNano())
		return unix.UtimesNanoAt(int(dir.Fd()), ".", []unix.Timespec{at, at}, 0)
	})
}

// activity implements stateOpener.
func (h *stateHome) activity() Activity {
	real, err := h.resolve()
	if err != nil {
		return Activity{}
	}
	dir, missing, err := h.target.descend(real)
	if err != nil || len(missing) > 0 {
		if dir != nil {
			dir.Close()
		}
		return Activity{}
	}
	defer dir.Close()
	var st unix.Stat_t
	if unix.Fstat(int(dir.Fd()), &st) != nil {
		return Activity{}
	}
	return Activity{Writing: isLocked(&st), Epoch: fmt.Sprintf("%d:%d.%09d", st.Ino, st.Mtim.Sec, st.Mtim.Nsec)}
}

// isLocked looks for an exclusive flock(2) on a file.
func isLocked(st *unix.Stat_t) bool {
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return false
	}
	// Of the form "1: FLOCK  ADVISORY  WRITE 712 08:01:1311 0 EOF", the device as two hexadecimal numbers. Waiting requests have "->" before their kind.
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) > 5 && f[1] == "FLOCK" && f[3] == "WRITE" && f[5] == want {
			return true
		}
	}
	return false
}
