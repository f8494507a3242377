package txn

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// on does an errand in an open directory, with its owner's rights.
func (t *hostTarget) on(dir *folder, e errand) (result, error) {
	if dir.trust.uid < 0 {
		return t.perform(dir, e)
	}
	return t.asOwner(dir, e)
}

// within does an errand in the directory of a place, which must exist.
func (t *hostTarget) within(e errand) (result, error) {
	dir, missing, err := t.descend(path.Dir(e.Place.Real))
	if err != nil {
		return result{}, err
	}
	defer dir.Close()
	if len(missing) > 0 {
		return result{}, &fs.PathError{Op: "open", Path: e.Place.Real, Err: fs.ErrNotExist}
	}
	return t.on(dir, e)
}

// perform does an errand with the rights this process has. It looks at nothing outside dir.
func (t *hostTarget) perform(dir *folder, e errand) (r result, err error) {
	p, base := e.Place, path.Base(e.Place.Real)
	switch e.Do {
	case doInspect:
		err = t.inspect(dir, base, &p)
		r.Place = p
	case doRead:
		r.State, err = readAt(dir, base, p.Real)
	case doSwap:
		err = t.makeAndSwap(dir, e)
	case doClean:
		err = t.removeIn(dir, p.Temp, path.Join(path.Dir(p.Real), p.Temp), t.calls.unlink)
	case doRmdir:
		err = t.removeIn(dir, base, p.Real, t.calls.rmdir)
	default:
		err = errors.New("unknown errand " + e.Do)
	}
	return r, err
}

func (t *hostTarget) makeAndSwap(dir *folder, e errand) error {
	if err := t.makeDirs(dir, e.Place, e.Missing); err != nil {
		return err
	}
	now, err := readAt(dir, path.Base(e.Place.Real), e.Place.Real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !now.Equal(e.From) {
		return &ChangedError{Path: e.Place.Path}
	}
	return t.swap(dir, e.Place, e.From, e.To)
}

// removeIn removes what is there. A read-only file system refuses the removal of what was never made with EROFS, not ENOENT, so it looks first.
func (t *hostTarget) removeIn(dir *folder, base, name string, call func(dir int, base, name string) error) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if err := call(int(dir.Fd()), base, name); err != nil {
		return err
	}
	return t.syncDir(dir)
}

// inherited is the directory that a child got from its parent.
func inherited(fd uintptr, name string, id identity) (*folder, error) {
	f := &folder{File: os.NewFile(fd, name), trust: trust{uid: id.UID, gid: id.GID}} // judged as root judged it
	if err := unix.Fstat(int(fd), &f.stat); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return f, nil
}
