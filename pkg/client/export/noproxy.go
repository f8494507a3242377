package export

import (
	"net/netip"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// ForProject returns a NO_PROXY list for services of a Compose project: the given entries, loopback, for health checks inside the container, and every name in the project's
// networks. left are names that would make more direct than themselves, with the reason (precedence.AutoClient); publicSuffix is precedence.AutoFacts.PublicSuffix.
func ForProject(entries []string, p Project, publicSuffix func(string) bool) (list []string, left []precedence.AutoEntry) {
	facts := precedence.AutoFacts{PublicSuffix: publicSuffix}
	for _, m := range p.Members {
		facts.Containers = append(facts.Containers, precedence.Member{Name: m.Name, What: m.What})
	}
	computed := precedence.AutoClient(facts)
	var names []string
	for _, e := range computed.Entries {
		if !loopback(e.Entry) {
			names = append(names, e.Entry)
		}
	}
	return with(entries, slices.Concat(loopbackEntries(), names)), computed.Left
}

// ForCluster returns a NO_PROXY list for pods: the given entries, loopback, the cluster's own names, and its networks.
func ForCluster(entries []string, networks []netip.Prefix) []string {
	more := append(loopbackEntries(), ".svc", ".cluster.local")
	for _, n := range networks {
		more = append(more, n.Masked().String())
	}
	return with(entries, more)
}

// loopbackEntries are what programs that do not know about loopback by themselves (curl, wget) have to be told; one address, since not all of them read networks.
func loopbackEntries() []string { return []string{"localhost", "127.0.0.1", "::1"} }

func loopback(entry string) bool {
	return entry == "127.0.0.0/8" || slices.Contains(loopbackEntries(), entry)
}

// with returns entries and those of more that no entry covers.
func with(entries, more []string) []string {
	out := slices.Clone(entries)
	for _, e := range more {
		if !slices.ContainsFunc(out, func(have string) bool { return precedence.Covers(have, e) }) {
			out = append(out, e)
		}
	}
	return out
}
