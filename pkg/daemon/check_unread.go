package daemon

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkUnread tells of startup files that nobody reads. One that says what dockerd has anyway, from elsewhere, does no harm.
func (o *Observation) checkUnread() {
	told := map[string]bool{}
	for _, b := range o.Bindings {
		if b.Inert != unreadStartup || told[b.Source.Path] {
			continue
		}
		if w := o.verdict(b.Key).Winner; w != nil && !w.Unknown && !b.Unknown && w.Value == b.Value {
			continue
		}
		told[b.Source.Path] = true
		o.find("startup-not-read-by-this-init", &b.Source, "docker proxy reconcile", "nothing on this host reads %s for dockerd, so what it sets does nothing", b.Source.Path)
	}
}

// otherInit tells of drop-ins with proxy settings where systemd is not what starts dockerd.
func (o *Observation) otherInit() {
	s := o.Site
	if s.Manager == ManagerNone || s.Flavor == FlavorRemote || s.Flavor == FlavorDesktop {
		return
	}
	dir := "/etc/systemd/system/" + standardUnit + ".d"
	names, err := o.Files.ReadDir(dir)
	if err != nil {
		return
	}
	for _, n := range names {
		file := path.Join(dir, n)
		sets := o.unitVariables(file, false)
		if !strings.HasSuffix(n, ".conf") || len(sets) == 0 {
			continue
		}
		at := precedence.Source{Layer: precedence.LayerSystemd, Path: file, Route: precedence.RouteEnvironment}
		at.Name = firstName(sets)
		at.Line = sets[at.Name]
		o.find("startup-not-read-by-this-init", &at, "docker proxy set --proxy URL", "systemd does not start dockerd on this host, so what this drop-in sets does nothing")
	}
}

// firstName is the first of some variables, in the usual order.
func firstName(sets map[string]int) string {
	i := slices.IndexFunc(precedence.AllNames(), func(n string) bool { return sets[n] != 0 })
	if i < 0 {
		return ""
	}
	return precedence.AllNames()[i]
}
