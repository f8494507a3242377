package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Apply implements Target. Changes that follow each other go in one request. A file that cannot be removed does not end it: the other changes are made, and the error
// (*NotDeletableError, joined) says which ones are missing.
func (t *archiveTarget) Apply(ctx context.Context, changes change.Plan, o Options) (done []Done, err error) {
	t.use.Lock()
	defer t.use.Unlock()
	if time.Since(t.cache.begun) > fresh {
		t.cache = newCache()
	}
	// What is behind a link to a mount is not the container's own: then the way to each file is gone anew.
	t.careful = len(t.seen.Mounts) > kernelMounts
	b := &batch{t: t, ctx: ctx, o: o}
	defer func() {
		if err != nil {
			t.cache = newCache()
			return
		}
		// What was changed is read back from the daemon; the rest is what it was a moment ago.
		for _, d := range done {
			t.cache.outdate(d.Real)
			for _, name := range append([]string{d.Real}, d.Made...) {
				t.cache.touched(path.Dir(name))
			}
			for _, dir := range d.Made {
				t.cache.outdate(dir)
			}
		}
	}()
	for _, c := range changes.Effective() {
		if err := ctx.Err(); err != nil {
			return b.end(err)
		}
		s, one, err := t.plan(ctx, c, o)
		if err != nil {
			return b.end(err)
		}
		if err := b.add(s, one); err != nil {
			return b.end(err)
		}
	}
	return b.end(nil)
}

// plan finds the place of a change, and whether it may be made.
func (t *archiveTarget) plan(ctx context.Context, c change.Change, o Options) (*step, Done, error) {
	real, err := t.target(c)
	if err != nil {
		return nil, Done{}, err
	}
	s, err := t.look(ctx, real)
	if err != nil {
		return nil, Done{}, err
	}
	if !s.state.Equal(c.From) {
		return nil, Done{}, &ChangedError{Path: c.Path}
	}
	done := Done{Change: c, Real: real, Dir: s.above.entry, Made: s.made}
	if s.was != nil {
		done.Was = s.was.entry
	}
	if done.InPlace, err = t.allowed(real, c, o); err != nil {
		return nil, Done{}, err
	}
	if err := possible(real, s.state, c.To); err != nil {
		return nil, Done{}, err
	}
	s.to, s.at = t.owned(s, c.To), time.Now()
	return s, done, nil
}

// target is the name without links that a change is about.
func (t *archiveTarget) target(c change.Change) (string, error) {
	if path.Clean("/"+c.Path) == "/" {
		return "", &UnsupportedError{Path: "/", Reason: "it is the root directory"}
	}
	if c.From.Kind != change.Link && c.To.Kind != change.Link {
		real, _, err := tree.Resolve(exact{t}, c.Path)
		return real, ignoreMissing(err)
	}
	name := path.Clean("/" + c.Path)
	dir, _, err := tree.Resolve(exact{t}, path.Dir(name))
	return path.Join(dir, path.Base(name)), ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// look describes what is at a name without links now: the daemon is asked once more for what the cache has, since the cache has no exact times and may be old.
func (t *archiveTarget) look(ctx context.Context, real string) (*step, error) {
	s := &step{real: real}
	n, err := t.node(real)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for s.dir = path.Dir(real); s.dir != "/"; s.dir = path.Dir(s.dir) {
			if d, err := t.node(s.dir); err == nil && d.entry.Mode.IsDir() {
				break
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			s.made = append([]string{s.dir}, s.made...)
		}
	case err != nil:
		return nil, err
	default:
		s.was, s.dir, s.state = n, path.Dir(real), n.entry.State()
		if s.state.Kind == change.Absent {
			return nil, &tree.NotRegularError{Path: real, Mode: n.entry.Mode}
		}
		if err := t.refresh(ctx, real); err != nil {
			return nil, err
		}
		s.was, _ = t.cache.find(real)
		if s.was == nil {
			return nil, &ChangedError{Path: real}
		}
	}
	if s.state.Kind == change.File {
		if s.state.Data, err = t.kept(real, real, s.was.entry); err != nil { // nobody changes bytes of a state
			return nil, err
		}
		s.xattr = s.was.xattrs
	}
	if _, err := t.node(s.dir); err != nil {
		return nil, err
	}
	if err := t.refresh(ctx, s.dir); err != nil {
		return nil, err
	}
	s.above, _ = t.cache.find(s.dir)
	if s.above == nil {
		return nil, &ChangedError{Path: s.dir}
	}
	t.compared(s.above)
	return s, nil
}

// refresh gives a known name its exact time, and forgets what is known of it when something changed.
func (t *archiveTarget) refresh(ctx context.Context, real string) error {
	n, _ := t.cache.find(real)
	if n == nil || n.exact {
		return nil
	}
	return t.asked(real, func(context.Context) error {
		st, err := t.eng.StatPath(ctx, t.seen.ID, real)
		if err != nil {
			return err
		}
		if st.Mode != n.entry.Mode || !st.ModTime.Truncate(time.Second).Equal(n.entry.ModTime.Truncate(time.Second)) || n.entry.Mode.IsRegular() && st.Size != n.entry.Size {
			return &ChangedError{Path: real}
		}
		n.entry.ModTime, n.exact = st.ModTime, true
		return nil
	})
}

// allowed says whether a name may be written to, and why in place if it may only be so.
func (t *archiveTarget) allowed(real string, c change.Change, o Options) (string, error) {
	m, mounted := t.mountOf(real)
	if !mounted {
		if t.seen.ReadOnly {
			return "", &ReadOnlyError{Path: c.Path}
		}
		return "", nil
	}
	switch {
	case unseen(m):
		return "", &MountError{Path: c.Path, Source: m.Text(), Hidden: true}
	case !o.ThroughMounts:
		return "", &MountError{Path: c.Path, Source: m.Text()}
	case m.ReadOnly:
		return "", &ReadOnlyError{Path: c.Path, Source: m.Text()}
	case path.Clean(m.Destination) == real:
		// The daemon removes a file and makes it again, which a mount does not allow.
		return "", &UnsupportedError{Path: c.Path, Reason: fmt.Sprintf("it is a mount of its own (%s), which the archive API cannot write to", m.Text())}
	}
	return m.Text(), nil
}

// possible refuses what no way makes of what is there.
func possible(real string, from, to change.State) error {
	switch {
	case from.Kind == change.Dir && to.Kind != change.Dir && to.Kind != change.Absent:
		return &UnsupportedError{Path: real, Reason: "a directory does not become a file"}
	case to.Kind == change.Dir && from.Kind != change.Dir && from.Kind != change.Absent:
		return &UnsupportedError{Path: real, Reason: "a file does not become a directory"}
	}
	return nil
}

// owned puts real owners in the place of Keep.
func (t *archiveTarget) owned(s *step, to change.State) change.State {
	from := s.above.entry
	if s.was != nil {
		from = s.was.entry
	}
	if to.UID == change.Keep {
		to.UID = from.UID
	}
	if to.GID == change.Keep {
		to.GID = from.GID
	}
	return to
}

// batch joins steps into requests: all writes to one mount that follow each other, all removals that do.
type batch struct {
	t       *archiveTarget
	ctx     context.Context //nolint:containedctx // of one call of Apply
	o       Options
	steps   []*step
	pending []Done
	done    []Done
	kept    []error // files that could not be removed
}

// where is the directory a step is unpacked in: the root, or the mount it is on, which may take writes where the root does not.
func (t *archiveTarget) where(real string) string {
	if m, ok := t.mountOf(real); ok {
		return path.Clean(m.Destination)
	}
	return "/"
}

func (b *batch) add(s *step, done Done) error {
	if n := len(b.steps); n > 0 {
		last := b.steps[n-1]
		if (last.to.Kind == change.Absent) != (s.to.Kind == change.Absent) || b.t.where(last.real) != b.t.where(s.real) {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	b.steps, b.pending = append(b.steps, s), append(b.pending, done)
	// The next change sees this one as made.
	b.t.pretend(s)
	return nil
}

// end makes what is left, also when err is what ended it.
func (b *batch) end(err error) ([]Done, error) {
	err = errors.Join(err, b.flush())
	return b.done, errors.Join(append(b.kept, err)...)
}

func (b *batch) flush() error {
	steps, pending := b.steps, b.pending
	b.steps, b.pending = nil, nil
	if len(steps) == 0 {
		return nil
	}
	for _, d := range pending {
		if err := b.o.before(d); err != nil {
			return err
		}
	}
	if steps[0].to.Kind == change.Absent {
		gone, kept := b.t.removeAll(b.ctx, steps)
		for i := range steps {
			if gone[i] {
				b.done = append(b.done, pending[i])
			}
		}
		b.kept = append(b.kept, kept...)
		return nil
	}
	err := b.t.write(b.ctx, b.t.where(steps[0].real), steps)
	if err != nil {
		defer func(before context.Context) { b.t.ctx = before }(b.t.ctx)
		b.t.ctx, b.t.cache = context.WithoutCancel(b.t.ctx), newCache() // each request has its own limit
	}
	for i, s := range steps {
		done := pending[i]
		if err != nil {
			// Some of it may be there; the daemon does not say what. What cannot be told counts as done: taking it back looks again.
			if now, lookErr := b.t.look(b.t.ctx, s.real); lookErr == nil && !now.state.Equal(s.to) {
				continue
			}
		}
		done.Now = s.entry()
		b.done = append(b.done, done)
	}
	return b.t.refusal(steps[0], err)
}

// refusal is the error of a write in our words, where the daemon says what we know.
func (t *archiveTarget) refusal(s *step, err error) error {
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		return err
	}
	m, mounted := t.mountOf(s.real)
	source := ""
	if mounted {
		source = m.Text()
	}
	return &ReadOnlyError{Path: s.real, Source: source}
}
