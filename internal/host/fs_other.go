//go:build !linux

package host

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// FS gives read-only access to the files of the running system. Other roots need Linux.
type FS struct {
	over *overlay
	seen *steady // nil: every look is a new one
}

// Open opens the running system; any other root is refused.
func Open(dir string) (*FS, error) {
	if dir != "" && dir != "/" {
		return nil, fmt.Errorf("opening root %s: --root needs Linux", dir)
	}
	return &FS{}, nil
}

// Root is always "/".
func (f *FS) Root() string { return "/" }

// Live is always true.
func (f *FS) Live() bool { return true }

// Close does nothing.
func (f *FS) Close() error { return nil }

func (f *FS) openRegular(name string) (*os.File, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	}
	return os.Open(name)
}

func (f *FS) readFile(name string) ([]byte, error) {
	file, err := f.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFileSize+1))
	if err == nil && len(data) > MaxFileSize {
		err = &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return data, err
}

func (f *FS) stat(name string, follow bool) (Info, error) {
	if follow {
		return info(os.Stat(name))
	}
	return info(os.Lstat(name))
}

func info(st fs.FileInfo, err error) (Info, error) {
	if err != nil {
		return Info{}, err
	}
	return Info{Mode: st.Mode(), UID: -1, GID: -1, Size: st.Size(), ModTime: st.ModTime(), Nlink: 1}, nil
}

func (f *FS) readlink(name string) (string, error) { return os.Readlink(name) }

func (f *FS) readDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}
