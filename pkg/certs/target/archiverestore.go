package target

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Restore implements Target. A file that is neither what Apply left nor what was before is left alone. The time of the root directory, and of a volume's, stays.
func (t *archiveTarget) Restore(ctx context.Context, done []Done) []Unrestored {
	t.use.Lock()
	defer t.use.Unlock()
	// What ended the run does not end taking it back.
	defer func(before context.Context) { t.ctx, t.cache = before, newCache() }(t.ctx)
	t.ctx, t.cache = ctx, newCache()
	var out []Unrestored
	r := &batch{t: t, ctx: ctx}
	dirs := map[string]tree.Entry{}
	var order []string
	for _, d := range slices.Backward(done) {
		if d.Dir.Path != "" {
			if _, ok := dirs[d.Dir.Path]; !ok {
				order = append(order, d.Dir.Path)
			}
			dirs[d.Dir.Path] = d.Dir // that of the first change is as it was
		}
		for _, s := range t.back(ctx, d, &out) {
			if err := r.add(s, Done{Change: change.Change{Path: s.real}}); err != nil {
				out = append(out, Unrestored{Path: s.real, Reason: err.Error()})
			}
		}
	}
	_, err := r.end(nil)
	out = append(out, unrestored(err)...)
	t.cache = newCache()
	var there []string
	for _, name := range order {
		if n, err := t.node(name); err == nil && n.entry.Mode.IsDir() { // not one that was made and is gone again
			there = append(there, name)
		}
	}
	return append(out, t.times(ctx, dirs, there)...)
}

// unrestored turns the joined errors of a batch into one line each.
func unrestored(err error) []Unrestored {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the join itself, not what is in it
		var out []Unrestored
		for _, e := range many.Unwrap() {
			out = append(out, unrestored(e)...)
		}
		return out
	}
	var kept *NotDeletableError
	if errors.As(err, &kept) {
		return []Unrestored{{Path: kept.Path, Reason: kept.Reason}}
	}
	return []Unrestored{{Reason: err.Error()}}
}

// back gives the steps that take one change back: the file, then the directories made for it, innermost first.
func (t *archiveTarget) back(ctx context.Context, d Done, out *[]Unrestored) []*step {
	var steps []*step
	if s, err := t.backFile(ctx, d); err != nil {
		*out = append(*out, Unrestored{Path: d.Real, Reason: err.Error()})
		return nil
	} else if s != nil {
		steps = append(steps, s)
	}
	for _, dir := range slices.Backward(d.Made) {
		n, err := t.node(dir)
		if err != nil || !n.entry.Mode.IsDir() {
			continue
		}
		steps = append(steps, &step{real: dir, was: n, state: n.entry.State(), above: n})
	}
	return steps
}

// backFile is nil when there is nothing to do.
func (t *archiveTarget) backFile(ctx context.Context, d Done) (*step, error) {
	if !clean(d.Real) {
		return nil, &UnsupportedError{Path: d.Real, Reason: "it is no absolute name"}
	}
	s, err := t.look(ctx, d.Real)
	if err != nil {
		return nil, err
	}
	if len(s.made) > 0 && d.Change.From.Kind != change.Absent {
		return nil, fmt.Errorf("%s is not there any more", s.made[0])
	}
	was := d.Change.From
	if d.Was.Path != "" {
		state := d.Was.State()
		was.UID, was.GID, was.Mode = state.UID, state.GID, state.Mode
	}
	switch {
	case s.state.Equal(was):
		if was.Kind == change.Absent || s.was.entry.ModTime.Equal(d.Was.ModTime) {
			return nil, nil //nolint:nilnil // there is no step
		}
	case !s.state.Equal(d.Change.To):
		return nil, &ChangedError{Path: d.Real}
	}
	if _, mounted := t.mountOf(d.Real); mounted && d.InPlace == "" {
		m, _ := t.mountOf(d.Real)
		return nil, &MountError{Path: d.Real, Source: m.Text()}
	}
	s.at = kindTime(d.Was)
	s.to = t.owned(s, was)
	return s, nil
}
