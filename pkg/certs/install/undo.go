package install

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// RemoveOptions say what may be removed.
type RemoveOptions struct {
	// Foreign also removes what this program did not add.
	Foreign bool
	// Recorded are the certificates that the record says were added, Made the directories that were made then.
	Recorded []certs.Fingerprint
	Made     []string
	// Changed are, for each of them, the files (real paths) into which it was put then: another one had it before, and keeps it. Without an entry nothing is known.
	Changed map[certs.Fingerprint][]string
}

// Remove takes certificates out again. When the record says that nothing else was added, every file becomes what it was before, byte for byte and with its times; a
// file that somebody else has changed since, and a container without a record, lose the certificates and nothing else, and the result says what could not be
// restored. What was trusted before this program came stays, unless foreign.
func (in *Installer) Remove(ctx context.Context, t target.Target, c engine.Inspected, gone []certs.Fingerprint, foreign bool) (Result, error) {
	rec, first, err := in.settle(ctx, t, c)
	if err != nil {
		return first, err
	}
	res, err := in.remove(ctx, t, c, rec, gone, foreign)
	if err == nil {
		res, err = in.removeFromDatabases(ctx, t, c, gone, foreign, res)
	}
	res.Notes = named(res.Notes, c.Name)
	return first.And(res), err
}

// remove is Remove where no other run was interrupted.
func (in *Installer) remove(ctx context.Context, t target.Target, c engine.Inspected, rec *record, gone []certs.Fingerprint, foreign bool) (Result, error) {
	trust, res, err := in.look(t, c)
	if err != nil {
		return res, err
	}
	ours, left := rec.split(gone)
	if len(ours) > 0 && len(left) == 0 {
		return in.undo(ctx, t, c, rec, &res, gone, foreign)
	}
	o, err := in.removal(rec, gone, ours, foreign)
	if err != nil {
		return res, err
	}
	plan, notes, err := trust.Remove(t, gone, o)
	res.Notes = append(res.Notes, notes...)
	if err != nil {
		return res, fmt.Errorf("planning: %w", err)
	}
	stays := in.stays(t, trust, gone, notes)
	plan = rec.known(plan.Effective(), ours, foreign, &res)
	if len(plan) == 0 {
		return res, stays
	}
	res.Files = files(plan)
	if in.PlanOnly {
		res.Pending = true
		return res, nil
	}
	if len(ours) == 0 {
		res.Notes = append(res.Notes, certs.Note{Kind: certs.Unrestored, Text: "there is no record of this container: the certificate is taken out by its fingerprint, and times are not as they were before"})
	}
	out, err := in.carryOut(ctx, t, &res, operation{rec: rec, plan: plan, check: func() error { return readBack(ctx, t, plan) }, keep: func(done []target.Done) error {
		next := rec.clone()
		if len(ours) > 0 {
			next.Added, next.Time = left, in.now()
			in.enter(next, done)
		}
		return in.save(next, done, nil)
	}})
	if err == nil {
		err = stays
	}
	return out, err
}

// removal says what of the record a plan for removing certificates has to know.
func (in *Installer) removal(rec *record, gone, ours []certs.Fingerprint, foreign bool) (RemoveOptions, error) {
	o := RemoveOptions{Foreign: foreign, Recorded: ours, Made: rec.made(), Changed: map[certs.Fingerprint][]string{}}
	for _, f := range ours {
		o.Changed[f] = []string{}
	}
	for _, w := range rec.Files {
		had, err := in.kept(w.Before)
		if err != nil {
			return o, err
		}
		held := bundle.Holds(had)
		for _, f := range gone {
			if slices.Contains(ours, f) && !held[f] {
				o.Changed[f] = append(o.Changed[f], w.Real)
			}
		}
	}
	return o, nil
}

// stays is why a certificate stays in a bundle that cannot be changed; nil when none of those holds one.
func (in *Installer) stays(t tree.Tree, trust Trust, gone []certs.Fingerprint, notes []certs.Note) error {
	for _, b := range trust.Bundles() {
		_, left := leftOut([]string{b}, notes)
		if left == nil {
			continue
		}
		holds, err := trust.Holds(t)
		if err != nil {
			return fmt.Errorf("reading its stores: %w", err)
		}
		if slices.ContainsFunc(gone, func(f certs.Fingerprint) bool { return slices.Contains(holds[f], b) }) {
			return left
		}
	}
	return nil
}

// split divides the recorded certificates into those that go and those that stay.
func (r *record) split(gone []certs.Fingerprint) (ours []certs.Fingerprint, left []string) {
	for _, a := range r.Added {
		i := slices.IndexFunc(gone, func(f certs.Fingerprint) bool { return f.String() == a })
		if i < 0 {
			left = append(left, a)
			continue
		}
		ours = append(ours, gone[i])
	}
	return ours, left
}

// made are the directories that were made for files.
func (r *record) made() []string {
	var out []string
	for _, w := range r.Files {
		out = append(out, w.Made...)
		if w.Before.Kind == change.Absent && w.After.Kind == change.Dir {
			out = append(out, w.Real)
		}
	}
	return out
}

// known leaves out of a plan the files that the record does not have: there the certificate stood before. Without a record the planner has judged by the marks of this
// program.
func (r *record) known(plan change.Plan, ours []certs.Fingerprint, foreign bool, res *Result) change.Plan {
	if foreign || len(ours) == 0 {
		return plan
	}
	var out change.Plan
	for _, c := range plan {
		if c.From.Kind == change.File && !slices.ContainsFunc(r.Files, func(w was) bool { return w.Real == c.Path || w.Path == c.Path }) {
			res.Notes = append(res.Notes, certs.Note{Kind: certs.Remark, Path: redact.Terminal(c.Path), Text: "held the certificate before it was added here, and keeps it; --foreign removes it there, too"})
			continue
		}
		out = append(out, c)
	}
	return out
}

// undo gives every recorded file its state before. Those that are not as this program left them lose the certificates only.
func (in *Installer) undo(ctx context.Context, t target.Target, c engine.Inspected, rec *record, res *Result, gone []certs.Fingerprint, foreign bool) (Result, error) {
	back, changed, err := in.back(t, rec)
	if err != nil {
		return *res, err
	}
	for _, d := range back {
		if !d.Change.NoOp() {
			res.Files = append(res.Files, File{Path: redact.Terminal(d.Change.Path), Action: inverse(d.Change), Cause: "as it was before"})
		}
	}
	if in.PlanOnly {
		res.Pending = true
		return *res, nil
	}
	if err := in.beginUndo(rec); err != nil {
		return *res, err
	}
	for _, u := range t.Restore(ctx, back) {
		res.Unrestored = append(res.Unrestored, redact.Terminal(u.Path+": "+u.Reason))
	}
	res.Changed = true
	res.Notes = append(res.Notes, lossy(t, back)...)
	err = in.rest(ctx, t, c, rec, res, changed, gone, foreign)
	if err == nil && len(res.Unrestored) > 0 {
		err = fmt.Errorf("%d of its files could not be put back: %s", len(res.Unrestored), res.Unrestored[0])
	}
	if err != nil {
		return *res, errors.Join(err, in.endUndo(t, rec, len(changed)))
	}
	rec.Added = nil
	return *res, in.write(rec)
}

// beginUndo records that all files are about to get back what they were.
func (in *Installer) beginUndo(rec *record) error {
	if in.Records == nil || rec.ID == "" {
		return nil
	}
	return in.append(rec, step{Undo: true, Time: in.now()})
}

// endUndo ends a removal that could not do everything. Where every file is either what it was or what this program left, the record is still true and says so; else it goes on
// saying that files may be found half written. known is how many were somebody else's before.
func (in *Installer) endUndo(t tree.Tree, rec *record, known int) error {
	strict := rec.clone()
	strict.steps = nil
	if _, changed, err := in.back(t, strict); err != nil || len(changed) > known {
		return nil //nolint:nilerr // what failed is reported
	}
	return in.write(rec)
}

// inverse is the verb for taking a change back.
func inverse(c change.Change) string {
	c.From, c.To = c.To, c.From
	return c.Verb()
}

// rest takes the certificates out of the files that could not get their bytes back, and with foreign out of all others.
func (in *Installer) rest(ctx context.Context, t target.Target, c engine.Inspected, rec *record, res *Result, changed []was, gone []certs.Fingerprint, foreign bool) error {
	if len(changed) == 0 && !foreign {
		return nil
	}
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return fmt.Errorf("looking again: %w", err)
	}
	o, err := in.removal(rec, gone, gone, foreign)
	if err != nil {
		return err
	}
	plan, notes, err := trust.Remove(t, gone, o)
	res.Notes = append(res.Notes, notes...)
	if err != nil {
		return fmt.Errorf("planning: %w", err)
	}
	plan = slices.DeleteFunc(plan.Effective(), func(c change.Change) bool {
		return !foreign && !slices.ContainsFunc(changed, func(w was) bool { return w.Real == c.Path || w.Path == c.Path })
	})
	for _, w := range changed {
		text := "was changed by somebody else since: the certificate is taken out, and all else stays"
		if slices.Contains(nssdb.Files(), path.Base(w.Real)) {
			text = "this database of NSS was changed by somebody else since, so it does not get its bytes back"
		}
		res.Notes = append(res.Notes, certs.Note{Kind: certs.Unrestored, Path: redact.Terminal(w.Path), Text: text})
	}
	if len(plan) == 0 {
		return nil
	}
	done, err := t.Apply(ctx, plan, target.Options{ThroughMounts: in.ThroughMounts, Before: in.ahead(rec, !t.Can().Atomic, nil)})
	if err == nil {
		err = readBack(ctx, t, plan)
	}
	if err != nil {
		return in.takeBack(ctx, t, res, done, nil, err)
	}
	res.Files = append(res.Files, files(plan)...)
	return nil
}

// back is what Restore needs to put the recorded states back, and the files that are not as they were left.
func (in *Installer) back(t tree.Tree, rec *record) (back []target.Done, changed []was, err error) {
	for _, w := range rec.Files {
		now, e, err := present(t, w.Real)
		if err != nil {
			return nil, nil, fmt.Errorf("looking at %s: %w", redact.Terminal(w.Path), err)
		}
		ours := in.newImage(now, e).same(w.After) || in.newImage(now, e).same(w.Before)
		if !ours && rec.undoing() { // a run was killed while it did this
			if ours, err = in.fits(step{File: &w, Pieces: true}, in.newImage(now, e), now.Data); err != nil {
				return nil, nil, err
			}
		}
		if w.Foreign || !ours {
			changed = append(changed, w)
			continue
		}
		if w.InPlace != "" && !in.ThroughMounts {
			return nil, nil, explain(&target.MountError{Path: w.Path, Source: w.InPlace})
		}
		d, kept, err := in.doneOf(t, w, now, e)
		if err != nil {
			return nil, nil, err
		}
		if !kept {
			changed = append(changed, w)
			continue
		}
		back = append(back, d)
	}
	back, changed = wholeDatabases(rec, back, changed)
	return back, changed, nil
}

// bytes are kept bytes, compared with their name.
func (in *Installer) bytes(name string) ([]byte, error) {
	data, err := in.Records.Read(bytesPrefix + name)
	if err != nil {
		return nil, fmt.Errorf("reading the bytes before: %w", err)
	}
	if sum(data) != name {
		return nil, errors.New("reading the bytes before: the record is damaged")
	}
	return data, nil
}

// present is what stands at a name now.
func present(t tree.Tree, name string) (change.State, tree.Entry, error) {
	e, err := t.Lstat(name)
	if missing(err) {
		return change.State{}, tree.Entry{}, nil
	}
	if err != nil {
		return change.State{}, tree.Entry{}, err
	}
	s := e.State()
	if s.Kind == change.File {
		s.Data, err = t.ReadFile(name)
	}
	return s, e, err
}
