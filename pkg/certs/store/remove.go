package store

import (
	"crypto/x509"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// RemoveOptions change what Remove may do.
type RemoveOptions struct {
	// Foreign removes a certificate also where nothing shows that this program added it.
	Foreign bool
	// Recorded are certificates of which the caller knows that this program added them, Made the directories that it made then. Changed are, for each of them, the real paths of
	// the bundles into which it was put then: other bundles had the certificate before and keep it. Without an entry nothing is known.
	Recorded map[certs.Fingerprint]bool
	Made     []string
	Changed  map[certs.Fingerprint][]string
	// ThroughMounts is AddOptions.ThroughMounts.
	ThroughMounts bool
}

// Remove plans what takes the certificates out again: their anchors, their links, their blocks in every bundle; a bundle and directories that were made for them go when
// nothing else is in them, and a link that was replaced comes back. A certificate counts as added by this program when its anchor has this program's name, or its
// block this program's mark, or the caller's record has it; any other one is left with a note (certs.Unrestored) unless o.Foreign. Where another anchor holds the
// certificate too, that one and its block stay. Errors are those of reading the tree.
func (s Survey) Remove(t tree.Tree, fingerprints []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error) {
	p := &planner{survey: s, tree: remember(t), through: o.ThroughMounts, notes: slices.Clone(s.Notes)}
	r := remover{planner: p, options: o, gone: map[string]bool{}, ours: map[certs.Fingerprint]bool{}, subjects: map[certs.Fingerprint]*x509.Certificate{}}
	r.fingerprints = slices.Compact(slices.SortedFunc(slices.Values(fingerprints), byFingerprint))
	if err := r.remove(); err != nil {
		return nil, p.notes, err
	}
	return p.plan, p.notes, nil
}

type remover struct {
	*planner
	options      RemoveOptions
	fingerprints []certs.Fingerprint
	// ours are the certificates of which everything goes; of others only what is marked.
	ours     map[certs.Fingerprint]bool
	subjects map[certs.Fingerprint]*x509.Certificate
	locals   []local
	gone     map[string]bool // names that the plan removes
	dirs     []string        // directories to remove when they are empty
}

func (r *remover) remove() error {
	var err error
	if r.locals, _, err = r.survey.locals(r.tree); err != nil {
		return err
	}
	open, err := r.open()
	if err != nil {
		return err
	}
	for _, f := range r.fingerprints {
		r.ours[f] = r.options.Foreign || r.options.Recorded[f] || slices.ContainsFunc(r.locals, func(l local) bool { return r.own(l, f) })
		r.subjects[f] = r.certificate(f, open)
	}
	unlink := map[certs.Fingerprint]bool{}
	for _, b := range open {
		r.cut(b, unlink)
	}
	if r.survey.Tool != "" {
		for _, f := range r.fingerprints {
			if unlink[f] && !slices.ContainsFunc(r.locals, func(l local) bool { return l.holds(f) }) {
				r.remark(r.survey.Tool, f.Short()+" has no anchor: if it comes with a package, the next run of the tool brings it back")
			}
		}
	}
	if err := r.unlink(unlink); err != nil {
		return err
	}
	if err := r.unanchor(); err != nil {
		return err
	}
	r.dirs = append(r.dirs, innermost(r.options.Made)...)
	r.removeDirs(r.dirs, r.gone)
	return nil
}

// certificate parses the one certificate, from wherever it stands; nil when it stands nowhere.
func (r *remover) certificate(f certs.Fingerprint, open []*opened) *x509.Certificate {
	var der []byte
	for _, l := range r.locals {
		if l.holds(f) && der == nil {
			der = bundle.Find(l.data, f)
		}
	}
	for _, b := range open {
		if b.holds[f] && b.format != edk2 && der == nil {
			der = bundle.Find(b.data, f)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// innermost sorts directories so that one comes before those above it.
func innermost(dirs []string) []string {
	return slices.SortedFunc(slices.Values(dirs), func(a, b string) int { return strings.Compare(b, a) })
}

// own reports that an anchor is this program's for the certificate.
func (r *remover) own(l local, f certs.Fingerprint) bool {
	return path.Base(l.path) == f.AnchorName() && l.holds(f) && len(l.fingerprints) == 1
}

// goes reports that an anchor is removed.
func (r *remover) goes(l local) bool {
	return len(l.fingerprints) == 1 && r.ours[l.fingerprints[0]] && (r.options.Foreign || r.own(l, l.fingerprints[0]))
}

// staying is how many anchors that stay hold the certificate.
func (r *remover) staying(f certs.Fingerprint) int {
	n := 0
	for _, l := range r.locals {
		if l.holds(f) && !r.goes(l) {
			n++
		}
	}
	return n
}

// cut plans a bundle without the certificates and adds those to unlink of which a block went. As many blocks stay as there are anchors of others that hold the
// certificate.
func (r *remover) cut(b *opened, unlink map[certs.Fingerprint]bool) {
	b.own = ownAnchors(r.locals)
	around := bundle.Around{Marks: map[string]bool{}, Comments: map[string]bool{}, Spaced: b.order == spaced}
	left, marks := map[certs.Fingerprint]int{}, marksIn(b)
	untouched := func(f certs.Fingerprint) bool {
		changed, known := r.options.Changed[f]
		return known && !r.options.Foreign && !slices.Contains(changed, b.at)
	}
	commented := b.order == before && b.format != edk2 && b.commented()
	for _, f := range r.fingerprints {
		around.Marks[mark(f)] = true
		if cert := r.subjects[f]; cert != nil && commented {
			around.Comments[comment(cert)] = true
		}
		left[f] = r.staying(f)
		if b.holds[f] && !r.ours[f] && !marks[f] {
			r.notes = append(r.notes, certs.Note{Kind: certs.Unrestored, Path: b.Path, Text: "holds " + f.Short() + ", which was not added by this program: --foreign removes it"})
		} else if b.holds[f] && untouched(f) && !marks[f] {
			r.remark(b.Path, "held "+f.Short()+" before it was added here, and keeps it; --foreign removes it there, too")
		}
	}
	drop := func(block bundle.Block) bool {
		f := block.Fingerprint
		if !slices.Contains(r.fingerprints, f) || !marks[f] && (!r.ours[f] || untouched(f)) {
			return false
		}
		left[f]--
		unlink[f] = unlink[f] || left[f] < 0
		return left[f] < 0
	}
	data, n := b.without(around, drop)
	if n == 0 || !r.writable(b.Path, b.at, b.Entry) {
		return
	}
	to := b.to(data)
	if was, dirs, made := original(data); made {
		to = was
		r.gone[b.at] = to.Kind == change.Absent
		r.dirs = append(r.dirs, dirs...)
	}
	r.plan = append(r.plan, change.Change{Path: b.at, From: b.from, To: to, Cause: "no longer trusts what is removed", Layer: layer})
}

// without is the bundle's bytes without some blocks.
func (b *opened) without(around bundle.Around, drop func(bundle.Block) bool) ([]byte, int) {
	if b.format != edk2 {
		return bundle.Cut(b.data, around, drop)
	}
	var out []byte
	n := 0
	for _, block := range b.blocks {
		if drop(block) {
			n++
		} else {
			out = append(out, b.data[block.Start:block.End]...)
		}
	}
	return out, n
}

// marksIn are the certificates above whose block stands this program's mark.
func marksIn(b *opened) map[certs.Fingerprint]bool {
	out := map[certs.Fingerprint]bool{}
	for _, one := range b.blocks {
		if above := strings.TrimRight(string(b.data[max(0, one.Start-64):one.Start]), "\r\n"); strings.HasSuffix(above, mark(one.Fingerprint)) {
			out[one.Fingerprint] = true
		}
	}
	return out
}

// unanchor plans the removal of anchors, and without a record that of their directory where only this program can have made it: Debian's and Alpine's is in the
// package of the tool, and the tool is not there.
func (r *remover) unanchor() error {
	for _, l := range r.locals {
		if !r.goes(l) {
			continue
		}
		dir, _, err := tree.Resolve(r.tree, path.Dir(l.path))
		if err != nil {
			return fmt.Errorf("looking at %s: %w", l.path, err)
		}
		name := path.Join(dir, path.Base(l.path))
		e, err := r.tree.Lstat(name)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", l.path, err)
		}
		if !r.writable(l.path, name, e) {
			continue
		}
		from := e.State()
		if !e.IsLink() {
			from = from.WithData(l.data)
		}
		r.gone[name] = true
		r.plan = append(r.plan, change.Change{Path: name, From: from, Cause: "the anchor of " + l.fingerprints[0].Short(), Layer: layer})
		if r.options.Made == nil && r.survey.Tool == "" && r.survey.Family.anchors.dir == debianLocal && !slices.Contains(r.dirs, dir) {
			r.dirs = append([]string{dir}, r.dirs...)
		}
	}
	return nil
}
