package txn

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// plainTarget is the portable target: it replaces the regular files of the user who runs this program, such as ~/.docker/config.json. Where the Docker daemon itself is
// configured by files, Linux is needed; there hostTarget is used, and this one only tested.
type plainTarget struct{ fault Fault }

var _ Target = plainTarget{}

// Can implements Target.
func (t plainTarget) Can() Capabilities {
	return Capabilities{Atomic: true, Delete: true, Modes: runtime.GOOS != "windows"}
}

// ask lets a test fail an operation; it stands before every change of a file.
func (t plainTarget) ask(op, name string) error {
	if t.fault == nil {
		return nil
	}
	return t.fault(op, name)
}

// Locate implements Target.
func (t plainTarget) Locate(name string, follow bool) (Place, error) {
	p := Place{Path: name, Real: name, DirUID: change.Keep, DirGID: change.Keep}
	dir := filepath.Dir(name)
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return Place{}, err
		}
		p.Dirs = append([]string{dir}, p.Dirs...)
		dir = filepath.Dir(dir)
	}
	if !follow || len(p.Dirs) > 0 {
		return p, nil
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		p.Real = real
	} else if st, err := os.Lstat(name); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return Place{}, &UnsupportedError{Path: name, Reason: "the link leads nowhere"}
	}
	return p, nil
}

// Read implements Target.
func (t plainTarget) Read(p Place) (change.State, error) {
	st, err := os.Lstat(p.Real)
	if errors.Is(err, fs.ErrNotExist) {
		return change.State{}, nil
	}
	if err != nil {
		return change.State{}, err
	}
	s := change.State{Kind: change.File, Mode: modeBits(st.Mode()), UID: change.Keep, GID: change.Keep}
	if !t.Can().Modes {
		s.Mode = 0o666
	}
	switch {
	case st.IsDir():
		s.Kind = change.Dir
		return s, nil
	case !st.Mode().IsRegular():
		return change.State{}, &fs.PathError{Op: "read", Path: p.Real, Err: host.ErrNotRegular}
	}
	f, err := os.Open(p.Real)
	if err != nil {
		return change.State{}, err
	}
	defer f.Close()
	if s.Data, err = io.ReadAll(io.LimitReader(f, host.MaxFileSize+1)); err == nil && len(s.Data) > host.MaxFileSize {
		err = &fs.PathError{Op: "read", Path: p.Real, Err: host.ErrTooLarge}
	}
	return s, err
}

// Swap implements Target.
func (t plainTarget) Swap(p Place, from, to change.State) error {
	now, err := t.Read(p)
	if err != nil {
		return err
	}
	if !now.Equal(from) {
		return &ChangedError{Path: p.Path}
	}
	switch {
	case to.Kind == change.Absent:
		if err := t.ask("unlink", p.Real); err != nil {
			return err
		}
		return os.Remove(p.Real)
	case to.Kind != change.File || from.Kind == change.Dir:
		return &UnsupportedError{Path: p.Path, Reason: "only regular files are changed on " + runtime.GOOS}
	}
	for _, d := range p.Dirs {
		if err := t.ask("mkdir", d); err != nil {
			return err
		}
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return writeByRename(t, filepath.Join(filepath.Dir(p.Real), p.Temp), p.Real, to.Data, to.Mode)
}

// writeByRename writes a file beside the place where it belongs and renames it.
func writeByRename(t plainTarget, temp, name string, data []byte, mode fs.FileMode) error {
	if err := t.ask("create", temp); err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Chmod(temp, mode)
	}
	if err == nil {
		err = t.ask("rename", name)
	}
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// Clean implements Target.
func (t plainTarget) Clean(p Place) error {
	err := os.Remove(filepath.Join(filepath.Dir(p.Real), p.Temp))
	if errors.Is(err, fs.ErrNotExist) || p.Temp == "" {
		return nil
	}
	return err
}

// Prune implements Target.
func (t plainTarget) Prune(p Place) error {
	for i := len(p.Dirs) - 1; i >= 0; i-- {
		entries, err := os.ReadDir(p.Dirs[i])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := os.Remove(p.Dirs[i]); err != nil {
			return err
		}
	}
	return nil
}
