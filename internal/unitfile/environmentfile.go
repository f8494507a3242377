package unitfile

import (
	"errors"
	"strings"
)

// EnvironmentFile is what an EnvironmentFile= line names.
type EnvironmentFile struct {
	Path     string // absolute; may hold glob characters (glob(7), backslash quotes)
	Optional bool   // "-": a file that is missing or cannot be read is skipped
	Unknown  bool   // the path uses a specifier whose value the caller does not know
}

var (
	errSpecifier = errors.New("unknown % specifier; write %% for a percent sign")
	errRelative  = errors.New("the path is not absolute")
	errEmpty     = errors.New("no path")
)

// EnvironmentFilePath reads the value of an EnvironmentFile= line as systemd
// release systemdVersion does (config_parse_unit_env_file): the whole value is
// one path, quotes and blanks are part of it. The error says why systemd
// ignores the line; it quotes nothing. An empty value resets the list and is an
// error here: ask [Assignment.Resets] first.
func EnvironmentFilePath(a Assignment, r Specifiers, systemdVersion int) (EnvironmentFile, error) {
	v := release(systemdVersion)
	if a.Value == "" {
		return EnvironmentFile{}, errEmpty
	}
	e, ok := v.expand(a.Value, v.letters(false), r)
	if !ok {
		return EnvironmentFile{}, errSpecifier
	}
	path, optional := strings.CutPrefix(e.text, "-")
	ef := EnvironmentFile{Path: path, Optional: optional, Unknown: len(e.unknown) > 0}
	if !strings.HasPrefix(path, "/") {
		// A path that starts with an unknown value is absolute in any sane
		// unit; the caller sees that it is unknown.
		if len(e.unknown) > 0 && e.unknown[0] <= len(e.text)-len(path) {
			return ef, nil
		}
		return EnvironmentFile{}, errRelative
	}
	if v.simplifiesPath() {
		ef.Path = simplify(path)
	}
	return ef, nil
}

// simplify is path_simplify of src/basic/path-util.c: "//", "/./" and slashes
// at the end go away, ".." stays.
func simplify(path string) string {
	var kept []string
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && part != "." {
			kept = append(kept, part)
		}
	}
	return "/" + strings.Join(kept, "/")
}
