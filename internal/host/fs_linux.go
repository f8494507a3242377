package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxTries is how often a look-up that was disturbed by a rename is repeated.
const maxTries = 1000

// FS gives read-only access to the files below one root directory. It is safe for concurrent use.
type FS struct {
	dir  string
	root *os.File
	over *overlay
	seen *steady // nil: every look is a new one
}

// Open opens dir, an absolute or relative path of an existing directory, as a root. "" and "/" mean the running system.
func Open(dir string) (*FS, error) {
	if dir == "" {
		dir = "/"
	}
	f, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening root: %w", err)
	}
	return &FS{dir: path.Clean(dir), root: f}, nil
}

// Root is the directory given to Open; "/" for the running system.
func (f *FS) Root() string { return f.dir }

// Live reports whether this is the running system, not a directory given by --root.
func (f *FS) Live() bool { return f.dir == "/" }

// Close releases the directory descriptor.
func (f *FS) Close() error { return f.root.Close() }

// OpenAt opens name inside the root with the given open(2) flags, resolving links inside the root (openat2(2), RESOLVE_IN_ROOT).
// Magic links of /proc are refused under --root. The caller closes the file.
func (f *FS) OpenAt(name string, flags int, mode uint32) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode)
	}
	rel := strings.TrimLeft(path.Clean("/"+name), "/")
	if rel == "" {
		rel = "."
	}
	if f.Live() {
		how.Resolve = 0
		rel = path.Clean("/" + name)
	}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(int(f.root.Fd()), rel, &how)
		// EAGAIN: something was renamed during a scoped look-up (openat2(2)), or, for ever, somebody holds a lease on the file (fcntl(2)).
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) && tries < maxTries {
			continue
		}
		if errors.Is(err, unix.ENOSYS) && f.Live() {
			fd, err = unix.Open(rel, flags|unix.O_CLOEXEC, mode)
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// openRegular opens a file for reading; anything but a regular file is refused, and does not block.
func (f *FS) openRegular(name string) (*os.File, error) {
	file, err := f.OpenAt(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (f *FS) readFile(name string) ([]byte, error) {
	file, err := f.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > MaxFileSize {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFileSize {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return data, nil
}

func (f *FS) stat(name string, follow bool) (Info, error) {
	flags := unix.O_PATH
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	file, err := f.OpenAt(name, flags, 0)
	if err != nil {
		return Info{}, err
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	fi, err := file.Stat()
	if err != nil {
		return Info{}, err
	}
	return Info{
		Mode: fi.Mode(), UID: int(st.Uid), GID: int(st.Gid), Size: st.Size, ModTime: fi.ModTime(),
		Change: time.Unix(st.Ctim.Unix()), Dev: st.Dev, Ino: st.Ino, Nlink: uint64(st.Nlink), //nolint:unconvert // Nlink is 32 bits wide on arm64
	}, nil
}

func (f *FS) readlink(name string) (string, error) {
	file, err := f.OpenAt(name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(file.Fd()), "", buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(buf[:n]), nil
}

func (f *FS) readDir(name string) ([]string, error) {
	file, err := f.OpenAt(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := file.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}
