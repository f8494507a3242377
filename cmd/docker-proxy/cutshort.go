package main

import (
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// mayStart reports whether a daemon that does not run is one that nobody stopped, so that a restart of it is a start: an earlier run was killed in its restart, systemd is still
// trying, or it has failed and the change that may be why is taken back with --restart.
func (j *job) mayStart() bool {
	site := j.view.site
	return j.cutShort || starting(site) || j.opts.restart && j.reverts != "" && site.Loaded != nil && site.Loaded.ActiveState == "failed"
}

// starting reports whether systemd is starting the daemon, which includes the pauses between its tries.
func starting(s *daemon.Site) bool { return s.Loaded != nil && s.Loaded.ActiveState == "activating" }

// restartCutShort reports whether a recorded change ended in the middle of its restart.
func restartCutShort(e txn.Entry) bool {
	last := ""
	for _, n := range e.Notes {
		if n.Key == noteRestart {
			last = n.Value
		}
	}
	return last == noteBegun
}
