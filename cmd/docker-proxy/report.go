package main

import (
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// reportSchema is the version of the JSON that `show` prints. Members are only ever added within a version.
const reportSchema = 1

// effectiveReport is the JSON of `show --effective`.
type effectiveReport struct {
	Schema   int                  `json:"schema"`
	Daemon   daemonReport         `json:"daemon"`
	Settings []settingReport      `json:"settings"`
	Clients  []clientReport       `json:"clients"`
	Findings []precedence.Finding `json:"findings"`
}

// daemonReport says which daemon this is about.
type daemonReport struct {
	Reachable  bool           `json:"reachable"`
	Version    string         `json:"version,omitempty"`
	Context    string         `json:"context"`
	Endpoint   string         `json:"endpoint,omitempty"`
	Local      bool           `json:"local"`
	Manager    daemon.Manager `json:"manager"`
	Flavor     daemon.Flavor  `json:"flavor"`
	Unit       string         `json:"unit,omitempty"`
	PID        int            `json:"pid,omitempty"`
	ConfigFile string         `json:"configFile,omitempty"`
	Root       string         `json:"root,omitempty"`    // the directory of --root
	Unknown    []string       `json:"unknown,omitempty"` // what cannot be known here, and why
}

// settingReport is the answer for one key.
type settingReport struct {
	Key      precedence.Key     `json:"key"`
	Set      bool               `json:"set"`
	Value    *string            `json:"value,omitempty"`
	Effect   precedence.Effect  `json:"effect,omitempty"`
	Source   *precedence.Source `json:"source,omitempty"`
	Rule     precedence.Rule    `json:"rule,omitempty"`
	Shadowed []lostReport       `json:"shadowed"`
	Lower    *lowerReport       `json:"lower,omitempty"`
	Running  *string            `json:"running"` // "" known to be unset, null unknown
	Pending  daemon.Pending     `json:"pending"`
}

// lostReport is a value that does not take effect.
type lostReport struct {
	Value  *string           `json:"value"` // null: not known without running code
	Source precedence.Source `json:"source"`
	Rule   precedence.Rule   `json:"rule"`
}

// lowerReport is the lower-case variable where it ends up different.
type lowerReport struct {
	Value  string            `json:"value"`
	Source precedence.Source `json:"source"`
}

// clientReport is one person's config.json.
type clientReport struct {
	Path     string                `json:"path"`
	User     string                `json:"user,omitempty"`
	Host     string                `json:"host"`             // the record that is used
	Lookup   string                `json:"lookup,omitempty"` // the string that the docker CLI looks up for this daemon
	Settings []clientSettingReport `json:"settings"`
	// Variables are what new containers and builds get.
	Variables []variableReport `json:"variables"`
}

// variableReport is one environment variable of a new container, and whether a build's RUN steps get it, too.
type variableReport struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Builds bool   `json:"builds"`
}

type clientSettingReport struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Line  int    `json:"line"`
}

// bindingReport is one line of `show`: a value at a place, whether it reaches dockerd or not.
type bindingReport struct {
	Key    precedence.Key    `json:"key"`
	Value  *string           `json:"value"` // null: not known without running code
	Source precedence.Source `json:"source"`
	Inert  string            `json:"inert,omitempty"` // why it does not reach dockerd
	Wins   bool              `json:"wins"`
}

// layersReport is the JSON of `show`.
type layersReport struct {
	Schema   int             `json:"schema"`
	Daemon   daemonReport    `json:"daemon"`
	Bindings []bindingReport `json:"bindings"`
	Clients  []clientReport  `json:"clients"`
	// Containers are those whose environment is not what a new one would get; null when the daemon was not asked.
	Containers []client.Stale       `json:"containers"`
	Findings   []precedence.Finding `json:"findings"`
}

// renderer turns values into text: masked, unless --reveal.
type renderer struct{ reveal bool }

func (r renderer) value(k precedence.Key, v precedence.Value) string {
	switch {
	case r.reveal:
		return v.Reveal()
	case k == precedence.NoProxy:
		return precedence.MaskList(v.Reveal())
	}
	return v.String()
}

func (r renderer) binding(b precedence.Binding) *string {
	if b.Unknown {
		return nil
	}
	text := r.value(b.Key, b.Value)
	return &text
}

func (r renderer) daemon(s *daemon.Site) daemonReport {
	root := ""
	if !s.Live {
		root = s.Root
	}
	return daemonReport{
		Root: root, Reachable: s.Reachable(), Version: s.Version, Context: s.Context, Endpoint: s.Endpoint, Local: s.Local, Manager: s.Manager, Flavor: s.Flavor,
		Unit: s.Unit, PID: s.PID, ConfigFile: s.ConfigFile, Unknown: s.Unknown,
	}
}

func (r renderer) settings(o *daemon.Observation) []settingReport {
	var out []settingReport
	for _, st := range o.Statuses() {
		v := st.Verdict
		row := settingReport{Key: v.Key, Set: v.Set(), Effect: v.Effect, Rule: v.Rule, Shadowed: []lostReport{}, Pending: st.Pending}
		if v.Winner != nil {
			row.Value = r.binding(*v.Winner)
			source := v.Winner.Source
			row.Source = &source
		}
		for _, l := range v.Shadowed {
			row.Shadowed = append(row.Shadowed, lostReport{r.binding(l.Binding), l.Binding.Source, l.Rule})
		}
		if v.Lower != nil {
			row.Lower = &lowerReport{r.value(v.Key, v.Lower.Value), v.Lower.Source}
		}
		if st.Running.Known {
			text := r.value(v.Key, st.Running.Value)
			row.Running = &text
		}
		out = append(out, row)
	}
	return out
}

func (r renderer) bindings(o *daemon.Observation, only precedence.Layer) []bindingReport {
	out := []bindingReport{}
	for _, b := range o.Sorted() {
		if only != "" && b.Source.Layer != only {
			continue
		}
		out = append(out, bindingReport{Key: b.Key, Value: r.binding(b), Source: b.Source, Inert: b.Inert, Wins: o.Wins(b)})
	}
	return out
}

// list shows a value that may be a list, each entry masked like a URL.
func (r renderer) list(v precedence.Value) string {
	if r.reveal {
		return v.Reveal()
	}
	return precedence.MaskList(v.Reveal())
}

func (r renderer) clients(files []client.File) []clientReport {
	out := []clientReport{}
	for _, f := range files {
		row := clientReport{Path: f.Path, User: f.User, Host: f.Host, Lookup: f.Lookup, Settings: []clientSettingReport{}, Variables: []variableReport{}}
		for _, s := range f.Settings {
			row.Settings = append(row.Settings, clientSettingReport{s.Key, r.list(s.Value), s.Line})
		}
		builds := f.ForBuilds()
		for _, v := range f.ForContainers() {
			row.Variables = append(row.Variables, variableReport{v.Name, r.list(v.Value), slices.Contains(builds, v)})
		}
		out = append(out, row)
	}
	return out
}
