// Package engine is the one adapter to the Docker API: the few questions this program asks a daemon, with a deadline on each.
//
// It never decides whether a daemon may be asked: any connection starts a socket-activated dockerd, so callers ask the manager first. Start at Engine.
package engine

import (
	"context"
	"time"
)

// Engine is a Docker daemon. Every method fails when the daemon does not answer before its context ends.
type Engine interface {
	// Ping asks for /_ping and returns the API version the daemon offers.
	Ping(ctx context.Context) (string, error)
	// Info asks for /info and /version.
	Info(ctx context.Context) (Info, error)
	// Containers lists the running containers with what decides their fate in a restart of dockerd, sorted by name.
	Containers(ctx context.Context) ([]Container, error)
	// PullThroughDaemon asks the daemon's own registry client for an image's manifest (/distribution/NAME/json); nil means it was reached.
	Distribution(ctx context.Context, image string) error
}

// Info is the part of /info and /version this program uses. Proxy values come masked from engines since 19.03.
type Info struct {
	ID              string
	Name            string // host name
	ServerVersion   string
	HTTPProxy       string
	HTTPSProxy      string
	NoProxy         string
	DockerRootDir   string
	OperatingSystem string // "Docker Desktop" there, else the distribution
	OSType          string // linux or windows
	LiveRestore     bool
	Swarm           bool // part of a swarm, where live-restore does not work
	Rootless        bool
	Insecure        []string // CIDR ranges and registries without TLS
	Mirrors         []string // URLs of registry mirrors
	Running         int      // containers
}

// Container is one running container.
type Container struct {
	ID      string
	Name    string // without the leading slash
	Image   string
	Restart string // restart policy: "", no, always, unless-stopped, on-failure
	// AutoRemove says that it was started with --rm: it vanishes when dockerd stops it.
	AutoRemove bool
	Started    time.Time
}
