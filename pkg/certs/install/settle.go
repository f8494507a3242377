package install

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// interruptedNote tells of a container in which a run was killed, where nothing may be changed.
func interruptedNote() certs.Note {
	return certs.Note{Kind: certs.Remark, Text: "a run was interrupted in the middle of changing it: the next command that changes it first takes back what that one had begun"}
}

// settle takes back what a killed run had begun in this container, files that were not complete yet included, so that it is as it was before that run; a removal by the record
// is finished instead, which leads to the same. It gives the record as it then is. A file that somebody else changed in between is left alone and counts as one that
// was changed since, as it does for a removal.
func (in *Installer) settle(ctx context.Context, t target.Target, c engine.Inspected) (*record, Result, error) {
	res := Result{Files: []File{}, Notes: []certs.Note{}, Unrestored: []string{}}
	rec, err := in.load(c)
	if err != nil {
		return rec, res, err
	}
	if !rec.interrupted() {
		if rec.stale() && !in.PlanOnly {
			err = in.write(rec)
		}
		return rec, res, err
	}
	if in.PlanOnly {
		res.Notes, res.Pending = append(res.Notes, interruptedNote()), true
		return rec, res, nil
	}
	if ctx.Err() != nil {
		return rec, res, context.Cause(ctx)
	}
	res.Changed = true
	res.Notes = append(res.Notes, certs.Note{Kind: certs.Remark, Text: "a run" + rec.when() + " was interrupted in the middle of it: what that one had begun was taken back first"})
	if err := in.tidy(ctx, t, rec); err != nil {
		return rec, res, in.unsettled(&res, err)
	}
	if err := in.takeBackSteps(ctx, t, rec, &res); err != nil {
		return rec, res, in.unsettled(&res, err)
	}
	if !rec.undoing() {
		return rec, res, in.write(rec)
	}
	var all []certs.Fingerprint
	for _, a := range rec.Added {
		if f, err := certs.ParseFingerprint(a); err == nil {
			all = append(all, f)
		}
	}
	out, err := in.undo(ctx, t, c, rec, &res, all, false)
	return rec, out, err
}

// unsettled is the error of a settlement that did not come to its end: the steps stay recorded, and the next run tries again.
func (in *Installer) unsettled(res *Result, err error) error {
	res.Broken = true
	return fmt.Errorf("what an interrupted run had begun could not be taken back: %w", err)
}

// when is the time of the interrupted run.
func (r *record) when() string {
	for _, s := range r.steps {
		if !s.Time.IsZero() {
			return " at " + s.Time.UTC().Format(time.RFC3339)
		}
	}
	return ""
}

// tidy removes files that were not complete yet. No run but the one that holds the lock makes any on this machine.
func (in *Installer) tidy(ctx context.Context, t target.Target, rec *record) error {
	var dirs []string
	for _, w := range slices.Concat(rec.Files, rec.stepFiles()) {
		if dir := path.Dir(w.Real); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	var plan change.Plan
	for _, dir := range dirs {
		list, err := t.ReadDir(dir)
		if missing(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking at %s: %w", redact.Terminal(dir), err)
		}
		for _, e := range list {
			if !target.IsTemp(path.Base(e.Path)) || !e.Mode.IsRegular() && !e.IsLink() {
				continue
			}
			now, _, err := present(t, e.Path)
			if err != nil {
				return fmt.Errorf("looking at %s: %w", redact.Terminal(e.Path), err)
			}
			plan = append(plan, change.Change{Path: e.Path, From: now, Layer: Layer})
		}
	}
	if len(plan) == 0 {
		return nil
	}
	_, err := t.Apply(ctx, plan, target.Options{ThroughMounts: true}) // our own files, wherever they are
	return err
}

// stepFiles are the files of the steps.
func (r *record) stepFiles() []was {
	var out []was
	for _, s := range r.steps {
		if s.File != nil {
			out = append(out, *s.File)
		}
	}
	return out
}

// takeBackSteps gives the files of all steps what they were before, and enters those that are somebody else's by now.
func (in *Installer) takeBackSteps(ctx context.Context, t target.Target, rec *record, res *Result) error {
	var back []target.Done
	var foreign []was
	seen := map[string]bool{}
	for _, s := range rec.steps {
		if s.File == nil || seen[s.File.Real] {
			continue // of two steps to one file the first knows how it was
		}
		seen[s.File.Real] = true
		d, ours, err := in.stepBack(t, rec, s)
		if err != nil {
			return err
		}
		if !ours {
			w := *s.File
			w.Foreign = true
			foreign = append(foreign, w)
			continue
		}
		if !d.Change.NoOp() {
			res.Files = append(res.Files, File{Path: redact.Terminal(d.Change.Path), Action: inverse(d.Change), Cause: "as it was before the interrupted run"})
		}
		back = append(back, d)
	}
	for _, u := range t.Restore(ctx, back) {
		res.Unrestored = append(res.Unrestored, redact.Terminal(u.Path+": "+u.Reason))
	}
	stays, err := in.readBackSteps(t, rec, back)
	if err != nil {
		return err
	}
	in.adopt(rec, append(foreign, stays...), res)
	return nil
}

// readBackSteps judges by what is there, not by what was said. A file that could not be given back what it was is an error, and tried again by the next run. What nobody can
// take away by this way, or somebody else put something into, stays, and counts as made by the run that was interrupted.
func (in *Installer) readBackSteps(t target.Target, rec *record, back []target.Done) (stays []was, err error) {
	for _, d := range back {
		now, e, err := present(t, d.Real)
		if err != nil {
			return nil, fmt.Errorf("reading back %s: %w", redact.Terminal(d.Real), err)
		}
		i := slices.IndexFunc(rec.steps, func(s step) bool { return s.File != nil && s.File.Real == d.Real })
		w, is := *rec.steps[i].File, in.newImage(now, e)
		switch {
		case is.same(w.Before):
		case w.Before.Kind == change.Absent && (is.Kind == change.Dir || !t.Can().Delete):
			w.After = is
			stays = append(stays, w)
		default:
			return nil, fmt.Errorf("%s is not what it was", redact.Terminal(d.Real))
		}
	}
	return stays, nil
}

// adopt enters files that were not taken back, with the certificates that they may hold, so that a removal deals with them.
func (in *Installer) adopt(rec *record, list []was, res *Result) {
	if len(list) == 0 {
		return
	}
	for _, w := range list {
		if w.Foreign {
			res.Notes = append(res.Notes, certs.Note{Kind: certs.Unrestored, Path: redact.Terminal(w.Path), Text: "was changed by somebody else since a run was interrupted, and stays as it is"})
		}
		if i := slices.IndexFunc(rec.Files, func(o was) bool { return o.Real == w.Real }); i >= 0 {
			rec.Files[i].Foreign = rec.Files[i].Foreign || w.Foreign
			continue
		}
		rec.Files = append(rec.Files, w)
	}
	for _, s := range rec.steps {
		for _, f := range s.Want {
			if !slices.Contains(rec.Added, f) {
				rec.Added = append(rec.Added, f)
			}
		}
	}
	slices.Sort(rec.Added)
	rec.Time = in.now()
}

// stepBack is what takes one step back; ours is false for a file that is neither what it was, nor what was planned, nor half of either.
func (in *Installer) stepBack(t tree.Tree, rec *record, s step) (d target.Done, ours bool, err error) {
	w := *s.File
	now, e, err := present(t, w.Real)
	if err != nil {
		return d, false, fmt.Errorf("looking at %s: %w", redact.Terminal(w.Path), err)
	}
	fits := false
	for _, other := range rec.steps {
		if other.File == nil || other.File.Real != w.Real || fits {
			continue
		}
		if fits, err = in.fits(other, in.newImage(now, e), now.Data); err != nil {
			return d, false, err
		}
	}
	if !fits {
		return d, false, nil
	}
	return in.doneOf(t, w, now, e)
}

// fits reports whether a file is what a step may have left of it.
func (in *Installer) fits(s step, now image, data []byte) (bool, error) {
	w := s.File
	switch {
	case s.Tool || now.like(w.Before) || now.like(w.After):
		return true, nil
	case !s.Pieces:
		return false, nil
	case now.Kind == change.Absent: // the daemon removes a file before it makes it anew
		return true, nil
	case now.Kind != change.File:
		return false, nil
	}
	before, err := in.kept(w.Before)
	if err != nil {
		return false, err
	}
	after, err := in.kept(w.After)
	if err != nil {
		return false, err
	}
	return w.After.Kind == change.File && halfWritten(data, before, after) || w.Before.Kind == change.File && halfWritten(data, after, before), nil
}

// kept is the bytes of an image where they are kept; nil where they are not.
func (in *Installer) kept(i image) ([]byte, error) {
	if i.Sum == "" {
		return nil, nil
	}
	data, err := in.bytes(i.Sum)
	if missing(err) {
		return nil, nil
	}
	return data, err
}

// halfWritten reports whether a file is the beginning of what was to be written, alone (a new file) or over what was there (one that is rewritten in place).
func halfWritten(now, from, to []byte) bool {
	n := 0
	for n < len(now) && n < len(to) && now[n] == to[n] {
		n++
	}
	return n == len(now) || bytes.Equal(now[n:], from[min(n, len(from)):])
}

// doneOf describes a file as Restore needs it to give it back what it was; false when the bytes are not kept any more.
func (in *Installer) doneOf(t tree.Tree, w was, now change.State, e tree.Entry) (target.Done, bool, error) {
	d := target.Done{Real: w.Real, Was: w.Before.entry(w.Real), Made: w.Made, Now: e, InPlace: w.InPlace}
	if w.Dir.Kind == change.Dir {
		d.Dir = w.Dir.entry(path.Dir(w.Real))
		if len(w.Made) > 0 {
			d.Dir.Path = path.Dir(w.Made[0])
		}
		if now.Kind == change.Absent { // a run that was killed may have removed the directory, too
			if _, err := t.Lstat(d.Dir.Path); missing(err) {
				d.Dir = tree.Entry{}
			}
		}
	}
	d.Change = change.Change{Path: w.Path, To: now, From: w.Before.state(nil), Layer: Layer, Xattrs: w.Xattrs}
	if w.Before.Kind != change.File {
		return d, true, nil
	}
	if w.Before.Sum == in.newImage(now, e).Sum {
		d.Change.From.Data = now.Data
		return d, true, nil
	}
	data, err := in.bytes(w.Before.Sum)
	if missing(err) {
		return d, false, nil
	}
	d.Change.From.Data = data
	return d, err == nil, err
}
