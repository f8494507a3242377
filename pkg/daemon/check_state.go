package daemon

import "github.com/docker-proxy/docker-proxy/pkg/precedence"

// checkState judges what runs against what is configured, and what is believed against what is.
func checkState(o *Observation) {
	for _, v := range o.Verdicts {
		o.checkGuideOrder(v)
	}
	o.addStateFindings()
	o.checkManaged()
	o.checkSizes()
	o.checkUserlandProxy()
}

// checkGuideOrder tells where the order that most guides teach names another value than the one dockerd uses.
func (o *Observation) checkGuideOrder(v precedence.Verdict) {
	if v.Winner == nil {
		return
	}
	if g := precedence.GuideAnswer(v.Key, o.Bindings); g != nil && !g.Unknown && !v.Winner.Unknown && g.Value != v.Winner.Value {
		o.find("guide-order-differs", &v.Winner.Source, "", "guides that say environment > startup script > daemon.json would name %s from %s for %s; dockerd uses %s from %s, because %s",
			g.Value, g.Source, v.Key, v.Winner.Value, v.Winner.Source, winReason(v, *g))
	}
}

// winReason explains why the winner beats the binding that a guide would have named.
func winReason(v precedence.Verdict, guide precedence.Binding) string {
	for _, l := range v.Shadowed {
		if l.Binding.Source == guide.Source {
			return l.Rule.Explain()
		}
	}
	return v.Rule.Explain()
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
			o.findPending(st, at)
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
