package daemon

import (
	"path"

	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// findPending tells of a value that the running daemon does not have: since a file has changed after it was started, or since it was started with something else.
func (o *Observation) findPending(st Status, at *precedence.Source) {
	const fix = "docker proxy restart"
	v := st.Verdict
	if o.startedOtherwise(v) {
		o.find("running-differs-from-configured", at, fix, "%s", o.differsText(st))
		return
	}
	if !v.Set() {
		o.find("restart-pending", at, fix, "the running daemon still has a %s, which is not configured any more", v.Key)
		return
	}
	o.find("restart-pending", at, fix, "the running daemon does not have the configured %s yet", v.Key)
}

// differsText says what runs and what its next start will give it. Values are masked.
func (o *Observation) differsText(st Status) string {
	const cause = "no file that it reads has changed since it was started, so it was started with another environment or other options: "
	v := st.Verdict
	runs := maskFor(v.Key, st.Running.Value)
	switch {
	case !v.Set():
		return "the running daemon has the " + string(v.Key) + " " + runs + ", which no file configures; " + cause + "its next start takes it away"
	case runs == "":
		return "the running daemon has no " + string(v.Key) + ", although " + maskFor(v.Key, v.Winner.Value) + " is configured; " + cause + "its next start gives it that"
	case runs == maskFor(v.Key, v.Winner.Value):
		return "the running daemon has another password in its " + string(v.Key) + " than is configured; " + cause + "its next start gives it the configured one"
	}
	return "the running daemon has the " + string(v.Key) + " " + runs + ", although " + maskFor(v.Key, v.Winner.Value) + " is configured; " + cause + "its next start gives it that"
}

// startedOtherwise reports whether the difference is provably older than the running process: every place that this dockerd reads was last changed before it was started. What
// cannot be told is no.
func (o *Observation) startedOtherwise(v precedence.Verdict) bool {
	p := o.Site.Process
	if p == nil || p.Start.IsZero() || o.Files != o.Site.FS || v.Winner != nil && v.Winner.Source.Path == "" {
		return false
	}
	if l := o.Site.Loaded; l != nil && l.NeedDaemonReload {
		return false
	}
	for _, name := range o.places() {
		if o.touchedAfter(p, name) {
			return false
		}
	}
	return true
}

// places lists the files this dockerd reads proxies from, those that do not exist too.
func (o *Observation) places() []string {
	s := o.Site
	var out []string
	add := func(name string) {
		if name != "" {
			out = append(out, name)
		}
	}
	add(s.ConfigFile)
	add(s.InitScript)
	for _, f := range s.UnitFiles {
		add(f.Path)
	}
	if s.Unit != "" {
		for _, dir := range []string{"/etc/systemd/system", "/run/systemd/system"} {
			add(path.Join(dir, s.Unit+".d", "any.conf"))
		}
		if s.User != nil {
			add(path.Join(s.User.XDGConfigHome, "systemd/user", s.Unit+".d", "any.conf"))
		}
	}
	if s.Loaded != nil {
		for _, f := range s.Loaded.EnvironmentFiles {
			add(f.Path)
		}
	}
	for _, f := range s.Startup {
		if f.Reader != ReaderNobody {
			add(f.Path)
		}
	}
	for _, f := range s.Shared {
		if f.Reader != ReaderNobody {
			add(f.Path)
		}
	}
	for _, b := range o.Bindings {
		if b.Source.Layer != precedence.LayerProcess {
			add(b.Source.Path)
		}
	}
	return out
}

// touchedAfter reports whether a file changed after the process was started: itself, the link that leads to it, or the directory it stands in, which a removal changes.
func (o *Observation) touchedAfter(p *proc.Process, name string) bool {
	limit := p.Start.Add(StartPrecision)
	link, err := o.Files.Lstat(name)
	if err == nil && link.Change.After(limit) {
		return true
	}
	if st, err := o.Files.Stat(name); err == nil && st.Change.After(limit) {
		return true
	}
	dir := path.Dir(name)
	for {
		st, err := o.Files.Stat(dir)
		if err == nil {
			return st.Change.After(limit)
		}
		if dir == "/" {
			return false
		}
		dir = path.Dir(dir)
	}
}
