package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
)

// isUserlandProxyCall reports whether dockerd (or rootlesskit) started this program in the place of its own docker-proxy, which publishes container ports.
// Both look for that name on PATH and in a few libexec directories, so a plugin copied there is run for every published port. The call is
// `docker-proxy -proto tcp -host-ip … -host-port … -container-ip … -container-port … [-use-listen-fd]` (StartProxy in moby libnetwork/portmapper/proxy_linux.go,
// v20.10 to v28.5; later ones differ in the address flags only). The docker CLI marks its own calls in the environment.
func isUserlandProxyCall(argv []string) bool {
	if len(argv) < 2 || os.Getenv(metadata.ReexecEnvvar) != "" {
		return false
	}
	name, ok := strings.CutPrefix(argv[1], "-")
	if !ok {
		return false
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "=") // Go's flag package takes -name and --name alike
	switch name {
	case "proto", "host-ip", "host-port", "container-ip", "container-port", "use-listen-fd":
		return true
	}
	return false
}

// refuseUserlandProxy tells the caller, on the status pipe that dockerd reads and on stderr, what it started and what to do, and returns the exit status.
// Without an answer on the pipe dockerd reports an empty error (v20.10 to v27) or blames an outdated docker-proxy (v28).
func refuseUserlandProxy(stderr io.Writer) int {
	message := userlandMessage()
	tellDockerd(message)
	fmt.Fprintln(stderr, message)
	return exitFailed
}

func userlandMessage() string {
	where, err := os.Executable()
	if err != nil {
		where = "docker-proxy"
	}
	return fmt.Sprintf("%s is the CLI plugin `docker proxy`, not Docker's userland proxy of the same name, and was found in its place: "+
		"move it to a cli-plugins directory (for all users /usr/local/lib/docker/cli-plugins/docker-proxy)", where)
}
