package truth

// liveHost is what the states for a booted host have to know about it.
type liveHost struct {
	kind    Kind
	manager string   // as liveApply names it
	dirs    []string // unit directories from the highest to the lowest
	config  string   // daemon.json
	startup string   // the startup file this host's dockerd could read, "" for none
	exec    string   // ExecStart= without flags
	proxies bool     // dockerd 23.0 or later: it knows proxies in daemon.json and the flags
	user    string   // whose daemon it is, "" for root's
}

// systemHost is a host whose dockerd is a system unit.
func systemHost(proxies bool) liveHost {
	return liveHost{
		kind: Systemd, manager: "systemd", dirs: []string{unitDirs[0], unitDirs[1], unitDirs[3]}, config: daemonJSON,
		startup: "/etc/default/docker", exec: "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock", proxies: proxies,
	}
}

// scriptHost is a host whose dockerd an init script starts.
func scriptHost(kind Kind, startup string) liveHost {
	return liveHost{kind: kind, manager: string(kind), config: daemonJSON, startup: startup, proxies: true}
}

// rootlessHost is a host where ann's user manager starts dockerd.
func rootlessHost() liveHost {
	return liveHost{
		kind: Systemd, manager: "user", dirs: []string{"/home/ann/.config/systemd/user", "/etc/systemd/user", "/usr/lib/systemd/user"},
		config: "/home/ann/.config/docker/daemon.json", exec: "/usr/bin/dockerd-rootless.sh", proxies: true, user: "ann",
	}
}

// handConfig is a daemon.json that only --config-file leads to.
const handConfig = "/opt/docker/daemon.json"

// handHost is a host where somebody types dockerd.
func handHost() liveHost {
	return liveHost{kind: Manual, manager: "manual", config: daemonJSON, proxies: true}
}

// path is a path of the grammar on the host.
func (h liveHost) path(p string) string {
	if p == daemonJSON {
		return h.config
	}
	return projectNames().Replace(p)
}
