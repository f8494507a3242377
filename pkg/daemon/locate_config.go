package daemon

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
)

// readConfigPlace decides which daemon.json this dockerd reads and where its data is: by its options, then by the place of its packaging
// (moby daemon/config_unix.go, getDefaultDaemonConfigFile; cli/configs of rootless mode).
func (l *locator) readConfigPlace() {
	l.ConfigFile, l.DataRoot = l.defaultPlaces()
	l.findHomes()
	for _, f := range l.Flags {
		switch f.Name {
		case "config-file":
			l.ConfigFile = f.Value.Reveal()
			l.ConfigExplicit, l.ConfigDisabled = l.ConfigFile != "", l.ConfigFile == ""
		case "data-root":
			l.DataRoot = f.Value.Reveal()
		}
	}
	if l.ConfigFile != "" && !path.IsAbs(l.ConfigFile) {
		l.cannotKnow("dockerd is told to read " + l.ConfigFile + ", which depends on the directory it was started in")
	}
	l.DataRoot = l.configuredDataRoot()
	l.dataRootHere = l.DataRoot
}

func (l *locator) defaultPlaces() (config, data string) {
	switch {
	case l.Flavor == FlavorSnap:
		return "/var/snap/docker/current/config/daemon.json", "/var/snap/docker/common/var-lib-docker"
	case l.User != nil:
		// dockerd's own environment decides, when it can be seen; a login shell may have another one.
		configHome, dataHome := l.User.XDGConfigHome, path.Join(l.User.Home, ".local/share")
		if p := l.Process; p != nil {
			if v, ok := p.Variable("XDG_CONFIG_HOME"); ok && path.IsAbs(v) {
				configHome = v
			}
			if v, ok := p.Variable("XDG_DATA_HOME"); ok && path.IsAbs(v) {
				dataHome = v
			}
		}
		return path.Join(configHome, "docker/daemon.json"), path.Join(dataHome, "docker")
	}
	return "/etc/docker/daemon.json", "/var/lib/docker"
}

// configuredDataRoot lets data-root of daemon.json count. A file that dockerd would refuse changes nothing; its surface reports it.
func (l *locator) configuredDataRoot() string {
	if l.ConfigFile == "" {
		return l.DataRoot
	}
	data, err := l.FS.ReadFile(l.ConfigFile)
	if err != nil || !json.Valid(data) {
		return l.DataRoot
	}
	var c struct {
		DataRoot string `json:"data-root"`
		Graph    string `json:"graph"`
	}
	if json.Unmarshal(data, &c) != nil {
		return l.DataRoot
	}
	for _, v := range []string{c.DataRoot, c.Graph} {
		if strings.HasPrefix(v, "/") {
			return v
		}
	}
	return l.DataRoot
}

// mostHomes bounds how many accounts' homes are looked into.
const mostHomes = 20

// findHomes lists where a daemon.json of an account may lie. On the running system these are the homes of those who look; in a directory nobody looks, and the accounts of
// people count (uid 1000 and above, login.defs(5), UID_MIN).
func (l *locator) findHomes() {
	add := func(home string) {
		if path.IsAbs(home) && home != "/" && len(l.Homes) < mostHomes && !slices.Contains(l.Homes, path.Clean(home)) {
			l.Homes = append(l.Homes, path.Clean(home))
		}
	}
	add("/root")
	if l.Live {
		add(l.env.Home)
		if uid := l.env.getenv("SUDO_UID"); uid != "" {
			if u, ok := l.passwd(uid); ok {
				add(u.Home)
			}
		}
		if l.User != nil {
			add(l.User.Home)
		}
		return
	}
	data, err := l.FS.ReadFile("/etc/passwd")
	if err != nil {
		return
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 6 {
			continue
		}
		if uid, err := strconv.Atoi(f[2]); err == nil && uid >= 1000 && uid < 60000 {
			add(f[5])
		}
	}
}
