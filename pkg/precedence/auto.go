package precedence

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AutoFacts is what a machine's NO_PROXY lists are computed from. All of it is public; names are as their sources spell them.
type AutoFacts struct {
	Names      []string     // the machine's own names, such as "build7" and "build7.corp.example"
	Addresses  []netip.Addr // its own addresses; those of Docker's networks may be among them
	Mirrors    []string     // registry mirrors, as URLs (daemon.json registry-mirrors)
	Insecure   []string     // insecure registries: networks such as "10.0.0.0/8", or HOST[:PORT] (daemon.json insecure-registries)
	Metadata   []string     // names and addresses of the cloud's metadata service, where there is one
	Networks   []Network    // Docker's networks
	Containers []Member     // what answers to a name in a user-defined network of Docker
	Registries []string     // hosts that images come from and that must not become direct by accident

	// PublicSuffix reports whether names are registered directly below a name, such as "com" and "co.uk" (publicsuffix.org); nil knows none.
	PublicSuffix func(name string) bool
}

// Network is one range of addresses of a Docker network.
type Network struct {
	Name   string
	Prefix netip.Prefix
}

// Member is a name that Docker's own DNS resolves in a network.
type Member struct {
	Name string
	What string // container, service, alias
}

// AutoEntry is one entry of a computed list.
type AutoEntry struct {
	Entry  string `json:"entry"`
	Reason string `json:"reason"` // one clause
}

// AutoList is a computed NO_PROXY list.
type AutoList struct {
	Entries []AutoEntry // sorted by entry; none is covered by another one
	Left    []AutoEntry // what is deliberately not in the list, and why
}

// String is the list as NO_PROXY spells it.
func (l AutoList) String() string {
	var out []string
	for _, e := range l.Entries {
		out = append(out, e.Entry)
	}
	return strings.Join(out, ",")
}

// AutoDaemon computes the daemon's list: what dockerd itself has to reach without the proxy. Nothing in it depends on Docker's networks, so that their coming and
// going never asks for a restart.
func AutoDaemon(f AutoFacts) AutoList {
	var c collector
	c.machine(f)
	return c.list()
}

// AutoClient computes the list for containers and builds: the daemon's, and what containers reach in Docker's own networks.
func AutoClient(f AutoFacts) AutoList {
	var c collector
	c.machine(f)
	for _, n := range f.Networks {
		c.add(n.Prefix.Masked().String(), "Docker network "+n.Name)
	}
	for _, m := range f.Containers {
		c.name(m.Name, m.What+" in a Docker network", f)
	}
	return c.list()
}

// collector gathers entries.
type collector struct{ entries, left []AutoEntry }

func (c *collector) add(entry, reason string) {
	if entry = strings.ToLower(strings.TrimSpace(entry)); entry != "" {
		c.entries = append(c.entries, AutoEntry{entry, reason})
	}
}

func (c *collector) leave(entry, format string, args ...any) {
	c.left = append(c.left, AutoEntry{entry, fmt.Sprintf(format, args...)})
}

func (c *collector) machine(f AutoFacts) {
	c.add("localhost", "loopback")
	c.add("127.0.0.0/8", "loopback")
	c.add("::1", "loopback")
	for _, n := range f.Names {
		c.name(n, "a name of this machine", f)
	}
	for _, a := range f.Addresses {
		a = a.Unmap().WithZone("")
		inDocker := slices.ContainsFunc(f.Networks, func(n Network) bool { return n.Prefix.Contains(a) })
		if !inDocker && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified() {
			c.add(a.String(), "an address of this machine")
		}
	}
	for _, m := range f.Mirrors {
		c.mirror(m)
	}
	for _, r := range f.Insecure {
		c.insecure(r)
	}
	for _, m := range f.Metadata {
		c.add(m, "the cloud's metadata service")
	}
}

// mirror adds the host of a registry mirror, unless it is one that everybody uses: behind a proxy such a one is not to be reached directly.
func (c *collector) mirror(raw string) {
	host := raw
	if _, after, ok := strings.Cut(raw, "://"); ok {
		host = after
	}
	host, _, _ = strings.Cut(host, "/")
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	bare, _ := splitPort(host)
	if bare == "" {
		return
	}
	if public := publicRegistry(bare); public != "" {
		c.leave(host, "a registry mirror, but %s is a public one that only the proxy may reach", public)
		return
	}
	c.add(host, "registry mirror")
}

// insecure adds a registry without TLS. The loopback networks that dockerd always lists are there already.
func (c *collector) insecure(r string) {
	if p, err := netip.ParsePrefix(r); err == nil {
		if p.Bits() == 0 {
			c.leave(r, "insecure registries are everywhere here, which says nothing about where the proxy is needed")
			return
		}
		if p.Bits() == p.Addr().BitLen() {
			c.add(p.Addr().String(), "insecure registry")
			return
		}
		c.add(p.Masked().String(), "insecure registries")
		return
	}
	c.add(r, "insecure registry")
}

// name adds a name, unless the entry would make much more direct than it says: an entry NAME matches every host below NAME, too (x/net httpproxy, config.init).
func (c *collector) name(name, reason string, f AutoFacts) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || name == "localhost" {
		return
	}
	if strings.ContainsAny(name, ", \t*/:\"'") {
		c.leave(name, "%s, but no entry can spell it", reason)
		return
	}
	if f.PublicSuffix != nil && f.PublicSuffix(name) {
		c.leave(name, "%s, but the entry would make every host below .%s direct", reason, name)
		return
	}
	if public := publicRegistry(name); public != "" {
		c.leave(name, "%s, but the entry would make the public registry %s direct", reason, public)
		return
	}
	for _, r := range slices.Concat(f.Registries, publicRegistries()) {
		host, _ := splitPort(strings.ToLower(r))
		if strings.HasSuffix(host, "."+name) {
			c.leave(name, "%s, but the entry would make the registry %s direct", reason, host)
			return
		}
	}
	c.add(name, reason)
}

// list sorts and leaves out what another entry covers.
func (c *collector) list() AutoList {
	slices.SortStableFunc(c.entries, func(a, b AutoEntry) int { return cmp.Compare(a.Entry, b.Entry) })
	c.entries = slices.CompactFunc(c.entries, func(a, b AutoEntry) bool { return a.Entry == b.Entry })
	out := AutoList{}
	for i, e := range c.entries {
		covered := slices.ContainsFunc(c.entries, func(o AutoEntry) bool { return o.Entry != e.Entry && Covers(o.Entry, e.Entry) })
		if !covered {
			out.Entries = append(out.Entries, c.entries[i])
		}
	}
	slices.SortFunc(c.left, func(a, b AutoEntry) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Reason, b.Reason))
	})
	out.Left = slices.Compact(c.left)
	return out
}

// Covers reports whether every host that entry b matches in Go is matched by entry a as well (x/net httpproxy: a name matches itself and all below it, .NAME and
// *.NAME only what is below, a port narrows, a network contains addresses and networks, * is everything). Entries that never match cover nothing.
func Covers(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSpace(a)), strings.ToLower(strings.TrimSpace(b))
	if a == b || a == "*" {
		return true
	}
	if deadReason(a) != "" || deadReason(b) != "" {
		return false
	}
	if wide, err := netip.ParsePrefix(a); err == nil {
		wide = wide.Masked()
		if narrow, err := netip.ParsePrefix(b); err == nil {
			return wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
		}
		host, _ := splitPort(b)
		ip, err := netip.ParseAddr(host)
		return err == nil && wide.Contains(ip)
	}
	hostA, portA := splitPort(a)
	hostB, portB := splitPort(b)
	if portA != "" && portA != portB {
		return false
	}
	if ipA, err := netip.ParseAddr(hostA); err == nil {
		ipB, err := netip.ParseAddr(hostB)
		return err == nil && ipA == ipB
	}
	if _, err := netip.ParseAddr(hostB); err == nil || strings.Contains(hostB, "/") {
		return false
	}
	nameA, belowA := bareName(hostA)
	nameB, belowB := bareName(hostB)
	if nameA == nameB {
		return !belowA || belowB
	}
	return strings.HasSuffix(nameB, "."+nameA)
}

// bareName splits an entry into its name and whether it means only what is below the name.
func bareName(host string) (name string, below bool) {
	host = strings.TrimPrefix(host, "*")
	if name, ok := strings.CutPrefix(host, "."); ok {
		return name, true
	}
	return host, false
}
