package systemd

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// confFiles returns the *.conf files of dirs, strongest directory first, in the order systemd reads them: by file name across all directories; of files with the
// same name only the one in the strongest directory counts (conf_files_list in src/basic/conf-files.c). Unreadable directories count as empty.
func confFiles(files *host.FS, dirs []string) []UnitFile {
	byName := map[string]*UnitFile{}
	seen := map[string]bool{}
	for _, dir := range dirs {
		real, err := files.Resolve(dir, false)
		if err != nil || seen[real] {
			continue
		}
		seen[real] = true
		names, err := files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if !strings.HasSuffix(name, ".conf") || name[0] == '.' {
				continue
			}
			file, ok := describe(files, path.Join(dir, name))
			if !ok {
				// A directory or a dangling link of that name is not read, and yet hides the weaker ones, as an empty file does (seen with v252).
				file = UnitFile{Path: path.Join(dir, name), Real: path.Join(dir, name), Masked: true}
			}
			if winner := byName[name]; winner != nil {
				winner.Shadowed = append(winner.Shadowed, file.Path)
				continue
			}
			file.DropIn = true
			byName[name] = &file
		}
	}
	var out []UnitFile
	for _, f := range byName {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b UnitFile) int { return cmp.Compare(path.Base(a.Path), path.Base(b.Path)) })
	return out
}

// describe says where name leads and whether it only masks. It is false for what systemd does not take as a file: directories and dangling links.
func describe(files *host.FS, name string) (UnitFile, bool) {
	real, err := files.Resolve(name, true) // an image need not have /dev
	if err != nil {
		return UnitFile{}, false
	}
	file := UnitFile{Path: name, Real: real}
	if real == "/dev/null" {
		file.Masked = true
		return file, true
	}
	st, err := files.Stat(name)
	if err != nil || st.Mode.IsDir() {
		return UnitFile{}, false
	}
	file.Masked = st.Mode&fs.ModeDevice != 0 || st.Mode.IsRegular() && st.Size == 0
	return file, true
}
