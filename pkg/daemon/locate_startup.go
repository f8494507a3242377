package daemon

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/shellfile"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

// startupPaths are Docker's own startup files of all distributions.
func startupPaths() []string {
	return []string{"/etc/default/docker", "/etc/sysconfig/docker", "/etc/conf.d/docker"}
}

// isStartup reports whether a file belongs to Docker alone: one of startupPaths, OpenRC's docker.RUNLEVEL, or runit's conf beside the script.
func isStartup(p string) bool {
	dir, base := path.Dir(p), path.Base(p)
	switch dir {
	case "/etc/default", "/etc/sysconfig", "/etc/conf.d":
		return base == "docker" || strings.HasPrefix(base, "docker.")
	}
	return strings.HasSuffix(dir, "/sv/docker") && base == "conf"
}

// readStartup finds who reads the startup files and the places shared with the whole machine: the unit, the init script, or nobody.
func (l *locator) readStartup() {
	switch l.Manager {
	case ManagerSystemd, ManagerSystemdUser:
		l.unitStartup()
		if l.Loaded != nil && strings.HasPrefix(l.Loaded.SourcePath, "/etc/") { // a unit made of an init script (systemd-sysv-generator(8))
			l.InitScript = l.Loaded.SourcePath
			l.scriptStartup()
		}
	case ManagerOpenRC:
		l.openRCStartup()
		l.scriptStartup()
	case ManagerSysV, ManagerRunit:
		l.scriptStartup()
	case ManagerManual, ManagerNone:
	}
	for _, p := range startupPaths() {
		if l.FS.Exists(p) {
			l.addStartup(StartupFile{Path: p, Reader: ReaderNobody, Optional: true})
		}
	}
	if len(l.Startup) == 0 {
		l.addStartup(StartupFile{Path: l.usualStartup(), Reader: ReaderNobody, Optional: true})
	}
	l.addShared(SharedFile{Path: "/etc/environment", Reader: ReaderNobody})
	for _, p := range l.FS.Glob("/etc/profile.d/*proxy*.sh") {
		l.addShared(SharedFile{Path: p, Reader: ReaderNobody})
	}
}

// usualStartup is the file this distribution would have, for messages about it.
func (l *locator) usualStartup() string {
	for _, p := range startupPaths() {
		if l.FS.Exists(path.Dir(p)) {
			return p
		}
	}
	return startupPaths()[0]
}

// addStartup and addShared keep the first word about a file.
func (l *locator) addStartup(f StartupFile) {
	if !slices.ContainsFunc(l.Startup, func(s StartupFile) bool { return s.Path == f.Path }) {
		l.Startup = append(l.Startup, f)
	}
}

func (l *locator) addShared(f SharedFile) {
	if !slices.ContainsFunc(l.Shared, func(s SharedFile) bool { return s.Path == f.Path }) {
		l.Shared = append(l.Shared, f)
	}
}

// add files a file under the place it belongs to.
func (l *locator) add(p string, r Reader, by string, optional bool) {
	if isStartup(p) {
		l.addStartup(StartupFile{Path: p, Reader: r, By: by, Optional: optional})
		return
	}
	l.addShared(SharedFile{Path: p, Reader: r, By: by})
}

// unitStartup takes the EnvironmentFile= lines of the unit. Files that belong to neither Docker nor the machine as a whole (our own .env beside a drop-in) are the unit's.
func (l *locator) unitStartup() {
	type named struct {
		file unitfile.EnvironmentFile
		by   string
	}
	var list []named
	for _, uf := range l.UnitFiles {
		data, err := l.FS.ReadFile(uf.Path)
		if err != nil || uf.Masked {
			continue
		}
		for _, a := range unitfile.ParseVersion(data, l.SystemdVersion).All("Service", "EnvironmentFile") {
			if a.Resets() {
				list = nil
				continue
			}
			ef, err := unitfile.EnvironmentFilePath(a, l.specifiers(), l.SystemdVersion)
			if err == nil && !ef.Unknown {
				list = append(list, named{ef, fmt.Sprintf("%s:%d", uf.Path, a.Line)})
			}
		}
	}
	for _, n := range list {
		paths := []string{n.file.Path}
		if strings.ContainsAny(n.file.Path, "*?[") {
			paths = l.FS.Glob(n.file.Path)
		}
		for _, p := range paths {
			if isStartup(p) || p == "/etc/environment" || strings.HasPrefix(p, "/etc/profile") {
				l.add(p, ReaderEnvironmentFile, n.by, n.file.Optional)
			}
		}
	}
}

// openRCStartup is what openrc-run sources before the script: rc.conf, then conf.d/docker.RUNLEVEL or, without it, conf.d/docker. /etc/profile.env (Gentoo's env.d) is put
// into the environment before that. Source: sh/openrc-run.sh.in and src/shared/misc.c (env_filter) of OpenRC 0.40 and later; earlier ones source rc.conf last.
func (l *locator) openRCStartup() {
	const by = "openrc-run"
	l.addShared(SharedFile{Path: "/etc/profile.env", Reader: ReaderManager, By: by})
	l.addShared(SharedFile{Path: "/etc/rc.conf", Reader: ReaderSourced, By: by})
	for _, p := range l.FS.Glob("/etc/rc.conf.d/*.conf") {
		l.addShared(SharedFile{Path: p, Reader: ReaderSourced, By: by})
	}
	name := path.Base(l.InitScript)
	file := "/etc/conf.d/" + name
	level, ok := l.firstLine("/run/openrc/softlevel")
	if !ok {
		level = "default"
	}
	if l.FS.Exists(file + "." + level) {
		l.addStartup(StartupFile{Path: file + "." + level, Reader: ReaderSourced, By: by, Optional: true})
		l.addStartup(StartupFile{Path: file, Reader: ReaderNobody, Optional: true})
		return
	}
	l.addStartup(StartupFile{Path: file, Reader: ReaderSourced, By: by, Optional: true})
}

// scriptStartup takes the files that the init script itself sources. Libraries of init functions set nothing for dockerd.
func (l *locator) scriptStartup() {
	data, err := l.FS.ReadFile(l.InitScript)
	if err != nil {
		l.cannotKnow("which files " + l.InitScript + " sources is not known: it cannot be read")
		return
	}
	script, err := shellfile.Parse(l.InitScript, data)
	if err != nil {
		l.cannotKnow("which files " + l.InitScript + " sources is not known: it is not plain shell")
		return
	}
	// Names of files are often computed from variables of the script. What it sources counts as not changing them: these are libraries of functions, and files of settings.
	skip := func(string) ([]byte, error) { return nil, nil }
	for _, e := range script.Run(shellfile.Options{Include: skip}, "BASE").Effects {
		if e.Kind != shellfile.Source {
			continue
		}
		by := fmt.Sprintf("%s:%d", l.InitScript, e.Line)
		p := e.Value
		if !path.IsAbs(p) && e.Known {
			p = path.Join(path.Dir(l.InitScript), p) // runsv starts run in its own directory
		}
		switch {
		case !e.Known:
			l.cannotKnow(by + " sources a file whose name is computed")
		case !isLibrary(p):
			l.add(p, ReaderSourced, by, e.Conditional)
		}
	}
	l.functionSources(string(data))
}

// functionSources takes the `. FILE` lines inside functions, which the init system calls by name (start_pre of OpenRC), so that following the script from top to bottom
// does not come by. Only plain absolute names count.
func (l *locator) functionSources(script string) {
	number := 0
	for line := range strings.SplitSeq(script, "\n") {
		number++
		words := strings.Fields(line)
		for i, w := range words {
			starts := i == 0 || words[i-1] == "&&" || words[i-1] == "then" || words[i-1] == "{" || strings.HasSuffix(words[i-1], ";")
			if strings.HasPrefix(w, "#") {
				break
			}
			if !starts || w != "." && w != "source" || i+1 == len(words) {
				continue
			}
			p := strings.Trim(words[i+1], "\"';")
			if path.IsAbs(p) && !strings.ContainsAny(p, "$`*") && !isLibrary(p) {
				l.add(p, ReaderSourced, fmt.Sprintf("%s:%d", l.InitScript, number), true)
			}
		}
	}
}

// isLibrary reports whether a sourced file holds shell functions of the init system.
func isLibrary(p string) bool {
	for _, dir := range []string{"/lib/", "/usr/", "/etc/init.d/", "/etc/rc.d/", "/libexec/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}
