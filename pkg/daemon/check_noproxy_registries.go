package daemon

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// registryUse is a registry that this daemon is told to use in a way that only makes sense for one nearby.
type registryUse struct {
	what    string // a registry mirror, an insecure registry
	text    string // as it is configured, without user and password
	entry   string // what NO_PROXY would need
	schemes []string
}

// checkRegistries tells of mirrors and insecure registries that dockerd asks through the proxy. A public mirror is not one of them: behind a proxy only the proxy reaches it.
func (o *Observation) checkRegistries() {
	at := o.listSource()
	networks := privateNetworks(o.noProxy())
	for _, r := range o.registries() {
		host, through := o.throughProxy(r)
		if !through {
			continue
		}
		fix := o.listFix("docker proxy set --only daemon --no-proxy-add " + shellWord(r.entry))
		_, err := netip.ParseAddr(host)
		if err != nil && !strings.Contains(r.entry, "/") && len(networks) > 0 {
			o.find("no-proxy-cidr-for-names", at, fix, "%s %q is asked through the proxy: NO_PROXY holds the network %s, which never matches a name, whatever address the name has%s",
				r.what, r.text, strings.Join(networks, " and "), o.inHosts(host, networks))
			continue
		}
		o.find("no-proxy-missing-registry", at, fix, "%s %q is asked through the proxy: no entry of NO_PROXY matches it", r.what, r.text)
	}
}

// noProxy is the list that dockerd ends up with, "" without one.
func (o *Observation) noProxy() string {
	if w := o.verdict(precedence.NoProxy).Winner; w != nil {
		return w.Value.Reveal()
	}
	return ""
}

// listSource is where the list stands, or the proxy that has none beside it.
func (o *Observation) listSource() *precedence.Source {
	for _, k := range []precedence.Key{precedence.NoProxy, precedence.HTTPSProxy, precedence.HTTPProxy} {
		if w := o.verdict(k).Winner; w != nil {
			return &w.Source
		}
	}
	return nil
}

// registries are the mirrors and insecure registries of daemon.json, the command line and the running daemon.
func (o *Observation) registries() []registryUse {
	mirrors, insecure := o.lists("registry-mirrors", "registry-mirror"), o.lists("insecure-registries", "insecure-registry")
	if i := o.Site.Info; i != nil && o.Files == o.Site.FS {
		mirrors, insecure = append(mirrors, i.Mirrors...), append(insecure, i.Insecure...)
	}
	var out []registryUse
	add := func(r registryUse) {
		if !slices.ContainsFunc(out, func(have registryUse) bool { return have.entry == r.entry }) {
			out = append(out, r)
		}
	}
	for _, m := range mirrors {
		u, err := url.Parse(strings.TrimSpace(m))
		if err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && !precedence.PublicHost(u.Hostname()) {
			add(registryUse{what: "the registry mirror", text: u.Host, entry: strings.ToLower(u.Host), schemes: []string{u.Scheme}})
		}
	}
	for _, r := range insecure {
		r = strings.ToLower(strings.TrimSpace(r))
		if r != "" && !precedence.PublicHost(r) {
			add(registryUse{what: "the insecure registry", text: r, entry: r, schemes: []string{"https", "http"}})
		}
	}
	return out
}

// lists is a setting of daemon.json as it is looked at, or of the command line.
func (o *Observation) lists(key, flag string) []string {
	if o.away() {
		return nil
	}
	var out []string
	for _, f := range o.Site.Flags {
		if f.Name == flag {
			out = append(out, f.Value.Reveal())
		}
	}
	if o.Site.ConfigFile == "" {
		return out
	}
	doc, missing, err := parseConfig(o.Site, o.Files)
	if err != nil || missing {
		return out
	}
	if values, _, err := doc.Strings(key); err == nil {
		out = append(out, values...)
	}
	return out
}

// throughProxy reports whether dockerd uses a proxy for a registry, and the host's name. Of a network, it is whether no entry covers it.
func (o *Observation) throughProxy(r registryUse) (host string, through bool) {
	env := reader.Env{}
	for _, k := range precedence.Keys() {
		w := o.verdict(k).Winner
		switch {
		case w == nil:
		case w.Unknown:
			return "", false
		default:
			env = append(env, reader.Variable{Name: k.Upper(), Value: w.Value})
		}
	}
	name := r.entry
	if p, err := netip.ParsePrefix(r.entry); err == nil {
		if p.Bits() == 0 || p.Addr().Unmap().IsLoopback() || o.covered(p.Masked().String()) {
			return "", false // everything is insecure, which says nothing about where the proxy is needed; loopback is always direct
		}
		name = p.Masked().Addr().Next().String()
	}
	dockerd, _ := reader.ByName(reader.Dockerd)
	for _, scheme := range r.schemes {
		t, err := reader.ParseHost(scheme, name)
		if err != nil {
			return "", false
		}
		if dockerd.Ask(env, t).Route == reader.RouteProxy {
			return t.Host, true
		}
	}
	return "", false
}

func (o *Observation) covered(entry string) bool {
	return slices.ContainsFunc(precedence.SplitNoProxy(o.noProxy()), func(e string) bool { return precedence.Covers(e, entry) })
}

// privateNetworks returns the entries that are networks of addresses nobody has on the internet, loopback excepted.
func privateNetworks(list string) []string {
	var out []string
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	for _, e := range precedence.SplitNoProxy(list) {
		p, err := netip.ParsePrefix(e)
		if err == nil && (p.Addr().IsPrivate() || shared.Overlaps(p)) {
			out = append(out, e)
		}
	}
	return out
}

// inHosts adds that hosts(5) gives the name an address in one of the networks, where it does.
func (o *Observation) inHosts(name string, networks []string) string {
	if o.away() {
		return ""
	}
	data, err := o.Files.ReadFile("/etc/hosts")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 || !slices.ContainsFunc(words[1:], func(w string) bool { return strings.EqualFold(w, name) }) {
			continue
		}
		a, err := netip.ParseAddr(words[0])
		for _, n := range networks {
			if p, errP := netip.ParsePrefix(n); err == nil && errP == nil && p.Contains(a) {
				return " (it is " + a.String() + " in /etc/hosts)"
			}
		}
	}
	return ""
}
