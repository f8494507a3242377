package txn

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Swap implements Target.
func (t *hostTarget) Swap(p Place, from, to change.State) error {
	dir, missing, err := t.descend(path.Dir(p.Real))
	if err != nil {
		return err
	}
	defer dir.Close()
	if len(missing) > 0 && to.Kind == change.Absent {
		return &ChangedError{Path: p.Path}
	}
	_, err = t.on(dir, errand{Do: doSwap, Place: p, From: from, To: to, Missing: missing})
	return err
}

// swap does it in an open directory.
func (t *hostTarget) swap(dir *folder, p Place, from, to change.State) error {
	base, fd := path.Base(p.Real), int(dir.Fd())
	same := from.Kind == to.Kind
	switch {
	case same && to.Kind == change.Dir:
		return t.setDir(dir, base, p.Real, to)
	case from.Kind == change.Dir && to.Kind == change.Absent:
		err := t.calls.rmdir(fd, base, p.Real)
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			return errNotEmpty
		}
		if err != nil {
			return err
		}
		return t.syncDir(dir)
	case from.Kind == change.Dir:
		return &UnsupportedError{Path: p.Path, Reason: "a directory does not become a file"}
	case to.Kind == change.Dir && from.Kind != change.Absent:
		return &UnsupportedError{Path: p.Path, Reason: "a file does not become a directory"}
	case to.Kind == change.Dir:
		if err := t.calls.mkdir(fd, base, p.Real); err != nil {
			return err
		}
		if err := t.setDir(dir, base, p.Real, to); err != nil {
			return err
		}
		return t.syncDir(dir)
	case to.Kind == change.Absent && p.InPlace == MountPoint:
		return &UnsupportedError{Path: p.Path, Reason: "a mount point cannot be removed"}
	case to.Kind == change.Absent:
		return t.remove(dir, p, from)
	case p.InPlace != "" && same && to.Kind == change.File:
		return t.rewrite(dir, base, p.Real, from, to)
	case p.InPlace == MountPoint:
		return &UnsupportedError{Path: p.Path, Reason: "a mount point cannot be replaced"}
	}
	return t.replace(dir, p, from, to)
}

// replace puts a new file or link in the place of the old one in one step.
func (t *hostTarget) replace(dir *folder, p Place, from, to change.State) error {
	temp := path.Join(path.Dir(p.Real), p.Temp)
	err := t.build(dir, p, temp, from, to)
	if err == nil {
		err = t.moveIn(dir, p, from, temp)
	}
	if err != nil {
		// What is left is named in the journal, so that an error here loses nothing.
		_ = t.calls.unlink(int(dir.Fd()), p.Temp, temp)
		return err
	}
	return t.syncDir(dir)
}

// build makes the new file beside the old one, complete and durable.
func (t *hostTarget) build(dir *folder, p Place, temp string, from, to change.State) error {
	fd := int(dir.Fd())
	if to.Kind == change.Link {
		if err := t.calls.symlink(to.Target, fd, p.Temp, temp); err != nil {
			return err
		}
		return t.ownLink(dir, p.Temp, temp, to)
	}
	f, err := t.calls.create(fd, p.Temp, temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.calls.write(f, to.Data, 0); err != nil {
		return err
	}
	// The owner first: chown clears set-id bits (chown(2)), and the mode last, since an access list moves the group bits (acl(5)).
	if err := t.own(f, to); err != nil {
		return err
	}
	attrs, err := t.attrsFor(dir, p, from)
	if err != nil {
		return err
	}
	if err := t.giveXattrs(f, attrs); err != nil {
		return err
	}
	if err := t.calls.chmod(f, host.SysMode(to.Mode)); err != nil {
		return err
	}
	return t.calls.sync(f)
}

// attrsFor are the attributes the new file gets: those of the file that is there, or of the one that was there before it was removed.
func (t *hostTarget) attrsFor(dir *folder, p Place, from change.State) (map[string][]byte, error) {
	if from.Kind != change.File {
		return p.Xattrs, nil
	}
	old, err := openat(int(dir.Fd()), path.Base(p.Real), p.Real, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	return xattrs(old)
}

// moveIn puts the finished file in the place of the old one. The two are exchanged, so that what was really there at that moment is at hand and can be compared: a file that
// somebody else changed in the last moment goes back. Where the old one is absent the name must still be free.
func (t *hostTarget) moveIn(dir *folder, p Place, from change.State, temp string) error {
	base, fd := path.Base(p.Real), int(dir.Fd())
	if from.Kind == change.Absent {
		return t.moveToFree(dir, p, temp)
	}
	now, err := readAt(dir, base, p.Real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !now.Equal(from) {
		return &ChangedError{Path: p.Path}
	}
	exchange := func() error { return t.calls.rename(fd, p.Temp, base, p.Real, unix.RENAME_EXCHANGE) }
	switch err := exchange(); {
	case noFlags(err): // what is left there is the moment between the look and the call
		return t.calls.rename(fd, p.Temp, base, p.Real, 0)
	case errors.Is(err, fs.ErrNotExist):
		return &ChangedError{Path: p.Path}
	case err != nil:
		return err
	}
	return t.settle(dir, p, from, temp, exchange)
}

// settle removes what was displaced to the temporary name, if it is what was expected; otherwise it is put back.
func (t *hostTarget) settle(dir *folder, p Place, from change.State, temp string, back func() error) error {
	displaced, err := readAt(dir, p.Temp, temp)
	if err == nil && displaced.Equal(from) {
		return t.calls.unlink(int(dir.Fd()), p.Temp, temp)
	}
	return errors.Join(&ChangedError{Path: p.Path}, back())
}

// moveToFree renames the finished file to a name that must be free.
func (t *hostTarget) moveToFree(dir *folder, p Place, temp string) error {
	base, fd := path.Base(p.Real), int(dir.Fd())
	err := t.calls.rename(fd, p.Temp, base, p.Real, unix.RENAME_NOREPLACE)
	if noFlags(err) {
		// link fails on an existing name everywhere.
		if err = t.calls.link(fd, p.Temp, base, p.Real); err == nil {
			err = t.calls.unlink(fd, p.Temp, temp)
		}
	}
	if errors.Is(err, unix.EEXIST) {
		return &ChangedError{Path: p.Path}
	}
	return err
}

// remove takes a file away: first to the temporary name, where it is compared once more, as in moveIn.
func (t *hostTarget) remove(dir *folder, p Place, from change.State) error {
	base, fd, temp := path.Base(p.Real), int(dir.Fd()), path.Join(path.Dir(p.Real), p.Temp)
	err := t.calls.rename(fd, base, p.Temp, p.Real, unix.RENAME_NOREPLACE)
	switch {
	case noFlags(err):
		err = t.calls.unlink(fd, base, p.Real)
	case err == nil:
		err = t.settle(dir, p, from, temp, func() error { return t.calls.rename(fd, p.Temp, base, p.Real, unix.RENAME_NOREPLACE) })
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &ChangedError{Path: p.Path}
	}
	if err != nil {
		return err
	}
	return t.syncDir(dir)
}

// noFlags reports whether a file system does not know the flags of renameat2(2).
func noFlags(err error) bool { return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) }

// rewrite changes a file in place, front to back, so that at any moment it is new bytes followed by old ones: a state that recovery recognises. Access is taken away
// before the bytes come and given after them.
func (t *hostTarget) rewrite(dir *folder, base, name string, from, to change.State) error {
	f, err := openat(int(dir.Fd()), base, name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer f.Close()
	if narrow := from.Mode & to.Mode; modeBits(narrow) != modeBits(from.Mode) {
		if err := t.calls.chmod(f, host.SysMode(narrow)); err != nil {
			return err
		}
	}
	if string(from.Data) != string(to.Data) {
		if err := t.calls.write(f, to.Data, 0); err != nil {
			return err
		}
		if len(to.Data) < len(from.Data) {
			if err := t.calls.truncate(f, int64(len(to.Data))); err != nil {
				return err
			}
		}
	}
	if err := t.own(f, to); err != nil {
		return err
	}
	if modeBits(from.Mode) != modeBits(to.Mode) {
		if err := t.calls.chmod(f, host.SysMode(to.Mode)); err != nil {
			return err
		}
	}
	return t.calls.sync(f)
}

// own gives an open file its owner, when it has another.
func (t *hostTarget) own(f *os.File, to change.State) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	if ids := (change.State{Kind: change.Dir, UID: int(st.Uid), GID: int(st.Gid)}); ids.Equal(change.State{Kind: change.Dir, UID: to.UID, GID: to.GID}) {
		return nil
	}
	return t.calls.chown(f, to.UID, to.GID)
}

func (t *hostTarget) ownLink(dir *folder, base, name string, to change.State) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if sameOwner(int(st.Uid), to.UID) && sameOwner(int(st.Gid), to.GID) {
		return nil
	}
	return t.calls.chownLink(int(dir.Fd()), base, name, to.UID, to.GID)
}

// syncDir makes the names in a directory durable. A directory that is open by O_PATH only has to be opened anew for it.
func (t *hostTarget) syncDir(dir *folder) error {
	f, err := openat(int(dir.Fd()), ".", dir.Name(), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.calls.sync(f)
}
