// Package health judges the authorities that a machine, its dockerd and its containers trust: which have ended, which dockerd does not have, which a bundle has lost.
//
// It reads files through package machine's tree and records through package install, asks nobody, changes nothing, and knows of dockerd only what it is told (Daemon). What a
// handshake tells is the command's (--online). Start at Look.
package health

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Layer is what the sources of these findings say: a trust store is no layer of settings.
const Layer = precedence.LayerUnknown

// Daemon is what is known of the dockerd whose trust is judged.
type Daemon struct {
	// ID is the engine's, as in records; "" when it is not known.
	ID string
	// Started is when the running process was started; zero when none runs or that cannot be told.
	Started time.Time
	// OwnRoots says that it was given other roots than the machine's (SSL_CERT_FILE and SSL_CERT_DIR).
	OwnRoots bool
	// CertsDir is where it looks for authorities of single registries, such as /etc/docker/certs.d.
	CertsDir string
	// Classic says that its image store is the classic one, which does not read CertsDir for Docker Hub; false also when that is not known.
	Classic bool
	// Proxied says that it is configured to use a proxy for https.
	Proxied bool
}

// Machine is the trust of one machine.
type Machine struct {
	files   *host.FS
	tree    tree.Tree
	store   store.Survey
	held    map[certs.Fingerprint][]string
	anchors []anchor // by path
}

// anchor is a certificate in a file that an administrator, or this program, gave the distribution's tool.
type anchor struct {
	certs.Authority
	path string
}

// Look reads the machine's trust store. Errors are those of reading.
func Look(files *host.FS) (*Machine, error) {
	m := &Machine{files: files, tree: machine.TreeOf(files)}
	var err error
	if m.store, err = store.Look(m.tree); err != nil {
		return nil, fmt.Errorf("looking at this machine's trust store: %w", err)
	}
	if m.held, err = m.store.Holds(m.tree); err != nil {
		return nil, fmt.Errorf("reading this machine's trust store: %w", err)
	}
	bundles := map[string]bool{}
	for _, f := range m.store.Found {
		bundles[f.Path] = true
	}
	read := map[string]bool{}
	for _, names := range m.held {
		for _, name := range names {
			if !bundles[name] && !read[name] {
				read[name] = true
				m.anchors = append(m.anchors, m.readAnchors(name)...)
			}
		}
	}
	slices.SortFunc(m.anchors, func(a, b anchor) int {
		if a.path != b.path {
			return strings.Compare(a.path, b.path)
		}
		return strings.Compare(a.Fingerprint.String(), b.Fingerprint.String())
	})
	return m, nil
}

// readAnchors are the certificates of one file that can be parsed, each once.
func (m *Machine) readAnchors(name string) []anchor {
	data, err := m.tree.ReadFile(name)
	if err != nil {
		return nil
	}
	var out []anchor
	for _, a := range parsed(data) {
		if !slices.ContainsFunc(out, func(x anchor) bool { return x.Fingerprint == a.Fingerprint }) {
			out = append(out, anchor{a, name})
		}
	}
	return out
}

// parsed are the certificates of a file in PEM, or of one in DER.
func parsed(data []byte) []certs.Authority {
	var out []certs.Authority
	put := func(der []byte) {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: c})
		}
	}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		put(data)
		return out
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" {
			put(block.Bytes)
		}
	}
	return out
}

// bundle is the file that programs with default settings read first, "" where there is none.
func (m *Machine) bundle() string {
	if list := m.store.Bundles(); len(list) > 0 {
		return list[0]
	}
	return ""
}

// trusts reports whether the machine's bundle holds a certificate.
func (m *Machine) trusts(f certs.Fingerprint) bool { return slices.Contains(m.held[f], m.bundle()) }

// Findings judges the machine and, by records, the containers. records may be nil. soon is how long before its end an authority is worth a finding.
func (m *Machine) Findings(d Daemon, records install.Records, now time.Time, soon time.Duration) []precedence.Finding {
	recorded := m.recorded(records, d.ID)
	var out []precedence.Finding
	out = append(out, m.ending(recorded, now, soon)...)
	out = append(out, m.shrunk()...)
	out = append(out, m.notRestarted(d)...)
	out = append(out, m.hub(d)...)
	return append(out, m.notInStore(d, recorded, now)...)
}

// fromRecords is an authority that containers were given.
type fromRecords struct {
	certs.Authority
	containers []string // names, sorted
}

// recorded are the authorities of the containers that records know, of this daemon where its ID is known, by fingerprint. What cannot be read is left out: `ca` tells of it.
func (m *Machine) recorded(records install.Records, id string) []fromRecords {
	if records == nil {
		return nil
	}
	list, _ := install.List(records) // what could be read counts
	held, err := install.HeldPEM(records)
	if err != nil {
		return nil
	}
	by := map[string][]string{}
	for _, r := range list {
		if id != "" && r.Daemon != "" && r.Daemon != id {
			continue
		}
		for _, f := range r.Added {
			by[f] = append(by[f], r.Name)
		}
	}
	var out []fromRecords
	for f, names := range by {
		for _, a := range parsed(held[f]) {
			if a.Fingerprint.String() == f {
				out = append(out, fromRecords{a, names})
			}
		}
	}
	slices.SortFunc(out, func(a, b fromRecords) int { return strings.Compare(a.Fingerprint.String(), b.Fingerprint.String()) })
	return out
}

// Named is a certificate in a sentence: its subject's common name, or all of the subject, and the beginning of its fingerprint.
func Named(a certs.Authority) string {
	name := a.Cert.Subject.CommonName
	if name == "" {
		name = a.Cert.Subject.String()
	}
	return fmt.Sprintf("%s (%s)", redact.Terminal(name), a.Fingerprint.Short())
}

// own reports whether this program made the anchor.
func (a anchor) own() bool { return path.Base(a.path) == a.Fingerprint.AnchorName() }

// source is a file of a trust store.
func source(name string) *precedence.Source {
	return &precedence.Source{Layer: Layer, Path: redact.Terminal(name)}
}

// few joins names, the first of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// word quotes a word for a command line.
func word(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '.' || r == '/' || r == '_' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
