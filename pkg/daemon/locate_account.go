package daemon

import (
	"path"
	"strconv"
	"strings"
)

// findAccount decides whether the daemon is a rootless one, and whose: the endpoint stands in an account's runtime directory.
func (l *locator) findAccount() {
	p := socketPath(l.Endpoint)
	own := l.env.getenv("XDG_RUNTIME_DIR")
	switch uid := runtimeUID(p); {
	case uid >= 0:
		l.rootless(uid, path.Dir(p))
	case l.env.UID > 0 && own != "" && path.Dir(p) == path.Clean(own):
		l.rootless(l.env.UID, path.Clean(own))
	}
}

// rootless makes the site that of uid's own daemon.
func (l *locator) rootless(uid int, runtimeDir string) {
	u := &User{UID: uid, GID: -1, RuntimeDir: runtimeDir}
	if entry, ok := l.passwd(strconv.Itoa(uid)); ok {
		*u = entry
		u.RuntimeDir = runtimeDir
	}
	if uid == l.env.UID {
		if l.env.Home != "" {
			u.Home = l.env.Home
		}
		u.XDGConfigHome = l.env.getenv("XDG_CONFIG_HOME")
	}
	if u.XDGConfigHome == "" || !path.IsAbs(u.XDGConfigHome) {
		u.XDGConfigHome = path.Join(u.Home, ".config")
	}
	l.User, l.Flavor = u, FlavorRootless
}

// passwd looks an account up by number in /etc/passwd. Accounts of a directory service are not there; their home is only known to themselves.
func (l *locator) passwd(uid string) (User, bool) {
	data, err := l.FS.ReadFile("/etc/passwd")
	if err != nil {
		return User{}, false
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 6 || f[2] != uid {
			continue
		}
		n, err1 := strconv.Atoi(f[2])
		g, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil {
			return User{Name: f[0], UID: n, GID: g, Home: f[5]}, true
		}
	}
	return User{}, false
}
