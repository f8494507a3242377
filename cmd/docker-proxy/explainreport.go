package main

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// explainReport is the JSON of `explain`. Everything in it is masked.
type explainReport struct {
	Schema  int            `json:"schema"`
	Daemon  daemonReport   `json:"daemon"`
	Client  *clientReport  `json:"client"` // whose settings containers get; null where they are not known
	Readers []readerReport `json:"readers"`
	Targets []targetReport `json:"targets"` // those on which the readers disagree first
	Entries []deadReport   `json:"entries"` // NO_PROXY entries that some readers never match
	// Findings are those that make the answers doubtful; `show` has them all.
	Findings []precedence.Finding `json:"findings"`
}

// doubts keeps the findings about what could not be read or asked.
func doubts(all []precedence.Finding) []precedence.Finding {
	ids := []string{"layer-not-readable", "client-unparsable-config", "context-broken", "unfinished-change",
		"daemon-json-invalid", "daemon-json-comment-or-trailing-comma", "daemon-json-bom-on-old-engine", "daemon-json-client-shape", "daemon-json-null", "daemon-json-wrong-type"}
	out := slices.DeleteFunc(slices.Clone(all), func(f precedence.Finding) bool { return !slices.Contains(ids, f.ID) })
	if out == nil {
		return []precedence.Finding{}
	}
	return out
}

// readerReport says which program an answer is about.
type readerReport struct {
	Name  reader.Name `json:"name"`
	Title string      `json:"title"`
	Basis string      `json:"basis"`
	Needs string      `json:"needs,omitempty"` // what has to be set so that it reads the variables, NAME=VALUE; without it everything is direct
}

// targetReport is one request.
type targetReport struct {
	Argument string         `json:"argument"`
	Image    string         `json:"image,omitempty"`
	Role     registry.Role  `json:"role,omitempty"`
	URL      string         `json:"url"`
	Host     string         `json:"host"`
	Port     int            `json:"port"`
	Family   string         `json:"family,omitempty"` // the host is one of these
	Agree    bool           `json:"agree"`            // every reader has the same route
	Answers  []answerReport `json:"answers"`
	Notes    []string       `json:"notes"`
}

// answerReport is what one reader does.
type answerReport struct {
	Reader      reader.Name        `json:"reader"`
	Route       reader.Route       `json:"route"`
	Cause       reader.Cause       `json:"cause"`
	Proxy       string             `json:"proxy,omitempty"`       // the proxy that is set for the scheme, used or passed by
	ProxySource *precedence.Source `json:"proxySource,omitempty"` // where that stands
	Entry       string             `json:"entry,omitempty"`       // the NO_PROXY entry that decided
	ListSource  *precedence.Source `json:"listSource,omitempty"`  // where the list stands
	Detail      string             `json:"detail,omitempty"`
}

// deadReport is one NO_PROXY entry that some readers never match.
type deadReport struct {
	Entry   string            `json:"entry"`
	Reason  string            `json:"reason"`
	Readers []reader.Name     `json:"readers"`
	Source  precedence.Source `json:"source"`
}

// audience is what the readers are asked with.
type audience struct {
	daemon    reader.Env
	unknown   map[precedence.Key]bool // keys of the daemon whose value is not known
	running   reader.Env              // what the running daemon has; nil when that is the same or not known
	container reader.Env
	known     bool // the client's settings are known
}

// audienceOf collects the daemon's effective settings and the client's.
func audienceOf(v *view) audience {
	a := audience{unknown: map[precedence.Key]bool{}, known: len(v.clients) > 0}
	var running reader.Env
	pending := false
	for _, st := range v.obs.Statuses() {
		w := st.Verdict.Winner
		switch {
		case w != nil && w.Unknown:
			a.unknown[st.Verdict.Key] = true
		case w != nil:
			a.daemon = append(a.daemon, reader.Variable{Name: st.Verdict.Key.Upper(), Value: w.Value, Source: w.Source})
		}
		if st.Running.Known {
			running = append(running, reader.Variable{Name: st.Verdict.Key.Upper(), Value: st.Running.Value})
		}
		pending = pending || st.Pending == daemon.PendingRestart || st.Pending == daemon.PendingReload
	}
	if pending {
		a.running = running
	}
	if a.known { // the first is the caller's own
		for _, x := range v.clients[0].ForContainers() {
			a.container = append(a.container, reader.Variable{Name: x.Name, Value: x.Value, Source: x.Source})
		}
	}
	return a
}

// askDaemon is dockerd's answer; where a value that matters is not known, that.
func (a audience) askDaemon(r reader.Reader, t reader.Target) reader.Answer {
	key := precedence.HTTPSProxy
	if t.Scheme == "http" {
		key = precedence.HTTPProxy
	}
	if a.unknown[key] {
		return reader.Answer{Route: reader.RouteUnknown, Cause: reader.CauseNotKnown, Detail: "the daemon's " + string(key) + " is not known"}
	}
	answer := r.Ask(a.daemon, t)
	if answer.Route == reader.RouteProxy && a.unknown[precedence.NoProxy] {
		answer.Route, answer.Cause, answer.Detail = reader.RouteUnknown, reader.CauseNotKnown, "the daemon's no-proxy is not known"
	}
	return answer
}

// explainOne asks every reader about one target.
func (a audience) explainOne(t explainTarget) targetReport {
	rep := targetReport{
		Argument: t.argument, Image: t.image, Role: t.role, URL: t.target.String(), Host: t.target.Host, Port: t.target.PortNumber(), Family: t.family, Agree: true, Notes: []string{},
	}
	dockerd, _ := reader.ByName(reader.Dockerd)
	answer := a.askDaemon(dockerd, t.target)
	rep.Answers = append(rep.Answers, answerOf(reader.Dockerd, answer))
	if a.running != nil && answer.Route != reader.RouteUnknown {
		if now := dockerd.Ask(a.running, t.target); now.Route != answer.Route {
			rep.Notes = append(rep.Notes, "the running dockerd still has other values and goes "+how(now.Route)+": docker proxy restart")
		}
	}
	if a.known {
		for _, r := range reader.Readers() {
			answer := r.Ask(a.container, t.target)
			rep.Answers = append(rep.Answers, answerOf(r.Name, answer))
			for _, old := range r.Older {
				if was := old.Ask(a.container, t.target); was.Route != answer.Route {
					rep.Notes = append(rep.Notes, old.Title+" goes "+how(was.Route)+byEntry(was))
				}
			}
		}
	}
	for _, x := range rep.Answers {
		rep.Agree = rep.Agree && x.Route == rep.Answers[0].Route
	}
	if t.bare {
		rep.Notes = append(rep.Notes, a.otherScheme(t, rep)...)
	}
	return rep
}

// otherScheme tells, for a host without a scheme, which readers do something else with http:// than with https://.
func (a audience) otherScheme(t explainTarget, rep targetReport) []string {
	other := t
	other.bare = false
	other.target.Scheme = map[string]string{"http": "https", "https": "http"}[t.target.Scheme]
	different := map[reader.Route][]reader.Name{}
	for i, x := range a.explainOne(other).Answers {
		if x.Route != rep.Answers[i].Route {
			different[x.Route] = append(different[x.Route], x.Reader)
		}
	}
	var notes []string
	for _, route := range []reader.Route{reader.RouteProxy, reader.RouteDirect, reader.RouteFails, reader.RouteUnknown} {
		if names := different[route]; len(names) > 0 {
			notes = append(notes, other.target.Scheme+":// goes "+how(route)+" in "+joinNames(names))
		}
	}
	return notes
}

func answerOf(name reader.Name, a reader.Answer) answerReport {
	out := answerReport{Reader: name, Route: a.Route, Cause: a.Cause, Proxy: a.Proxy.Value.String(), Entry: precedence.MaskList(a.Entry), Detail: a.Detail}
	if a.Proxy.Name != "" {
		out.ProxySource = &a.Proxy.Source
	}
	if a.List.Name != "" {
		out.ListSource = &a.List.Source
	}
	return out
}

// needs is what has to be set for a reader that reads the variables only when told to: for Java, whole, the properties that say the same as the variables.
func (a audience) needs(r reader.Reader) string {
	if r.Name != reader.Java {
		return r.Needs
	}
	props, _ := reader.JavaProperties(a.container)
	var options []string
	for _, p := range props {
		options = append(options, "-D"+p.Name+"="+precedence.MaskList(p.Value.Reveal()))
	}
	if len(options) == 0 {
		return r.Needs
	}
	return "JAVA_TOOL_OPTIONS=" + strings.Join(options, " ")
}

// entries lints both lists, each with the readers that get it.
func (a audience) entries() []deadReport {
	out := []deadReport{}
	dockerd, _ := reader.ByName(reader.Dockerd)
	for _, l := range []struct {
		env     reader.Env
		readers []reader.Reader
	}{{a.daemon, []reader.Reader{dockerd}}, {a.container, reader.Readers()}} {
		i := slices.IndexFunc(l.env, func(v reader.Variable) bool { return v.Name == precedence.NoProxy.Upper() })
		if i < 0 {
			continue
		}
		for _, found := range reader.LintList(l.env[i].Value.Reveal(), l.readers) {
			out = append(out, deadReport{Entry: precedence.MaskList(found.Entry), Reason: found.Reason, Readers: found.Readers, Source: l.env[i].Source})
		}
	}
	return out
}
