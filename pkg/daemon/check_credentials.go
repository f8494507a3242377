package daemon

import (
	"fmt"
	"path"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkCredentials tells of passwords that every user of the machine can read: in a file whose mode lets them, or from systemd, which gives the properties of units to
// everybody (org.freedesktop.systemd1.conf allows Properties.Get without asking), whatever the mode of the file.
func checkCredentials(o *Observation) {
	told := map[string]bool{} // by line
	tell := func(at precedence.Source, how string) {
		if line := fmt.Sprintf("%s:%d", at.Path, at.Line); !told[line] {
			told[line] = true
			const id = "systemd-credentials-world-readable"
			o.find(id, &at, mendOr(id, "docker proxy set --layer systemd --username USER --password-stdin"), "every user of this machine can read the user and password in %s: %s", at.Name, how)
		}
	}
	for _, b := range o.Bindings {
		if b.Key == precedence.NoProxy || b.Unknown || !b.Value.HasCredentials() {
			continue
		}
		switch {
		case b.Source.Layer == precedence.LayerSystemd && b.Source.Route == precedence.RouteEnvironment && o.Site.Manager == ManagerSystemd && o.inProperty(b):
			tell(b.Source, "`systemctl show "+o.Site.Unit+"` tells it to everybody, whatever the mode of the file")
		case b.Source.Route == precedence.RouteManager && o.Site.Manager == ManagerSystemd:
			tell(b.Source, "`systemctl show-environment` tells it to everybody")
		case o.judgedByMode(b.Source) && o.readableByOthers(b.Source.Path):
			tell(b.Source, lettingMode)
		}
	}
	for _, at := range o.written {
		if o.judgedByMode(at) && o.readableByOthers(at.Path) {
			tell(at, lettingMode)
		}
	}
	o.loadedCredentials(told)
}

const lettingMode = "the mode of this file lets them"

// judgedByMode reports whether a source is a file of the unit, Docker's startup file, or one that systemd reads for all its services.
func (o *Observation) judgedByMode(s precedence.Source) bool {
	return s.Path != "" && (s.Layer == precedence.LayerSystemd || s.Layer == precedence.LayerStartup || s.Layer == precedence.LayerEnv && o.Site.Manager.Systemd())
}

// inProperty reports whether a value of Environment= is still in the unit's property Environment: no later line replaced it. An environment file, and UnsetEnvironment=, do
// not take it out of there.
func (o *Observation) inProperty(b precedence.Binding) bool {
	for _, l := range o.Inputs.Env.Slot(b.Source.Name).Lost {
		if l.Binding.Source == b.Source && (l.Rule == precedence.Reset || l.Rule == precedence.LaterDropIn || l.Rule == precedence.LaterAssignment) {
			return false
		}
	}
	return true
}

// loadedCredentials tells of a password that systemd has in memory and no readable file explains.
func (o *Observation) loadedCredentials(told map[string]bool) {
	if o.Site.Loaded == nil || o.Site.Manager != ManagerSystemd || o.Files != o.Site.FS || len(told) > 0 {
		return
	}
	for _, n := range precedence.AllNames() {
		key, _ := precedence.KeyOf(n)
		if v, ok := lastValue(o.Site.Loaded.Environment, n); ok && key != precedence.NoProxy && precedence.Value(v).HasCredentials() {
			at := precedence.Source{Layer: precedence.LayerSystemd, Path: o.Site.Loaded.FragmentPath, Name: n, Route: precedence.RouteEnvironment}
			o.find("systemd-credentials-world-readable", &at, "docker proxy restart", "every user of this machine can read the user and password in %s: `systemctl show %s` tells it to everybody", n, o.Site.Unit)
			return
		}
	}
}

// readableByOthers reports whether every user can open a file: by its own mode and those of the directories above it.
func (o *Observation) readableByOthers(file string) bool {
	real, err := o.Files.Resolve(file, false)
	if err != nil {
		return false
	}
	st, err := o.Files.Stat(real)
	if err != nil || st.Mode&0o004 == 0 {
		return false
	}
	for dir := path.Dir(real); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if st, err := o.Files.Stat(dir); err == nil && st.Mode&0o001 == 0 {
			return false
		}
	}
	return true
}
