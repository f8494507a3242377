package daemon

import (
	"context"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// Env is what Locate is told. Only FS is needed.
type Env struct {
	FS       *host.FS
	Endpoint string              // unix:///var/run/docker.sock, tcp://…, ssh://…; "" means Docker's default
	Context  string              // Docker context name
	Engine   engine.Engine       // nil: the API is not asked
	UID      int                 // of the caller; -1 where the platform has none
	Getenv   func(string) string // nil: no environment
	Home     string              // of the caller
	// Connect opens the manager's bus; nil means systemd.Connect.
	Connect func(context.Context, systemd.Bus) (UnitSource, error)

	running bool // tests: treat FS as the running system
}

// UnitSource is what Locate asks a running systemd. *systemd.Client is one.
type UnitSource interface {
	Active(ctx context.Context, name string) (bool, error) // ActiveState is active or reloading
	Unit(ctx context.Context, name string) (*systemd.Unit, error)
	Environment(ctx context.Context) ([]string, error)
	Version(ctx context.Context) (int, error)
	Close()
}

func (e Env) getenv(name string) string {
	if e.Getenv == nil {
		return ""
	}
	return e.Getenv(name)
}

func connectSystemd(ctx context.Context, b systemd.Bus) (UnitSource, error) {
	c, err := systemd.Connect(ctx, b)
	if err != nil {
		return nil, err // not c: an interface that holds a nil pointer is not nil
	}
	return c, nil
}

// locator fills in one Site.
type locator struct {
	*Site
	env    Env
	static []string   // argv by the files alone
	lines  []flagLine // where options stand as text
	listen []string   // what the socket unit listens on
	answer chan answer

	dataRootHere string // by options and files; the API may name another one
}

// Locate finds out which daemon the endpoint leads to, who starts it, and what it reads. The manager is asked first: the daemon's API is only asked when the
// manager, or the process table, says that it runs, because any connection starts a socket-activated dockerd. Under --root (FS not live) everything comes from
// files. What cannot be known is in Site.Unknown; an error means that ctx ended.
func Locate(ctx context.Context, env Env) (*Site, error) {
	if env.Connect == nil {
		env.Connect = connectSystemd
	}
	l := &locator{env: env, Site: &Site{
		FS: env.FS, Root: env.FS.Root(), Live: env.FS.Live() || env.running, Endpoint: env.Endpoint, Context: env.Context, CallerUID: env.UID, Home: env.Home,
		Manager: ManagerNone, Flavor: FlavorStandard, State: "unknown", VersionSource: VersionUnknown,
	}}
	if !l.Live {
		l.fromFiles()
		return l.Site, ctx.Err()
	}
	switch l.endpointKind() {
	case endpointRemote:
		l.remote(ctx, "the endpoint is on another machine")
	case endpointDesktop:
		l.desktop(ctx)
	case endpointLocal, endpointRootless, endpointLoopback:
		l.local(ctx)
	}
	return l.Site, ctx.Err()
}

// remote asks the API only. Nothing on this machine is the daemon's.
func (l *locator) remote(ctx context.Context, why string) {
	l.Flavor, l.Manager, l.Local, l.LocalProof = FlavorRemote, ManagerNone, false, why
	l.Active = true
	l.ask(ctx)
	l.isDesktop()
}

// desktop is Docker Desktop: dockerd runs in a virtual machine whose proxies Desktop manages.
func (l *locator) desktop(ctx context.Context) {
	l.Flavor, l.LocalProof = FlavorDesktop, "Docker Desktop runs dockerd in a virtual machine"
	l.Active = true
	l.findHomes()
	l.ask(ctx)
}

// answer is what the API said.
type answer struct {
	info engine.Info
	err  error
}

// startAsking sends the question to a daemon that runs; files are read while it answers.
func (l *locator) startAsking(ctx context.Context) {
	if l.env.Engine == nil || l.answer != nil {
		return
	}
	l.answer = make(chan answer, 1)
	go func() {
		info, err := l.env.Engine.Info(ctx)
		l.answer <- answer{info, err}
	}()
}

// ask takes what the API tells into the site. It is only called for a daemon that runs.
func (l *locator) ask(ctx context.Context) {
	l.startAsking(ctx)
	if l.answer == nil {
		return
	}
	a := <-l.answer
	if a.err != nil {
		l.APIError = a.err
		return
	}
	info := a.info
	l.Info = &info
	if info.ServerVersion != "" {
		l.Version, l.VersionSource = info.ServerVersion, VersionFromAPI
	}
	if info.DockerRootDir != "" {
		l.DataRoot = info.DockerRootDir
	}
	l.State = "active"
}

func (l *locator) isDesktop() bool {
	if l.Info == nil || l.Info.OperatingSystem != "Docker Desktop" {
		return false
	}
	l.Flavor, l.LocalProof = FlavorDesktop, "/info says Docker Desktop"
	return true
}

// local is a daemon that should be on this machine.
func (l *locator) local(ctx context.Context) {
	l.findAccount()
	l.findManager(ctx)
	if l.Active {
		l.startAsking(ctx)
	}
	l.findProcess()
	if l.Manager == ManagerNone && l.PID == 0 {
		l.nobodyHere(ctx)
		return
	}
	l.readStartup()
	l.readCommandLine()
	l.readConfigPlace()
	if l.Active {
		l.ask(ctx)
	}
	if l.isDesktop() {
		return
	}
	l.proveLocal()
	l.findVersion(ctx)
}

// nobodyHere is an endpoint without any dockerd or service on this machine: a socket handed into a container, forwarded by ssh or served by Docker Desktop
// through WSL. No manager could be asked, so the API is.
func (l *locator) nobodyHere(ctx context.Context) {
	path := socketPath(l.Endpoint)
	if path != "" && (!l.FS.Exists(path) || !proc.Listening(l.FS, path)) {
		l.State, l.LocalProof = "inactive", "no dockerd, no service for it, and nothing listens on "+path
		l.readConfigPlace()
		l.findVersion(ctx)
		return
	}
	l.remote(ctx, "no dockerd and no service for it was found on this machine")
}

// notOurs turns the site into that of a remote daemon after all.
func (l *locator) notOurs(why string) {
	keep := *l.Site
	*l.Site = Site{
		FS: keep.FS, Root: keep.Root, Live: keep.Live, Endpoint: keep.Endpoint, Context: keep.Context, Manager: ManagerNone, Flavor: FlavorRemote,
		State: keep.State, Active: keep.Active, Version: keep.Version, VersionSource: keep.VersionSource, Info: keep.Info, APIError: keep.APIError, LocalProof: why,
	}
}

// cannotKnow notes a sentence once.
func (l *locator) cannotKnow(sentence string) {
	if !slices.Contains(l.Unknown, sentence) {
		l.Unknown = append(l.Unknown, sentence)
	}
}

// take makes p the daemon's process.
func (l *locator) take(p *proc.Process) {
	if p == nil {
		return
	}
	l.PID, l.Process, l.Active = p.PID, p, true
	if l.State == "unknown" || l.State == "inactive" {
		l.State = "active"
	}
}
