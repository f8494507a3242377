package runtime

import (
	"path"
	"slices"
	"strings"
)

// look finds the runtimes that have to be restarted or made again: by processes, by what the image starts, by variables of their images, and by their files in the usual
// places.
func (f *finder) look(p Processes) []program {
	var out []program
	at := func(row Row, name string) *program {
		for i := range out {
			if out[i].row.Name == row.Name && (row.Name != "" || out[i].name == name) {
				return &out[i]
			}
		}
		out = append(out, program{row: row, name: name})
		return &out[len(out)-1]
	}
	for _, proc := range p.Running {
		name := proc.Name()
		if name == "" || slices.Contains(inert(), name) || starting(proc) {
			continue
		}
		row, known := rowOf(name)
		if known && !row.Once && row.Action != Recreate { // it reads them anew
			continue
		}
		found := at(row, name)
		found.running = append(found.running, proc)
	}
	for _, row := range Matrix() {
		if row.Action == Recreate && f.installed(row.Name, p) {
			at(row, row.Name)
		}
	}
	if !f.noListing && (f.isDir("/snap") || f.isDir("/var/lib/flatpak")) {
		if i := slices.IndexFunc(Matrix(), func(r Row) bool { return r.Action == OutScope }); i >= 0 {
			at(Matrix()[i], "/snap")
		}
	}
	return out
}

// starting reports whether a process is not the container's program yet, but what becomes it: `runc init` (runc libcontainer/container_linux.go), whose file has been copied.
func starting(p Process) bool {
	return len(p.Argv) == 2 && p.Argv[1] == "init" && (path.Base(p.Argv[0]) == "runc" || path.Base(p.Argv[0]) == "crun")
}

// rowOf finds the runtime of a program; the zero Row and false for one that is not known.
func rowOf(name string) (Row, bool) {
	for _, row := range Matrix() {
		for _, pattern := range row.Programs {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				return row, true
			}
		}
	}
	return Row{}, false
}

// installed reports whether there is such a program although no process of it runs.
func (f *finder) installed(name string, p Processes) bool {
	marks := map[string][]string{"node": {"NODE_VERSION"}, "deno": {"DENO_VERSION", "DENO_DIR"}, "bun": {"BUN_INSTALL", "BUN_RUNTIME_TRANSPILER_CACHE_PATH"}}[name]
	if marks == nil {
		return false
	}
	if slices.ContainsFunc(marks, func(v string) bool { return len(p.settings(v)) > 0 }) {
		return true
	}
	if len(p.Argv) > 0 && path.Base(p.Argv[0]) == name {
		return true
	}
	if f.noListing {
		return false
	}
	dirs := []string{"/usr/local/bin", "/usr/bin"}
	for _, dir := range p.paths() {
		if !strings.HasPrefix(dir, "/usr/") && strings.Count(dir, "/") > 1 {
			dirs = append(dirs, dir)
		}
	}
	return slices.ContainsFunc(dirs, func(dir string) bool { return f.isFile(path.Join(dir, name)) })
}
