package daemon

import "github.com/docker-proxy/docker-proxy/pkg/precedence"

// checkNoProxy judges the NO_PROXY list that dockerd ends up with.
func checkNoProxy(o *Observation) {
	no := o.verdict(precedence.NoProxy)
	if no.Winner == nil || no.Winner.Unknown {
		return
	}
	for _, d := range precedence.DeadEntries(no.Winner.Value.Reveal()) {
		o.find("no-proxy-dead-entry", &no.Winner.Source, "docker proxy set --no-proxy-remove "+shellWord(precedence.Mask(d.Entry)), "NO_PROXY entry %q never matches: %s", precedence.Mask(d.Entry), d.Reason)
	}
}
