package daemon

import "github.com/docker-proxy/docker-proxy/pkg/precedence"

// checkValues judges the values that dockerd ends up with.
func checkValues(o *Observation) {
	for _, v := range o.Verdicts {
		o.checkVerdict(v)
	}
	http, https := o.verdict(precedence.HTTPProxy), o.verdict(precedence.HTTPSProxy)
	if http.Set() && !https.Set() {
		o.find("http-only", &http.Winner.Source, "docker proxy set --https-proxy URL", "only http-proxy is set; registries are reached by https, which goes direct")
	}
}

func (o *Observation) checkVerdict(v precedence.Verdict) {
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
}
