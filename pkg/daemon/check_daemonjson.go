package daemon

import (
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkDaemonJSON judges what daemon.json does beside the other layers. Its own faults are told where it is read (config_problems.go).
func checkDaemonJSON(o *Observation) {
	for _, v := range o.Verdicts {
		o.checkEmpty(v)
	}
	o.checkNextRestart()
	checkOtherPlaces(o)
}

// checkEmpty tells of an empty value, or null, that looks as if it unset what dockerd takes from elsewhere.
func (o *Observation) checkEmpty(v precedence.Verdict) {
	if !v.Set() || len(o.stoppers) > 0 {
		return
	}
	fix := "docker proxy unset --" + string(v.Key)
	for _, l := range v.Shadowed {
		if l.Rule == precedence.EmptyCountsAsUnset && l.Binding.Source.Layer == precedence.LayerDaemonJSON {
			o.find("daemon-json-empty-does-not-unset", &l.Binding.Source, fix, "an empty %s in %s unsets nothing: dockerd uses %s from %s", l.Binding.Source.Name, l.Binding.Source.Path, v.Winner.Value, v.Winner.Source)
		}
	}
	if o.config == nil || v.Winner.Source.Layer == precedence.LayerDaemonJSON {
		return
	}
	for _, m := range o.config.Lookup("proxies", string(v.Key)) {
		if m.Kind != jsonedit.KindNull {
			continue
		}
		at := precedence.Source{Layer: precedence.LayerDaemonJSON, Path: o.Site.ConfigFile, Line: m.Line, Name: strings.Join(m.Path, "."), Route: precedence.RouteConfigFile}
		o.find("daemon-json-empty-does-not-unset", &at, fix, "null for %s in %s unsets nothing: dockerd uses %s from %s", at.Name, at.Path, v.Winner.Value, v.Winner.Source)
	}
}

// checkNextRestart tells of a file that stops the dockerd which is running: it has read another content, a reload only logs what is wrong (moby cmd/dockerd,
// setupConfigReloadTrap), and nobody notices until the next start.
func (o *Observation) checkNextRestart() {
	s := o.Site
	if len(o.stoppers) == 0 || !s.Live || !s.Active {
		return
	}
	f := o.stoppers[0]
	o.find("daemon-json-breaks-next-restart", f.Source, f.Fix, "dockerd still runs with what stood here when it started; with what stands here now it will not start again, at the latest after the next boot [%s]", f.ID)
}

// otherPlace is a file that people take for dockerd's configuration.
type otherPlace struct {
	path string
	read func(s *Site, files *host.FS) bool // whether another dockerd of this machine reads it
	who  string                             // who reads such a file
}

// checkOtherPlaces tells of a daemon.json with proxies that lies at a usual place and is not the one this dockerd reads.
func checkOtherPlaces(o *Observation) {
	s := o.Site
	own, _ := o.Files.Resolve(s.ConfigFile, true)
	for _, p := range otherPlaces(s) {
		if p.path == s.ConfigFile {
			continue
		}
		if real, err := o.Files.Resolve(p.path, false); err != nil || s.ConfigFile != "" && real == own || p.read(s, o.Files) {
			continue
		}
		name, line := proxiesIn(o.Files, p.path)
		if name == "" {
			continue
		}
		at := precedence.Source{Layer: precedence.LayerDaemonJSON, Path: p.path, Line: line, Name: name}
		fix := "docker proxy set --proxy URL && mv " + shellWord(p.path) + " " + shellWord(p.path+".unused")
		if s.Flavor == FlavorDesktop {
			fix = "" // its own settings decide
		}
		o.find("daemon-json-not-the-one-read", &at, fix, "%s; what it sets about proxies does nothing here", s.readsInstead(p))
	}
}

// readsInstead says what this dockerd reads, and who would read the place.
func (s *Site) readsInstead(p otherPlace) string {
	switch {
	case s.Flavor == FlavorDesktop:
		return "Docker Desktop takes no proxies from this file: they are set in Settings > Resources > Proxies"
	case s.ConfigDisabled:
		return `this dockerd is told to read no configuration file (--config-file="")`
	}
	return "this dockerd reads " + s.ConfigFile + "; a file here is for " + p.who
}

// otherPlaces are the usual places of daemon.json on Linux (moby cmd/dockerd getDefaultDaemonConfigFile; the snap's dockerd wrapper) and Docker Desktop's.
func otherPlaces(s *Site) []otherPlace {
	desktop := func(home string) otherPlace {
		return otherPlace{path.Join(home, ".docker/daemon.json"), func(s *Site, _ *host.FS) bool { return false }, "Docker Desktop"}
	}
	var out []otherPlace
	if s.Flavor == FlavorDesktop {
		for _, h := range s.Homes {
			out = append(out, desktop(h))
		}
		return out
	}
	out = append(out, otherPlace{"/etc/docker/daemon.json", systemDaemon, "the system's dockerd with the default options"})
	out = append(out, otherPlace{"/var/snap/docker/current/config/daemon.json", snapDaemon, "the dockerd of the snap"})
	for _, h := range s.Homes {
		out = append(out, otherPlace{path.Join(h, ".config/docker/daemon.json"), rootlessDaemon(h), "an account's rootless dockerd"}, desktop(h))
	}
	return out
}

// systemDaemon reports whether this machine has a system's dockerd beside the one that is looked at.
func systemDaemon(s *Site, files *host.FS) bool {
	if s.Flavor != FlavorRootless && s.Flavor != FlavorSnap {
		return false
	}
	for _, link := range []string{"/etc/systemd/system/multi-user.target.wants/docker.service", "/etc/systemd/system/sockets.target.wants/docker.socket", "/run/docker.pid", "/var/run/docker.pid"} {
		if _, err := files.Lstat(link); err == nil {
			return true
		}
	}
	return false
}

func snapDaemon(s *Site, files *host.FS) bool {
	if s.Flavor == FlavorSnap {
		return false
	}
	units := systemd.UnitFiles(files, snapUnit, nil)
	return len(units) > 0 && !units[0].DropIn
}

// rootlessDaemon reports whether the account has set up a dockerd of its own (dockerd-rootless-setuptool.sh install writes the unit).
func rootlessDaemon(home string) func(*Site, *host.FS) bool {
	return func(_ *Site, files *host.FS) bool {
		return files.Exists(path.Join(home, ".config/systemd/user/docker.service"))
	}
}

// proxiesIn returns the name and line of the first proxy setting of a configuration file that nobody reads, or "". A file that no dockerd could read counts by its text.
func proxiesIn(files *host.FS, file string) (name string, line int) {
	data, err := files.ReadFile(file)
	if err != nil {
		return "", 0
	}
	doc, err := jsonedit.Parse(file, data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: true})
	if err != nil {
		for i, text := range strings.Split(string(data), "\n") {
			for _, k := range precedence.Keys() {
				if strings.Contains(text, `"`+string(k)+`"`) {
					return string(k), i + 1
				}
			}
		}
		return "", 0
	}
	proxies, _ := jsonedit.DaemonProxies(doc)
	for _, p := range proxies {
		if p.Value != "" {
			return p.Name, p.Line
		}
	}
	for _, s := range jsonedit.DaemonStrays(doc) {
		return strings.Join(s.Path, "."), s.Line
	}
	return "", 0
}
