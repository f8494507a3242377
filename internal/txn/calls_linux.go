package txn

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// chunk is how many bytes one write takes; small enough that a test can stop a process in the middle of a file.
const chunk = 4096

// calls are the mutating system calls of this package; there are no others. Each is one operation that a Fault can replace. All work on a name in an open
// directory or on an open file; nothing is resolved.
type calls struct{ fault Fault }

func (c calls) do(op, name string, f func() error) error {
	if c.fault != nil {
		if err := c.fault(op, name); err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	for {
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

// create makes a new file that only this user can open; the umask takes nothing away from 0600 that matters, and chmod follows.
func (c calls) create(dir int, base, name string) (*os.File, error) {
	var fd int
	err := c.do("create", name, func() (err error) {
		fd, err = unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (c calls) write(f *os.File, data []byte, at int64) error {
	for len(data) > 0 {
		n := 0
		err := c.do("write", f.Name(), func() (err error) {
			n, err = unix.Pwrite(int(f.Fd()), data[:min(len(data), chunk)], at)
			return err
		})
		if err != nil {
			return err
		}
		data, at = data[n:], at+int64(n)
	}
	return nil
}

func (c calls) truncate(f *os.File, size int64) error {
	return c.do("truncate", f.Name(), func() error { return unix.Ftruncate(int(f.Fd()), size) })
}

// sync makes a file or a directory durable. File systems that cannot do it for directories answer EINVAL (fsync(2)): there is nothing better to do there.
func (c calls) sync(f *os.File) error {
	return c.do("fsync", f.Name(), func() error {
		err := unix.Fsync(int(f.Fd()))
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
			return nil
		}
		return err
	})
}

func (c calls) chmod(f *os.File, mode uint32) error {
	return c.do("chmod", f.Name(), func() error { return unix.Fchmod(int(f.Fd()), mode) })
}

func (c calls) chown(f *os.File, uid, gid int) error {
	return c.do("chown", f.Name(), func() error { return unix.Fchown(int(f.Fd()), uid, gid) })
}

func (c calls) chownLink(dir int, base, name string, uid, gid int) error {
	return c.do("chown", name, func() error { return unix.Fchownat(dir, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
}

func (c calls) setxattr(f *os.File, attr string, value []byte) error {
	return c.do("setxattr", f.Name(), func() error { return unix.Fsetxattr(int(f.Fd()), attr, value, 0) })
}

func (c calls) rename(dir int, from, to, name string, flags uint) error {
	return c.do("rename", name, func() error { return unix.Renameat2(dir, from, dir, to, flags) })
}

func (c calls) link(dir int, from, to, name string) error {
	return c.do("link", name, func() error { return unix.Linkat(dir, from, dir, to, 0) })
}

func (c calls) unlink(dir int, base, name string) error {
	return c.do("unlink", name, func() error { return unix.Unlinkat(dir, base, 0) })
}

func (c calls) rmdir(dir int, base, name string) error {
	return c.do("rmdir", name, func() error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
}

func (c calls) mkdir(dir int, base, name string) error {
	return c.do("mkdir", name, func() error { return unix.Mkdirat(dir, base, 0o700) })
}

func (c calls) symlink(target string, dir int, base, name string) error {
	return c.do("symlink", name, func() error { return unix.Symlinkat(target, dir, base) })
}
