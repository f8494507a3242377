package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Observation is everything that was read about the settings of one daemon, and what follows from it.
type Observation struct {
	Site     *Site
	Files    *host.FS
	Bindings []precedence.Binding // of every layer, those that do not reach dockerd too
	Inputs   precedence.Inputs    // what reaches dockerd
	Verdicts []precedence.Verdict // by precedence.Keys
	Findings []precedence.Finding
	// Faults are places that cannot be read as configuration (invalid JSON, a directory, no permission): they are never edited.
	Faults []Fault

	unit     precedence.UnitView       // of systemd; empty for other managers
	named    []systemd.EnvironmentFile // of the unit's EnvironmentFile= lines
	config   *jsonedit.Document        // the configuration file; nil where there is none that can be read
	stoppers []precedence.Finding      // what keeps dockerd from starting with the configuration file
	written  []precedence.Source       // where credentials stand in what systemd drops
}

// Fault is a place that cannot be read.
type Fault struct {
	Source precedence.Source
	Err    error
	Stops  bool // dockerd does not start because of it
	// Mend is the command that takes the fault away, where an edit of this program can: such a place may be edited, as long as the fault is gone afterwards.
	Mend string
}

// Error names the place and the reason.
func (f Fault) Error() string {
	text := f.Err.Error()
	if f.Source.Path == "" || strings.HasPrefix(text, f.Source.Path) {
		return text
	}
	return fmt.Sprintf("%s: %s", f.Source, text)
}

// Unwrap gives the reason, such as fs.ErrPermission.
func (f Fault) Unwrap() error { return f.Err }

// surface is one layer of settings that lives in files. observe adds what it holds to an observation; edit returns the changes after which it
// holds the wanted settings (an empty value takes a key out) and nothing else of these keys; refuse says why this host's dockerd does not get
// anything from there, or nil.
type surface interface {
	layer() precedence.Layer
	observe(site *Site, files *host.FS, out *Observation)
	refuse(site *Site) error
	edit(site *Site, files *host.FS, wanted precedence.Settings) ([]change.Change, error)
}

// surfaces returns the editable layers in the order in which they are reported.
func surfaces() []surface {
	return []surface{configSurface{}, startupSurface{}, systemdSurface{}, envSurface{}}
}

func surfaceOf(l precedence.Layer) surface {
	all := surfaces()
	i := slices.IndexFunc(all, func(s surface) bool { return s.layer() == l })
	if i < 0 {
		return nil
	}
	return all[i]
}

// Observe reads all layers of the located daemon and resolves them. It never fails: what cannot be read is a fault and a finding, and the answer says unknown where it
// depends on it.
func Observe(site *Site) *Observation { return observeIn(site, site.FS) }

// Planned returns the observation as it would be after the changes.
func (o *Observation) Planned(changes []change.Change) *Observation {
	if len(changes) == 0 {
		return o
	}
	files := map[string]host.Overlay{}
	for _, c := range changes {
		if c.From.Kind == change.Dir || c.To.Kind == change.Dir {
			continue // an empty directory more or less means nothing to any reader
		}
		files[c.Path] = host.Overlay{Data: c.To.Data, Mode: c.To.Mode, Absent: c.To.Kind == change.Absent}
	}
	return observeIn(o.Site, o.Files.With(files))
}

func observeIn(site *Site, files *host.FS) *Observation {
	out := &Observation{Site: site, Files: files}
	if site.Flavor == FlavorRemote || site.Flavor == FlavorDesktop {
		out.fromAPI()
		return out
	}
	observeFlags(site, out)
	for _, s := range surfaces() {
		s.observe(site, files, out)
	}
	out.Inputs.Env = environmentOf(site, files, out)
	observeProcess(site, out)
	out.Bindings = slices.DeleteFunc(out.Bindings, func(b precedence.Binding) bool { return b.Key == "" }) // precedence.OtherNames: watched, and no setting
	out.Verdicts = precedence.Resolve(out.Inputs)
	out.fromProcess()
	out.check()
	out.Findings = precedence.SortFindings(out.Findings)
	return out
}

// find adds a finding.
func (o *Observation) find(id string, at *precedence.Source, fix, format string, args ...any) {
	o.Findings = append(o.Findings, precedence.NewFinding(id, copySource(at), fix, format, args...))
}

// stops adds a finding about the configuration file that keeps dockerd from starting.
func (o *Observation) stops(id string, at *precedence.Source, fix, format string, args ...any) {
	o.find(id, at, fix, format, args...)
	o.stoppers = append(o.stoppers, o.Findings[len(o.Findings)-1])
}

// fail notes a place whose content stops dockerd.
func (o *Observation) fail(at *precedence.Source, err error) {
	o.Faults = append(o.Faults, Fault{Source: *at, Err: err, Stops: true})
}

// failMendable notes settings that stop dockerd in a file that can be edited all the same.
func (o *Observation) failMendable(at *precedence.Source, mend string, err error) {
	o.Faults = append(o.Faults, Fault{Source: *at, Err: err, Stops: true, Mend: mend})
}

// unreadable notes a place that this process cannot read.
func (o *Observation) unreadable(at *precedence.Source, err error) {
	o.Faults = append(o.Faults, Fault{Source: *at, Err: unwrapPath(err), Stops: false})
	o.find("layer-not-readable", at, "", "this file cannot be read (%v): what it sets is not known", unwrapPath(err))
}

// faultOf returns the fault that keeps a layer from being edited, or nil.
func (o *Observation) faultOf(l precedence.Layer) *Fault {
	for i := range o.Faults {
		if o.Faults[i].Source.Layer == l && o.Faults[i].Mend == "" {
			return &o.Faults[i]
		}
	}
	return nil
}

func copySource(at *precedence.Source) *precedence.Source {
	if at == nil {
		return nil
	}
	c := *at
	return &c
}

// unwrapPath takes the path out of an error that is about to be printed behind that path.
func unwrapPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// verdict returns the verdict of a key.
func (o *Observation) verdict(k precedence.Key) precedence.Verdict {
	i := slices.IndexFunc(o.Verdicts, func(v precedence.Verdict) bool { return v.Key == k })
	return o.Verdicts[i]
}
