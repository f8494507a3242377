// Package machine plans changes of this machine's own trust: the stores of its distribution, which dockerd reads once after it started, and the directories for single
// registries below certs.d, which it reads at every pull.
//
// It is the machine's side of what package install is for containers: here internal/txn writes, with its lock, journal and rollback. It reads through internal/host, decides
// nothing about restarts, and knows nothing of dockerd beyond what it reads. Start at Look.
package machine

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Layer is the owner's name in changes.
const Layer = "ca"

// Machine is what one machine trusts.
type Machine struct {
	files *host.FS
	tree  tree.Tree
	store store.Survey
	java  runtime.Survey
	held  map[certs.Fingerprint][]string
}

// Look surveys the machine that files reads, or the directory of --root. Errors are those of reading.
func Look(files *host.FS) (*Machine, error) { return look(files, TreeOf(files)) }

// look surveys t, which is the machine of files, or what it will be.
func look(files *host.FS, t tree.Tree) (*Machine, error) {
	m := &Machine{files: files, tree: t}
	var err error
	if m.store, err = store.Look(m.tree); err != nil {
		return nil, fmt.Errorf("looking at this machine's trust store: %w", err)
	}
	if m.java, err = javaStores(m.tree, m.store); err != nil {
		return nil, fmt.Errorf("looking for this machine's Java stores: %w", err)
	}
	if m.held, err = m.store.Holds(m.tree); err != nil {
		return nil, fmt.Errorf("reading this machine's trust store: %w", err)
	}
	return m, nil
}

// javaStores finds the stores of the machine's Java installations: the distribution's tools make them with the bundles. Bundles that Python's and other programs bring along
// belong to whoever installed these, and stay.
func javaStores(t tree.Tree, s store.Survey) (runtime.Survey, error) {
	var system []string
	for _, f := range s.Found {
		system = append(system, f.Real)
	}
	r, err := runtime.Look(t, runtime.Processes{}, runtime.Options{System: system})
	r.Stores = slices.DeleteFunc(r.Stores, func(s runtime.Store) bool { return s.Kind != runtime.Java })
	r.Notes = nil
	return r, err
}

// Tree reads the machine's files.
func (m *Machine) Tree() tree.Tree { return m.tree }

// Family is the title of the kind of store, for people.
func (m *Machine) Family() string { return m.store.Family.Title }

// Modelled is "" where the family's rules are proven against its own tool, else what they were taken from.
func (m *Machine) Modelled() string { return m.store.Family.Modelled }

// Holds maps each certificate of the machine's bundles and anchors to the files that hold it. The caller does not change it.
func (m *Machine) Holds() map[certs.Fingerprint][]string { return m.held }

// Bundles are the files that programs with default settings read.
func (m *Machine) Bundles() []string { return m.store.Bundles() }

// Trusts reports whether every bundle of the machine holds the certificate.
func (m *Machine) Trusts(f certs.Fingerprint) bool {
	bundles := m.Bundles()
	for _, b := range bundles {
		if !slices.Contains(m.held[f], b) {
			return false
		}
	}
	return len(bundles) > 0
}

// Add plans to make the machine trust the authorities. What it trusts already changes nothing. Where a bundle has to be made, it begins with seed, the public
// roots as PEM. An error also says that the machine has no store that can be changed.
func (m *Machine) Add(list []certs.Authority, seed []byte) (change.Plan, []certs.Note, error) {
	plan, notes, err := m.store.Add(m.tree, list, store.AddOptions{Seed: seed, ThroughMounts: true})
	if err != nil {
		return nil, notes, fmt.Errorf("planning this machine's trust store: %w", err)
	}
	if len(plan.Effective()) == 0 && !m.trustsAll(list) {
		why := "none of its bundles can be changed"
		for _, n := range notes {
			if n.Kind == certs.Skipped || n.Kind == certs.NeedsRecreate {
				why = n.String()
				break
			}
		}
		return nil, notes, fmt.Errorf("this machine's trust store (%s) cannot take the certificate: %s", m.Family(), why)
	}
	plan = needRestart(plan)
	java, also, err := m.java.Add(m.tree, list, runtime.AddOptions{Common: runtime.Common{ThroughMounts: true}})
	if err != nil {
		return nil, notes, fmt.Errorf("planning this machine's Java stores: %w", err)
	}
	return join(plan, java), append(notes, also...), nil
}

// join is both plans, of which the first has what both would change.
func join(plan, more change.Plan) change.Plan {
	for _, c := range more {
		if !slices.ContainsFunc(plan, func(p change.Change) bool { return p.Path == c.Path }) {
			c.Layer = Layer
			plan = append(plan, c)
		}
	}
	return plan
}

func (m *Machine) trustsAll(list []certs.Authority) bool {
	return !slices.ContainsFunc(list, func(a certs.Authority) bool { return !m.Trusts(a.Fingerprint) })
}

// Remove plans to take certificates out again, of the store and of certs.d; foreign also those that this program did not add.
func (m *Machine) Remove(list []certs.Fingerprint, foreign bool, certsDirs ...string) (change.Plan, []certs.Note, error) {
	plan, notes, err := m.store.Remove(m.tree, list, store.RemoveOptions{Foreign: foreign, ThroughMounts: true})
	if err != nil {
		return nil, notes, fmt.Errorf("planning this machine's trust store: %w", err)
	}
	plan = needRestart(plan)
	java, also, err := m.java.Remove(m.tree, list, runtime.RemoveOptions{Common: runtime.Common{ThroughMounts: true}, Foreign: foreign})
	if err != nil {
		return nil, notes, fmt.Errorf("planning this machine's Java stores: %w", err)
	}
	plan, notes = join(plan, java), append(notes, also...)
	for _, dir := range certsDirs {
		more, err := m.removeFromRegistries(dir, list)
		if err != nil {
			return nil, notes, err
		}
		plan = append(plan, more...)
	}
	return plan, notes, nil
}

// needRestart marks what dockerd reads only once: crypto/x509 loads the system's roots at their first use and keeps them for the life of the process (loadSystemRoots).
func needRestart(plan change.Plan) change.Plan {
	plan = slices.Clone(plan)
	for i := range plan {
		plan[i].Layer = Layer
		plan[i].Needs.Restart = plan[i].To.Kind != change.Dir && plan[i].From.Kind != change.Dir
	}
	return plan
}

// Held is one certificate that this program has added to the machine.
type Held struct {
	Authority certs.Authority
	// Paths are the files that hold it: bundles, anchors, certs.d.
	Paths []string
	// Everywhere says that all bundles hold it; else it is in certs.d, or half removed.
	Everywhere bool
}

// List returns the certificates that this program has added, by the name of their anchors, and those in the directories below certsDirs; sorted by fingerprint.
func (m *Machine) List(certsDirs ...string) []Held {
	found := map[certs.Fingerprint]*Held{}
	put := func(f certs.Fingerprint, der []byte, paths ...string) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		if found[f] == nil {
			found[f] = &Held{Authority: certs.Authority{Fingerprint: f, Cert: cert}, Paths: slices.Clone(m.held[f]), Everywhere: m.Trusts(f)}
		}
		for _, p := range paths {
			if !slices.Contains(found[f].Paths, p) {
				found[f].Paths = append(found[f].Paths, p)
			}
		}
	}
	for f, paths := range m.held {
		for _, p := range paths {
			if der := m.own(p, f); der != nil {
				put(f, der)
				break
			}
		}
	}
	for _, dir := range certsDirs {
		for _, p := range m.registryFiles(dir) {
			if der := onlyCertificate(m.tree, p); der != nil {
				put(certs.FingerprintOf(der), der, p)
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(found), func(a, b certs.Fingerprint) int { return strings.Compare(a.String(), b.String()) })
	out := make([]Held, 0, len(keys))
	for _, f := range keys {
		out = append(out, *found[f])
	}
	return out
}

// own is the certificate where a file shows that this program has added it: by the name of an anchor, or by the mark in a bundle that no tool derives from anchors; else nil.
func (m *Machine) own(name string, f certs.Fingerprint) []byte {
	if path.Base(name) == f.AnchorName() {
		return onlyCertificate(m.tree, name)
	}
	data, err := m.tree.ReadFile(name)
	if err != nil {
		return nil
	}
	_, after, ok := bytes.Cut(data, []byte(mark+f.Short()+"\n"))
	block, _ := pem.Decode(after)
	if !ok || block == nil || certs.FingerprintOf(block.Bytes) != f {
		return nil
	}
	return block.Bytes
}

// ChangedAfter returns the first file with a certificate of this program's that was put there after a moment, such as the start of dockerd, or "". The time that counts is
// the one nobody can set (st_ctime).
func (m *Machine) ChangedAfter(moment time.Time) string {
	for _, h := range m.List() {
		for _, p := range h.Paths {
			if m.own(p, h.Authority.Fingerprint) == nil {
				continue
			}
			if st, err := m.files.Stat(p); err == nil && st.Change.After(moment) {
				return p
			}
		}
	}
	return ""
}

// onlyCertificate is the DER of the one certificate in a file, nil for anything else.
func onlyCertificate(t tree.Tree, name string) []byte {
	data, err := t.ReadFile(name)
	if err != nil {
		return nil
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil
	}
	return block.Bytes
}

// mark begins the comment above a certificate in a bundle that no tool derives from anchors, see store.Survey.Add; the short fingerprint follows.
const mark = "# docker-proxy "
