package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/shellfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// startupSurface is Docker's own startup file: /etc/default/docker, /etc/sysconfig/docker, /etc/conf.d/docker, a runit conf. Who reads it decides its language.
type startupSurface struct{}

func (startupSurface) layer() precedence.Layer { return precedence.LayerStartup }

// observe lists files that nobody reads, and files an init script sources. A file that a unit names as EnvironmentFile= is listed with the unit, because its place in
// systemd's order is there.
func (startupSurface) observe(site *Site, files *host.FS, out *Observation) {
	for _, sf := range site.Startup {
		if sf.Reader != ReaderNobody || (startupSurface{}).alias(site, files, sf) {
			continue
		}
		at := precedence.Source{Layer: precedence.LayerStartup, Path: sf.Path, Route: precedence.RouteScript}
		for _, b := range looseAssignments(files, at) {
			b.Inert = unreadStartup
			out.Bindings = append(out.Bindings, b)
		}
	}
}

// unreadStartup says why a binding of a startup file does not reach dockerd.
const unreadStartup = "nothing on this host reads the file for dockerd"

// looseAssignments lists the proxy assignments of a file that nobody reads, in either language. An unreadable or broken one holds nothing worth telling.
func looseAssignments(files *host.FS, at precedence.Source) []precedence.Binding {
	data, err := files.ReadFile(at.Path)
	if err != nil {
		return nil
	}
	f, err := shellfile.Parse(at.Path, data)
	if err != nil {
		return nil
	}
	var out []precedence.Binding
	for _, e := range f.Effects(precedence.AllNames()) {
		if e.Kind != shellfile.Assign {
			continue
		}
		out = append(out, bindingOf(at, e.Name, e.Line, e.Value, !e.Known))
	}
	return out
}

// bindingOf makes a binding of a variable; name is one of precedence.AllNames, or of OtherNames, which have no key.
func bindingOf(at precedence.Source, name string, line int, value string, unknown bool) precedence.Binding {
	key, _ := precedence.KeyOf(name)
	at.Line, at.Name = line, name
	b := precedence.Binding{Key: key, Value: precedence.Value(value), Source: at, Unknown: unknown}
	if unknown {
		b.Value = ""
	}
	return b
}

// target returns the startup file that edits go to: the one that somebody reads.
func (startupSurface) target(site *Site) (StartupFile, bool) {
	i := slices.IndexFunc(site.Startup, func(sf StartupFile) bool { return sf.Reader == ReaderSourced || sf.Reader == ReaderEnvironmentFile })
	if i < 0 {
		return StartupFile{}, false
	}
	return site.Startup[i], true
}

// alias reports whether a file is the target by another name, through a link: whatever is done to the target is done to it.
func (s startupSurface) alias(site *Site, files *host.FS, sf StartupFile) bool {
	target, ok := s.target(site)
	if !ok || sf.Path == target.Path {
		return false
	}
	a, errA := files.Resolve(sf.Path, true)
	b, errB := files.Resolve(target.Path, true)
	return errA == nil && errB == nil && a == b
}

func (s startupSurface) refuse(site *Site) error {
	if _, ok := s.target(site); ok {
		return nil
	}
	path := "a startup file"
	if len(site.Startup) > 0 {
		path = site.Startup[0].Path
	}
	return fmt.Errorf("nothing on this host reads %s for dockerd: use --layer %s", path, site.otherLayer(precedence.LayerStartup))
}

func (s startupSurface) edit(site *Site, files *host.FS, wanted precedence.Settings) ([]change.Change, error) {
	var out []change.Change
	target, ok := s.target(site)
	for _, sf := range site.Startup {
		if s.alias(site, files, sf) {
			continue
		}
		mine := wanted
		if !ok || sf.Path != target.Path {
			mine = removal(wanted)
		}
		c, err := editStartup(files, sf, mine)
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	return out, nil
}

// removal returns settings that take out every key that wanted names.
func removal(wanted precedence.Settings) precedence.Settings {
	out := precedence.Settings{}
	for k := range wanted {
		out[k] = ""
	}
	return out
}

// editStartup writes the portable form, an assignment and an `export` on its own line: both sh and systemd read it alike.
func editStartup(files *host.FS, sf StartupFile, wanted precedence.Settings) ([]change.Change, error) {
	from, err := change.Observe(files, sf.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", sf.Path, unwrapPath(err))
	}
	var set []shellfile.Var
	var remove []string
	for _, k := range wanted.Keys() {
		for _, name := range k.Names() {
			if wanted[k] == "" {
				remove = append(remove, name)
				continue
			}
			set = append(set, shellfile.Var{Name: name, Value: wanted[k].Reveal()})
		}
	}
	if from.Kind == change.Absent && len(set) == 0 {
		return nil, nil
	}
	data, err := editStartupData(sf, from.Data, set, remove)
	if err != nil {
		return nil, err
	}
	to := from.WithData(data)
	if wanted.HasCredentials() {
		to = to.Private()
	}
	return only(change.Change{
		Path: sf.Path, From: from, To: to, Layer: string(precedence.LayerStartup), Needs: change.Needs{Restart: true}, Validate: change.ValidateStartup,
		Secret: wanted.HasCredentials() || holdsCredentials(from.Data), CleanFrom: !holdsCredentials(from.Data),
	}), nil
}

// editStartupData edits in the portable form. A file that only systemd reads need not be shell at all; it is then edited as what it is.
func editStartupData(sf StartupFile, data []byte, set []shellfile.Var, remove []string) ([]byte, error) {
	out, err := shellfile.Edit(sf.Path, data, set, remove, dialect(sf.Reader))
	var syntax *shellfile.ParseError
	if !errors.As(err, &syntax) || sf.Reader != ReaderEnvironmentFile {
		return out, err
	}
	if out, err = envfile.Remove(data, remove...); err != nil {
		return nil, fmt.Errorf("%s: %w", sf.Path, err)
	}
	for _, v := range set {
		if out, err = envfile.Set(out, v.Name, v.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", sf.Path, err)
		}
	}
	return out, nil
}

func dialect(r Reader) shellfile.Dialect {
	switch r {
	case ReaderSourced:
		return shellfile.Sourced
	case ReaderEnvironmentFile:
		return shellfile.EnvironmentFile
	case ReaderManager, ReaderNobody, ReaderUnknown:
	}
	return shellfile.Portable
}

// scriptEnvironment follows the files that an init script sources, in order, and returns the environment dockerd gets from it.
func scriptEnvironment(site *Site, files *host.FS, inherited []precedence.Binding, out *Observation) precedence.Environment {
	env := map[string]string{}
	for _, b := range inherited {
		if !b.Unknown {
			env[b.Source.Name] = b.Value.Reveal()
		}
	}
	var steps []precedence.ScriptStep
	for _, sf := range sourcedFiles(site) {
		more := sourceFile(files, sf, env, out)
		steps = append(steps, more...)
		for _, st := range more {
			if st.Unset || st.Binding.Unknown {
				delete(env, st.Binding.Source.Name)
				continue
			}
			env[st.Binding.Source.Name] = st.Binding.Value.Reveal()
		}
	}
	return precedence.MergeScript(inherited, steps)
}

// sourcedFile is a file that an init script sources, with the layer it counts to.
type sourcedFile struct {
	path  string
	layer precedence.Layer
}

// sourcedFiles returns them in the order of sourcing: shared ones that the service manager reads first (rc.conf) come before Docker's own, profile.d after it (Alpine's
// init script sources profile.d/proxy.sh last).
func sourcedFiles(site *Site) []sourcedFile {
	var before, own, after []sourcedFile
	for _, s := range site.Shared {
		if s.Reader != ReaderSourced {
			continue
		}
		if isProfile(s.Path) {
			after = append(after, sourcedFile{s.Path, precedence.LayerEnv})
			continue
		}
		before = append(before, sourcedFile{s.Path, precedence.LayerEnv})
	}
	for _, s := range site.Startup {
		if s.Reader == ReaderSourced {
			own = append(own, sourcedFile{s.Path, precedence.LayerStartup})
		}
	}
	return slices.Concat(before, own, after)
}

// sourceFile returns what sourcing one file exports, and adds all its assignments to the observation.
func sourceFile(files *host.FS, sf sourcedFile, env map[string]string, out *Observation) []precedence.ScriptStep {
	at := precedence.Source{Layer: sf.layer, Path: sf.path, Route: precedence.RouteScript}
	data, err := files.ReadFile(sf.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		out.unreadable(&at, err)
		return unknownSteps(at)
	}
	f, err := shellfile.Parse(sf.path, data)
	var syntax *shellfile.ParseError
	if errors.As(err, &syntax) {
		at.Line = syntax.Line
		out.fail(&at, syntax)
		out.find("startup-syntax-error", &at, "", "%s: the init script that sources it stops there", syntax.Msg)
		return nil
	}
	names := append(precedence.AllNames(), precedence.OtherNames()...)
	run := f.Run(shellfile.Options{Inherited: env, Unset: names, Include: files.ReadFile}, names...)
	var steps []precedence.ScriptStep
	for _, final := range run.Finals {
		steps = append(steps, finalSteps(at, final, out)...)
	}
	return steps
}

// finalSteps turns the end state of one variable into steps: what was overwritten, then what is exported.
func finalSteps(at precedence.Source, final shellfile.Final, out *Observation) []precedence.ScriptStep {
	var steps []precedence.ScriptStep
	_, isSetting := precedence.KeyOf(final.Name) // the others are only watched
	place := func(e shellfile.Effect) precedence.Binding {
		s := at
		s.Path = e.Path
		return bindingOf(s, final.Name, e.Line, e.Value, !e.Known)
	}
	for _, e := range final.Overwritten {
		b := place(e)
		if !e.Exported && !final.Exported {
			b.Inert = "not exported"
		}
		out.Bindings = append(out.Bindings, b)
		if b.Inert == "" {
			steps = append(steps, precedence.ScriptStep{Binding: b})
		}
	}
	i := slices.IndexFunc(final.Candidates, func(e shellfile.Effect) bool {
		return e.Kind == shellfile.Assign || e.Kind == shellfile.Unset || e.Kind == shellfile.Opaque
	})
	switch {
	case len(final.Candidates) == 0:
		return steps
	case !final.Known:
		for _, e := range final.Candidates {
			b := place(e)
			b.Unknown, b.Value = true, ""
			out.Bindings = append(out.Bindings, b)
			steps = append(steps, precedence.ScriptStep{Binding: b})
		}
		if isSetting {
			out.find("unknown-without-running-code", &steps[len(steps)-1].Binding.Source, "", "what %s becomes here depends on code that is not run to find out", final.Name)
		}
		return steps
	case !final.Set:
		e := final.Candidates[len(final.Candidates)-1]
		return append(steps, precedence.ScriptStep{Binding: place(e), Unset: true})
	case i < 0:
		return steps
	}
	for _, e := range final.Candidates {
		if e.Kind != shellfile.Assign {
			continue
		}
		b := place(e)
		b.Value, b.Unknown = precedence.Value(final.Value), false
		if !final.Exported {
			b.Inert = "not exported"
			if isSetting {
				out.find("startup-not-exported", &b.Source, setAnew(precedence.LayerStartup, final.Name), "%s is assigned without being exported, so dockerd does not get it", final.Name)
			}
		}
		out.Bindings = append(out.Bindings, b)
		// What was exported before and is not any more does not reach dockerd either.
		steps = append(steps, precedence.ScriptStep{Binding: b, Unset: b.Inert != ""})
	}
	return steps
}

// unknownSteps says of a file that cannot be read that it may set anything.
func unknownSteps(at precedence.Source) []precedence.ScriptStep {
	var steps []precedence.ScriptStep
	for _, name := range precedence.AllNames() {
		steps = append(steps, precedence.ScriptStep{Binding: bindingOf(at, name, 0, "", true)})
	}
	return steps
}
