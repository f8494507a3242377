package daemon

import (
	"fmt"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkOthers judges the variables that are no setting of dockerd and yet have a say: ALL_PROXY and REQUEST_METHOD.
func checkOthers(o *Observation) {
	http, https := o.verdict(precedence.HTTPProxy), o.verdict(precedence.HTTPSProxy)
	o.checkAllProxy(http, https)
	if b := o.variable("REQUEST_METHOD"); b != nil && http.Winner != nil && http.Effect != precedence.EffectDirect {
		o.find("cgi-request-method", &b.Source, o.withoutVariable(*b), "REQUEST_METHOD is set for dockerd: Go takes that for a CGI program and refuses every http:// request that would go through http-proxy (https:// is not concerned)")
	}
}

// checkAllProxy tells of an ALL_PROXY where http-proxy or https-proxy is missing: with both, nothing is left that would read it.
func (o *Observation) checkAllProxy(http, https precedence.Verdict) {
	if http.Set() && https.Set() {
		return
	}
	for _, name := range []string{"ALL_PROXY", "all_proxy"} {
		b := o.variable(name)
		if b == nil {
			continue
		}
		what, fix := "http-proxy and https-proxy are not set, and its traffic goes direct", "docker proxy set --proxy URL"
		switch {
		case https.Set():
			what, fix = "http-proxy is not set, and http:// goes direct", "docker proxy set --http-proxy URL"
		case http.Set():
			what, fix = "https-proxy is not set, and https:// goes direct", "docker proxy set --https-proxy URL"
		}
		o.find("all-proxy-ignored", &b.Source, fix, "dockerd does not read %s (only git, when dockerd starts it for a build, does): %s", name, what)
		return
	}
}

// variable returns what sets a variable for dockerd to something that is not empty, or nil. Where no file says it, the running process does.
func (o *Observation) variable(name string) *precedence.Binding {
	if w := o.Inputs.Env.Slot(name).Winner; w != nil {
		if w.Unknown || w.Value == "" {
			return nil
		}
		return w
	}
	return nil
}

// withoutVariable is the command that keeps a variable from dockerd, "" where it takes an editor.
func (o *Observation) withoutVariable(b precedence.Binding) string {
	s := o.Site
	name := b.Source.Name
	const dropIn = `mkdir -p %[1]s && printf '[Service]\nUnsetEnvironment=%[2]s\n' >%[1]s/no-%[2]s.conf && %[3]s daemon-reload && %[3]s restart %[4]s`
	switch s.Manager {
	case ManagerSystemd:
		return fmt.Sprintf(dropIn, "/etc/systemd/system/"+s.Unit+".d", name, "systemctl", s.Unit)
	case ManagerSystemdUser:
		return fmt.Sprintf(dropIn, "~/.config/systemd/user/"+s.Unit+".d", name, "systemctl --user", s.Unit)
	case ManagerSysV, ManagerOpenRC, ManagerRunit:
		restart := map[Manager]string{ManagerSysV: "service docker restart", ManagerOpenRC: "rc-service docker restart", ManagerRunit: "sv restart docker"}[s.Manager]
		if b.Source.Path != "" && b.Source.Line > 0 && b.Source.Layer != precedence.LayerProcess {
			return fmt.Sprintf("sed -i %dd %s && %s", b.Source.Line, shellWord(b.Source.Path), restart)
		}
	case ManagerManual, ManagerNone:
	}
	return ""
}
