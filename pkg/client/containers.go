package client

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// The layers of findings that stand in no file.
const (
	LayerContainer precedence.Layer = "container"
	LayerImage     precedence.Layer = "image"
)

// Baked is an image with what its containers begin with.
type Baked struct {
	ID   string
	Tags []string
	Env  []string // NAME=VALUE; may hold credentials
}

// Subnet is one range of addresses of a Docker network.
type Subnet struct {
	Network string
	Prefix  netip.Prefix
}

// Daemon is what a daemon tells of its containers, images and networks.
type Daemon struct {
	Containers []Created
	Images     []Baked
	Subnets    []Subnet
}

// CheckContainers judges the environment of every container, and of every image, as programs in it read it, and compares it with what f gives to new ones. What a container has
// from config.json or from its image is judged there, once. Messages hold no credentials; names are as Docker has them. elsewhere is that of Circumstances.
func CheckContainers(d Daemon, f File, elsewhere bool) []precedence.Finding {
	k := &containerChecker{Daemon: d, file: f, elsewhere: elsewhere, fresh: map[string]precedence.Value{}, baked: map[string]map[string]precedence.Value{}}
	for _, v := range f.ForContainers() {
		k.fresh[v.Name] = v.Value
	}
	for _, i := range d.Images {
		k.baked[i.ID] = proxyVariables(i.Env)
		k.image(i)
	}
	for _, c := range d.Containers {
		k.container(c)
	}
	k.stale()
	k.networks()
	return precedence.SortFindings(k.found)
}

type containerChecker struct {
	Daemon
	file      File
	elsewhere bool
	fresh     map[string]precedence.Value            // what new containers get, by variable
	baked     map[string]map[string]precedence.Value // what containers of an image begin with, by the image's ID
	found     []precedence.Finding
}

// place is a container or an image with its variables.
type place struct {
	at  precedence.Source
	of  string                      // "container web"
	has map[string]precedence.Value // all proxy variables
	own map[string]precedence.Value // those that it has from nowhere else
	fix string                      // how it gets other ones
}

func (k *containerChecker) find(p place, id, fix, format string, args ...any) {
	at := p.at
	k.found = append(k.found, precedence.NewFinding(id, &at, fix, p.of+": "+format, args...))
}

// builderPrefix begins the names of the containers that docker buildx makes (buildx driver/docker-container).
const builderPrefix = "buildx_buildkit_"

func isBuilder(c Created) bool { return strings.HasPrefix(c.Name, builderPrefix) }

func (k *containerChecker) container(c Created) {
	has := proxyVariables(c.Env)
	p := place{at: precedence.Source{Layer: LayerContainer, Name: c.Name}, of: "container " + c.Name, has: has, own: map[string]precedence.Value{}, fix: recreate(c)}
	if isBuilder(c) {
		p.fix = "docker proxy export buildx --from " + quote(builderOf(c.Name))
	}
	from := k.baked[c.Image]
	for name, v := range has {
		baked, inherited := from[name]
		if v != k.fresh[name] && !(inherited && v == baked) {
			p.own[name] = v
		}
	}
	k.values(p, c.Shared)
	k.split(p)
	k.envFile(p, c)
	k.neighbours(p, c)
	k.visible(p)
}

// builderOf is the builder's name out of that of its container: buildx_buildkit_NAME0, where the node's is NAME0.
func builderOf(container string) string {
	return strings.TrimRight(strings.TrimPrefix(container, builderPrefix), "0123456789")
}

// visible tells of credentials that docker inspect shows.
func (k *containerChecker) visible(p place) {
	var names, injected []string
	for _, name := range sortedNames(p.has) {
		if p.has[name].HasCredentials() && !isList(name) {
			names = append(names, name)
			if p.has[name] == k.fresh[name] {
				injected = append(injected, name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fix := p.fix
	if len(injected) > 0 {
		fix = k.withoutCredentials()
	}
	k.find(p, "client-credentials-in-inspect", fix, "docker inspect shows the user and password in %s to everybody who may ask this daemon", strings.Join(names, ", "))
}

// withoutCredentials makes config.json give out the same proxies without user and password.
func (k *containerChecker) withoutCredentials() string {
	text := "set --only client --client-credentials omit"
	for _, s := range k.file.Settings {
		if flag := flagOf(s.Key); flag != "" && s.Value.HasCredentials() {
			text += " " + flag + " " + quote(precedence.WithCredentials(s.Value, "", "").Reveal())
		}
	}
	if k.file.Host != DefaultHost {
		text += " --client-host " + quote(k.file.Host)
	}
	return command(path.Dir(k.file.Path), k.elsewhere, text)
}

func flagOf(key string) string {
	if key == "noProxy" {
		return ""
	}
	return "--" + strings.TrimSuffix(key, "Proxy") + "-proxy"
}

func isList(name string) bool { return strings.EqualFold(name, "no_proxy") }

// stale tells of containers that were created with other settings than new ones get. Told is only what config.json gives out today: what it does not, a container may have from
// elsewhere. Left out is what is so on purpose: a variable that was emptied, one of which a single spelling differs, since the CLI injects both, what a Compose project sets itself, and
// whatever is not made by a client that injects: swarm tasks and builders.
func (k *containerChecker) stale() {
	for _, c := range k.Containers {
		if c.Labels[swarmService] != "" || isBuilder(c) {
			continue
		}
		has := proxyVariables(c.Env)
		var names []string
		for _, d := range differences(has, k.fresh) {
			if k.fresh[d.Variable] != "" && !k.onPurpose(has, d.Variable) && !c.setsItself(has, d.Variable) {
				names = append(names, d.Variable)
			}
		}
		p := place{at: precedence.Source{Layer: LayerContainer, Name: c.Name}, of: "container " + c.Name}
		switch {
		case len(names) == 0:
		case k.otherUser(has, names):
			k.find(p, "client-stale-containers", recreate(c), "it was created with another user name or password for the proxy than config.json gives to new containers, and keeps it until it is created anew")
		default:
			k.find(p, "client-stale-containers", recreate(c), "it was created with other values than config.json gives to new containers, and keeps them until it is created anew: %s", k.compared(has, names))
		}
	}
}

// otherUser reports whether the values differ in what is masked only.
func (k *containerChecker) otherUser(has map[string]precedence.Value, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return masked(n, has[n]) != masked(n, k.fresh[n]) })
}

// setsItself reports whether a container's variable comes, or may come, from its Compose project. One that it does not have does not.
func (c Created) setsItself(has map[string]precedence.Value, name string) bool {
	if has[name] == "" {
		return false
	}
	return c.Any || slices.Contains(c.Own, name) || slices.Contains(c.Own, otherSpelling(name))
}

// onPurpose reports whether a difference looks like somebody's decision.
func (k *containerChecker) onPurpose(has map[string]precedence.Value, name string) bool {
	v, set := has[name]
	other, otherSet := has[otherSpelling(name)]
	return set && v == "" || otherSet && other == k.fresh[otherSpelling(name)] || otherSet && other == "" && !set
}

// compared writes what a container has and what new ones get, both spellings once.
func (k *containerChecker) compared(has map[string]precedence.Value, names []string) string {
	var out []string
	for _, name := range names {
		other := otherSpelling(name)
		if name != strings.ToUpper(name) && slices.Contains(names, other) && has[name] == has[other] {
			continue
		}
		out = append(out, name+" is "+cmp.Or(masked(name, has[name]), "not set")+", new ones get "+masked(name, k.fresh[name]))
	}
	return strings.Join(out, "; ")
}
