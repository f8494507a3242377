package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads every state of a directory, sorted by name.
func Load(dir string) ([]State, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []State
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := Parse(strings.TrimSuffix(filepath.Base(name), ".txtar"), text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no states in %s", dir)
	}
	return out, nil
}

// Bases are the machines that states are laid over, by name.
type Bases map[string]State

// LoadBases reads the machines of a directory.
func LoadBases(dir string) (Bases, error) {
	list, err := Load(dir)
	if err != nil {
		return nil, err
	}
	out := Bases{}
	for _, b := range list {
		out[b.Name] = b
	}
	return out, nil
}

// Whole returns all files of the machine in the state: those of the base, replaced or taken away by the state's own.
func (b Bases) Whole(s State) ([]File, error) {
	base, ok := b[s.Base]
	if !ok {
		return nil, fmt.Errorf("%s: there is no base %q", s.Name, s.Base)
	}
	var out []File
	for _, f := range base.Files {
		if s.File(f.Path) == nil {
			out = append(out, f)
		}
	}
	for _, f := range s.Files {
		if !f.Gone {
			out = append(out, f)
		}
	}
	return out, nil
}

// WriteTree lays files out below dir.
func WriteTree(dir string, files []File) error {
	for _, f := range files {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a tree of public files
			return err
		}
		if err := writeOne(name, f); err != nil {
			return fmt.Errorf("laying out %s: %w", f.Path, err)
		}
	}
	return nil
}

func writeOne(name string, f File) error {
	switch {
	case f.Link != "":
		return os.Symlink(f.Link, name)
	case f.Dir:
		return os.MkdirAll(name, f.Mode)
	}
	if err := os.WriteFile(name, []byte(f.Data), 0o600); err != nil {
		return err
	}
	return os.Chmod(name, f.Mode) // whatever the umask is
}

// ReadTree reads what lies below dir as files of a machine.
func ReadTree(dir string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := File{Path: "/" + filepath.ToSlash(strings.TrimPrefix(name, dir+"/")), Mode: info.Mode().Perm()}
		switch {
		case d.IsDir():
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if f.Link, err = os.Readlink(name); err != nil {
				return err
			}
		default:
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			f.Data = string(data)
		}
		out = append(out, f)
		return nil
	})
	return out, err
}
