// Package engine is the one adapter to the Docker API: the few questions this program asks a daemon, with a deadline on each.
//
// It never decides whether a daemon may be asked: any connection starts a socket-activated dockerd, so callers ask the manager first. Start at Engine; New
// makes one of a Docker client, Fake is one for tests.
package engine

import (
	"context"
	"io"
	"time"
)

// Engine is a Docker daemon. Every method fails when the daemon does not answer in time.
type Engine interface {
	// Ping asks /_ping and returns the API version the daemon offers, such as "1.45".
	Ping(ctx context.Context) (string, error)
	// Info asks /info.
	Info(ctx context.Context) (Info, error)
	// Containers lists the running containers with what decides their fate in a restart of dockerd, sorted by name.
	Containers(ctx context.Context) ([]Container, error)
	// AllContainers lists every container, running or not, with its environment, sorted by name.
	AllContainers(ctx context.Context) ([]Created, error)
	// Inspect looks at one container, by name or ID.
	Inspect(ctx context.Context, name string) (Inspected, error)
	// StatPath, GetArchive, PutArchive and ReplaceArchive are the archive API on the files of a container; Exec runs a program in it. See the methods of api.
	StatPath(ctx context.Context, id, name string) (PathStat, error)
	GetArchive(ctx context.Context, id, name string) (io.ReadCloser, PathStat, error)
	PutArchive(ctx context.Context, id, dir string, tar io.Reader) error
	ReplaceArchive(ctx context.Context, id, dir string, tar io.Reader) error
	Exec(ctx context.Context, id string, argv ...string) (status int, output string, err error)
	// Networks lists the networks of the daemon that have addresses, sorted by name.
	Networks(ctx context.Context) ([]Network, error)
	// Members lists the names under which running containers find each other in user-defined networks, sorted.
	Members(ctx context.Context) ([]Member, error)
	// Builds counts the builds that the daemon's own BuildKit is running at this moment; see Builds.
	Builds(ctx context.Context) (Builds, error)
	// Select lists containers by Docker's own filters, and RestartContainer restarts one. See the methods of api.
	Select(ctx context.Context, all bool, filters map[string][]string) ([]Selected, error)
	RestartContainer(ctx context.Context, id string) error
	// Events tells of what happens to containers until the connection ends; Image, Images, CreateIdle, RemoveContainer, Changes, Commit and Tag make an image of
	// another one. See the methods of api.
	Events(ctx context.Context, since time.Time, actions []string, listening func(), on func(Event)) error
	Image(ctx context.Context, name string) (Image, error)
	Images(ctx context.Context) ([]Image, error)
	CreateIdle(ctx context.Context, i Image) (string, error)
	RemoveContainer(ctx context.Context, id string) error
	Changes(ctx context.Context, id string) ([]string, error)
	Commit(ctx context.Context, id string, of Image, tag, comment string) (string, error)
	Tag(ctx context.Context, id, tag string) error
	// Distribution makes the daemon's own registry client ask for an image's manifest (/distribution/NAME/json); nil means the registry answered with it.
	Distribution(ctx context.Context, image string) error
}

// Info is the part of /info this program uses. Docker masks the proxy values since 19.03, but only when they parse as URLs.
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
	UserNS          bool     // the daemon gives containers a user namespace (userns-remap)
	Insecure        []string // registries without TLS: CIDR ranges, then names, each sorted
	Mirrors         []string // URLs of mirrors of Docker Hub, in order
	Running         int      // containers
	// Containerd says that images are containerd's, and not of dockerd's own graph drivers.
	Containerd bool
}

// Container is one container that runs, is paused, or waits to be started again after a failure.
type Container struct {
	ID      string
	Name    string // without the leading slash
	Image   string
	Restart string // restart policy: no, always, unless-stopped, on-failure
	// MaxRetries is the limit of on-failure, 0 for none; Retries is how often the policy has started it again so far.
	MaxRetries, Retries int
	// AutoRemove says that it was started with --rm: it vanishes when it stops.
	AutoRemove bool
	// Joins are the containers, by ID or name, whose network, IPC or PID namespace it uses: it cannot start while one of them does not run.
	Joins []string
	// Task says that a swarm started it. Its own policy is "no"; TaskRestart is the condition under which the swarm starts another one, any, on-failure or none, and
	// empty where only a manager of the swarm knows.
	Task        bool
	TaskRestart string
}

// Builds is what is known of running builds. Those of a builder in a container are not the daemon's, and an old docker build without BuildKit runs its steps in containers.
type Builds struct {
	Running int
	// Exact is false when the daemon's BuildKit keeps no history (before 0.11, Docker 24.0): Running is then 1 for one or more.
	Exact bool
}

// How long one question may take when the caller has no shorter limit.
const (
	askTimeout  = 10 * time.Second
	listTimeout = 30 * time.Second
	// pullTimeout covers a registry behind a slow proxy: dockerd itself waits 30 s for a connection.
	pullTimeout = 60 * time.Second
)
