package systemd

import (
	"path"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// ManagerFileKind is the language of a ManagerFile.
type ManagerFileKind string

// The kinds.
const (
	ManagerConf    ManagerFileKind = "systemd.conf"  // [Manager] DefaultEnvironment=, as in a unit file
	EnvironmentDir ManagerFileKind = "environment.d" // NAME=VALUE lines, environment.d(5)
)

// ManagerFile is a file that sets variables for everything a manager starts.
type ManagerFile struct {
	Path string
	Kind ManagerFileKind
}

// ManagerFiles returns the files that make a manager's own environment, weakest first: system.conf or user.conf, their drop-ins, and for a user manager the
// files of environment.d, which are applied after DefaultEnvironment= (systemd-system.conf(5), environment.d(5)). Masked and missing files are left out.
// What `systemctl set-environment` and environment generators of other packages add is in no file.
func ManagerFiles(files *host.FS, user *UserDirs) []ManagerFile {
	name, dirs := "system.conf", configDirs(files, "systemd")
	if user != nil {
		name = "user.conf"
		if user.ConfigHome != "" {
			dirs = append([]string{path.Join(user.ConfigHome, "systemd")}, dirs...)
		}
	}
	var out []ManagerFile
	for _, dir := range dirs { // the first that exists, "only the one with the highest priority"
		if f, ok := describe(files, path.Join(dir, name)); ok {
			if !f.Masked {
				out = append(out, ManagerFile{Path: f.Path, Kind: ManagerConf})
			}
			break
		}
	}
	out = appendConf(out, files, suffixed(dirs, name+".d"), ManagerConf)
	if user == nil {
		return out
	}
	envDirs := configDirs(files, "environment.d")
	if user.ConfigHome != "" {
		envDirs = append([]string{path.Join(user.ConfigHome, "environment.d")}, envDirs...)
	}
	return appendConf(out, files, envDirs, EnvironmentDir)
}

func appendConf(out []ManagerFile, files *host.FS, dirs []string, kind ManagerFileKind) []ManagerFile {
	for _, f := range confFiles(files, dirs) {
		if !f.Masked {
			out = append(out, ManagerFile{Path: f.Path, Kind: kind})
		}
	}
	return out
}

func suffixed(dirs []string, name string) []string {
	var out []string
	for _, d := range dirs {
		out = append(out, path.Join(d, name))
	}
	return out
}

// LivesHere reports whether systemd is the running manager: the directory /run/systemd/system exists (sd_booted(3)). Ask it about the running system only.
func LivesHere(files *host.FS) bool {
	st, err := files.Lstat("/run/systemd/system")
	return err == nil && st.Mode.IsDir()
}
