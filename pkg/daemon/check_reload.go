package daemon

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkReload tells that systemd goes on with unit files as they were, where that matters to a proxy. Where a key waits for it, checkState has told already.
func (o *Observation) checkReload() {
	if !o.ReloadNeeded() || slices.ContainsFunc(o.Findings, func(f precedence.Finding) bool { return f.ID == "systemd-reload-needed" }) {
		return
	}
	at := precedence.Source{Layer: precedence.LayerSystemd, Path: o.Site.Loaded.FragmentPath}
	if n := len(o.Site.UnitFiles); n > 0 {
		at.Path = o.Site.UnitFiles[n-1].Path
	}
	fix := systemdControl{o.Site}.systemctl() + " daemon-reload"
	o.find("systemd-reload-needed", &at, fix, "systemd has not loaded the unit files of %s as they are now (%s differs): the next start uses what it has loaded", o.Site.Unit, strings.Join(o.unloaded(), ", "))
}

// ReloadNeeded reports whether the unit files say something else about proxies than what systemd has loaded: by their content, so that also a file is found that was
// replaced together with its old times, which NeedDaemonReload does not notice (unit_need_daemon_reload in src/core/unit.c).
func (o *Observation) ReloadNeeded() bool { return len(o.unloaded()) > 0 }

// unloaded names what differs between the files and what the manager has loaded; nothing where either is not known, or for a plan.
func (o *Observation) unloaded() []string {
	loaded := o.Site.Loaded
	if !o.Site.Live || loaded == nil || loaded.LoadState != "loaded" || o.Files != o.Site.FS || o.faultOf(precedence.LayerSystemd) != nil {
		return nil
	}
	var out []string
	only := precedence.UnitView{Directives: slices.DeleteFunc(slices.Clone(o.unit.Directives), func(d precedence.Directive) bool { return d.Kind != precedence.SetEnvironment })}
	env := precedence.MergeUnit(only)
	for _, name := range precedence.AllNames() {
		want := env.Slot(name).Winner
		has, set := lastValue(loaded.Environment, name)
		if want != nil && want.Unknown {
			continue
		}
		if (want != nil) != set || want != nil && want.Value.Reveal() != has {
			out = append(out, name)
		}
	}
	r := unitReader{site: o.Site, files: o.Files}
	for _, f := range symmetric(paths(o.named), paths(loaded.EnvironmentFiles)) {
		if r.setsProxies(f) {
			out = append(out, "EnvironmentFile="+f)
		}
	}
	for _, n := range symmetric(o.unsetNames(), proxyNames(loaded.UnsetEnvironment)) {
		out = append(out, "UnsetEnvironment="+n)
	}
	return append(out, o.unloadedDefaults()...)
}

// unsetNames are the proxy variables that the unit files remove by name.
func (o *Observation) unsetNames() []string {
	var out []string
	for _, d := range o.unit.Directives {
		if d.Kind != precedence.UnsetVariables {
			continue
		}
		if d.Reset {
			out = nil
		}
		for _, u := range d.Unset {
			if !u.Exact && proxyName(u.Name) != "" {
				out = append(out, u.Name)
			}
		}
	}
	return out
}

// unloadedDefaults names the variables that the manager's own configuration sets and the manager has not at all. One that it has with another value may have been set at
// run time, over the file.
func (o *Observation) unloadedDefaults() []string {
	if o.Site.ManagerEnvironment == nil {
		return nil
	}
	var out []string
	for _, b := range o.unit.Manager {
		_, has := lastValue(o.Site.ManagerEnvironment, b.Source.Name)
		if b.Source.Path != "" && !b.Unknown && b.Value != "" && !has && !slices.Contains(out, "DefaultEnvironment="+b.Source.Name) {
			out = append(out, "DefaultEnvironment="+b.Source.Name)
		}
	}
	return out
}

func proxyNames(words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return proxyName(w) == "" })
}

func lastValue(environment []string, name string) (string, bool) {
	for _, e := range slices.Backward(environment) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

func paths(list []systemd.EnvironmentFile) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Path)
	}
	return out
}

// symmetric returns what only one of two lists has.
func symmetric(a, b []string) []string {
	var out []string
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, x := range pair[0] {
			if !slices.Contains(pair[1], x) && !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}
