package daemon

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkURLs judges the proxies' URLs that dockerd ends up with, those of a remote daemon too. What is shadowed is not judged: Go chooses by non-emptiness and never comes back
// to a weaker value (httpproxy.FromEnvironment).
func checkURLs(o *Observation) {
	for _, v := range o.Verdicts {
		w := v.Winner
		if v.Key == precedence.NoProxy || w == nil || w.Unknown || o.misread(w.Source) {
			continue
		}
		for _, f := range precedence.URLFaults(w.Value) {
			o.find(f.ID, &w.Source, o.urlFix(v, f), "%s: %s", w.Value, f.Says)
		}
		o.checkLoopback(v)
		o.checkLoggedLoser(v)
	}
}

// misread reports whether the reader of a file takes a line for something else than what it is meant to be, which is told already: what is wrong with the value is a
// consequence of that.
func (o *Observation) misread(at precedence.Source) bool {
	return slices.ContainsFunc(o.Findings, func(f precedence.Finding) bool {
		switch f.ID {
		case "systemd-one-variable-in-two", "systemd-unescaped-percent", "systemd-bad-escape", "systemd-unbalanced-quote", "startup-inline-comment", "startup-shell-expansion-not-done":
			return f.Source != nil && f.Source.Path == at.Path && f.Source.Line == at.Line
		}
		return false
	})
}

// lost reports whether some file was to set a key and its reader drops that, which is told already.
func (o *Observation) lost(k precedence.Key) bool {
	return slices.ContainsFunc(o.Findings, func(f precedence.Finding) bool {
		c, _ := precedence.CheckOf(f.ID)
		if c.Group != precedence.GroupSystemd && c.Group != precedence.GroupStartup || c.Severity != precedence.SeverityError || f.Source == nil {
			return false
		}
		key, ok := precedence.KeyOf(f.Source.Name)
		return ok && key == k
	})
}

// urlFix is the command that gives dockerd the value that was meant.
func (o *Observation) urlFix(v precedence.Verdict, f precedence.URLFault) string {
	set := "docker proxy set --" + string(v.Key) + " URL"
	switch {
	case !o.editableHere(*v.Winner):
		return ""
	case f.ID == "url-unparsable-goes-direct":
		return set
	case f.ID == "url-credentials-leak-in-info":
		// The same value has another fault, which is why Docker does not find the user in it.
		for _, other := range precedence.URLFaults(v.Winner.Value) {
			if other.ID != f.ID && other.ID != "url-unparsable-goes-direct" {
				return mendCommand
			}
		}
		return set
	}
	return mendCommand
}

// editableHere reports whether the place of a winner is one that this program edits on this machine.
func (o *Observation) editableHere(b precedence.Binding) bool {
	return o.Site.Flavor != FlavorRemote && o.Site.Flavor != FlavorDesktop && editable(o.Site, b)
}

// checkLoggedLoser tells of a variable that daemon.json or a flag overrides: dockerd writes the old value to its log when it starts, masked as far as it can
// (moby configureProxyEnv, overrideProxyEnv).
func (o *Observation) checkLoggedLoser(v precedence.Verdict) {
	for _, l := range v.Shadowed {
		if l.Rule != precedence.ConfigOverEnvironment && l.Rule != precedence.FlagOverEnvironment || l.Binding.Unknown || !precedence.ShownInClear(l.Binding.Value) || l.Binding.Value == v.Winner.Value {
			continue
		}
		if w := o.Inputs.Env.Slot(l.Binding.Source.Name).Winner; w == nil || w.Source != l.Binding.Source {
			continue // it never reached dockerd
		}
		fix := ""
		if o.editableHere(l.Binding) {
			fix = "docker proxy reconcile"
		}
		o.find("url-credentials-leak-in-info", &l.Binding.Source, fix, "%s: dockerd overrides it with %s and writes its user and password to the log in clear", l.Binding.Value, v.Winner.Source)
	}
}

// checkLoopback tells of a proxy on the machine itself that this dockerd cannot reach, because it has a network of its own.
func (o *Observation) checkLoopback(v precedence.Verdict) {
	if !v.Winner.Value.Loopback() {
		return
	}
	where, fix := o.ownNetwork(), ""
	if where == "" {
		return
	}
	if o.editableHere(*v.Winner) {
		fix = "docker proxy set --" + string(v.Key) + " URL"
	}
	o.find("url-loopback-in-rootless-or-vm", &v.Winner.Source, fix, "%s is an address of this machine itself, and dockerd runs %s: it reaches no proxy there; give the proxy an address that is reachable from the network", v.Winner.Value, where)
}

// ownNetwork says in what network of its own dockerd runs, or "" where it shares this machine's.
//
// A rootless dockerd has RootlessKit's, without a way to the machine's loopback (--disable-host-loopback is the default of dockerd-rootless.sh), until 29.5, which leaves dockerd in the
// machine's network (--detach-netns, moby#47103). Of a running one the process tells.
func (o *Observation) ownNetwork() string {
	s := o.Site
	switch {
	case s.Flavor == FlavorDesktop:
		return "in Docker Desktop's virtual machine"
	case s.Flavor == FlavorRemote:
		if vm := virtualMachine(s); vm != "" {
			return "in the virtual machine of " + vm
		}
		return ""
	case s.Flavor != FlavorRootless:
		return ""
	}
	const rootless = "in RootlessKit's network"
	if s.PID > 0 {
		theirs, err1 := s.FS.Readlink(fmt.Sprintf("/proc/%d/ns/net", s.PID))
		ours, err2 := s.FS.Readlink("/proc/1/ns/net")
		if err2 != nil {
			ours, err2 = s.FS.Readlink("/proc/self/ns/net")
		}
		if err1 == nil && err2 == nil {
			if theirs == ours {
				return ""
			}
			return rootless
		}
	}
	if s.atLeast("29.5") {
		return ""
	}
	return rootless
}

// virtualMachine names the program whose virtual machine the endpoint leads to, by where its socket lies or how its context is called; "" for any other daemon.
func virtualMachine(s *Site) string {
	for _, vm := range []struct{ name, dir, context string }{
		{"Colima", "/.colima/", "colima"},
		{"Lima", "/.lima/", "lima-"},
		{"Rancher Desktop", "/.rd/", "rancher-desktop"},
		{"OrbStack", "/.orbstack/", "orbstack"},
	} {
		if strings.Contains(path.Clean(socketPath(s.Endpoint)), vm.dir) || s.Endpoint != "" && strings.HasPrefix(s.Context, vm.context) && socketPath(s.Endpoint) != "" {
			return vm.name
		}
	}
	return ""
}

// PlainProxyFinding is the finding about a proxy of which the URL says https:// and which answered in plain HTTP when it was asked (--online).
func PlainProxyFinding(v precedence.Verdict) precedence.Finding {
	value := v.Winner.Value
	fix := "docker proxy set --" + string(v.Key) + " " + strings.Replace(precedence.WithCredentials(value, "", "").Reveal(), "https://", "http://", 1)
	if value.HasCredentials() {
		fix += " --username USER --password-stdin"
	}
	return precedence.NewFinding("url-scheme-https-to-plain-proxy", copySource(&v.Winner.Source), fix,
		"%s: the URL makes dockerd speak TLS to the proxy, and the proxy speaks plain HTTP, so every request fails; https:// names how the proxy itself is spoken to, not what goes through it", value)
}
