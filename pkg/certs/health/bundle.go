package health

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// The sources of Debian's bundle besides the anchors (update-ca-certificates(8)).
const (
	debianConf   = "/etc/ca-certificates.conf"
	debianShared = "/usr/share/ca-certificates"
)

// shrunk tells of roots that belong into the machine's bundle by its sources and are not in it: somebody has written the bundle himself, or the tool was not run. The sources are
// the anchors of every family, and Debian's own list; where a family derives the rest by rules (p11-kit's attributes), the rest is not judged.
func (m *Machine) shrunk() []precedence.Finding {
	bundle := m.bundle()
	if bundle == "" || m.store.Tool == "" {
		return nil // nobody makes it of sources
	}
	var lost []string
	for _, a := range m.anchors {
		if !m.trusts(a.Fingerprint) && m.belongs(a) {
			lost = append(lost, path.Base(a.path))
		}
	}
	lost = append(lost, m.packagedLost()...)
	if len(lost) == 0 {
		return nil
	}
	fix := path.Base(m.store.Tool)
	if fix == "update-ca-trust" {
		fix += " extract"
	}
	what := "which stands among the sources of this bundle, is"
	if len(lost) > 1 {
		what = "which stand among the sources of this bundle, are"
	}
	return []precedence.Finding{precedence.NewFinding("ca-bundle-shrank", source(bundle), fix,
		"%s, %s not in it: programs of this machine, dockerd too, do not trust it; %s makes the bundle anew", redact.Terminal(few(lost)), what, path.Base(m.store.Tool))}
}

// belongs reports whether the family's tool certainly puts an anchor into the bundle for servers: Debian's and Alpine's take what they find in PEM, p11-kit's only authorities
// (trust(1), --filter=ca-anchors).
func (m *Machine) belongs(a anchor) bool {
	switch m.store.Family.Name {
	case "debian", "gentoo", "alpine":
		data, err := m.tree.ReadFile(a.path)
		return err == nil && strings.Contains(string(data), "-----BEGIN CERTIFICATE-----")
	case "rhel", "suse", "arch":
		return a.Cert.IsCA && a.Cert.BasicConstraintsValid && len(a.Cert.ExtKeyUsage) == 0
	}
	return false
}

// packagedLost lists the files of Debian's list that the bundle does not hold. All of them are read only where the bundle has fewer certificates than there are sources, or lacks
// the first or the last one.
func (m *Machine) packagedLost() []string {
	if name := m.store.Family.Name; name != "debian" && name != "gentoo" {
		return nil
	}
	data, err := m.tree.ReadFile(debianConf)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != '!' {
			names = append(names, line)
		}
	}
	in := 0
	for f := range m.held {
		if m.trusts(f) {
			in++
		}
	}
	if len(names) == 0 || in >= len(names) && len(m.lostOf([]string{names[0], names[len(names)-1]})) == 0 {
		return nil
	}
	return m.lostOf(names)
}

// lostOf are those of Debian's packaged files that the bundle does not hold.
func (m *Machine) lostOf(names []string) []string {
	var lost []string
	for _, n := range names {
		data, err := m.tree.ReadFile(path.Join(debianShared, n))
		if err != nil {
			continue // the tool leaves it out, too
		}
		if all := parsed(data); len(all) > 0 && slices.ContainsFunc(all, func(a certs.Authority) bool { return !m.trusts(a.Fingerprint) }) {
			lost = append(lost, path.Base(n))
		}
	}
	return lost
}
