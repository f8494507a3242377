package txn

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// stateHome is where the state directory is.
type stateHome struct {
	target *hostTarget
	path   string
}

// open implements stateOpener. Nobody else may have a hand in where the directory is, by a link or as the owner of a directory above it: what is in the journal decides what
// Recover writes. The directory itself is no link.
func (h *stateHome) open(create bool) (stateDir, error) {
	t := h.target
	real, err := h.resolve()
	if err != nil {
		return nil, err
	}
	dir, missing, err := t.descend(real)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && !create {
		dir.Close()
		return nil, &fs.PathError{Op: "open", Path: h.path, Err: fs.ErrNotExist}
	}
	if err := h.make(dir, real, missing); err != nil {
		dir.Close()
		return nil, err
	}
	f, err := openat(int(dir.Fd()), ".", h.path, unix.O_RDONLY|unix.O_DIRECTORY)
	dir.Close()
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil {
		err = h.judge(h.path, &st, unix.S_IFDIR, dir.trust)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &stateFiles{dir: f, home: h}, nil
}

// resolve gives the path without links, as far as it exists.
func (h *stateHome) resolve() (string, error) {
	real, hands, err := h.target.resolve(path.Dir(h.path), true)
	if err == nil && hands.uid >= 0 {
		err = &JournalError{Path: h.path, Reason: "it belongs to somebody else, or a directory or link above it does"}
	}
	return path.Join(real, path.Base(h.path)), err
}

// make makes the state directory and what is missing above it. As root the ones above are for everybody, as everywhere below /var; a user's are private, as the XDG Base
// Directory Specification asks for.
func (h *stateHome) make(dir *folder, real string, missing []string) error {
	at := real
	for range missing {
		at = path.Dir(at)
	}
	for i, base := range missing {
		name := path.Join(at, base)
		mode := fs.FileMode(0o700)
		if os.Geteuid() == 0 && i < len(missing)-1 {
			mode = dirMode
		}
		if err := h.target.calls.mkdir(int(dir.Fd()), base, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := h.target.setDir(dir, base, name, change.State{Mode: mode, UID: change.Keep, GID: change.Keep}); err != nil {
			return err
		}
		if err := h.target.syncDir(dir); err != nil {
			return err
		}
		next, err := openat(int(dir.Fd()), base, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			return err
		}
		dir.Close()
		dir.File, at = next, name
	}
	return nil
}

// judge refuses a directory or file that somebody else made or may touch.
func (h *stateHome) judge(name string, st *unix.Stat_t, kind uint32, owner trust) error {
	reason := ""
	switch {
	case st.Mode&unix.S_IFMT != kind:
		reason = "it is not what this program makes there"
	case int(st.Uid) != os.Geteuid() || owner.uid >= 0:
		reason = "it belongs to somebody else, or a directory above it does"
	case st.Mode&0o077 != 0:
		reason = "others have access to it; nobody but its owner may (chmod go= restores it if you trust it)"
	case kind == unix.S_IFREG && st.Nlink != 1:
		reason = "it has several names"
	default:
		return nil
	}
	return &JournalError{Path: name, Reason: reason}
}

// stateFiles is the open state directory.
type stateFiles struct {
	dir  *os.File
	home *stateHome
}

func (s *stateFiles) close() { s.dir.Close() }

func (s *stateFiles) name(base string) string { return path.Join(s.home.path, base) }

func (s *stateFiles) names() ([]string, error) {
	// A descriptor of its own, since reading a directory moves its offset.
	f, err := openat(int(s.dir.Fd()), ".", s.home.path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// openFile opens a file that is there and is ours alone.
func (s *stateFiles) openFile(base string, flags int) (*os.File, error) {
	f, err := openat(int(s.dir.Fd()), base, s.name(base), flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if errors.Is(err, unix.ELOOP) {
		return nil, &JournalError{Path: s.name(base), Reason: "it is a link"}
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil {
		err = s.home.judge(s.name(base), &st, unix.S_IFREG, newTrust())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *stateFiles) read(base string) ([]byte, error) {
	f, err := s.openFile(base, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJournal+1))
	if err == nil && len(data) > maxJournal {
		err = &JournalError{Path: s.name(base), Reason: "it is too large"}
	}
	return data, err
}

// append implements stateDir. When the new bytes cannot be made durable they are taken away again, so that they cannot turn up later.
func (s *stateFiles) append(base string, size int64, data []byte) error {
	c := s.home.target.calls
	var f *os.File
	var err error
	if size == 0 {
		f, err = c.create(int(s.dir.Fd()), base, s.name(base))
		if err == nil {
			err = c.chmod(f, 0o600)
		}
	} else {
		f, err = s.openFile(base, unix.O_WRONLY)
	}
	if f != nil {
		defer f.Close()
	}
	if err != nil {
		return err
	}
	err = s.write(f, size, data)
	if err == nil && size == 0 {
		err = c.sync(s.dir)
	}
	if err == nil {
		return nil
	}
	if size == 0 {
		return errors.Join(err, c.unlink(int(s.dir.Fd()), base, s.name(base)))
	}
	return errors.Join(err, c.truncate(f, size))
}

func (s *stateFiles) write(f *os.File, size int64, data []byte) error {
	c := s.home.target.calls
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() > size {
		// The end of a record that an earlier run did not write to its end.
		if err := c.truncate(f, size); err != nil {
			return err
		}
	}
	if err := c.write(f, data, size); err != nil {
		return err
	}
	return c.sync(f)
}

func (s *stateFiles) replace(base string, data []byte) error {
	if err := s.swap(base, data, s.write); err != nil {
		return err
	}
	return s.home.target.calls.sync(s.dir)
}

// put implements stateDir.
func (s *stateFiles) put(base string, data []byte) error {
	return s.swap(base, data, func(f *os.File, _ int64, data []byte) error { return s.home.target.calls.write(f, data, 0) })
}

// extend implements stateDir.
func (s *stateFiles) extend(base string) (stateEnd, error) {
	c := s.home.target.calls
	f, err := s.openFile(base, unix.O_WRONLY)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = c.create(int(s.dir.Fd()), base, s.name(base)); err == nil {
			err = c.chmod(f, 0o600)
		}
	}
	var size int64
	if err == nil {
		size, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return &fileEnd{calls: c, file: f, size: size}, nil
}

type fileEnd struct {
	calls calls
	file  *os.File
	size  int64
}

// add implements stateEnd. What could be written only in part is taken away again.
func (e *fileEnd) add(data []byte) error {
	if err := e.calls.write(e.file, data, e.size); err != nil {
		return errors.Join(err, e.calls.truncate(e.file, e.size))
	}
	e.size += int64(len(data))
	return nil
}

func (e *fileEnd) close() { e.file.Close() }

// flush implements stateDir.
func (s *stateFiles) flush(names []string) error {
	for _, base := range names {
		f, err := s.openFile(base, unix.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.home.target.calls.sync(f)
			f.Close()
		}
		if err != nil {
			return err
		}
	}
	return s.home.target.calls.sync(s.dir)
}

// swap writes a new file and puts it into the place of the old one.
func (s *stateFiles) swap(base string, data []byte, write func(*os.File, int64, []byte) error) error {
	c, fd := s.home.target.calls, int(s.dir.Fd())
	if err := s.remove(stateTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := c.create(fd, stateTemp, s.name(stateTemp))
	if err != nil {
		return err
	}
	defer f.Close()
	err = c.chmod(f, 0o600)
	if err == nil {
		err = write(f, 0, data)
	}
	if err == nil {
		err = c.rename(fd, stateTemp, base, s.name(base), 0)
	}
	if err != nil {
		return errors.Join(err, c.unlink(fd, stateTemp, s.name(stateTemp)))
	}
	return nil
}

func (s *stateFiles) remove(base string) error {
	if err := s.drop(base); err != nil {
		return err
	}
	return s.home.target.calls.sync(s.dir)
}

// drop implements stateDir.
func (s *stateFiles) drop(base string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(s.dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "stat", Path: s.name(base), Err: err}
	}
	return s.home.target.calls.unlink(int(s.dir.Fd()), base, s.name(base))
}
