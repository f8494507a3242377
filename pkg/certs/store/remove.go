package store

import (
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
	// Recorded are certificates of which the caller knows that this program added them, Made the directories that it made then.
	Recorded map[certs.Fingerprint]bool
	Made     []string
	// ThroughMounts is AddOptions.ThroughMounts.
	ThroughMounts bool
}

// Remove plans what takes the certificates out again: their anchors, their links, their blocks in every bundle; a bundle and directories that were made for them go when
// nothing else is in them. A certificate counts as added by this program when its anchor has this program's name, or its block this program's mark, or the
// caller's record has it; any other one is left with a note (certs.Unrestored) unless o.Foreign. Where another anchor holds the certificate too, that one and its
// block stay. Errors are those of reading the tree.
func (s Survey) Remove(t tree.Tree, fingerprints []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error) {
	p := &planner{survey: s, tree: remember(t), through: o.ThroughMounts, notes: slices.Clone(s.Notes)}
	r := remover{planner: p, options: o, gone: map[string]bool{}}
	if err := r.remove(fingerprints); err != nil {
		return nil, p.notes, err
	}
	return p.plan, p.notes, nil
}

type remover struct {
	*planner
	options RemoveOptions
	gone    map[string]bool // names that the plan removes
	dirs    []string        // directories to remove when they are empty
}

func (r *remover) remove(fingerprints []certs.Fingerprint) error {
	locals, _, err := r.survey.locals(r.tree)
	if err != nil {
		return err
	}
	open, err := r.open()
	if err != nil {
		return err
	}
	links, err := r.linkDir()
	if err != nil {
		return err
	}
	fingerprints = slices.SortedFunc(slices.Values(fingerprints), func(a, b certs.Fingerprint) int { return strings.Compare(a.String(), b.String()) })
	fingerprints = slices.Compact(fingerprints)
	drop := map[certs.Fingerprint]bool{}
	for _, f := range fingerprints {
		drop[f] = r.options.Foreign || r.options.Recorded[f] || slices.ContainsFunc(locals, func(l local) bool { return r.own(l, f) })
	}
	for _, b := range open {
		r.cut(b, drop, locals)
	}
	if err := r.unlink(links, fingerprints, drop, locals, open); err != nil {
		return err
	}
	if err := r.unanchor(drop, locals); err != nil {
		return err
	}
	r.dirs = append(r.dirs, innermost(r.options.Made)...)
	r.removeDirs(r.dirs, r.gone)
	return nil
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
func (r *remover) goes(l local, drop map[certs.Fingerprint]bool) bool {
	return len(l.fingerprints) == 1 && drop[l.fingerprints[0]] && (r.options.Foreign || r.own(l, l.fingerprints[0]))
}

// cut plans a bundle without the certificates. As many blocks stay as there are anchors of others that hold the certificate.
func (r *remover) cut(b *opened, drop map[certs.Fingerprint]bool, locals []local) {
	comments, left := map[string]bool{}, map[certs.Fingerprint]int{}
	marks := marksIn(b.data)
	var foreign []certs.Fingerprint
	for f, ours := range drop {
		comments[mark(f)] = true
		switch {
		case ours || marks[f]:
			for _, l := range locals {
				if l.holds(f) && !r.goes(l, drop) && !r.own(l, f) {
					left[f]++
				}
			}
		case b.holds[f]:
			foreign = append(foreign, f)
		}
	}
	data, n := bundle.Cut(b.data, comments, func(block bundle.Block) bool {
		ours, asked := drop[block.Fingerprint]
		if !asked || !ours && !marks[block.Fingerprint] {
			return false
		}
		left[block.Fingerprint]--
		return left[block.Fingerprint] < 0
	})
	slices.SortFunc(foreign, func(a, b certs.Fingerprint) int { return strings.Compare(a.String(), b.String()) })
	for _, f := range foreign {
		r.notes = append(r.notes, certs.Note{Kind: certs.Unrestored, Path: b.Path, Text: "holds " + f.Short() + ", which was not added by this program: --foreign removes it"})
	}
	if n == 0 || !r.writable(b.Path, b.at, b.Entry) {
		return
	}
	to := b.to(data)
	dirs, made := untouched(data)
	if made {
		to = change.State{}
		r.gone[b.at] = true
		r.dirs = append(r.dirs, dirs...)
	}
	r.plan = append(r.plan, change.Change{Path: b.at, From: b.from, To: to, Cause: "no longer trusts what is removed", Layer: layer})
}

// marksIn are the certificates above whose block stands this program's mark.
func marksIn(data []byte) map[certs.Fingerprint]bool {
	out := map[certs.Fingerprint]bool{}
	for _, b := range bundle.Scan(data) {
		if strings.HasSuffix(strings.TrimRight(string(data[max(0, b.Start-64):b.Start]), "\r\n"), mark(b.Fingerprint)) {
			out[b.Fingerprint] = true
		}
	}
	return out
}

// unanchor plans the removal of anchors, and of their directory where only this program can have made it: no tool is there whose package would have.
func (r *remover) unanchor(drop map[certs.Fingerprint]bool, locals []local) error {
	for _, l := range locals {
		if !r.goes(l, drop) {
			continue
		}
		name, e, err := tree.Resolve(r.tree, path.Dir(l.path))
		if err != nil {
			return fmt.Errorf("looking at %s: %w", l.path, err)
		}
		dir := name
		name = path.Join(name, path.Base(l.path))
		if e, err = r.tree.Lstat(name); err != nil {
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
		if r.survey.Tool == "" && !slices.Contains(r.dirs, dir) {
			r.dirs = append([]string{dir}, r.dirs...)
		}
	}
	return nil
}
