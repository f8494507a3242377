package daemon

import (
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkHidden tells of unit files and drop-ins with proxy settings that systemd does not read because of one of the same name in a stronger directory.
func (o *Observation) checkHidden() {
	for _, uf := range unitFilesIn(o.Site, o.Files) {
		if len(uf.Shadowed) == 0 || uf.Masked && !uf.DropIn {
			continue
		}
		own := map[string]int{}
		if !uf.Masked {
			own = o.unitVariables(uf.Path, true)
		}
		for _, hidden := range uf.Shadowed {
			var names []string
			at := precedence.Source{Layer: precedence.LayerSystemd, Path: hidden, Route: precedence.RouteEnvironment}
			sets := o.unitVariables(hidden, false)
			for _, n := range precedence.AllNames() {
				if line, ok := sets[n]; ok && own[n] == 0 {
					names = append(names, n)
					if at.Line == 0 {
						at.Line, at.Name = line, n
					}
				}
			}
			if len(names) > 0 {
				o.tellHidden(&at, uf, names)
			}
		}
	}
}

func (o *Observation) tellHidden(at *precedence.Source, uf systemd.UnitFile, names []string) {
	const id = "systemd-drop-in-masked"
	reload := " && " + systemdControl{o.Site}.systemctl() + " daemon-reload"
	if uf.Masked {
		o.find(id, at, mendOr(id, "rm "+shellWord(uf.Path)+reload), "systemd does not read this file, which sets %s: %s hides it", strings.Join(names, " and "), uf.Path)
		return
	}
	other := path.Join(path.Dir(uf.Path), "zz-"+path.Base(uf.Path))
	fix := "mv " + shellWord(uf.Path) + " " + shellWord(other) + reload
	if !uf.DropIn {
		fix = "docker proxy set --layer systemd --proxy URL"
	}
	o.find(id, at, mendOr(id, fix), "systemd does not read this file, which sets %s: of each name it reads only the file in the strongest directory, %s", strings.Join(names, " and "), uf.Path)
}

// unitVariables returns the proxy variables that a unit file sets, itself or by an environment file, with their lines; with all, also those that it removes or passes on.
func (o *Observation) unitVariables(file string, all bool) map[string]int {
	out := map[string]int{}
	data, err := o.Files.ReadFile(file)
	if err != nil {
		return out
	}
	add := func(name string, line int) {
		if proxyName(name) != "" && out[name] == 0 {
			out[name] = line
		}
	}
	for _, a := range unitfile.ParseVersion(data, o.Site.SystemdVersion).Assignments() {
		switch {
		case a.Section != "Service":
		case a.Key == "Environment":
			words, _ := unitfile.EnvironmentWords(a, o.Site.specifiers(), o.Site.SystemdVersion)
			for _, w := range words {
				add(w.Name, w.Line)
			}
		case a.Key == "EnvironmentFile":
			o.fileVariables(a, add)
		case all && (a.Key == "UnsetEnvironment" || a.Key == "PassEnvironment"):
			names, _ := unitfile.Names(a, o.Site.specifiers(), o.Site.SystemdVersion)
			for _, n := range names {
				add(n.Name, n.Line)
			}
		}
	}
	return out
}

// fileVariables adds the variables of the file that an EnvironmentFile= line names.
func (o *Observation) fileVariables(a unitfile.Assignment, add func(name string, line int)) {
	ef, err := unitfile.EnvironmentFilePath(a, o.Site.specifiers(), o.Site.SystemdVersion)
	if err != nil {
		return
	}
	data, err := o.Files.ReadFile(ef.Path)
	if err != nil {
		return
	}
	assigns, _ := envfile.Parse(data, o.Site.SystemdVersion)
	for _, as := range assigns {
		if as.Problem == "" {
			add(as.Name, a.Line)
		}
	}
}
