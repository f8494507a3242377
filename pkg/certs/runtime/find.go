package runtime

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Bounds of one survey. A usual image with Python and Java needs some hundred look-ups; what is beyond is a tree that was made to keep us busy.
const (
	maxLooks  = 4000  // look-ups of one name
	maxListed = 20000 // names in listed directories
	maxStores = 200
)

// finder looks for stores by names and patterns; it never walks a tree.
type finder struct {
	tree      tree.Tree
	noListing bool
	system    []string
	listed    map[string][]tree.Entry
	there     map[string]bool
	looks     int
	names     int
	cut       bool // a bound was reached
	err       error
	survey    Survey
}

// resolve follows the links of name.
func (f *finder) resolve(name string) (string, tree.Entry, error) {
	if f.looks++; f.looks > maxLooks || len(f.survey.Stores) >= maxStores {
		f.cut = true
		return "", tree.Entry{}, fs.ErrNotExist
	}
	// Most names are not there, which one question tells, or none where the directory is known to be missing or was listed.
	if !f.present(name) {
		return "", tree.Entry{}, fs.ErrNotExist
	}
	return tree.Resolve(f.tree, name)
}

// present reports whether there is something by the name; each is asked for once.
func (f *finder) present(dir string) bool {
	if dir == "/" {
		return true
	}
	there, known := f.there[dir]
	if !known {
		there = f.present(path.Dir(dir))
		if up := path.Dir(dir); there && f.listable(up) {
			there = slices.ContainsFunc(f.list(up), func(e tree.Entry) bool { return path.Base(e.Path) == path.Base(dir) })
		} else if there {
			_, err := f.tree.Lstat(dir)
			there = err == nil || !isMissing(err)
		}
		f.there[dir] = there
	}
	return there
}

// listable reports a small directory in which many names are looked for: one listing tells which of them are missing.
func (f *finder) listable(dir string) bool {
	_, done := f.listed[dir]
	return done || !f.noListing && (path.Dir(dir) == "/home" || slices.Contains([]string{"/", "/opt", "/root", "/app", "/usr/local", "/root/.local", "/root/.local/share"}, dir))
}

// usual are the names that match patterns for places where such things usually are. Where listing is not possible they are not looked for: each would be a question.
func (f *finder) usual(patterns []string) []string {
	if f.noListing {
		return nil
	}
	var out []string
	for _, pattern := range patterns {
		for _, name := range f.glob(pattern) {
			if f.present(name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// isDir reports whether there is a directory, links followed.
func (f *finder) isDir(name string) bool {
	_, e, err := f.resolve(name)
	return err == nil && e.Mode.IsDir()
}

// isFile reports whether there is a regular file, links followed.
func (f *finder) isFile(name string) bool {
	_, e, err := f.resolve(name)
	return err == nil && e.Mode.IsRegular()
}

// list gives the entries of a directory, none for anything else.
func (f *finder) list(dir string) []tree.Entry {
	if entries, ok := f.listed[dir]; ok {
		return entries
	}
	var entries []tree.Entry
	if f.looks++; f.looks > maxLooks || f.names > maxListed {
		f.cut = true
	} else if f.present(dir) {
		var err error
		if entries, err = f.tree.ReadDir(dir); err != nil && !isMissing(err) {
			f.note(certs.Skipped, dir, "not looked through: %v", err)
		}
	}
	f.names += len(entries)
	f.listed[dir] = entries
	return entries
}

// glob gives the names that match a pattern, an absolute path whose elements may be patterns of path.Match. An element without a wildcard is not looked up, so the
// names that come out need not exist. Hidden names match only a pattern that begins with a point, as in a shell. Directories on a mount of their own are gone into only by
// their names: a volume can have any size, and is somebody else's.
func (f *finder) glob(pattern string) []string {
	at := []string{"/"}
	for element := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range at {
			if !strings.ContainsAny(element, "*?[") {
				next = append(next, path.Join(dir, element))
				continue
			}
			if f.noListing {
				continue
			}
			for _, e := range f.list(dir) {
				base := path.Base(e.Path)
				if strings.HasPrefix(base, ".") && !strings.HasPrefix(element, ".") || e.Mount || !e.Mode.IsDir() && !e.IsLink() {
					continue
				}
				if ok, err := path.Match(element, base); err == nil && ok {
					f.there[path.Join(dir, base)] = true
					next = append(next, path.Join(dir, base))
				}
			}
		}
		at = next
	}
	return at
}
