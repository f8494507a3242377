package client

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// resolves reports whether containers find each other by name in a network: in those that people make (moby libnetwork, Network.isDefaultNetwork).
func resolves(network string) bool {
	return network != "bridge" && network != "host" && network != "none"
}

// neighbours tells of containers in the same networks that this one asks the proxy for, because its NO_PROXY lacks their names.
func (k *containerChecker) neighbours(p place, c Created) {
	env := environment(p.has)
	goReader, _ := reader.ByName(reader.Go)
	var missing, networks []string
	for _, n := range c.Networks {
		if !resolves(n.Network) {
			continue
		}
		for _, name := range k.others(c, n.Network) {
			t, err := reader.ParseHost("http", name)
			if err != nil || !proxies(goReader, env, t) || slices.Contains(missing, name) {
				continue
			}
			missing = append(missing, name)
			if !slices.Contains(networks, n.Network) {
				networks = append(networks, n.Network)
			}
		}
	}
	if len(missing) == 0 {
		return
	}
	fix := p.fix
	if list := first(p.has, "NO_PROXY", "no_proxy"); list == first(k.fresh, "NO_PROXY", "no_proxy") && len(k.fresh) > 0 {
		fix = k.addToList(missing)
	}
	k.find(p, "no-proxy-missing-service", fix, "its NO_PROXY lacks %s, in the same network (%s): what it asks them by http goes to the proxy, which does not know them", strings.Join(missing, ", "), strings.Join(networks, ", "))
}

// proxies reports whether a request by either scheme goes to a proxy.
func proxies(r reader.Reader, env reader.Env, t reader.Target) bool {
	for _, scheme := range []string{"http", "https"} {
		t.Scheme = scheme
		if r.Ask(env, t).Route == reader.RouteProxy {
			return true
		}
	}
	return false
}

// others are the names by which the other running containers of a network are called: the service's in Compose and Swarm, else the aliases they were given, else their own.
func (k *containerChecker) others(c Created, network string) []string {
	var out []string
	for _, o := range k.Containers {
		i := slices.IndexFunc(o.Networks, func(a Attached) bool { return a.Network == network })
		if i < 0 || !o.Running || o.Name == c.Name || isBuilder(o) {
			continue
		}
		service := o.Labels[composeService]
		if service == "" {
			service = o.Labels[swarmService]
		}
		switch {
		case service != "" && service == c.Labels[composeService]:
		case service != "":
			out = append(out, service)
		case len(o.Networks[i].Names) > 0:
			out = append(out, o.Networks[i].Names[0])
		default:
			out = append(out, o.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// addToList is the command that adds entries to the list of config.json, or computes it anew where it is a computed one. What exists has to be created anew all the same.
func (k *containerChecker) addToList(entries []string) string {
	if k.file.Rule != "" {
		return command(path.Dir(k.file.Path), k.elsewhere, "reconcile --only client")
	}
	text := "set --only client"
	if k.file.Host != DefaultHost && k.file.Host != "" {
		text += " --client-host " + quote(k.file.Host)
	}
	for _, e := range entries {
		text += " --no-proxy-add " + quote(e)
	}
	return command(path.Dir(k.file.Path), k.elsewhere, text)
}

// networks tells of Docker networks with several containers in them that the list of config.json lacks: they reach each other by address, too.
func (k *containerChecker) networks() {
	if first(k.fresh, "HTTP_PROXY", "HTTPS_PROXY") == "" {
		return
	}
	entries := precedence.SplitNoProxy(k.fresh["NO_PROXY"].Reveal())
	var lacking, prefixes []string
	for _, s := range k.Subnets {
		inside := 0
		for _, c := range k.Containers {
			if c.Running && slices.ContainsFunc(c.Networks, func(a Attached) bool { return a.Network == s.Network }) {
				inside++
			}
		}
		prefix := s.Prefix.Masked().String()
		if inside < 2 || slices.ContainsFunc(entries, func(e string) bool { return precedence.Covers(e, prefix) }) {
			continue
		}
		lacking = append(lacking, fmt.Sprintf("%s (%s, %d containers)", prefix, s.Network, inside))
		prefixes = append(prefixes, prefix)
	}
	if len(lacking) == 0 {
		return
	}
	at := precedence.Source{Layer: Layer, Path: k.file.Path, Name: "proxies." + k.file.Host + ".noProxy"}
	for _, s := range k.file.Settings {
		if s.Key == "noProxy" {
			at.Line = s.Line
		}
	}
	k.found = append(k.found, precedence.NewFinding("no-proxy-missing-docker-network", &at, k.addToList(prefixes),
		"new containers ask the proxy for the addresses of containers: noProxy lacks %s", strings.Join(lacking, ", ")))
}
