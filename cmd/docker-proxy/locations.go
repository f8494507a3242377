package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/docker/cli/cli/config"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// clientLocations returns whose config.json is written: the named users', SUDO_USER's under sudo, the caller's otherwise. Plain root without a user behind it gets none, and the
// note says so: a file in root's home would reach nobody's containers but root's.
func clientLocations(v *view, users []string) (at []client.Location, note string, err error) {
	switch {
	case len(users) > 0 && !v.files.Live():
		return nil, "", usageErrorf("the config.json of a user is not written under --root: use --only daemon")
	case len(users) > 0:
		if os.Geteuid() != 0 {
			return nil, "", usageErrorf("--user needs root")
		}
		for _, name := range users {
			u, err := user.Lookup(name)
			if err != nil {
				return nil, "", usageErrorf("--user: there is no user %q", name)
			}
			loc, err := homeLocation(v, u)
			if err != nil {
				return nil, "", err
			}
			at = append(at, loc)
		}
		return at, "", nil
	case !v.files.Live():
		return nil, "under --root the config.json of no user is written", nil
	case os.Getenv("DOCKER_CONFIG") != "" || os.Geteuid() != 0 || explicitConfig():
		return []client.Location{*v.at}, "", nil
	}
	u := sudoUser()
	if u == nil {
		return nil, "no config.json is written for root; say --user NAME to write one for the people who use docker here", nil
	}
	loc, err := homeLocation(v, u)
	return []client.Location{loc}, "", err
}

// explicitConfig reports whether docker was called with --config.
func explicitConfig() bool {
	return filepath.Clean(config.Dir()) != filepath.Join(homeDir(), ".docker")
}

// sudoUser returns the account that called sudo, if what sudo says agrees with the passwd database and the home directory belongs to that account.
func sudoUser() *user.User {
	if os.Geteuid() != 0 {
		return nil
	}
	return sudoAccount(os.Getenv("SUDO_UID"), os.Getenv("SUDO_USER"), user.LookupId)
}

// sudoAccount checks what sudo says against the accounts there are: anybody can set these variables before a program that root runs.
func sudoAccount(id, name string, lookup func(id string) (*user.User, error)) *user.User {
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		return nil
	}
	u, err := lookup(id)
	if err != nil || u.Uid != id || u.Uid == "0" || u.Username != name || !ownsHome(u) {
		return nil
	}
	return u
}

// homeLocation is the config.json in a home directory. The snap's docker CLI has one of its own there: HOME is the snap's data directory for it.
func homeLocation(v *view, u *user.User) (client.Location, error) {
	if !ownsHome(u) {
		return client.Location{}, fmt.Errorf("the home directory %s does not belong to %s: its config.json is not written", u.HomeDir, u.Username)
	}
	uid, _ := strconv.Atoi(u.Uid) // numeric on the platforms that have --user
	gid, _ := strconv.Atoi(u.Gid)
	dir := filepath.Join(u.HomeDir, ".docker")
	if v.site.Flavor == daemon.FlavorSnap {
		dir = filepath.Join(u.HomeDir, "snap", "docker", "current", ".docker")
	}
	return client.Location{Path: filepath.Join(dir, config.ConfigFileName), User: u.Username, UID: uid, GID: gid}, nil
}

// currentHost asks for the key of the daemon in question.
const currentHost = "current"

// clientHost is the record that --client-host names. A key that the CLI would never look up for this daemon is written, and said to be one.
func (j *job) clientHost(key string) string {
	lookup := client.Lookup(j.view.env.Endpoint)
	if key == currentHost {
		key = lookup
	}
	switch {
	case key == client.DefaultHost:
	case client.Shared(key):
		j.notes = append(j.notes, fmt.Sprintf("the record %q is every ssh context's: Docker looks up the same string for all of them", key))
	case key != lookup:
		j.notes = append(j.notes, fmt.Sprintf("Docker looks up %q for the selected context, not %q: the record is for another daemon", lookup, key))
	}
	return key
}
