package daemon

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// NeedsOf says what the host has to do before a change of a file is in effect, judged by the file's place: for changes that come from the journal instead of a
// surface.
func NeedsOf(site *Site, c change.Change) change.Needs {
	switch {
	case c.Path == site.ConfigFile, slices.ContainsFunc(site.Startup, func(s StartupFile) bool { return s.Path == c.Path }), slices.ContainsFunc(site.Shared, func(s SharedFile) bool { return s.Path == c.Path }):
		return change.Needs{Restart: true}
	case strings.HasSuffix(c.Path, ".env"):
		return change.Needs{Restart: true}
	case editableUnitFile(site, c.Path), c.Path == sharedPlace(site):
		return change.Needs{Restart: true, DaemonReload: site.Manager.Systemd()}
	}
	return change.Needs{}
}
