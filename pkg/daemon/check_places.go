package daemon

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// deadPlace is a file with proxy settings in the language of units that systemd does not read for dockerd.
type deadPlace struct {
	path string
	why  string // a clause
	// other: another service or manager may read it on purpose, so it is news only where dockerd lacks what it sets.
	other bool
}

// checkPlaces tells of unit files in the wrong place: a misnamed directory, a directory that systemd does not read, a name without .conf, another unit's directory.
func (o *Observation) checkPlaces() {
	read := map[string]bool{}
	for _, uf := range unitFilesIn(o.Site, o.Files) {
		read[uf.Path], read[uf.Real] = true, true
		for _, s := range uf.Shadowed {
			read[s] = true
		}
	}
	for _, f := range o.named {
		read[f.Path] = true
	}
	for _, d := range append(o.misnamed(), o.misplaced()...) {
		if read[d.path] {
			continue
		}
		sets := o.unitVariables(d.path, false)
		var names []string
		at := precedence.Source{Layer: precedence.LayerSystemd, Path: d.path, Route: precedence.RouteEnvironment}
		for _, n := range precedence.AllNames() {
			key, _ := precedence.KeyOf(n)
			if sets[n] == 0 || d.other && o.verdict(key).Set() {
				continue
			}
			names = append(names, n)
			if at.Line == 0 {
				at.Line, at.Name = sets[n], n
			}
		}
		if len(names) > 0 {
			o.find("systemd-wrong-section-or-directory", &at, mendOr("systemd-wrong-section-or-directory", o.moveFile(d.path)),
				"dockerd does not get %s from this file: %s", strings.Join(names, " and "), d.why)
		}
	}
}

// moveFile is the command that puts a drop-in where systemd reads it for dockerd.
func (o *Observation) moveFile(from string) string {
	dir := path.Join(unitDirectory(o.Site), o.Site.Unit+".d")
	to := path.Join(dir, strings.TrimSuffix(path.Base(from), path.Ext(from))+".conf")
	return "mkdir -p " + shellWord(dir) + " && mv " + shellWord(from) + " " + shellWord(to) + " && " + systemdControl{o.Site}.systemctl() + " daemon-reload"
}

// misnamed lists the files of dockerd's own drop-in directories whose name does not end in .conf. Backups and switched-off files are named so on purpose.
func (o *Observation) misnamed() []deadPlace {
	var out []deadPlace
	for _, dir := range systemd.SearchPath(o.Files, o.Site.userDirs()) {
		dir = path.Join(dir, o.Site.Unit+".d")
		names, err := o.Files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			if !strings.HasSuffix(n, ".conf") && !setAside(n) {
				out = append(out, deadPlace{path: path.Join(dir, n), why: "systemd reads only drop-ins whose name ends in .conf"})
			}
		}
	}
	return out
}

// setAside reports whether a file name says that nobody is to read the file: hidden, a backup, an example, what package managers and editors leave.
func setAside(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") {
		return true
	}
	for part := range strings.SplitSeq(strings.ToLower(name), ".") {
		for _, p := range []string{"bak", "backup", "old", "orig", "save", "saved", "dis", "off", "swp", "tmp", "temp", "example", "sample", "template", "dpkg", "rpm", "ucf", "pac", "no", "unused"} {
			if strings.HasPrefix(part, p) && part != strings.ToLower(name) {
				return true
			}
		}
	}
	return false
}

// misplaced lists the drop-ins in directories that are like dockerd's own: of a unit of a similar name, of the socket, of the other kind of manager, or above
// the directories of units.
func (o *Observation) misplaced() []deadPlace {
	s := o.Site
	var dirs []deadPlace
	add := func(dir, why string, other bool) { dirs = append(dirs, deadPlace{dir, why, other}) }
	own := unitDirectory(s)
	bare := strings.TrimSuffix(s.Unit, ".service")
	for _, n := range []string{bare + ".d", bare + ".conf.d", bare + ".service.conf.d", s.Unit, "dockerd.service.d", "dockerd.d", "docker-ce.service.d", "docker.io.service.d", "docker-engine.service.d"} {
		if !strings.HasPrefix(n, s.Unit+".d") {
			add(path.Join(own, n), "the drop-ins of "+s.Unit+" stand in "+path.Join(own, s.Unit+".d"), false)
		}
	}
	if s.Socket != "" {
		add(path.Join(own, s.Socket+".d"), "these are the drop-ins of "+s.Socket+", which hands no environment to "+s.Unit, false)
	}
	const elsewhere = "systemd looks for drop-ins in no such directory"
	for _, dir := range []string{"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/etc", "/etc/docker", "/etc/systemd/service", "/etc/systemd/services"} {
		add(path.Join(dir, s.Unit+".d"), elsewhere, false)
	}
	if s.Manager == ManagerSystemd {
		for _, dir := range []string{"/etc/systemd/user", "/root/.config/systemd/user"} {
			add(path.Join(dir, s.Unit+".d"), "it is for the units of user accounts, and this dockerd is the system's", true)
		}
	} else {
		add("/etc/systemd/system/"+s.Unit+".d", "it is for the system's units, and this dockerd is an account's own", true)
	}
	var out []deadPlace
	for _, d := range dirs {
		names, err := o.Files.ReadDir(d.path)
		if err != nil {
			continue
		}
		for _, n := range names {
			if !setAside(n) {
				out = append(out, deadPlace{path.Join(d.path, n), d.why, d.other})
			}
		}
	}
	return slices.CompactFunc(out, func(a, b deadPlace) bool { return a.path == b.path })
}
