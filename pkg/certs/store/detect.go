package store

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// detect finds the family and what proved it. Files decide; os-release, which is a text that says what its writer liked, is asked only when they do not.
func detect(t tree.Tree) (Family, string) {
	table := Families()
	for _, f := range table {
		for _, group := range f.proof {
			if !slices.ContainsFunc(group, func(name string) bool { return !exists(t, name) }) {
				return f, group[0]
			}
		}
	}
	words, where := release(t)
	for _, word := range words {
		for _, f := range table {
			if slices.Contains(f.ids, word) {
				return f, where
			}
		}
	}
	return table[len(table)-1], ""
}

// exists follows links: a proof that leads nowhere is none.
func exists(t tree.Tree, name string) bool {
	e, err := t.Lstat(name)
	if err == nil && e.IsLink() {
		_, _, err = tree.Resolve(t, name)
	}
	return err == nil
}

// firstOf is the first name that exists, or "".
func firstOf(t tree.Tree, names []string) string {
	for _, name := range names {
		if exists(t, name) {
			return name
		}
	}
	return ""
}

// release reads ID and then ID_LIKE, in the order in which os-release(5) wants them tried, and says from which file.
func release(t tree.Tree) ([]string, string) {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		data, err := t.ReadFile(name)
		if err != nil {
			continue
		}
		var id, like []string
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key {
			case "ID":
				id = strings.Fields(strings.Trim(value, `"'`))
			case "ID_LIKE":
				like = strings.Fields(strings.Trim(value, `"'`))
			}
		}
		return append(id, like...), name
	}
	return nil, ""
}

// Names are the files and directories at which Survey, Add and Remove look in most trees: a hint for a target that can fetch several at once.
func Names() []string {
	names := []string{"/etc/os-release", "/usr/lib/os-release", debianConf}
	for _, f := range Families() {
		for _, group := range f.proof {
			names = append(names, group...)
		}
		names = append(names, f.tool...)
		names = append(names, f.managers...)
		for _, b := range f.bundles {
			names = append(names, b.Path)
		}
		if f.anchors.dir != "" {
			names = append(names, f.anchors.dir)
		}
		for _, l := range f.links {
			names = append(names, l.dir)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Tells reports a name that is looked at only to tell which distribution it is, and what its tool would do: nothing at it is changed, and what it says is the same in all
// containers of an image.
func Tells(name string) bool {
	if name == debianConf || name == "/etc/os-release" || name == "/usr/lib/os-release" {
		return true
	}
	holds := false
	for _, f := range Families() {
		for _, group := range f.proof {
			holds = holds || slices.Contains(group, name)
		}
		holds = holds || slices.Contains(f.tool, name) || slices.Contains(f.managers, name)
		if slices.ContainsFunc(f.bundles, func(b Bundle) bool { return b.Path == name }) || f.anchors.dir == name {
			return false
		}
	}
	return holds
}
