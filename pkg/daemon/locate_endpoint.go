package daemon

import (
	"net/netip"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// defaultSocket is where the Docker client looks without any setting (docker/docker client.DefaultDockerHost).
const defaultSocket = "/var/run/docker.sock"

type endpointKind int

const (
	endpointLocal    endpointKind = iota // a unix socket, of this machine as far as one can see
	endpointRootless                     // a socket in an account's runtime directory
	endpointDesktop
	endpointLoopback // tcp to this machine's loopback: ours only when the engine id says so
	endpointRemote
)

// endpointKind says what the endpoint looks like; nothing is connected.
func (l *locator) endpointKind() endpointKind {
	if l.Endpoint == "" {
		l.Endpoint = "unix://" + defaultSocket
	}
	scheme, rest, _ := strings.Cut(l.Endpoint, "://")
	switch {
	case strings.Contains(rest, "/.docker/desktop/") || strings.Contains(rest, "/.docker/run/docker.sock") || strings.Contains(rest, "dockerDesktop"):
		return endpointDesktop
	case runtime.GOOS != "linux":
		// There, daemons are edited by Desktop or by hand; /info tells which.
		return endpointRemote
	case scheme == "unix" && runtimeUID(rest) >= 0:
		return endpointRootless
	case scheme == "unix":
		return endpointLocal
	case (scheme == "tcp" || scheme == "http" || scheme == "https") && isLoopback(rest):
		return endpointLoopback
	}
	return endpointRemote
}

// socketPath returns the path of a unix endpoint, or "".
func socketPath(endpoint string) string {
	p, ok := strings.CutPrefix(endpoint, "unix://")
	if !ok || !strings.HasPrefix(p, "/") {
		return ""
	}
	return path.Clean(p)
}

// tcpPort returns the port of a tcp endpoint, or "".
func tcpPort(endpoint string) string {
	scheme, address, _ := strings.Cut(endpoint, "://")
	if scheme != "tcp" && scheme != "http" && scheme != "https" {
		return ""
	}
	address, _, _ = strings.Cut(address, "/")
	return address[strings.LastIndexByte(address, ':')+1:]
}

// runtimeUID returns the account of a path like /run/user/1000/docker.sock, or -1.
func runtimeUID(p string) int {
	for _, base := range []string{"/run/user/", "/var/run/user/"} {
		if rest, ok := strings.CutPrefix(path.Clean(p), base); ok {
			uid, _, _ := strings.Cut(rest, "/")
			if n, err := strconv.Atoi(uid); err == nil {
				return n
			}
		}
	}
	return -1
}

func isLoopback(address string) bool {
	hostport, _, _ := strings.Cut(address, "/")
	name := hostport
	if i := strings.LastIndexByte(hostport, ':'); i >= 0 {
		name = hostport[:i]
	}
	name = strings.Trim(name, "[]")
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && ip.IsLoopback()
}
