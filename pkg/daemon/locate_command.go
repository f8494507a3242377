package daemon

import (
	"maps"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/shellfile"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// flagLine is an option as it stands in a file.
type flagLine struct {
	argFlag
	source precedence.Source
}

// readCommandLine finds dockerd's command line: the process's when it runs, otherwise what unit or script would start, as far as that can be told.
func (l *locator) readCommandLine() {
	switch {
	case l.Manager.Systemd():
		l.unitCommand()
	case l.InitScript != "":
		l.scriptCommand()
	}
	l.Argv, l.ArgvKnown = l.static, l.static != nil
	if l.Process != nil && len(l.Process.Argv) > 0 {
		l.Argv, l.ArgvKnown = l.Process.Argv, true
	}
	if !l.ArgvKnown && l.Manager != ManagerNone {
		l.cannotKnow("dockerd's command line cannot be told without running the script that makes it")
	}
	for _, f := range parseFlags(l.Argv) {
		l.Flags = append(l.Flags, Flag{Name: f.name, Value: precedence.Value(f.value), Source: l.flagSource(f)})
	}
}

// flagSource finds the text an option of the real command line comes from.
func (l *locator) flagSource(f argFlag) precedence.Source {
	for _, line := range l.lines {
		if line.name == f.name && line.value == f.value {
			return line.source
		}
	}
	return precedence.Source{Layer: precedence.LayerFlag, Name: "--" + f.name, Route: precedence.RouteFlag}
}

func (l *locator) noteFlags(args []string, at string, line int) {
	argv := append([]string{""}, args...)
	l.noteArgv(argv, func(int) (string, int) { return at, line })
}

// noteArgv is noteFlags for a command line whose arguments come from different places.
func (l *locator) noteArgv(argv []string, place func(i int) (path string, line int)) {
	for _, f := range parseFlags(argv) {
		at, line := place(f.at)
		l.lines = append(l.lines, flagLine{f, precedence.Source{Layer: precedence.LayerFlag, Path: at, Line: line, Name: "--" + f.name, Route: precedence.RouteFlag}})
	}
}

// variable is a variable that a unit gives its service, for the expansion of ExecStart=.
type variable struct {
	value string
	known bool
	path  string
	line  int
}

// unitCommand builds the command line of a stopped unit: ExecStart= of the last file that sets it, its variables replaced.
func (l *locator) unitCommand() {
	var cmd unitfile.Command
	at := ""
	vars := l.unitVariables(func(file string, a unitfile.Assignment) {
		if a.Resets() {
			cmd, at = unitfile.Command{}, ""
			return
		}
		if cmds, _ := unitfile.ExecCommands(a, l.specifiers(), l.SystemdVersion); len(cmds) > 0 && at == "" {
			cmd, at = cmds[0], file
		}
	})
	if at == "" || cmd.Unknown || len(cmd.Argv) == 0 {
		return
	}
	l.static = l.expandCommand(cmd, at, vars)
	// What a script between the unit and dockerd adds (snap, an init script), only the process shows. dockerd-rootless.sh hands its arguments on.
	if l.static != nil && !strings.HasPrefix(path.Base(l.static[0]), "dockerd") {
		l.static = nil
	}
}

// expandCommand replaces the variables of a unit's command and notes where each option stands: in the unit, or where the variable that holds it is set. It is nil when a
// variable's value is not known.
func (l *locator) expandCommand(cmd unitfile.Command, file string, vars map[string]variable) []string {
	var argv []string
	var places []variable
	for _, arg := range cmd.Argv {
		place := variable{path: file, line: cmd.Line}
		words := []string{arg}
		if !cmd.Literal {
			unknown := false
			words = unitfile.ExpandExec(words, func(name string) (string, bool) {
				v, ok := vars[name]
				unknown = unknown || ok && !v.known
				if ok {
					place = v
				}
				return v.value, ok
			})
			if unknown {
				return nil
			}
		}
		for _, w := range words {
			argv, places = append(argv, w), append(places, place)
		}
	}
	if len(argv) == 0 {
		return nil
	}
	l.noteArgv(argv, func(i int) (string, int) { return places[i].path, places[i].line })
	return argv
}

// unitVariables reads Environment= and EnvironmentFile= of the unit's files, in systemd's order of strength, and calls exec for each ExecStart= line.
func (l *locator) unitVariables(exec func(file string, a unitfile.Assignment)) map[string]variable {
	direct, files := map[string]variable{}, map[string]variable{}
	for _, uf := range l.UnitFiles {
		data, err := l.FS.ReadFile(uf.Path)
		if err != nil || uf.Masked {
			continue
		}
		for _, a := range unitfile.ParseVersion(data, l.SystemdVersion).Assignments() {
			switch {
			case a.Section != "Service":
			case a.Key == "ExecStart":
				exec(uf.Path, a)
			case a.Key == "Environment" && a.Resets():
				clear(direct)
			case a.Key == "Environment":
				words, _ := unitfile.EnvironmentWords(a, l.specifiers(), l.SystemdVersion)
				for _, w := range words {
					direct[w.Name] = variable{w.Value, !w.Unknown, uf.Path, w.Line}
				}
			case a.Key == "EnvironmentFile" && a.Resets():
				clear(files)
			case a.Key == "EnvironmentFile":
				l.fileVariables(a, files)
			}
		}
	}
	maps.Copy(direct, files)
	return direct
}

func (l *locator) fileVariables(a unitfile.Assignment, into map[string]variable) {
	ef, err := unitfile.EnvironmentFilePath(a, l.specifiers(), l.SystemdVersion)
	if err != nil || ef.Unknown {
		return
	}
	paths := []string{ef.Path}
	if strings.ContainsAny(ef.Path, "*?[") {
		paths = l.FS.Glob(ef.Path)
	}
	for _, p := range paths {
		data, err := l.FS.ReadFile(p)
		if err != nil {
			continue
		}
		assigns, _ := envfile.Parse(data, l.SystemdVersion)
		for _, as := range assigns {
			if as.Problem == "" {
				into[as.Name] = variable{as.Value, true, p, as.Line}
			}
		}
	}
}

// scriptCommand builds the options a script gives dockerd out of the variable that all of them use for it, if that can be followed without running anything.
func (l *locator) scriptCommand() {
	names := optionVariables(l.Manager)
	values := map[string]shellfile.Final{}
	for _, sf := range l.Startup {
		if sf.Reader != ReaderSourced {
			continue
		}
		data, err := l.FS.ReadFile(sf.Path)
		if err != nil {
			continue
		}
		f, err := shellfile.Parse(sf.Path, data)
		if err != nil {
			return
		}
		for _, final := range f.Run(shellfile.Options{Unset: names, Include: l.FS.ReadFile}, names...).Finals {
			if !final.Known {
				return
			}
			if final.Set {
				values[final.Name] = final
			}
		}
	}
	argv := []string{"dockerd"}
	for _, name := range names {
		final, ok := values[name]
		switch {
		case !ok:
			continue
		case strings.ContainsAny(final.Value, "\"'\\$`*?[") && l.Manager == ManagerOpenRC:
			return // OpenRC gives the value to the shell once more
		}
		words := strings.Fields(final.Value)
		l.noteFlags(words, final.Path, final.Line)
		argv = append(argv, words...)
	}
	l.static = argv
}

// optionVariables returns the variables in which scripts keep dockerd's options: Void's; Debian's, Alpine's and Gentoo's, then Red Hat's.
func optionVariables(m Manager) []string {
	if m == ManagerRunit {
		return []string{"OPTS"}
	}
	return []string{"DOCKER_OPTS", "other_args"}
}
