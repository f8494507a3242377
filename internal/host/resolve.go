package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxLinks is the kernel's own limit of links in one look-up (path_resolution(7)).
const maxLinks = 40

// Resolve returns the path inside the root that name leads to after following every link; the last element may be missing, the directories may not unless
// missing is true. It is a description for people and plans: what is opened later is resolved anew by the kernel.
func (f *FS) Resolve(name string, missing bool) (string, error) {
	rest := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	at, links := "/", 0
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, elem)
		st, err := f.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && (len(rest) == 0 || missing):
			return path.Join(append([]string{next}, rest...)...), nil
		case err != nil:
			return "", err
		case st.Mode&fs.ModeSymlink == 0:
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("resolving %s: too many links", name)
		}
		text, err := f.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(text) {
			at = "/"
		}
		rest = append(strings.Split(strings.Trim(text, "/"), "/"), rest...)
	}
	return at, nil
}

// Glob returns the existing paths that match pattern, sorted, in the manner of glob(7) with path.Match's syntax (`*`, `?`, `[…]`; a leading dot must be spelled).
// It is what systemd does with EnvironmentFile= (systemd.exec(5)). An invalid pattern matches nothing.
func (f *FS) Glob(pattern string) []string {
	found := []string{"/"}
	for elem := range strings.SplitSeq(strings.Trim(path.Clean("/"+pattern), "/"), "/") {
		found = f.globElement(found, elem)
	}
	return found
}

func (f *FS) globElement(dirs []string, elem string) []string {
	var out []string
	for _, dir := range dirs {
		if !strings.ContainsAny(elem, "*?[\\") {
			if _, err := f.Lstat(path.Join(dir, elem)); err == nil {
				out = append(out, path.Join(dir, elem))
			}
			continue
		}
		names, err := f.ReadDir(dir)
		if err != nil {
			continue
		}
		// path.Match negates a class by "^" only, glob(7) by "!" too.
		elem := strings.ReplaceAll(elem, "[!", "[^")
		for _, n := range names {
			if ok, err := path.Match(elem, n); err == nil && ok && (n[0] != '.' || elem[0] == '.') {
				out = append(out, path.Join(dir, n))
			}
		}
	}
	return out
}

// Exists reports whether name leads to anything; an unreadable directory on the way counts as "no".
func (f *FS) Exists(name string) bool {
	_, err := f.Stat(name)
	return err == nil
}
