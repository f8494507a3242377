//go:build linux

package hosts

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Manager is what starts and stops dockerd on a host.
type Manager string

// The managers of the test hosts.
const (
	Systemd     Manager = "systemd"
	SystemdUser Manager = "systemd-user" // rootless: the user manager of ann
	SysVInit    Manager = "sysvinit"
	OpenRC      Manager = "openrc"
	RunIt       Manager = "runit"
	Manual      Manager = "manual" // a plain background process nobody supervises
)

// A Kind is one sort of test host: its name, what manages its dockerd, and
// what is expected of it.
type Kind struct {
	// Name is what [Boot] takes.
	Name string
	// Manager starts dockerd.
	Manager Manager
	// Engine is the expected prefix of the engine's version; "" when the
	// suite it comes from moves.
	Engine string
	// Optional hosts may be impossible to make (a moving suite): reported,
	// not fatal.
	Optional bool
	// User runs the daemon and the client: "root", or "ann" when rootless.
	User string

	recipe string
	// data are the directories that get a plain file system, because
	// dockerd's overlay2 cannot stand on an overlay.
	data []string
}

// Kinds are all test hosts, in the order of the result table.
func Kinds() []Kind {
	system := []string{"/var/lib/docker", "/var/lib/containerd"}
	return []Kind{
		{Name: "trixie", Manager: Systemd, Engine: "26.1", User: "root", recipe: "trixie", data: system},
		{Name: "bookworm", Manager: Systemd, Engine: "20.10", User: "root", recipe: "bookworm", data: system},
		{Name: "sysvinit", Manager: SysVInit, Engine: "26.1", User: "root", recipe: "sysvinit", data: system},
		{Name: "openrc", Manager: OpenRC, Engine: "26.1", User: "root", recipe: "openrc", data: system},
		{Name: "rootless", Manager: SystemdUser, Engine: "26.1", User: "ann", recipe: "rootless", data: []string{"/home/ann/.local/share/docker"}},
		{Name: "manual", Manager: Manual, Engine: "26.1", User: "root", recipe: "manual", data: system},
		{Name: "trixie-ce", Manager: Systemd, Engine: "26.1", User: "root", recipe: "trixie-ce", data: system},
		{Name: "sid", Manager: Systemd, Optional: true, User: "root", recipe: "sid", data: system},
	}
}

// Extra are hosts that only the suites made for them play on.
func Extra() []Kind {
	return []Kind{{Name: "runit", Manager: RunIt, Engine: "26.1", User: "root", recipe: "runit", data: []string{"/var/lib/docker", "/var/lib/containerd"}}}
}

// KindOf finds a host by its name.
func KindOf(name string) (Kind, error) {
	for _, k := range append(Kinds(), Extra()...) {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("no test host %q", name)
}

// recipeVersion is part of every cache key: raise it when build.go changes
// what it makes of an unchanged recipe.
const recipeVersion = "1"

// A recipe says how one root file system is made: debootstrapped (suite), or
// as a layer over another one (parent).
type recipe struct {
	name     string
	parent   string
	suite    string
	packages []string
	later    []string // left to apt, which can choose among alternatives; debootstrap cannot
	script   string   // run by sh -e inside the new root
}

//go:embed recipe/common.sh
var commonScript string

//go:embed recipe/systemd.sh
var systemdScript string

//go:embed recipe/sysvinit.sh
var sysvinitScript string

//go:embed recipe/openrc.sh
var openrcScript string

//go:embed recipe/runit.sh
var runitScript string

//go:embed recipe/rootless.sh
var rootlessScript string

//go:embed recipe/manual.sh
var manualScript string

//go:embed recipe/docker-ce.sh
var dockerCEScript string

func recipes() []recipe {
	common := strings.Fields(`dbus ca-certificates openssl iproute2 iptables procps curl docker.io p11-kit sudo
		squid-openssl docker-registry strace busybox-static attr`)
	systemd := append(slices.Clone(common), "systemd", "systemd-sysv")
	systemdRoot := func(suite string, extra ...string) recipe {
		return recipe{name: suite, suite: suite, packages: append(slices.Clone(systemd), extra...), script: commonScript + systemdScript}
	}
	return []recipe{
		systemdRoot("trixie", "docker-cli"),
		systemdRoot("bookworm"), // its docker.io holds the client
		systemdRoot("sid", "docker-cli"),
		{name: "sysvinit", suite: "trixie", packages: strings.Fields("sysvinit-core sysv-rc initscripts systemd-standalone-sysusers"),
			later: append(slices.Clone(common), "docker-cli"), script: commonScript + sysvinitScript},
		{name: "openrc", parent: "sysvinit", later: []string{"openrc"}, script: openrcScript},
		{name: "runit", parent: "sysvinit", later: strings.Fields("--allow-remove-essential runit runit-init sysvinit-core-"), script: runitScript},
		{name: "rootless", parent: "trixie", later: strings.Fields("rootlesskit slirp4netns uidmap dbus-user-session libpam-systemd"), script: rootlessScript},
		{name: "manual", parent: "trixie", script: manualScript},
		{name: "trixie-ce", parent: "trixie", script: dockerCEScript},
	}
}

func findRecipe(name string) (recipe, error) {
	for _, r := range recipes() {
		if r.name == name {
			return r, nil
		}
	}
	return recipe{}, fmt.Errorf("no recipe %q", name)
}

// chain returns the recipe and all its parents, the debootstrapped one last,
// which is the order of overlayfs' lowerdir.
func (r recipe) chain() ([]recipe, error) {
	chain := []recipe{r}
	for r.parent != "" {
		parent, err := findRecipe(r.parent)
		if err != nil {
			return nil, err
		}
		chain = append(chain, parent)
		r = parent
	}
	return chain, nil
}

// dirName is the directory of the recipe in the cache: its name and a hash of
// everything it and its parents say, so that a changed recipe is made anew.
func dirName(chain []recipe) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s\n", recipeVersion)
	for _, r := range chain {
		_, _ = fmt.Fprintf(sum, "%q %q %q %q %q\n", r.name, r.suite, r.packages, r.later, r.script)
	}
	return chain[0].name + "-" + hex.EncodeToString(sum.Sum(nil))[:12]
}
