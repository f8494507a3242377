package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// openat opens one name in an open directory. base has no slash, so that nothing is resolved but, where flags allow it, a link in base.
func openat(dir int, base, name string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Openat(dir, base, flags|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// reopen opens the very file that an O_PATH descriptor stands for with other flags (proc_pid_fd(5)).
func reopen(handle *os.File, flags int) (*os.File, error) {
	for {
		fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", handle.Fd()), flags|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: handle.Name(), Err: err}
		}
		return os.NewFile(uintptr(fd), handle.Name()), nil
	}
}

func readlinkat(dir int, base string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// statx describes base in an open directory, a link itself, or with "" the open file, and says on which mount it is.
func statx(f *os.File, base, name string) (*unix.Statx_t, error) {
	st := new(unix.Statx_t)
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if base == "" {
		flags = unix.AT_EMPTY_PATH
	}
	for {
		err := unix.Statx(int(f.Fd()), base, flags, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
		}
		break
	}
	if st.Mask&unix.STATX_MNT_ID == 0 { // before Linux 5.8
		id, err := oldMountID(f, base, name)
		if err != nil {
			return nil, err
		}
		st.Mnt_id = id
	}
	return st, nil
}

// oldMountID finds the mount of a file by /proc/PID/fdinfo (Linux 3.15).
func oldMountID(f *os.File, base, name string) (uint64, error) {
	if base != "" {
		at, err := openat(int(f.Fd()), base, name, unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			return 0, err
		}
		defer at.Close()
		f = at
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd())) //nolint:forbidigo // of this process
	if err != nil {
		return 0, fmt.Errorf("finding the mount of %s: %w", name, err)
	}
	for line := range strings.Lines(string(text)) {
		var id uint64
		if _, err := fmt.Sscanf(line, "mnt_id: %d", &id); err == nil {
			return id, nil
		}
	}
	return 0, fmt.Errorf("finding the mount of %s: no mnt_id", name)
}

// mountFlags says of the mount a file is on whether it is read-only, and whether its files are the kernel's: places to ask and to steer it, not to keep bytes.
func mountFlags(f *os.File) (readOnly, kernel bool, err error) {
	var st unix.Statfs_t
	for {
		err := unix.Fstatfs(int(f.Fd()), &st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, false, &fs.PathError{Op: "statfs", Path: f.Name(), Err: err}
		}
		break
	}
	switch uint32(st.Type) { //nolint:gosec // magic numbers have 32 bits
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.SECURITYFS_MAGIC,
		unix.BPF_FS_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC, unix.NSFS_MAGIC, unix.BINFMTFS_MAGIC, unix.SELINUX_MAGIC, unix.DEVPTS_SUPER_MAGIC, unix.DEVMEM_MAGIC:
		kernel = true
	}
	return st.Flags&unix.ST_RDONLY != 0, kernel, nil
}

// fileMode turns the mode of stat(2) into fs.FileMode.
func fileMode(mode uint16) fs.FileMode {
	m := host.Mode(uint32(mode))
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFBLK:
		m |= fs.ModeDevice
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFREG:
	default:
		m |= fs.ModeIrregular
	}
	return m
}

// calls are the mutating system calls of the container-root target; there are no others. All work on a name in an open directory or on an open file; nothing is
// resolved. None is made after the target was given up.
type calls struct {
	givenUp *atomic.Bool
	// step, when it is not nil, is told before each; tests stop the process there.
	step func(op, name string)
}

func (c calls) do(op, name string, f func() error) error {
	for {
		if c.givenUp.Load() {
			return &fs.PathError{Op: op, Path: name, Err: os.ErrDeadlineExceeded}
		}
		if c.step != nil {
			c.step(op, name)
		}
		err := f()
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
		return nil
	}
}

// as makes a new name, and makes it once more with the owner of its directory when the file system does not know this process's user: that of a rootless container is
// mounted in a user namespace, and what root of the machine makes there gets EOVERFLOW (fs/namei.c, may_o_create). File system ids are a thread's.
func (c calls) as(uid, gid int, f func() error) error {
	err := f()
	if !errors.Is(err, unix.EOVERFLOW) {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	oldGID, err := unix.SetfsgidRetGid(gid)
	if err != nil {
		return err
	}
	oldUID, err := unix.SetfsuidRetUid(uid)
	if err == nil {
		err = f()
		_ = unix.Setfsuid(oldUID)
	}
	_ = unix.Setfsgid(oldGID)
	return err
}

func (c calls) create(d *folder, base string) (*os.File, error) {
	var fd int
	err := c.do("create", d.path(base), func() error {
		return c.as(d.uid, d.gid, func() (err error) {
			fd, err = unix.Openat(int(d.Fd()), base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.path(base)), nil
}

func (c calls) mkdir(d *folder, base string) error {
	return c.do("mkdir", d.path(base), func() error {
		return c.as(d.uid, d.gid, func() error { return unix.Mkdirat(int(d.Fd()), base, 0o700) })
	})
}

func (c calls) symlink(text string, d *folder, base string) error {
	return c.do("symlink", d.path(base), func() error {
		return c.as(d.uid, d.gid, func() error { return unix.Symlinkat(text, int(d.Fd()), base) })
	})
}

func (c calls) write(f *os.File, data []byte) error {
	for at := int64(0); len(data) > 0; {
		n := 0
		err := c.do("write", f.Name(), func() (err error) {
			n, err = unix.Pwrite(int(f.Fd()), data, at)
			return err
		})
		if err != nil {
			return err
		}
		data, at = data[n:], at+int64(n)
	}
	return nil
}

func (c calls) truncate(f *os.File, size int) error {
	return c.do("truncate", f.Name(), func() error { return unix.Ftruncate(int(f.Fd()), int64(size)) })
}

func (c calls) chmod(f *os.File, mode fs.FileMode) error {
	return c.do("chmod", f.Name(), func() error { return unix.Fchmod(int(f.Fd()), host.SysMode(mode)) })
}

func (c calls) chown(f *os.File, uid, gid int) error {
	return c.do("chown", f.Name(), func() error { return unix.Fchown(int(f.Fd()), uid, gid) })
}

func (c calls) chownLink(d *folder, base string, uid, gid int) error {
	return c.do("chown", d.path(base), func() error { return unix.Fchownat(int(d.Fd()), base, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
}

func (c calls) setxattr(f *os.File, attr string, value []byte) error {
	return c.do("setxattr", f.Name(), func() error { return unix.Fsetxattr(int(f.Fd()), attr, value, 0) })
}

// rename replaces what is at the name, which is no mount.
func (c calls) rename(d *folder, from, to string, flags uint) error {
	return c.do("rename", d.path(to), func() error {
		return c.as(d.uid, d.gid, func() error { return unix.Renameat2(int(d.Fd()), from, int(d.Fd()), to, flags) })
	})
}

func (c calls) unlink(d *folder, base string) error {
	return c.do("unlink", d.path(base), func() error { return unix.Unlinkat(int(d.Fd()), base, 0) })
}

func (c calls) rmdir(d *folder, base string) error {
	return c.do("rmdir", d.path(base), func() error { return unix.Unlinkat(int(d.Fd()), base, unix.AT_REMOVEDIR) })
}

// touch sets when a name was last changed, to the nanosecond; when it was last read stays.
func (c calls) touch(d *folder, base string, at time.Time) error {
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, ts}
	return c.do("utimensat", d.path(base), func() error { return unix.UtimesNanoAt(int(d.Fd()), base, times, unix.AT_SYMLINK_NOFOLLOW) })
}
