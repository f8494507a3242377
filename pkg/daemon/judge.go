package daemon

import (
	"fmt"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// judge adds the findings that follow from the verdicts.
func (o *Observation) judge() {
	values := map[precedence.Key]precedence.Verdict{}
	for _, v := range o.Verdicts {
		values[v.Key] = v
		o.judgeVerdict(v)
	}
	http, https := values[precedence.HTTPProxy], values[precedence.HTTPSProxy]
	if http.Set() && !https.Set() {
		o.find("http-only", &http.Winner.Source, "docker proxy set --https-proxy URL", "only http-proxy is set; registries are reached by https, which goes direct")
	}
	if no := values[precedence.NoProxy]; no.Winner != nil && !no.Winner.Unknown {
		for _, d := range precedence.DeadEntries(no.Winner.Value.Reveal()) {
			o.find("no-proxy-dead-entry", &no.Winner.Source, "docker proxy set --no-proxy-remove "+shellWord(precedence.Mask(d.Entry)), "NO_PROXY entry %q never matches: %s", precedence.Mask(d.Entry), d.Reason)
		}
	}
}

func (o *Observation) judgeVerdict(v precedence.Verdict) {
	for _, l := range v.Shadowed {
		if l.Rule == precedence.EmptyCountsAsUnset && l.Binding.Source.Layer == precedence.LayerDaemonJSON && v.Set() {
			o.find("daemon-json-empty-does-not-unset", &l.Binding.Source, "docker proxy unset --"+string(v.Key), "an empty %s in %s unsets nothing: dockerd uses %s from %s", l.Binding.Source.Name, l.Binding.Source.Path, v.Winner.Value, v.Winner.Source)
		}
	}
	if v.Winner == nil {
		return
	}
	if v.Effect == precedence.EffectInvalid {
		o.find("url-unparsable-goes-direct", &v.Winner.Source, "docker proxy set --"+string(v.Key)+" URL", "Go cannot use %s as a proxy URL: traffic does not go through the proxy", v.Winner.Value)
	}
	if v.Lower != nil {
		o.find("case-conflict", &v.Lower.Source, "docker proxy set --"+string(v.Key)+" URL", "%s has another value than %s: git and curl, started by dockerd, use %s", v.Lower.Source.Name, v.Winner.Source.Name, v.Lower.Value)
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

// shellWord quotes a word for a command line that a person may paste.
func shellWord(s string) string {
	for _, r := range s {
		ok := r == '-' || r == '.' || r == ',' || r == ':' || r == '/' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !ok {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
