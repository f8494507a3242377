package systemd

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// maxAliases is how many links from one unit name to another systemd follows (FOLLOW_MAX in src/basic/unit-file.c).
const maxAliases = 8

// UnitFiles returns the files that make up the unit name, such as docker.service, in the order in which systemd reads them: the fragment, then the drop-ins.
// Without a fragment the result starts with a drop-in or is empty; a unit made by a generator is found where the generator left it, on a running system only.
// user selects that account's manager; nil is the system manager. Template instances (a@b.service) are not resolved.
// Source: systemd.unit(5); unit_file_build_name_map and unit_file_find_dropin_paths in src/basic/unit-file.c and src/shared/dropin.c (v252 to v258).
func UnitFiles(files *host.FS, name string, user *UserDirs) []UnitFile {
	n := readNames(files, SearchPath(files, user), path.Ext(name))
	var out []UnitFile
	if fragment, ok := n.fragment(name); ok {
		if file, ok := describe(files, fragment); ok {
			file.Shadowed = n.shadowed[path.Base(fragment)]
			out = append(out, file)
		}
	}
	return append(out, confFiles(files, dropInDirs(n.search, name, n.aliases(name)))...)
}

// unitNames is what the unit directories say about names of one unit type. Only names that are asked for are looked at: there are hundreds.
type unitNames struct {
	files    *host.FS
	search   []string
	places   map[string][]string // name → files of that name, strongest directory first
	dropIns  map[string]bool     // names that have a drop-in directory
	leads    map[string]string   // name → absolute path, or, for an alias, the name it stands for; "" for neither
	shadowed map[string][]string // name → files in weaker directories
}

func readNames(files *host.FS, search []string, ext string) *unitNames {
	n := &unitNames{files: files, search: search, places: map[string][]string{}, dropIns: map[string]bool{}, leads: map[string]string{}, shadowed: map[string][]string{}}
	for _, dir := range search {
		entries, err := files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, name := range entries {
			switch path.Ext(name) {
			case ext:
				n.places[name] = append(n.places[name], path.Join(dir, name))
			case ".d":
				if stem := strings.TrimSuffix(name, ".d"); path.Ext(stem) == ext {
					n.dropIns[stem] = true
				}
			}
		}
	}
	return n
}

// lead says what a name leads to: a path, another name, or "".
func (n *unitNames) lead(name string) string {
	if to, ok := n.leads[name]; ok {
		return to
	}
	to := ""
	for i, at := range n.places[name] {
		if to = n.follow(at, name); to != "" {
			if rest := n.places[name][i+1:]; len(rest) > 0 {
				n.shadowed[name] = rest
			}
			break
		}
	}
	n.leads[name] = to
	return to
}

// follow says what one file or link leads to; "" for what systemd passes over: directories, and links to the same name in another unit directory.
func (n *unitNames) follow(at, name string) string {
	st, err := n.files.Lstat(at)
	if err != nil || st.Mode.IsDir() {
		return ""
	}
	if st.Mode&fs.ModeSymlink == 0 {
		return at
	}
	target, err := n.files.Readlink(at)
	if err != nil {
		return ""
	}
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(at), target)
	}
	// A link to another unit's place is an alias; one that leads out of the unit directories is the unit itself (systemctl link, or a mask).
	parent, err := n.files.Resolve(path.Dir(target), true)
	if err != nil {
		return ""
	}
	switch inside := slices.ContainsFunc(n.search, func(d string) bool { return isBelow(n.files, parent, d) }); {
	case !inside:
		return at
	case path.Base(target) != name && path.Ext(target) == path.Ext(name):
		return path.Base(target)
	}
	return ""
}

// isBelow reports whether parent, already free of links, is the unit directory dir or inside it.
func isBelow(files *host.FS, parent, dir string) bool {
	real, err := files.Resolve(dir, false)
	if err != nil {
		real = dir
	}
	return parent == real || strings.HasPrefix(parent, real+"/")
}

// fragment follows aliases from name to a path.
func (n *unitNames) fragment(name string) (string, bool) {
	for range maxAliases {
		next := n.lead(name)
		if next == "" || path.IsAbs(next) {
			return next, next != ""
		}
		name = next
	}
	return "", false
}

// aliases returns the other names of the unit that have drop-ins, sorted.
func (n *unitNames) aliases(name string) []string {
	fragment, ok := n.fragment(name)
	if !ok {
		return nil
	}
	var out []string
	for _, other := range slices.Sorted(maps.Keys(n.places)) {
		if !slices.ContainsFunc(prefixes(other), func(p string) bool { return n.dropIns[p] }) {
			continue
		}
		if f, ok := n.fragment(other); ok && f == fragment && other != name {
			out = append(out, other)
		}
	}
	return out
}

// dropInDirs returns the drop-in directories of a unit, strongest first: its own and those of its dash prefixes in every unit directory, then those of its
// aliases, then the ones for all units of the type ("service.d").
func dropInDirs(search []string, name string, aliases []string) []string {
	var dirs []string
	for _, n := range append([]string{name}, aliases...) {
		for _, dir := range search {
			for _, prefix := range prefixes(n) {
				dirs = append(dirs, path.Join(dir, prefix+".d"))
			}
		}
	}
	for _, dir := range search {
		dirs = append(dirs, path.Join(dir, strings.TrimPrefix(path.Ext(name), ".")+".d"))
	}
	return dirs
}

// prefixes returns name and the names its dashes stand for: a-b-c.service, a-b-.service, a-.service (unit_file_find_dirs in src/shared/dropin.c).
func prefixes(name string) []string {
	ext := path.Ext(name)
	out := []string{name}
	stem := strings.TrimSuffix(name, ext)
	for {
		stem = strings.TrimSuffix(stem, "-")
		i := strings.LastIndexByte(stem, '-')
		if i <= 0 {
			return out
		}
		stem = stem[:i+1]
		out = append(out, stem+ext)
	}
}
