package store

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// layer is the owner's name in changes.
const layer = "ca"

// AddOptions change what Add may do.
type AddOptions struct {
	// Seed are the public roots, in PEM, that a bundle gets which has to be made; nil makes one with the added certificates alone.
	Seed []byte
	// ThroughMounts plans changes of files that are mounts or on one, too; without it such a store is left out with a note.
	ThroughMounts bool
}

// Add plans what makes every program of the tree that reads the survey's stores trust the certificates: anchor, bundles and links as the family's own tool would
// leave them. What a bundle or a link directory holds already, under whatever name, stays as it is, and no certificate is ever taken out: where a bundle is not what the
// tool would have made, the certificate is put into it and nothing else. Notes name stores that were left out (certs.Skipped), what has to be recreated
// (certs.NeedsRecreate) and what is worth knowing (certs.Remark). Errors are those of reading the tree.
func (s Survey) Add(t tree.Tree, authorities []certs.Authority, o AddOptions) (change.Plan, []certs.Note, error) {
	p := &planner{survey: s, tree: remember(t), through: o.ThroughMounts, notes: slices.Clone(s.Notes)}
	authorities = slices.Clone(authorities)
	slices.SortFunc(authorities, func(a, b certs.Authority) int { return byFingerprint(a.Fingerprint, b.Fingerprint) })
	authorities = slices.CompactFunc(authorities, func(a, b certs.Authority) bool { return a.Fingerprint == b.Fingerprint })
	if len(authorities) == 0 {
		return nil, p.notes, nil
	}
	if err := p.add(authorities, o); err != nil {
		return nil, p.notes, err
	}
	return p.plan, p.notes, nil
}

// planner collects changes and notes of one operation.
type planner struct {
	survey  Survey
	tree    *memo
	through bool
	plan    change.Plan
	notes   []certs.Note
	made    map[string]bool // directories that the plan makes
}

func (p *planner) add(authorities []certs.Authority, o AddOptions) error {
	locals, notes, err := p.survey.locals(p.tree)
	p.notes = append(p.notes, notes...)
	if err != nil {
		return err
	}
	open, err := p.open()
	if err != nil {
		return err
	}
	if len(open) == 0 && len(p.survey.Found) == 0 && len(p.survey.Notes) == 0 {
		open = p.create(o)
	}
	open = slices.DeleteFunc(open, func(b *opened) bool {
		return slices.ContainsFunc(authorities, b.lacks) && !b.fresh && !p.writable(b.Path, b.at, b.Entry)
	})
	if !slices.ContainsFunc(open, func(b *opened) bool { return b.Purpose == "" }) {
		return nil // nothing that a program reads can be changed: an anchor alone would only look like success
	}
	var fresh []local
	for _, a := range authorities {
		lacking := slices.ContainsFunc(open, func(b *opened) bool { return b.lacks(a) })
		if lacking && !slices.ContainsFunc(locals, func(l local) bool { return l.holds(a.Fingerprint) }) {
			name := path.Join(p.survey.Family.anchors.dir, a.Fingerprint.AnchorName())
			fresh = append(fresh, local{path: name, data: a.PEM(), fingerprints: []certs.Fingerprint{a.Fingerprint}})
		}
	}
	anchored := p.anchors(fresh)
	for _, b := range open {
		p.insert(b, authorities, locals, anchored)
	}
	return p.link(authorities, slices.Concat(locals, anchored))
}

// insert puts the certificates that a bundle lacks where the tool would, and one without an anchor, which the tool would not know, with a mark at the end.
func (p *planner) insert(b *opened, authorities []certs.Authority, locals, anchored []local) {
	var known, unknown, all []certs.Authority
	for _, a := range authorities {
		switch {
		case !b.lacks(a):
			continue
		case slices.ContainsFunc(slices.Concat(locals, anchored), func(l local) bool { return l.holds(a.Fingerprint) }):
			known = append(known, a)
		case b.format == plain:
			unknown = append(unknown, a)
		default:
			continue // there is no place for a mark in it
		}
		all = append(all, a)
	}
	if len(all) == 0 && !b.fresh {
		return
	}
	data := b.data
	if len(known) > 0 {
		data = p.place(b, known, locals, anchored)
	}
	for _, a := range unknown {
		data = bundle.Append(data, marked(a))
	}
	p.plan = append(p.plan, change.Change{Path: b.at, From: b.from, To: b.to(data), Cause: "trusts " + names(all), Layer: layer})
}

// names are the short fingerprints for the cause of a change; subjects are foreign text and belong to the report.
func names(authorities []certs.Authority) string {
	var out []string
	for _, a := range authorities {
		out = append(out, a.Fingerprint.Short())
	}
	return strings.Join(out, ", ")
}

// anchors plans the anchor files and returns those that will be there.
func (p *planner) anchors(fresh []local) []local {
	f := p.survey.Family
	if f.anchors.dir == "" || len(fresh) == 0 {
		return nil
	}
	dir, e, err := tree.Resolve(p.tree, f.anchors.dir)
	switch {
	case err == nil && e.Mode.IsDir():
	case isMissing(err) && (p.survey.Tool != "" || firstOf(p.tree, f.managers) != ""):
		// A tool that is there, or comes with a package later, makes the bundle anew from the anchors.
	case isMissing(err):
		return nil
	default:
		p.skip(f.anchors.dir, "no anchor can be put there: it is no directory")
		return nil
	}
	var out []local
	for _, l := range fresh {
		name := path.Join(dir, path.Base(l.path))
		was, err := p.tree.Lstat(name)
		if err != nil && !isMissing(err) || err == nil && !was.Mode.IsRegular() {
			p.skip(name, "something else has the anchor's name")
			continue
		}
		from := was.State()
		if err == nil {
			if from.Data, err = p.tree.ReadFile(name); err != nil {
				p.skip(name, "something else has the anchor's name")
				continue
			}
		} else {
			from = change.State{}
		}
		if !p.writable(name, name, was) {
			continue
		}
		p.mkdir(dir)
		p.plan = append(p.plan, change.Change{Path: name, From: from, To: change.NewFile(l.data, 0o644), Cause: "the anchor of " + l.fingerprints[0].Short(), Layer: layer})
		out = append(out, l)
	}
	return out
}

// mkdir plans the directories of a name that are not there, outermost first. The name has no links in it.
func (p *planner) mkdir(dir string) []string {
	if p.made[dir] || dir == "/" {
		return nil
	}
	if _, err := p.tree.Lstat(dir); err == nil {
		return nil
	}
	out := p.mkdir(path.Dir(dir))
	if p.made == nil {
		p.made = map[string]bool{}
	}
	p.made[dir] = true
	p.plan = append(p.plan, change.Change{
		Path: dir, To: change.State{Kind: change.Dir, Mode: 0o755, UID: change.Keep, GID: change.Keep}, Cause: "for what is put into it", Layer: layer,
	})
	return append(out, dir)
}

// writable reports that a name can be changed, and notes why it cannot. A name that is not there is judged by the nearest directory above it.
func (p *planner) writable(shown, name string, e tree.Entry) bool {
	for dir := name; e.Mode == 0 && dir != "/"; {
		dir = path.Dir(dir)
		at, err := p.tree.Lstat(dir)
		if err == nil {
			e = at
		} else if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	source := ""
	if e.Source != "" {
		source = " (" + redact.Terminal(e.Source) + ")"
	}
	switch {
	case e.ReadOnly:
		p.note(certs.NeedsRecreate, shown, "is on a read-only file system"+source+": create the container anew with a bundle that holds the certificate mounted there (docker proxy ca export run or compose)")
		return false
	case e.Mount && !p.through:
		p.skip(shown, "left alone: it is on a mount"+source+", and changing it changes that for everybody who uses it; --through-mounts does")
		return false
	}
	return true
}

func (p *planner) skip(name, why string)    { p.note(certs.Skipped, name, why) }
func (p *planner) remark(name, what string) { p.note(certs.Remark, name, what) }

// note says a thing once: what keeps one file of a store from being changed keeps the others, too.
func (p *planner) note(kind certs.NoteKind, name, text string) {
	if !slices.ContainsFunc(p.notes, func(n certs.Note) bool { return n.Kind == kind && n.Text == text }) {
		p.notes = append(p.notes, certs.Note{Kind: kind, Path: redact.Terminal(name), Text: text})
	}
}
