package daemon

import (
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

// specifiers knows the % specifiers of systemd.unit(5) as far as they can be read from files: names, directories, the host's name and machine id.
func (s *Site) specifiers() unitfile.Specifiers {
	more := func(letter byte) (string, bool) {
		switch letter {
		case 'H', 'q':
			return s.firstLine(map[bool]string{true: "/proc/sys/kernel/hostname", false: "/etc/hostname"}[s.Live])
		case 'l':
			name, ok := s.firstLine(map[bool]string{true: "/proc/sys/kernel/hostname", false: "/etc/hostname"}[s.Live])
			short, _, _ := strings.Cut(name, ".")
			return short, ok
		case 'm':
			return s.firstLine("/etc/machine-id")
		case 'v':
			if s.Live {
				return s.firstLine("/proc/sys/kernel/osrelease")
			}
		case 'b':
			if s.Live {
				id, ok := s.firstLine("/proc/sys/kernel/random/boot_id")
				return strings.ReplaceAll(id, "-", ""), ok
			}
		}
		return "", false
	}
	if s.Manager != ManagerSystemdUser || s.User == nil {
		return unitfile.SystemSpecifiers(s.Unit, more)
	}
	u := s.User
	own := map[byte]string{
		'u': u.Name, 'U': strconv.Itoa(u.UID), 'G': strconv.Itoa(u.GID), 'h': u.Home, 't': u.RuntimeDir, 'E': u.XDGConfigHome,
		'C': u.Home + "/.cache", 'S': u.Home + "/.local/state", 'L': u.Home + "/.local/state/log", 'D': u.Home + "/.local/share",
	}
	system := unitfile.SystemSpecifiers(s.Unit, more)
	return func(letter byte) (string, bool) {
		if v, ok := own[letter]; ok {
			return v, true
		}
		if strings.IndexByte("gd", letter) >= 0 {
			return "", false
		}
		return system(letter)
	}
}

func (s *Site) firstLine(path string) (string, bool) {
	data, err := s.FS.ReadFile(path)
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line), err == nil && line != ""
}

// userDirs are the account's directories that its manager reads; nil for the system manager.
func (s *Site) userDirs() *systemd.UserDirs {
	if s.Manager != ManagerSystemdUser || s.User == nil {
		return nil
	}
	return &systemd.UserDirs{ConfigHome: s.User.XDGConfigHome, DataHome: s.User.Home + "/.local/share", RuntimeDir: s.User.RuntimeDir}
}

// managerProcessVariable returns a variable of the systemd manager's own process, which PassEnvironment= hands on; nil when it has none. The second result is false when it
// cannot be known: under --root, and for everybody but root.
func (s *Site) managerProcessVariable(name string) (*string, bool) {
	if !s.Live || s.Manager != ManagerSystemd {
		return nil, false
	}
	data, err := s.FS.ReadFile("/proc/1/environ")
	if err != nil {
		return nil, false
	}
	for entry := range strings.SplitSeq(string(data), "\x00") {
		if n, value, ok := strings.Cut(entry, "="); ok && n == name {
			return &value, true
		}
	}
	return nil, true
}

// isProfile reports whether a sourced file belongs to the login shells' profile, which OpenRC scripts that read it read last.
func isProfile(path string) bool { return strings.HasPrefix(path, "/etc/profile") }
