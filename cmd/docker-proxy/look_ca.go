package main

import (
	"time"

	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs/health"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// lookCA judges what this machine, its dockerd and, by records, its containers trust. What cannot be read is judged by the commands about CAs, which say so.
func (v *view) lookCA() {
	if v.broken != nil || v.site.Flavor == daemon.FlavorRemote || v.site.Flavor == daemon.FlavorDesktop {
		return
	}
	m, err := health.Look(v.files)
	if err != nil {
		return
	}
	v.extra = append(v.extra, m.Findings(v.trust(), v.caRecords(), time.Now(), soon)...)
}

// caRecords are the records of containers' authorities; nil when there are none that may be read.
func (v *view) caRecords() install.Records {
	r, err := txn.ReadRecords(v.files, stateDir(v.files.Live()), caRecords, txn.Options{})
	if err != nil {
		return nil
	}
	return r
}

// trust is what decides which authorities this dockerd has.
func (v *view) trust() health.Daemon {
	d := health.Daemon{OwnRoots: (&job{view: v}).ownRoots() != "", CertsDir: certsDir(v.site), Classic: v.obs.ClassicStore() == daemon.Yes}
	if p := v.site.Process; p != nil && v.site.Live && !p.Start.IsZero() {
		d.Started = p.Start.Add(daemon.StartPrecision)
	}
	if i := v.site.Info; i != nil {
		d.ID = i.ID
	}
	for _, s := range v.obs.Verdicts {
		if s.Key == precedence.HTTPSProxy {
			d.Proxied = s.Set() && s.Effect == precedence.EffectProxy
		}
	}
	return d
}
