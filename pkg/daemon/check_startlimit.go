package daemon

import (
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkStartLimit tells when systemd refuses to start dockerd, or is about to: StartLimitBurst= starts within StartLimitIntervalSec= are allowed (systemd.unit(5)). systemd
// tells nobody how many it has counted; what it tells are the restarts it made by itself since somebody last started the unit or said reset-failed, and when the last start was.
func (o *Observation) checkStartLimit() {
	u := o.Site.Loaded
	if u == nil || !o.Site.Live || o.Files != o.Site.FS {
		return
	}
	at := precedence.Source{Layer: precedence.LayerSystemd, Path: u.FragmentPath}
	reset := systemdControl{o.Site}.systemctl()
	fix := reset + " reset-failed " + u.Name + " && " + reset + " start " + u.Name
	// Result keeps the reason of the last end where there was one, "signal", when the start after it is refused (service_enter_dead in src/core/service.c, v257).
	near := u.StartLimitBurst > 0 && u.NRestarts+1 >= u.StartLimitBurst && time.Since(u.LastStart) < u.StartLimitInterval
	switch {
	case !u.Active() && (u.Result == "start-limit-hit" || near && u.ActiveState == "failed"):
		o.find("systemd-start-limit-near", &at, fix, "systemd refuses to start %s: it was to be started more than %d times within %.0f seconds", u.Name, u.StartLimitBurst, u.StartLimitInterval.Seconds())
	case near:
		o.find("systemd-start-limit-near", &at, reset+" reset-failed "+u.Name, "systemd has started %s again %d times by itself, just now the last time: after %d starts within %.0f seconds it refuses the next one (start-limit-hit)", u.Name, u.NRestarts, u.StartLimitBurst, u.StartLimitInterval.Seconds())
	}
}
