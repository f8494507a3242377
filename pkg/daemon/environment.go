package daemon

import (
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// environmentOf returns the environment this dockerd is started with, by whatever starts it.
func environmentOf(site *Site, files *host.FS, out *Observation) precedence.Environment {
	switch {
	case site.Flavor == FlavorRemote || site.Flavor == FlavorDesktop:
		return precedence.Environment{}
	case site.Manager.Systemd():
		env := precedence.MergeUnit(readUnit(site, files, out))
		if len(sourcedFiles(site)) == 0 {
			return env
		}
		// A unit that systemd generates from an init script: the script runs in the unit's environment.
		return scriptEnvironment(site, files, winners(env), out)
	case site.Manager == ManagerManual:
		return precedence.MergeScript(processBindings(site, out), nil)
	}
	return scriptEnvironment(site, files, inheritedEnvironment(site, files, out), out)
}

// winners lists what an environment holds, for a script that inherits it.
func winners(env precedence.Environment) []precedence.Binding {
	var out []precedence.Binding
	for _, name := range env.Names() {
		if w := env.Slot(name).Winner; w != nil {
			out = append(out, *w)
		}
	}
	return out
}

// managerEnvironment returns the environment block of the systemd manager: what its configuration files say, then what was set at run time. A value that the
// running manager has and no file explains was set by `systemctl set-environment`, by a generator or on the kernel command line.
func managerEnvironment(site *Site, files *host.FS, out *Observation) []precedence.Binding {
	all := configuredManagerEnvironment(site, files, out)
	// What the manager has in memory is compared with the files as they are, not as a plan would leave them: it has not read that yet.
	explained := map[string]precedence.Value{}
	for _, b := range configuredManagerEnvironment(site, site.FS, &Observation{}) {
		explained[b.Source.Name] = b.Value
	}
	for _, assignment := range site.ManagerEnvironment {
		name, value, _ := strings.Cut(assignment, "=")
		if !precedence.Watched(name) {
			continue
		}
		if v, ok := explained[name]; ok && v == precedence.Value(value) {
			continue
		}
		all = append(all, bindingOf(precedence.Source{Layer: precedence.LayerEnv, Route: precedence.RouteManager}, name, 0, value, false))
	}
	out.Bindings = append(out.Bindings, all...)
	return all
}

// configuredManagerEnvironment is the part that files say.
func configuredManagerEnvironment(site *Site, files *host.FS, out *Observation) []precedence.Binding {
	var all []precedence.Binding
	for _, f := range systemd.ManagerFiles(files, site.userDirs()) {
		if f.Kind == systemd.EnvironmentDir {
			all = append(all, environmentD(site, files, f.Path, all)...)
			continue
		}
		all = append(all, defaultEnvironment(site, files, f.Path, out)...)
	}
	return all
}

// defaultEnvironment reads DefaultEnvironment= of system.conf, user.conf and their drop-ins (systemd-system.conf(5)).
func defaultEnvironment(site *Site, files *host.FS, path string, out *Observation) []precedence.Binding {
	at := precedence.Source{Layer: precedence.LayerEnv, Path: path, Route: precedence.RouteManager}
	data, err := files.ReadFile(path)
	if err != nil {
		return nil
	}
	var all []precedence.Binding
	f := unitfile.ParseVersion(data, site.SystemdVersion)
	judgeManagerLines(out, at, f)
	for _, a := range f.Assignments() {
		if a.Section != "Manager" || a.Key != "DefaultEnvironment" {
			continue
		}
		if a.Value == "" {
			all = nil
			continue
		}
		words, problems := unitfile.EnvironmentWords(a, site.specifiers(), site.SystemdVersion)
		at.Line = a.Line
		judgeLine(out, at, words, problems)
		for _, w := range words {
			if precedence.Watched(w.Name) {
				all = append(all, bindingOf(at, w.Name, w.Line, w.Value, w.Unknown))
			}
		}
	}
	return all
}

// environmentD reads one file of environment.d(5), which a user manager hands to all its services.
func environmentD(site *Site, files *host.FS, path string, before []precedence.Binding) []precedence.Binding {
	at := precedence.Source{Layer: precedence.LayerEnv, Path: path, Route: precedence.RouteManager}
	data, err := files.ReadFile(path)
	if err != nil {
		return nil
	}
	lookup := func(name string) (string, bool) {
		for i := len(before) - 1; i >= 0; i-- {
			if before[i].Source.Name == name && !before[i].Unknown {
				return before[i].Value.Reveal(), true
			}
		}
		return "", false
	}
	var all []precedence.Binding
	for _, a := range envfile.ParseEnvironmentD(data, site.SystemdVersion, lookup) {
		if precedence.Watched(a.Name) && a.Problem == "" {
			all = append(all, bindingOf(at, a.Name, a.Line, a.Value, a.Unknown))
		}
	}
	return all
}

// inheritedEnvironment is what an init script gets before it sources anything: OpenRC adds /etc/profile.env; sysvinit's service(8) starts scripts with an empty
// environment.
func inheritedEnvironment(site *Site, files *host.FS, out *Observation) []precedence.Binding {
	var all []precedence.Binding
	for _, s := range site.Shared {
		if s.Reader != ReaderManager {
			continue
		}
		at := precedence.Source{Layer: precedence.LayerEnv, Path: s.Path, Route: precedence.RouteInherited}
		data, err := files.ReadFile(s.Path)
		if err != nil {
			continue
		}
		for _, a := range envfile.ParseProfileEnv(data) {
			if precedence.Watched(a.Name) {
				all = append(all, bindingOf(at, a.Name, a.Line, a.Value, false))
			}
		}
	}
	out.Bindings = append(out.Bindings, all...)
	return all
}

// observeFlags adds the proxy flags of dockerd's command line.
func observeFlags(site *Site, out *Observation) {
	for _, b := range site.ProxyFlags() {
		if site.ReadsProxies() == No {
			err := fmt.Errorf("docker engine %s does not know %s (it came with 23.0) and does not start with it", site.Version, b.Key.Flag())
			out.fail(&b.Source, err)
			out.find("flag-engine-too-old", &b.Source, "", "%v", err)
		}
		out.Inputs.Flags = append(out.Inputs.Flags, b)
		out.Bindings = append(out.Bindings, b)
	}
}

// flagOf returns the flag that sets a key, or nil.
func flagOf(site *Site, k precedence.Key) *precedence.Binding {
	for _, b := range site.ProxyFlags() {
		if b.Key == k {
			return &b
		}
	}
	return nil
}

// processBindings returns the proxy variables of the running dockerd's initial environment, for a daemon that no manager starts: they are all there is.
func processBindings(site *Site, out *Observation) []precedence.Binding {
	at := precedence.Source{Layer: precedence.LayerProcess, Path: processPath(site, "environ"), Route: precedence.RouteInherited}
	if site.Process == nil || site.Process.Environ == nil {
		if site.PID != 0 {
			out.find("layer-not-readable", &at, "", "the environment of dockerd (process %d) can be read by root only", site.PID)
		}
		return nil
	}
	all := processVariables(site, at)
	out.Bindings = append(out.Bindings, all...)
	return all
}

func processVariables(site *Site, at precedence.Source) []precedence.Binding {
	var all []precedence.Binding
	for _, name := range append(precedence.AllNames(), precedence.OtherNames()...) {
		if v, ok := site.Process.Variable(name); ok {
			all = append(all, bindingOf(at, name, 0, v, false))
		}
	}
	return all
}

// observeProcess lists what the running dockerd was started with, as the check on everything else. It decides nothing: files decide what the next start gets.
func observeProcess(site *Site, out *Observation) {
	if site.Process == nil || site.Process.Environ == nil || site.Manager == ManagerManual {
		return
	}
	at := precedence.Source{Layer: precedence.LayerProcess, Path: processPath(site, "environ"), Route: precedence.RouteInherited}
	for _, b := range processVariables(site, at) {
		b.Inert = "what the running process was started with"
		out.Bindings = append(out.Bindings, b)
	}
}
