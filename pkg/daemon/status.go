package daemon

import (
	"cmp"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Status is the answer for one key: what is configured, what runs, what has to happen.
type Status struct {
	Verdict precedence.Verdict
	Running Running
	Pending Pending
}

// Statuses returns the answer for each key, in reporting order.
func (o *Observation) Statuses() []Status {
	var out []Status
	for _, v := range o.Verdicts {
		out = append(out, Status{v, o.running(v.Key), o.pending(v)})
	}
	return out
}

// AnyPending reports whether the running daemon lacks a configured value.
func (o *Observation) AnyPending() bool {
	return slices.ContainsFunc(o.Statuses(), func(s Status) bool { return s.Pending == PendingRestart || s.Pending == PendingReload })
}

// AnyUnknown reports whether it is not known of some key whether the running daemon has what is configured.
func (o *Observation) AnyUnknown() bool {
	return slices.ContainsFunc(o.Statuses(), func(s Status) bool { return s.Pending == PendingUnknown })
}

// Runs reports whether the running daemon provably has every configured value: it said so, and none holds a password, which it would not tell.
// A lower-case variable that differs is seen by no API, so it proves nothing either.
func (o *Observation) Runs() bool {
	for _, s := range o.Statuses() {
		v := s.Verdict
		if !s.Running.Known || s.Pending != PendingNone || v.Lower != nil || s.Running.Value.HasCredentials() || v.Winner != nil && v.Winner.Value.HasCredentials() {
			return false
		}
	}
	return len(o.Verdicts) > 0
}

// Sorted returns the bindings by key, then layer, file and line.
func (o *Observation) Sorted() []precedence.Binding {
	out := slices.Clone(o.Bindings)
	slices.SortStableFunc(out, func(a, b precedence.Binding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(precedence.Keys(), a.Key), slices.Index(precedence.Keys(), b.Key)),
			cmp.Compare(slices.Index(precedence.Layers(), a.Source.Layer), slices.Index(precedence.Layers(), b.Source.Layer)),
			cmp.Compare(a.Source.Path, b.Source.Path), cmp.Compare(a.Source.Line, b.Source.Line), cmp.Compare(a.Source.Name, b.Source.Name))
	})
	return out
}

// Wins reports whether the binding is the one dockerd uses, or its other spelling with the same value.
func (o *Observation) Wins(b precedence.Binding) bool {
	w := o.verdict(b.Key).Winner
	return w != nil && (w.Source == b.Source || b.Inert == "" && w.Source.Path == b.Source.Path && w.Source.Route == b.Source.Route && w.Value == b.Value && w.Source.Name != b.Source.Name)
}

// addStateFindings tells of what the running system has not taken over yet.
func (o *Observation) addStateFindings() {
	for _, st := range o.Statuses() {
		at := &precedence.Source{Layer: precedence.LayerProcess}
		if st.Verdict.Winner != nil {
			at = &st.Verdict.Winner.Source
		}
		switch st.Pending {
		case PendingRestart:
			if !st.Verdict.Set() {
				o.find("restart-pending", at, "docker proxy restart", "the running daemon still has a %s, which is not configured any more", st.Verdict.Key)
				continue
			}
			o.find("restart-pending", at, "docker proxy restart", "the running daemon does not have the configured %s yet", st.Verdict.Key)
		case PendingReload:
			o.find("systemd-reload-needed", at, "docker proxy restart", "systemd has not loaded the changed unit files yet, so a restart alone would not give dockerd the configured %s", st.Verdict.Key)
		case PendingNone, PendingUnknown:
		}
	}
	if err := o.Site.APIError; err != nil {
		o.find("daemon-not-reachable", nil, "", "the daemon's API does not answer: %v", err)
	}
	id := "not-known-under-root"
	if o.Site.Live {
		id = "unknown-without-running-code"
	}
	for _, what := range o.Site.Unknown {
		o.find(id, nil, "", "%s", what)
	}
}
