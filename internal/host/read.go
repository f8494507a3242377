package host

import (
	"errors"
	"io"
	"io/fs"
	"os"
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

// ReadEnd returns what stands in the regular file name leads to from byte offset on, of that the last max bytes at most: the tail of a log, however large the log
// is. A file that is shorter than offset, since it was rotated or emptied, counts from its beginning. Errors: as of ReadFile without ErrTooLarge.
func (f *FS) ReadEnd(name string, offset, max int64) ([]byte, error) {
	file, err := f.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < offset {
		offset = 0
	}
	if st.Size()-offset > max {
		offset = st.Size() - max
	}
	return io.ReadAll(io.NewSectionReader(file, offset, max))
}

// Open opens the regular file name leads to for reading parts of it; the caller closes it. Neither a plan nor a steady view is asked. Errors: as of ReadFile without ErrTooLarge.
func (f *FS) Open(name string) (*os.File, error) { return f.openRegular(name) }

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
	st, err := f.steadyLstat(name)
	if f.over == nil || err == nil && st.Mode&fs.ModeSymlink != 0 {
		return st, err
	}
	return f.Stat(name)
}

// Readlink returns the text of the symbolic link name.
func (f *FS) Readlink(name string) (string, error) { return f.steadyLink(name) }

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
