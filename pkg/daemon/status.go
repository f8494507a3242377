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
