package precedence

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func prefixes(list ...string) []Network {
	var out []Network
	for i, p := range list {
		out = append(out, Network{Name: fmt.Sprintf("net%d", i), Prefix: netip.MustParsePrefix(p)})
	}
	return out
}

func TestAuto(t *testing.T) {
	cases := []struct {
		name           string
		facts          AutoFacts
		daemon, client string
		left           []string // entries that are left out of the client's list
	}{
		{"nothing known", AutoFacts{}, "127.0.0.0/8,::1,localhost", "127.0.0.0/8,::1,localhost", nil},
		{"own names and addresses", AutoFacts{
			Names:     []string{"Build7", "build7.corp.example."},
			Addresses: []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("2001:db8::5")},
		}, "10.1.2.3,127.0.0.0/8,2001:db8::5,::1,build7,build7.corp.example,localhost", "10.1.2.3,127.0.0.0/8,2001:db8::5,::1,build7,build7.corp.example,localhost", nil},
		{"addresses in Docker's networks are the networks' business", AutoFacts{Addresses: []netip.Addr{netip.MustParseAddr("172.17.0.1")}, Networks: prefixes("172.17.0.0/16")},
			"127.0.0.0/8,::1,localhost", "127.0.0.0/8,172.17.0.0/16,::1,localhost", nil},
		{"mirrors, but no public ones", AutoFacts{Mirrors: []string{"https://mirror.corp.example:5000/", "http://hub.corp.example/v2", "https://mirror.gcr.io"}},
			"127.0.0.0/8,::1,hub.corp.example,localhost,mirror.corp.example:5000", "127.0.0.0/8,::1,hub.corp.example,localhost,mirror.corp.example:5000", []string{"mirror.gcr.io"}},
		{"insecure registries", AutoFacts{Insecure: []string{"127.0.0.0/8", "::1/128", "10.9.0.0/16", "reg.corp.example:5000", "0.0.0.0/0"}},
			"10.9.0.0/16,127.0.0.0/8,::1,localhost,reg.corp.example:5000", "10.9.0.0/16,127.0.0.0/8,::1,localhost,reg.corp.example:5000", []string{"0.0.0.0/0"}},
		{"metadata", AutoFacts{Metadata: []string{"169.254.169.254"}}, "127.0.0.0/8,169.254.169.254,::1,localhost", "127.0.0.0/8,169.254.169.254,::1,localhost", nil},
		{"containers and services", AutoFacts{Containers: []Member{{"shop-db-1", "container"}, {"db", "service"}, {"db", "alias"}}},
			"127.0.0.0/8,::1,localhost", "127.0.0.0/8,::1,db,localhost,shop-db-1", nil},
		{"a container named like a public suffix", AutoFacts{Containers: []Member{{"com", "container"}, {"app", "service"}, {"co.uk", "container"}, {"web", "service"}}},
			"127.0.0.0/8,::1,localhost", "127.0.0.0/8,::1,localhost,web", []string{"app", "co.uk", "com"}},
		{"a container named like the parent of a registry", AutoFacts{Containers: []Member{{"corpnet", "container"}}, Registries: []string{"reg.corpnet:5000"}},
			"127.0.0.0/8,::1,localhost", "127.0.0.0/8,::1,localhost", []string{"corpnet"}},
		{"a container named like a public registry", AutoFacts{Containers: []Member{{"docker.io", "container"}, {"auth.docker.io", "alias"}}}, "127.0.0.0/8,::1,localhost", "127.0.0.0/8,::1,localhost",
			[]string{"auth.docker.io", "docker.io"}},
		{"a name below another one", AutoFacts{Names: []string{"corpnet", "build7.corpnet"}}, "127.0.0.0/8,::1,corpnet,localhost", "127.0.0.0/8,::1,corpnet,localhost", nil},
		{"overlapping networks", AutoFacts{Networks: prefixes("172.18.0.0/16", "172.18.4.0/24", "fd00::/64")}, "127.0.0.0/8,::1,localhost", "127.0.0.0/8,172.18.0.0/16,::1,fd00::/64,localhost", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.facts.PublicSuffix = func(name string) bool { return slices.Contains([]string{"com", "co.uk", "app"}, name) }
			d, cl := AutoDaemon(c.facts), AutoClient(c.facts)
			assert.Equal(t, d.String(), c.daemon)
			assert.Equal(t, cl.String(), c.client)
			var left []string
			for _, e := range cl.Left {
				left = append(left, e.Entry)
				assert.Assert(t, e.Reason != "")
			}
			assert.DeepEqual(t, left, c.left)
			for _, l := range []AutoList{d, cl} {
				assert.Assert(t, slices.IsSortedFunc(l.Entries, func(a, b AutoEntry) int { return strings.Compare(a.Entry, b.Entry) }))
				assert.Equal(t, len(DeadEntries(l.String())), 0)
				for _, e := range l.Entries {
					assert.Assert(t, e.Reason != "", e.Entry)
				}
			}
		})
	}
}

// TestCoversIsGo asks Go itself: whatever b matches, a must match when Covers says so, and for each pair it denies some host shows why.
func TestCoversIsGo(t *testing.T) {
	entries := []string{"example.com", ".example.com", "*.example.com", "a.example.com", ".a.example.com", "example.com:80", "a.example.com:80", ".example.com:80", "com", "ample.com",
		"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.1.2.3:80", "10.1.2.3:81", "2001:db8::/32", "2001:db8::1", "[2001:db8::1]:80", "*", "localhost"}
	var hosts []string
	for _, h := range []string{"example.com", "a.example.com", "b.a.example.com", "c.example.com", "ample.com", "x.ample.com", "com", "net.com", "10.1.2.3", "10.1.9.9", "10.9.9.9", "11.0.0.1", "[2001:db8::1]", "[2001:db8::2]", "other.org"} {
		hosts = append(hosts, h+":80", h+":81", h+":443")
	}
	for _, a := range entries {
		for _, b := range entries {
			implied := true
			for _, h := range hosts {
				if direct(b, h) && !direct(a, h) {
					implied = false
				}
			}
			if b == "localhost" && a != "*" && a != b { // Go never asks the list about it
				continue
			}
			assert.Equal(t, Covers(a, b), implied, "%s covers %s", a, b)
		}
	}
}

// TestAutoGenerated: for any facts no entry covers another one and none is dead.
func TestAutoGenerated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // deterministic on purpose
	labels := []string{"a", "b", "corp", "example", "com", "db", "io", "reg"}
	name := func() string {
		var parts []string
		for range 1 + rng.IntN(3) {
			parts = append(parts, labels[rng.IntN(len(labels))])
		}
		return strings.Join(parts, ".")
	}
	for range 2000 {
		var f AutoFacts
		for range rng.IntN(4) {
			f.Names = append(f.Names, name())
			f.Containers = append(f.Containers, Member{name(), "container"})
			f.Insecure = append(f.Insecure, name()+":5000", fmt.Sprintf("10.%d.0.0/%d", rng.IntN(3), 8+rng.IntN(20)))
			f.Networks = append(f.Networks, Network{"n", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rng.IntN(3)), 0, 0}), 8+rng.IntN(20))})
		}
		f.PublicSuffix = func(name string) bool { return name == "com" || name == "io" }
		f.Registries = []string{"reg.corp.example:5000"}
		for _, l := range []AutoList{AutoDaemon(f), AutoClient(f)} {
			assert.Equal(t, len(DeadEntries(l.String())), 0, l.String())
			for _, a := range l.Entries {
				for _, b := range l.Entries {
					assert.Assert(t, a == b || !Covers(a.Entry, b.Entry), "%s covers %s in %s", a.Entry, b.Entry, l)
				}
			}
			assert.Assert(t, !direct(l.String(), "reg.corp.example:5001") || slices.Contains(append(f.Names, memberNames(f)...), "reg.corp.example"), l.String())
			assert.Assert(t, !direct(l.String(), "registry.other.com:443"), l.String())
		}
	}
}

func memberNames(f AutoFacts) []string {
	var out []string
	for _, m := range f.Containers {
		out = append(out, m.Name)
	}
	return out
}
