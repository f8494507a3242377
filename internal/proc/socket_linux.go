package proc

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// acceptsConnections is SO_ACCEPTCON in the flags of /proc/net/unix: the socket listens.
const acceptsConnections = 1 << 16

// Serves reports whether the process holds the listening unix socket at name, an absolute path, also when it got it from its manager. It does not connect. The
// error says that it cannot be told: only root and the owner may read a process's descriptors.
func Serves(files *host.FS, pid int, name string) (bool, error) {
	dir := path.Join("/proc", strconv.Itoa(pid))
	// The process's own list: a rootless daemon is in another network namespace.
	table, err := files.ReadFile(dir + "/net/unix")
	if err != nil {
		return false, fmt.Errorf("reading the sockets of process %d: %w", pid, err)
	}
	inodes := listening(files, string(table), name)
	fds, err := files.ReadDir(dir + "/fd")
	if err != nil {
		return false, fmt.Errorf("reading the descriptors of process %d: %w", pid, err)
	}
	if len(inodes) == 0 {
		return false, nil
	}
	for _, fd := range fds {
		if link, err := files.Readlink(path.Join(dir, "fd", fd)); err == nil && inodes[link] {
			return true, nil
		}
	}
	return false, nil
}

// Listening reports whether any process of this network namespace listens on the unix socket at name, without connecting. True when it cannot be told.
func Listening(files *host.FS, name string) bool {
	table, err := files.ReadFile("/proc/net/unix")
	return err != nil || len(listening(files, string(table), name)) > 0
}

// listening returns the sockets bound to name that listen, as /proc/PID/fd spells them. name and what was bound may be different spellings (/var/run, /run).
func listening(files *host.FS, table, name string) map[string]bool {
	want := resolved(files, name)
	out := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		f := strings.Fields(line) // Num RefCount Protocol Flags Type St Inode Path
		if len(f) < 8 || !strings.HasPrefix(f[7], "/") || path.Base(f[7]) != path.Base(name) {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 64)
		if err == nil && flags&acceptsConnections != 0 && resolved(files, f[7]) == want {
			out["socket:["+f[6]+"]"] = true
		}
	}
	return out
}

func resolved(files *host.FS, name string) string {
	if r, err := files.Resolve(name, true); err == nil {
		return r
	}
	return path.Clean(name)
}
