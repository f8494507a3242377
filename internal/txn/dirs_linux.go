package txn

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// dirMode is the mode of directories that are made for a file.
const dirMode = 0o755

// makeDirs makes the missing directories below dir, with the owner of dir, and leaves dir open at the innermost.
func (t *hostTarget) makeDirs(dir *folder, p Place, missing []string) error {
	at := path.Dir(p.Real)
	for range missing {
		at = path.Dir(at)
	}
	owner := change.State{Kind: change.Dir, Mode: dirMode}
	owner.UID, owner.GID = dir.owner()
	for _, base := range missing {
		name := path.Join(at, base)
		if !slices.Contains(p.Dirs, name) {
			// It was there when the plan was made; the journal would not know that we made it.
			return &ChangedError{Path: name}
		}
		if err := t.calls.mkdir(int(dir.Fd()), base, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := t.setDir(dir, base, name, owner); err != nil {
			return err
		}
		if err := t.syncDir(dir); err != nil {
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

// setDir gives a directory its owner and mode.
func (t *hostTarget) setDir(dir *folder, base, name string, to change.State) error {
	f, err := openat(int(dir.Fd()), base, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.own(f, to); err != nil {
		return err
	}
	if err := t.calls.chmod(f, host.SysMode(to.Mode)); err != nil {
		return err
	}
	return t.calls.sync(f)
}

// Clean implements Target: it removes the file that was under construction.
func (t *hostTarget) Clean(p Place) error {
	_, err := t.within(errand{Do: doClean, Place: p})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Prune implements Target.
func (t *hostTarget) Prune(p Place) error {
	for _, d := range slices.Backward(p.Dirs) {
		_, err := t.within(errand{Do: doRmdir, Place: Place{Path: d, Real: d}})
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST):
			return nil
		default:
			return err
		}
	}
	return nil
}
