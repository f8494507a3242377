package main

import (
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs/health"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// startReading reads the machine's trust store and gives it, or nil where it cannot be read. Hashing its bundle takes milliseconds, which the daemon needs to answer, too.
func startReading(files *host.FS) <-chan *health.Machine {
	out := make(chan *health.Machine, 1)
	go func() {
		m, err := health.Look(files)
		if err != nil {
			m = nil
		}
		out <- m
	}()
	return out
}

// lookCA judges what this machine, its dockerd and, by records, its containers trust. What cannot be read is judged by the commands about CAs, which say so.
func (v *view) lookCA(m *health.Machine) {
	if m == nil || v.broken != nil || v.site.Flavor == daemon.FlavorRemote || v.site.Flavor == daemon.FlavorDesktop {
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
