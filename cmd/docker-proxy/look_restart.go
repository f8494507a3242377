package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// lookRestart tells, where a restart is pending, which containers it would stop for good, and that live-restore would keep them. Only then the daemon is asked once more, since no
// list of containers has their restart policies.
func (v *view) lookRestart(ctx context.Context) {
	info := v.site.Info
	if info == nil || info.Running == 0 || info.Swarm || v.engine == nil || !v.restartPends() {
		return
	}
	l := daemon.LiveRestoreOf(v.site, v.files)
	if l.Running || !l.Possible() || l.Against != "" {
		return
	}
	running, err := v.engine.Containers(ctx)
	if err != nil {
		return // what keeps it from answering is another finding's
	}
	var names []string
	for _, f := range daemon.Fates(running) {
		if f.Fate == daemon.FateLost || f.Fate == daemon.FateVanishes {
			names = append(names, redact.Terminal(f.Name))
		}
	}
	if len(names) == 0 {
		return
	}
	const most = 5
	shown, more := names, ""
	if len(names) > most {
		shown, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	v.extra = append(v.extra, precedence.NewFinding("live-restore-off", nil, "docker proxy restart --live-restore",
		"live-restore is off, so the restart that is pending stops %s%s, and nothing starts them again", strings.Join(shown, ", "), more))
}

// restartPends reports whether the running dockerd lacks what is configured, or an authority of this machine.
func (v *view) restartPends() bool {
	return v.obs.AnyPending() || slices.ContainsFunc(v.extra, func(f precedence.Finding) bool { return f.ID == "ca-daemon-not-restarted" })
}
