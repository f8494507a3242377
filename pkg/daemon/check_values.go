package daemon

import "github.com/docker-proxy/docker-proxy/pkg/precedence"

// checkValues judges the values that dockerd ends up with.
func checkValues(o *Observation) {
	checkURLs(o)
	checkOthers(o)
	for _, v := range o.Verdicts {
		o.checkVerdict(v)
	}
	http, https := o.verdict(precedence.HTTPProxy), o.verdict(precedence.HTTPSProxy)
	if http.Set() && !https.Set() && !o.misread(http.Winner.Source) && !o.lost(precedence.HTTPSProxy) {
		o.find("http-only", &http.Winner.Source, "docker proxy set --https-proxy URL", "only http-proxy is set; registries are reached by https, which goes direct")
	}
}

func (o *Observation) checkVerdict(v precedence.Verdict) {
	if v.Winner == nil {
		return
	}
	if v.Lower != nil {
		o.find("case-conflict", &v.Lower.Source, "docker proxy set --"+string(v.Key)+" URL", "%s has another value than %s: git and curl, started by dockerd, use %s", v.Lower.Source.Name, v.Winner.Source.Name, v.Lower.Value)
	}
}
