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
	search := SearchPath(files, user)
	names := readNames(files, search, path.Ext(name))
	var out []UnitFile
	if fragment, ok := names.fragment(name); ok {
		if file, ok := describe(files, fragment); ok {
			file.Shadowed = names.shadowed[path.Base(fragment)]
			out = append(out, file)
		}
	}
	return append(out, confFiles(files, dropInDirs(search, name, names.aliases(name)))...)
}

// unitNames is what the unit directories say about names of one unit type: the path of a unit's file, or, for an alias, the name it stands for.
type unitNames struct {
	leads    map[string]string   // name → absolute path, or another name
	shadowed map[string][]string // name → files in weaker directories
}

func readNames(files *host.FS, search []string, ext string) unitNames {
	n := unitNames{leads: map[string]string{}, shadowed: map[string][]string{}}
	for _, dir := range search {
		entries, err := files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, name := range entries {
			if path.Ext(name) == ext {
				n.add(files, search, dir, name)
			}
		}
	}
	return n
}

func (n unitNames) add(files *host.FS, search []string, dir, name string) {
	at := path.Join(dir, name)
	st, err := files.Lstat(at)
	if err != nil || st.Mode.IsDir() {
		return
	}
	if _, taken := n.leads[name]; taken {
		n.shadowed[name] = append(n.shadowed[name], at)
		return
	}
	if st.Mode&fs.ModeSymlink == 0 {
		n.leads[name] = at
		return
	}
	target, err := files.Readlink(at)
	if err != nil {
		return
	}
	if !path.IsAbs(target) {
		target = path.Join(dir, target)
	}
	// A link to another unit's place is an alias; one that leads out of the unit directories is the unit itself (systemctl link, or a mask).
	parent, err := files.Resolve(path.Dir(target), true)
	if err != nil {
		return
	}
	switch inside := slices.ContainsFunc(search, func(d string) bool { return isBelow(files, parent, d) }); {
	case !inside:
		n.leads[name] = at
	case path.Base(target) != name && path.Ext(target) == path.Ext(name):
		n.leads[name] = path.Base(target)
	}
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
func (n unitNames) fragment(name string) (string, bool) {
	for range maxAliases {
		next, ok := n.leads[name]
		if !ok || path.IsAbs(next) {
			return next, ok
		}
		name = next
	}
	return "", false
}

// aliases returns the other names of the unit, sorted.
func (n unitNames) aliases(name string) []string {
	fragment, ok := n.fragment(name)
	if !ok {
		return nil
	}
	var out []string
	for _, other := range slices.Sorted(maps.Keys(n.leads)) {
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
