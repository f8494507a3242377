package main

import (
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/health"
)

// lookMissingCAs tells of running containers that lack an authority which others were given, by the records.
func (v *view) lookMissingCAs(all []engine.Created) {
	if v.site.Info == nil {
		return
	}
	var running []health.Container
	for _, c := range all {
		if c.Running {
			running = append(running, health.Container{ID: c.ID, Name: c.Name, Excluded: c.Labels[fleet.OptOut] == "false"})
		}
	}
	v.extra = append(v.extra, health.Missing(v.caRecords(), v.site.Info.ID, running)...)
}
