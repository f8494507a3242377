package host

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Overlay is what a file would be if a planned change were made. The plan of a change is judged by reading the host through it, so that "would stay
// shadowed" and "is shadowed" are decided by the same code.
type Overlay struct {
	Data   []byte
	Mode   fs.FileMode // permission bits; 0 counts as 0644
	Absent bool
}

func (e Overlay) info(name string) (Info, error) {
	if e.Absent {
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	mode := e.Mode
	if mode == 0 {
		mode = 0o644
	}
	return Info{Mode: mode, Size: int64(len(e.Data)), Nlink: 1}, nil
}

// overlay holds the planned files by the path they have after all links are followed.
type overlay struct {
	files map[string]Overlay
	dirs  map[string]bool
}

// With returns a view of the same root in which the files, named by the host's own paths, are as given. Links on the way to a file keep leading to it. The view
// shares the directory descriptor of f; close only f.
func (f *FS) With(files map[string]Overlay) *FS {
	o := &overlay{files: map[string]Overlay{}, dirs: map[string]bool{}}
	if f.over != nil {
		maps.Copy(o.files, f.over.files)
		maps.Copy(o.dirs, f.over.dirs)
	}
	bare := *f
	bare.over = nil
	for name, e := range files {
		real, err := bare.Resolve(name, true)
		if err != nil {
			real = path.Clean("/" + name)
		}
		o.files[real] = e
		for d := path.Dir(real); !e.Absent && !o.dirs[d]; d = path.Dir(d) {
			o.dirs[d] = true
		}
	}
	view := bare
	view.over = o
	return &view
}

func (o *overlay) file(f *FS, name string) (Overlay, bool) {
	if o == nil {
		return Overlay{}, false
	}
	bare := *f
	bare.over = nil
	real, err := bare.Resolve(name, true)
	if err != nil {
		real = path.Clean("/" + name)
	}
	e, ok := o.files[real]
	return e, ok
}

func (o *overlay) hasDir(name string) bool { return o != nil && o.dirs[path.Clean("/"+name)] }

// merge adds planned files and directories to the names of a directory and takes away what a plan removes.
func (o *overlay) merge(f *FS, dir string, names []string) []string {
	bare := *f
	bare.over = nil
	if real, err := bare.Resolve(dir, true); err == nil {
		dir = real
	}
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	for p, e := range o.files {
		if path.Dir(p) == dir {
			set[path.Base(p)] = !e.Absent
		}
	}
	for d := range o.dirs {
		if path.Dir(d) == dir && d != "/" {
			set[path.Base(d)] = true
		}
	}
	out := slices.DeleteFunc(slices.Sorted(maps.Keys(set)), func(n string) bool { return !set[n] || strings.Contains(n, "/") })
	return out
}
