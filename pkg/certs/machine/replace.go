package machine

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// ReplaceOptions say how to replace.
type ReplaceOptions struct {
	Seed     []byte // as of Add
	Foreign  bool   // as of Remove
	CertsDir string // where the directories of single registries are
}

// Replace plans, as one plan, that the machine trusts want in the place of gone: want goes where any of gone is, into the trust store or for single registries, and into the store where none
// of them is anywhere. What the plan leaves is looked at as a finished machine: an error says that it would not trust want, and then nothing is to be taken out.
func (m *Machine) Replace(gone []certs.Fingerprint, want []certs.Authority, o ReplaceOptions) (change.Plan, []certs.Note, error) {
	registries := m.registriesOf(o.CertsDir, gone)
	inStore := len(registries) == 0 || slices.ContainsFunc(gone, func(f certs.Fingerprint) bool { return len(m.held[f]) > 0 })
	var first change.Plan
	var notes []certs.Note
	if inStore {
		var err error
		if first, notes, err = m.Add(want, o.Seed); err != nil {
			return nil, notes, err
		}
	}
	more, err := m.AddForRegistries(o.CertsDir, registries, want)
	if err != nil {
		return nil, notes, err
	}
	first = append(first, more...)
	added, err := m.After(first)
	if err != nil {
		return nil, notes, err
	}
	if inStore && !added.trustsAll(want) {
		return nil, notes, fmt.Errorf("this machine's trust store (%s) would not trust the new certificate, so the old one stays", m.Family())
	}
	second, also, err := added.Remove(gone, o.Foreign, o.CertsDir)
	if err != nil {
		return nil, notes, err
	}
	plan := tree.Joined(first, keepUsed(second, more))
	end, err := m.After(plan)
	if err != nil {
		return nil, notes, err
	}
	if inStore && !end.trustsAll(want) {
		return nil, notes, fmt.Errorf("this machine's trust store (%s) would no longer trust the new certificate without the old one", m.Family())
	}
	return plan, append(notes, also...), nil
}

// After is the machine as a plan leaves its trust store; certs.d stays as it is.
func (m *Machine) After(plan change.Plan) (*Machine, error) {
	return look(m.files, tree.After(m.tree, plan))
}

// keepUsed leaves out of a removal the directories into which another plan puts files: Remove looks at certs.d as it is.
func keepUsed(plan, made change.Plan) change.Plan {
	return slices.DeleteFunc(slices.Clone(plan), func(c change.Change) bool {
		return c.From.Kind == change.Dir && c.To.Kind == change.Absent &&
			slices.ContainsFunc(made, func(o change.Change) bool { return strings.HasPrefix(o.Path, c.Path+"/") })
	})
}

// registriesOf are those for which this program has made dockerd trust one of the certificates.
func (m *Machine) registriesOf(certsDir string, list []certs.Fingerprint) []string {
	var out []string
	for _, file := range m.registryFiles(certsDir) {
		name := path.Base(path.Dir(file))
		if der := onlyCertificate(m.tree, file); der != nil && slices.Contains(list, certs.FingerprintOf(der)) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Standing is what Check found about one certificate.
type Standing struct {
	Fingerprint certs.Fingerprint
	Files       []string // that hold it: bundles, anchors, Java stores
	Missing     []string // bundles and Java stores that do not
	Registries  []string // for which dockerd trusts it by a file of this program's
}

// Trusted reports whether programs with default settings trust it, and Java.
func (s Standing) Trusted() bool { return len(s.Files) > 0 && len(s.Missing) == 0 }

// Check says where certificates stand. A Java store whose password is not known is left out of both lists.
func (m *Machine) Check(list []certs.Fingerprint, certsDir string) ([]Standing, error) {
	java, err := m.java.Holds(m.tree)
	if err != nil {
		return nil, fmt.Errorf("reading this machine's Java stores: %w", err)
	}
	readable := map[string]bool{}
	for _, names := range java {
		for _, n := range names {
			readable[n] = true
		}
	}
	stores := m.Bundles()
	for _, s := range m.java.Stores {
		if readable[s.Path] && !slices.Contains(stores, s.Path) {
			stores = append(stores, s.Path)
		}
	}
	var out []Standing
	for _, f := range list {
		s := Standing{Fingerprint: f, Files: slices.Clone(m.held[f]), Registries: m.registriesOf(certsDir, []certs.Fingerprint{f})}
		for _, n := range java[f] {
			if !slices.Contains(s.Files, n) {
				s.Files = append(s.Files, n)
			}
		}
		for _, b := range stores {
			if !slices.Contains(s.Files, b) {
				s.Missing = append(s.Missing, b)
			}
		}
		slices.Sort(s.Files)
		out = append(out, s)
	}
	return out, nil
}

// Combined is the content of the machine's first bundle, PEM text.
func (m *Machine) Combined() ([]byte, error) { return m.store.Combined(m.tree) }
