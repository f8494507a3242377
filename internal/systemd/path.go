package systemd

import (
	"path"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// SearchPath returns the directories in which a manager looks for units and their drop-in directories, strongest first: of the system manager when user is
// nil, else of that account's manager. Directories need not exist. SYSTEMD_UNIT_PATH, which replaces the list, is not considered.
// Source: lookup_paths_init in src/libsystemd/sd-path/path-lookup.c (v252 to v258), systemd.unit(5).
func SearchPath(files *host.FS, user *UserDirs) []string {
	if user != nil {
		return userSearchPath(*user)
	}
	dirs := []string{
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early",
		"/etc/systemd/system", "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached",
		"/run/systemd/generator", "/usr/local/lib/systemd/system",
	}
	if separateLib(files) {
		// systemd built for a /lib of its own calls that one the place of vendor units, and reads /usr/lib after it.
		dirs = append(dirs, "/lib/systemd/system")
	}
	return append(dirs, "/usr/lib/systemd/system", "/run/systemd/generator.late")
}

// separateLib reports whether /lib/systemd is another directory than /usr/lib/systemd: on a merged /usr both names mean the same files, which must not be
// found twice.
func separateLib(files *host.FS) bool {
	lib, err := files.Stat("/lib/systemd")
	if err != nil {
		return false
	}
	usr, err := files.Stat("/usr/lib/systemd")
	return err != nil || lib.Dev != usr.Dev || lib.Ino != usr.Ino
}

func userSearchPath(u UserDirs) []string {
	var dirs []string
	add := func(base, rest string) {
		if base != "" {
			dirs = append(dirs, path.Join(base, rest))
		}
	}
	add(u.ConfigHome, "systemd/user.control")
	add(u.RuntimeDir, "systemd/user.control")
	add(u.RuntimeDir, "systemd/transient")
	add(u.RuntimeDir, "systemd/generator.early")
	add(u.ConfigHome, "systemd/user")
	add(u.ConfigHome, "systemd/user.attached")
	dirs = append(dirs, "/etc/xdg/systemd/user", "/etc/systemd/user")
	add(u.RuntimeDir, "systemd/user")
	add(u.RuntimeDir, "systemd/user.attached")
	dirs = append(dirs, "/run/systemd/user")
	add(u.RuntimeDir, "systemd/generator")
	add(u.DataHome, "systemd/user")
	dirs = append(dirs, "/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
	add(u.RuntimeDir, "systemd/generator.late")
	return dirs
}

// configDirs returns the directories of systemd's own configuration (CONF_PATHS in src/basic/constants.h), strongest first, each with rest appended.
func configDirs(files *host.FS, rest string) []string {
	dirs := []string{path.Join("/etc", rest), path.Join("/run", rest), path.Join("/usr/local/lib", rest), path.Join("/usr/lib", rest)}
	if separateLib(files) {
		dirs = append(dirs, path.Join("/lib", rest))
	}
	return dirs
}
