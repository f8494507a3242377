package daemon

import (
	"strings"

	"golang.org/x/mod/semver"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Manager is what starts this dockerd.
type Manager string

// The managers, as the JSON output names them.
const (
	ManagerSystemd     Manager = "systemd"
	ManagerSystemdUser Manager = "systemd-user" // rootless: the user's own systemd
	ManagerSysV        Manager = "sysv"
	ManagerOpenRC      Manager = "openrc"
	ManagerRunit       Manager = "runit"
	ManagerManual      Manager = "manual" // a dockerd runs, and no manager started it
	ManagerNone        Manager = "none"   // nothing on this host starts dockerd
)

// Systemd reports whether a system or user systemd is the manager.
func (m Manager) Systemd() bool { return m == ManagerSystemd || m == ManagerSystemdUser }

// Flavor is the packaging of Docker that decides where its files are.
type Flavor string

// The flavors, as the JSON output names them.
const (
	FlavorStandard Flavor = "standard"
	FlavorRootless Flavor = "rootless"
	FlavorSnap     Flavor = "snap"
	FlavorDesktop  Flavor = "desktop"
	FlavorRemote   Flavor = "remote" // not on this machine, as far as can be proved
)

// Answer is a fact that may not be known.
type Answer int

// The answers. The zero value is Unknown.
const (
	Unknown Answer = iota
	Yes
	No
)

// String is "unknown", "yes" or "no".
func (a Answer) String() string { return [...]string{"unknown", "yes", "no"}[a] }

// VersionSource says who told the engine's version.
type VersionSource string

// The sources of a version, best first.
const (
	VersionFromAPI      VersionSource = "api"              // GET /version or /info of the running daemon
	VersionFromBinary   VersionSource = "binary"           // dockerd --version, on the running system only
	VersionFromPackages VersionSource = "package database" // dpkg, apk or pacman files
	VersionUnknown      VersionSource = "unknown"
)

// Reader says who reads a file on behalf of dockerd, which decides in what language the file is written.
type Reader string

// The readers.
const (
	ReaderSourced         Reader = "sourced"          // a shell: only exported variables arrive
	ReaderEnvironmentFile Reader = "environment-file" // systemd's EnvironmentFile=: `export X=` is dropped
	ReaderManager         Reader = "manager"          // the manager's own environment: environment.d, DefaultEnvironment=
	ReaderNobody          Reader = "nobody"           // the file may exist, and dockerd never sees it
	ReaderUnknown         Reader = "unknown"          // cannot be told without running code
)

// StartupFile is one of Docker's own startup files: /etc/default/docker, /etc/sysconfig/docker, /etc/conf.d/docker, a runit conf.
type StartupFile struct {
	Path     string // as this host spells it; the file may be missing
	Reader   Reader
	By       string // "/etc/init.d/docker:42" or the unit file and line that names it; empty for ReaderNobody
	Optional bool   // a missing file is skipped (EnvironmentFile=-, `[ -r F ] &&`); false: the daemon does not start without it
}

// SharedFile is a place that is shared with the whole machine and may reach dockerd.
type SharedFile struct {
	Path   string
	Reader Reader // ReaderNobody where this manager does not hand it to dockerd
	By     string // what makes it reach dockerd: a script or unit with line, or the mechanism in words
}

// Flag is one dockerd option of the real command line.
type Flag struct {
	Name   string // without dashes, long form: "https-proxy", "config-file", "data-root", "host"
	Value  precedence.Value
	Source precedence.Source // where it was found as text; Path is empty when it is only known from the process
}

// User is the account a rootless dockerd belongs to.
type User struct {
	Name          string
	UID, GID      int
	Home          string
	XDGConfigHome string // the account's configuration directory, ~/.config unless set otherwise
	RuntimeDir    string // XDG_RUNTIME_DIR, such as /run/user/1000
}

// Site is one daemon and everything that decides what it reads. Locate makes it; nobody changes it afterwards. Paths are the host's own, to be read through FS.
type Site struct {
	FS   *host.FS
	Root string // "/" or the directory of --root
	Live bool   // the running system, not a directory

	Endpoint string // unix:///var/run/docker.sock; empty under --root
	Context  string // Docker context name
	// CallerUID is who looks, -1 where the platform has no such numbers.
	CallerUID int
	Home      string // of who looks; "" when it is not known

	Manager Manager
	Flavor  Flavor
	Unit    string // docker.service; empty without systemd
	Socket  string // docker.socket; empty where the unit has none
	State   string // systemd's ActiveState, or "active", "inactive", "unknown"
	Active  bool   // dockerd runs, so its API may be asked without starting it

	PID       int           // of dockerd itself, also below rootlesskit; 0 when none runs or it cannot be seen
	Process   *proc.Process // of PID; nil when none
	Argv      []string      // the command line; may hold proxy passwords, so it is never printed as it is
	ArgvKnown bool          // false: Argv is nil because it cannot be decided without running code
	Flags     []Flag        // what Argv sets, in order

	ConfigFile     string // what dockerd reads; empty with ConfigDisabled or for a remote daemon
	ConfigExplicit bool   // named by --config-file: a missing file is fatal then
	ConfigDisabled bool   // --config-file=""
	DataRoot       string
	Homes          []string // of the accounts whose own daemon.json somebody may have written instead: the caller's, who it was before sudo, root's; under --root the accounts'

	Version        string // of the engine, "26.1.5"; empty when unknown
	VersionSource  VersionSource
	SystemdVersion int // 257; 0 when unknown or no systemd

	UnitFiles          []systemd.UnitFile // from files, in the order systemd reads them, fragment first
	Loaded             *systemd.Unit      // what the manager has in memory; nil without D-Bus
	ManagerEnvironment []string           // NAME=VALUE as the manager has it in memory; nil without D-Bus
	InitScript         string             // /etc/init.d/docker, /etc/sv/docker/run
	Startup            []StartupFile
	Shared             []SharedFile

	Local      bool
	LocalProof string       // one clause: why this daemon is known to be on this machine, or why not
	User       *User        // rootless only
	Info       *engine.Info // what /info said; nil when the daemon was not asked
	APIError   error        // why an active daemon could not be asked; nil otherwise
	Unknown    []string     // sentences: what cannot be known here, and why
}

// Reachable reports whether the daemon's API answered.
func (s *Site) Reachable() bool { return s.Info != nil }

// ReadsProxies reports whether this engine reads proxies from daemon.json and flags: engines do since 23.0 (moby cmd/dockerd, config.Proxies), an older one refuses to start with them.
func (s *Site) ReadsProxies() Answer {
	switch {
	case !semver.IsValid(canonical(s.Version)):
		return Unknown
	case s.atLeast("23.0"):
		return Yes
	}
	return No
}

// BuildsWithSecretVariables reports whether the engine's own BuildKit certainly makes variables of build secrets: Dockerfile syntax 1.10, of BuildKit 0.16, is in every 28.
func (s *Site) BuildsWithSecretVariables() bool { return s.atLeast("28.0") }

// atLeast reports whether the engine is known to be of the version, "24.0", or newer. A pre-release of it counts as newer, as its code is.
func (s *Site) atLeast(version string) bool {
	v := canonical(s.Version)
	if !semver.IsValid(v) {
		return false
	}
	v = strings.TrimSuffix(semver.Canonical(v), semver.Prerelease(v))
	return semver.Compare(v, canonical(version)) >= 0
}

// ProxyFlags returns the proxy settings of the command line, in the order of dockerd's parsing; the last one of a key wins.
func (s *Site) ProxyFlags() []precedence.Binding {
	var out []precedence.Binding
	for _, f := range s.Flags {
		for _, k := range precedence.Keys() {
			if f.Name == string(k) {
				out = append(out, precedence.Binding{Key: k, Value: f.Value, Source: f.Source})
			}
		}
	}
	return out
}
