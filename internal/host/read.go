package host

import (
	"errors"
	"io/fs"
	"path"
)

// ReadFile returns the bytes of the regular file name leads to. Errors: fs.ErrNotExist, fs.ErrPermission, ErrNotRegular, ErrTooLarge, each wrapped with the path.
func (f *FS) ReadFile(name string) ([]byte, error) {
	if e, ok := f.over.file(f, name); ok {
		if e.Absent {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return e.Data, nil
	}
	return f.steadyFile(name)
}

// Stat describes what name leads to after following links.
func (f *FS) Stat(name string) (Info, error) {
	if e, ok := f.over.file(f, name); ok {
		return e.info(name)
	}
	st, err := f.steadyStat(name)
	if errors.Is(err, fs.ErrNotExist) && f.over.hasDir(name) {
		return Info{Mode: fs.ModeDir | 0o755, Nlink: 1}, nil
	}
	return st, err
}

// Lstat describes name itself, without following a link in its last element.
func (f *FS) Lstat(name string) (Info, error) {
	st, err := f.stat(name, false)
	if f.over == nil || err == nil && st.Mode&fs.ModeSymlink != 0 {
		return st, err
	}
	return f.Stat(name)
}

// ReadDir returns the names in the directory name leads to, sorted bytewise.
func (f *FS) ReadDir(name string) ([]string, error) {
	names, err := f.steadyDir(name)
	if f.over == nil {
		return names, err
	}
	if err != nil && !f.over.hasDir(name) {
		return nil, err
	}
	return f.over.merge(f, path.Clean("/"+name), names), nil
}
