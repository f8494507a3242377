package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// unitReader turns the files of a unit into the directives of precedence.UnitView. It only translates; the order between them is precedence.MergeUnit's.
type unitReader struct {
	site  *Site
	files *host.FS
	out   *Observation
	view  precedence.UnitView
	named []systemd.EnvironmentFile // of EnvironmentFile=, as the manager would load them
}

// readUnit reads the unit file and all drop-ins, in systemd's order, and the manager's environment.
func readUnit(site *Site, files *host.FS, out *Observation) precedence.UnitView {
	r := &unitReader{site: site, files: files, out: out}
	r.view.Manager = managerEnvironment(site, files, out)
	for _, uf := range unitFilesIn(site, files) {
		if !uf.Masked {
			r.file(uf)
		}
	}
	out.unit, out.named = r.view, r.named
	return r.view
}

// unitFilesIn lists the unit's files as they are in a view of the host; a planned drop-in is in it.
func unitFilesIn(site *Site, files *host.FS) []systemd.UnitFile {
	if files == site.FS {
		return site.UnitFiles
	}
	return systemd.UnitFiles(files, site.Unit, site.userDirs())
}

func (r *unitReader) file(uf systemd.UnitFile) {
	at := precedence.Source{Layer: precedence.LayerSystemd, Path: uf.Path}
	data, err := r.files.ReadFile(uf.Path)
	if err != nil {
		r.out.unreadable(&at, err)
		r.unknownFile(at, err)
		return
	}
	f := unitfile.ParseVersion(data, r.site.SystemdVersion)
	judgeLines(r.out, at, f, uf.DropIn)
	for _, a := range f.Assignments() {
		if a.Section != "Service" {
			continue
		}
		at.Line = a.Line
		switch a.Key {
		case "Environment":
			r.environment(at, a)
		case "EnvironmentFile":
			r.environmentFile(at, a)
		case "PassEnvironment":
			r.passEnvironment(at, a)
		case "UnsetEnvironment":
			r.unsetEnvironment(at, a)
		}
	}
}

func (r *unitReader) environment(at precedence.Source, a unitfile.Assignment) {
	at.Route = precedence.RouteEnvironment
	if a.Resets() {
		r.view.Directives = append(r.view.Directives, precedence.Directive{Kind: precedence.SetEnvironment, Reset: true, Source: at})
		return
	}
	words, problems := unitfile.EnvironmentWords(a, r.site.specifiers(), r.site.SystemdVersion)
	judgeLine(r.out, at, words, problems)
	d := precedence.Directive{Kind: precedence.SetEnvironment}
	for _, w := range words {
		if !precedence.Watched(w.Name) {
			continue
		}
		d.Bindings = append(d.Bindings, bindingOf(at, w.Name, w.Line, w.Value, w.Unknown))
	}
	r.add(d)
}

// add appends a directive and lists its bindings.
func (r *unitReader) add(d precedence.Directive) {
	r.out.Bindings = append(r.out.Bindings, d.Bindings...)
	r.view.Directives = append(r.view.Directives, d)
}

func (r *unitReader) passEnvironment(at precedence.Source, a unitfile.Assignment) {
	at.Route = precedence.RoutePassEnvironment
	if a.Resets() {
		r.view.Directives = append(r.view.Directives, precedence.Directive{Kind: precedence.PassEnvironment, Reset: true, Source: at})
		return
	}
	names, problems := unitfile.Names(a, r.site.specifiers(), r.site.SystemdVersion)
	judgeNames(r.out, at, problems)
	d := precedence.Directive{Kind: precedence.PassEnvironment}
	for _, n := range names {
		if !precedence.Watched(n.Name) {
			continue
		}
		value, known := r.site.managerProcessVariable(n.Name)
		if known && value == nil {
			continue // the manager does not have it: nothing is passed
		}
		b := bindingOf(at, n.Name, n.Line, "", !known)
		if known {
			b.Value = precedence.Value(*value)
		}
		d.Bindings = append(d.Bindings, b)
	}
	r.add(d)
}

func (r *unitReader) unsetEnvironment(at precedence.Source, a unitfile.Assignment) {
	d := precedence.Directive{Kind: precedence.UnsetVariables, Reset: a.Resets()}
	names, problems := unitfile.Names(a, r.site.specifiers(), r.site.SystemdVersion)
	judgeNames(r.out, at, problems)
	for _, n := range names {
		s := at
		s.Line, s.Name, s.Route = n.Line, n.Name, precedence.RouteEnvironment
		d.Unset = append(d.Unset, precedence.Unset{Name: n.Name, Exact: n.HasValue, Value: precedence.Value(n.Value), Source: s})
	}
	r.view.Directives = append(r.view.Directives, d)
}

func (r *unitReader) environmentFile(at precedence.Source, a unitfile.Assignment) {
	if a.Resets() {
		r.named = nil
		r.view.Directives = append(r.view.Directives, precedence.Directive{Kind: precedence.EnvironmentFile, Reset: true, Source: at})
		return
	}
	ef, err := unitfile.EnvironmentFilePath(a, r.site.specifiers(), r.site.SystemdVersion)
	if err != nil {
		r.ignoredFile(at, a.Value, err)
		return
	}
	r.named = append(r.named, systemd.EnvironmentFile{Path: ef.Path, Optional: ef.Optional})
	paths := []string{ef.Path}
	if strings.ContainsAny(ef.Path, `*?[\\`) {
		paths = r.files.Glob(ef.Path)
	}
	for _, p := range paths {
		r.oneEnvironmentFile(at, p, ef.Optional)
	}
}

func (r *unitReader) oneEnvironmentFile(named precedence.Source, path string, optional bool) {
	at := precedence.Source{Layer: layerOfFile(r.site, path), Path: path, Route: precedence.RouteEnvironmentFile}
	data, err := r.files.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && optional:
		r.misnamedFile(named, path)
		return
	case errors.Is(err, fs.ErrNotExist):
		r.out.fail(&named, fmt.Errorf("%s does not exist, and systemd does not start the unit without it", path))
		r.out.find("systemd-environment-file-missing", &named, "", "%s does not exist, and systemd does not start the unit without it (a leading - would make it optional)", path)
		return
	case err != nil:
		r.out.unreadable(&at, err)
		r.unknownFile(at, err)
		return
	}
	assigns, skipped := envfile.Parse(data, r.site.SystemdVersion)
	if skipped != "" {
		r.skippedFile(at, data, skipped, optional)
		return
	}
	judgeEnvFile(r.out, at, data, assigns)
	d := precedence.Directive{Kind: precedence.EnvironmentFile}
	for _, as := range assigns {
		if precedence.Watched(as.Name) && as.Problem == "" {
			d.Bindings = append(d.Bindings, bindingOf(at, as.Name, as.Line, as.Value, false))
		}
	}
	r.add(d)
}

// unknownFile takes into account that a file which systemd reads and this process does not may set any of the variables, as strongly as a file can. What is no file at all
// sets nothing: systemd says so in its log and goes on.
func (r *unitReader) unknownFile(at precedence.Source, err error) {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, host.ErrTooLarge) {
		return
	}
	at.Route = precedence.RouteEnvironmentFile
	d := precedence.Directive{Kind: precedence.EnvironmentFile}
	for _, st := range unknownSteps(at) {
		d.Bindings = append(d.Bindings, st.Binding)
	}
	r.view.Directives = append(r.view.Directives, d)
}

// layerOfFile says which layer an EnvironmentFile counts to: Docker's own startup file, a shared place, or the unit itself.
func layerOfFile(site *Site, path string) precedence.Layer {
	if slices.ContainsFunc(site.Startup, func(s StartupFile) bool { return s.Path == path }) {
		return precedence.LayerStartup
	}
	if slices.ContainsFunc(site.Shared, func(s SharedFile) bool { return s.Path == path }) {
		return precedence.LayerEnv
	}
	return precedence.LayerSystemd
}

// setAnew is the command for a value that its reader drops. reconcile would take it out, and with it what somebody meant to set; name is "" where the variable is not known.
func setAnew(layer precedence.Layer, name string) string {
	option, apart := "--proxy URL", " (user and password apart: --username USER --password-stdin)"
	switch key, ok := precedence.KeyOf(name); {
	case ok && key == precedence.NoProxy:
		option, apart = "--no-proxy LIST", ""
	case ok:
		option = "--" + string(key) + " URL"
	}
	return fmt.Sprintf("docker proxy set --layer %s %s%s", layer, option, apart)
}

// mentionsProxy reports whether a piece of text that systemd drops was about one of our variables.
func mentionsProxy(text string) bool {
	for _, n := range precedence.AllNames() {
		if strings.Contains(text, n) {
			return true
		}
	}
	return false
}
