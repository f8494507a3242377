package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Pending says what has to happen before the running daemon has a configured value.
type Pending string

// The answers of the JSON output.
const (
	PendingNone    Pending = "none"
	PendingRestart Pending = "restart"
	PendingReload  Pending = "daemon-reload" // systemd must read its unit files anew, then a restart
	PendingUnknown Pending = "unknown"
)

// Running is what the running daemon has for a key.
type Running struct {
	Known bool
	Value precedence.Value // masked already where it comes from /info
}

func processPath(site *Site, file string) string {
	if site.PID == 0 {
		return ""
	}
	return fmt.Sprintf("/proc/%d/%s", site.PID, file)
}

// running returns what /info says the daemon uses for the key (moby daemon/info.go: configured value, else HTTP_PROXY, else http_proxy).
func (o *Observation) running(k precedence.Key) Running {
	info := o.Site.Info
	if info == nil {
		return Running{}
	}
	values := map[precedence.Key]string{precedence.HTTPProxy: info.HTTPProxy, precedence.HTTPSProxy: info.HTTPSProxy, precedence.NoProxy: info.NoProxy}
	return Running{Known: true, Value: precedence.Value(values[k])}
}

// pending compares the configured value with the running one.
//
// Masked values that are equal prove nothing about a password. Where the daemon's own environment can be read it decides; otherwise a file that changed
// after the process started may hold another password than the process has.
func (o *Observation) pending(v precedence.Verdict) Pending {
	run := o.running(v.Key)
	switch {
	case !o.Site.Live, o.Site.Flavor == FlavorRemote, o.Site.Flavor == FlavorDesktop:
		return PendingUnknown
	case !o.Site.Active:
		return PendingNone // a stopped daemon reads everything when it starts
	case !run.Known || v.Winner != nil && v.Winner.Unknown:
		return PendingUnknown
	}
	configured := ""
	if v.Winner != nil {
		configured = maskFor(v.Key, v.Winner.Value)
	}
	if configured != maskFor(v.Key, run.Value) {
		return o.needs(v)
	}
	if v.Winner == nil || !v.Winner.Value.HasCredentials() {
		return PendingNone
	}
	return o.pendingSecret(v)
}

func maskFor(k precedence.Key, v precedence.Value) string {
	if k == precedence.NoProxy {
		return precedence.MaskList(v.Reveal())
	}
	return v.String()
}

// needs says whether systemd has to reload before a restart helps: when its unit files are newer than what it has loaded and the value comes from one of them. daemon.json
// and the environment files systemd already knows are read anew at each start.
func (o *Observation) needs(v precedence.Verdict) Pending {
	loaded := o.Site.Loaded
	if loaded == nil || !loaded.NeedDaemonReload && !o.ReloadNeeded() {
		return PendingRestart
	}
	if w := v.Winner; w != nil {
		known := w.Source.Route == precedence.RouteEnvironmentFile && slices.ContainsFunc(loaded.EnvironmentFiles, func(f systemd.EnvironmentFile) bool { return f.Path == w.Source.Path })
		if known || w.Source.Route == precedence.RouteConfigFile {
			return PendingRestart
		}
	}
	return PendingReload
}

// pendingSecret decides for a value with credentials whose masked forms are equal.
func (o *Observation) pendingSecret(v precedence.Verdict) Pending {
	p := o.Site.Process
	if p == nil {
		return PendingUnknown
	}
	if v.Winner.Source.Route != precedence.RouteConfigFile && v.Winner.Source.Route != precedence.RouteFlag && p.Environ != nil {
		if has, ok := p.Variable(v.Winner.Source.Name); ok && has == v.Winner.Value.Reveal() {
			return PendingNone
		}
		return o.needs(v)
	}
	if v.Winner.Source.Route == precedence.RouteFlag {
		return PendingNone // read from the running process's own command line
	}
	st, err := o.Files.Stat(v.Winner.Source.Path)
	if err != nil || p.Start.IsZero() || st.Change.IsZero() {
		return PendingUnknown
	}
	if st.Change.After(p.Start.Add(StartPrecision)) {
		return o.needs(v)
	}
	return PendingNone
}

// StartPrecision is how far a process's start time from /proc may lie before the real one: one clock tick and the rounding of the boot time (proc_pid_stat(5)).
const StartPrecision = 20 * time.Millisecond

// fromProcess replaces answers that files cannot give by what the running process has. It applies to the running system only.
func (o *Observation) fromProcess() {
	p := o.Site.Process
	if p == nil || p.Environ == nil || o.Files != o.Site.FS {
		return
	}
	for i := range o.Verdicts {
		v := &o.Verdicts[i]
		if v.Winner == nil || !v.Winner.Unknown {
			continue
		}
		name := v.Winner.Source.Name
		value, ok := p.Variable(name)
		if !ok || value == "" || o.newerThan(p, v.Winner.Source.Path) {
			continue
		}
		b := bindingOf(precedence.Source{Layer: precedence.LayerProcess, Path: processPath(o.Site, "environ"), Route: precedence.RouteInherited}, name, 0, value, false)
		v.Shadowed = append([]precedence.Lost{{Binding: *v.Winner, Rule: v.Rule}}, v.Shadowed...)
		v.Winner = &b
		v.Effect = precedence.EffectOf(v.Key, value, "")
	}
}

// newerThan reports whether a file changed after the process started, which then cannot tell what the file gives.
func (o *Observation) newerThan(p *proc.Process, file string) bool {
	st, err := o.Files.Stat(file)
	return err == nil && !p.Start.IsZero() && st.Change.After(p.Start.Add(StartPrecision))
}

// fromAPI answers for a daemon whose files are not on this machine: what its API tells is all there is. It says values, not where they come from.
func (o *Observation) fromAPI() {
	no := o.running(precedence.NoProxy).Value.Reveal()
	for _, k := range precedence.Keys() {
		v := precedence.Verdict{Key: k}
		run := o.running(k)
		at := precedence.Source{Layer: precedence.LayerUnknown, Name: string(k)}
		switch {
		case !run.Known:
			v.Winner = &precedence.Binding{Key: k, Unknown: true, Source: at}
		case run.Value != "":
			v.Winner = &precedence.Binding{Key: k, Value: run.Value, Source: at}
			v.Rule, v.Effect = precedence.OnlyValue, precedence.EffectOf(k, run.Value.Reveal(), no)
		default:
			v.Effect = precedence.EffectOf(k, "", no)
		}
		o.Verdicts = append(o.Verdicts, v)
	}
	checkURLs(o)
	checkNoProxy(o)
	if o.Site.Flavor == FlavorDesktop {
		checkOtherPlaces(o) // a daemon on another machine reads nothing here
	}
	o.addStateFindings()
	o.checkDesktop()
}
