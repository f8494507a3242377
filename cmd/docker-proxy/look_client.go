package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkClients judges the caller's config.json, and, under sudo, that of the person who called it.
func (v *view) checkClients(a *app) {
	own := client.Circumstances{Lookup: client.Lookup(v.env.Endpoint), UID: -1, Group: -1, Builders: os.Getenv("BUILDX_CONFIG"), DaemonProxy: v.daemonProxy()}
	if own.Builders != "" {
		if dir, err := filepath.Abs(own.Builders); err == nil {
			own.Builders = dir
		}
	}
	at := []client.Location{*v.at}
	if u := sudoUser(); u != nil {
		if loc, err := homeLocation(v, u); err == nil && loc.Path != v.at.Path {
			at = append(at, loc)
		}
	}
	for _, loc := range at {
		c := own
		switch {
		case loc.UID >= 0:
			c.UID, c.Group, c.Builders = loc.UID, loc.GID, ""
		case filepath.Dir(loc.Path) == filepath.Join(homeDir(), ".docker"):
			c.UID, c.Group = os.Geteuid(), os.Getegid()
		}
		c.Elsewhere = v.elsewhere(loc.Path)
		v.extra = append(v.extra, a.checked(v, loc, c)...)
	}
}

// elsewhere reports whether `docker proxy set --only client`, as this caller types it, writes another config.json than this one.
func (v *view) elsewhere(path string) bool {
	at, _, err := clientLocations(v, nil)
	return err != nil || len(at) == 0 || at[0].Path != path
}

// checked is client.Check with its messages filtered.
func (a *app) checked(v *view, at client.Location, c client.Circumstances) []precedence.Finding {
	found := client.Check(v.files, at, c)
	for i := range found {
		found[i].Message = a.redactor.Text(found[i].Message)
	}
	return found
}

// daemonProxy reports whether dockerd has a proxy for registries.
func (v *view) daemonProxy() bool {
	for _, verdict := range v.obs.Verdicts {
		if verdict.Key == precedence.HTTPSProxy {
			return verdict.Effect == precedence.EffectProxy
		}
	}
	return false
}

// mostHomes bounds how many accounts of a directory are looked at.
const mostHomes = 200

// checkHomes judges the config.json of root and of the people that have an account in the directory of --root.
func (v *view) checkHomes(a *app) {
	data, err := v.files.ReadFile("/etc/passwd")
	if err != nil {
		data = []byte("root:x:0:0:root:/root:/bin/sh\n")
	}
	seen := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 7 || !filepath.IsAbs(fields[5]) || fields[5] == "/" {
			continue
		}
		uid, errUID := strconv.Atoi(fields[2])
		gid, errGID := strconv.Atoi(fields[3])
		if errUID != nil || errGID != nil || uid != 0 && uid < 500 || seen == mostHomes {
			continue
		}
		dir := filepath.Join(fields[5], ".docker")
		if _, err := v.files.Stat(dir); err != nil {
			continue
		}
		seen++
		at := client.Location{Path: filepath.Join(dir, config.ConfigFileName), User: fields[0], UID: uid, GID: gid}
		v.extra = append(v.extra, a.checked(v, at, client.Circumstances{Lookup: client.Lookup(""), UID: uid, Group: gid, DaemonProxy: v.daemonProxy()})...)
	}
}
