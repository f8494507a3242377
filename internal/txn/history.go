package txn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Past is an earlier state of a file that this program changed.
type Past struct {
	ID    string // the entry that replaced this state, or that remembers it
	Time  time.Time
	State change.State // Data is nil when Known is false
	Known bool         // the bytes are still held, or there are none
	Dirs  []string     // directories above the file that recorded changes made, outermost first
}

// History gives the earlier states of the file at name, newest first, beginning with what the last recorded change replaced. It follows the chain backwards: an entry counts
// only when what it wrote is what stood there afterwards, so that a file that somebody else changed has no history. Behind the states of single changes come those at the
// beginning of the chain, however long it is. present is the state that is there now.
func (s *Store) History(name string, present change.State) ([]Past, error) {
	all, err := s.all()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	real := name
	if p, err := s.target.Locate(name, true); err == nil {
		real = p.Real
	}
	dirs := madeAbove(all, real, Entry.stands)
	var out, origins []Past
	now, known := newImage(present), true
	data := present.Data
	for _, e := range all {
		if !e.stands() {
			continue
		}
		for _, st := range slices.Backward(e.steps()) {
			if st.Real != real && st.Path != name || !st.To.same(now) {
				continue
			}
			if len(out) == 0 {
				origins = st.past(e, data, dirs)
			}
			before, ok := st.From.state(data)
			ok = ok && (known || !st.From.Part)
			out = append(out, Past{ID: e.ID, Time: e.Time, State: before, Known: ok, Dirs: dirs})
			now, known, data = st.From, ok, before.Data
		}
	}
	for _, o := range origins {
		if !slices.ContainsFunc(out, func(p Past) bool { return p.Known && p.State.Equal(o.State) }) {
			out = append(out, o)
		}
	}
	return out, nil
}

// past are the states that a step remembers; data are the bytes it wrote.
func (st step) past(e Entry, data []byte, dirs []string) []Past {
	var out []Past
	for _, o := range st.Origins {
		if before, ok := o.state(data); ok {
			out = append(out, Past{ID: e.ID, Time: e.Time, State: before, Known: true, Dirs: dirs})
		}
	}
	return out
}

// all reads the whole journal, the folded entries too.
func (s *Store) all() ([]Entry, error) {
	d, err := s.read()
	if d == nil || err != nil {
		return nil, err
	}
	defer d.close()
	return s.entries(d)
}

// same compares digests.
func (i image) same(j image) bool {
	return i.Kind == j.Kind && i.Sum == j.Sum && i.Target == j.Target &&
		(i.Kind == change.Absent || i.Kind == change.Link || i.Mode == j.Mode && sameOwner(i.UID, j.UID) && sameOwner(i.GID, j.GID))
}

func sameOwner(a, b int) bool { return a == b || a == change.Keep || b == change.Keep }

// Rollback gives the changes that take back the recorded change id, or with "" the newest one that is neither taken back already nor takes back another. They are made like
// all others, in a transaction with Tx.Reverts(id). *ChangedError names the first file that is not as that change left it; its bytes may also have left the
// journal (old credentials are kept for a short time only).
func (s *Store) Rollback(id string) (entry Entry, changes []change.Change, err error) {
	entry, err = s.choose(id)
	if err != nil {
		return Entry{}, nil, err
	}
	var dirs []string
	for _, st := range slices.Backward(entry.steps()) {
		dirs = append(dirs, st.Dirs...)
		if st.From.Kind == change.Absent && st.To.Kind == change.Dir {
			dirs = append(dirs, st.Path)
			continue
		}
		c, err := s.takeBack(entry.ID, st)
		if err != nil {
			return entry, nil, err
		}
		if !c.NoOp() {
			changes = append(changes, c)
		}
	}
	return entry, append(changes, s.RemoveDirs(dirs)...), nil
}

// takeBack is the change from what is there now to what a step replaced.
func (s *Store) takeBack(id string, st step) (change.Change, error) {
	present, err := s.target.Read(st.Place)
	if err != nil {
		return change.Change{}, err
	}
	c := change.Change{Path: st.Path, From: present, To: present, Layer: st.Layer, Secret: st.Secret || st.After, CleanFrom: !st.After, Partial: st.Range, Cause: "as it was before change " + id}
	if st.From.matches(present) {
		return c, nil
	}
	if !st.To.matches(present) {
		return c, &ChangedError{Path: st.Path}
	}
	before, ok := st.From.state(present.Data)
	if !ok {
		return c, fmt.Errorf("taking back change %s: the old bytes of %s are not kept any more", id, st.Path)
	}
	c.To = before
	if present.Kind == change.Absent {
		c.Xattrs = st.Xattrs
	}
	return c, nil
}

// Writer gives the ID of the recorded change that left a file as it is now; "" when that was nobody known.
func (s *Store) Writer(name string) (string, error) {
	all, err := s.all()
	if err != nil || len(all) == 0 {
		return "", err
	}
	for _, e := range all {
		for _, st := range slices.Backward(e.steps()) {
			if st.Path != name || !e.stands() {
				continue
			}
			if present, err := s.target.Read(st.Place); err != nil || st.To.matches(present) {
				return e.ID, err
			}
		}
	}
	return "", nil
}

// RemoveDirs gives the changes that remove directories which were made for files (Past.Dirs), innermost first; to be made after those files are gone. A directory that is
// not empty by then stays, and Outcome.Kept says so. Names that occur twice or do not exist are left out.
func (s *Store) RemoveDirs(dirs []string) []change.Change {
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var out []change.Change
	for _, d := range slices.Compact(dirs) {
		p, err := s.target.Locate(d, false)
		if err != nil {
			continue
		}
		present, err := s.target.Read(p)
		if err != nil || present.Kind != change.Dir {
			continue
		}
		out = append(out, change.Change{Path: d, From: present, Cause: "it was made for a file that is not needed any more"})
	}
	return out
}

func (s *Store) choose(id string) (Entry, error) {
	all, err := s.List()
	if err != nil {
		return Entry{}, err
	}
	reverted := map[string]bool{}
	for _, e := range all {
		if e.State == Done || e.State == Committed {
			reverted[e.Reverts] = true
		}
	}
	for _, e := range all {
		switch {
		case id != "" && e.ID != id, id == "" && (e.State != Done || e.Reverts != "" || reverted[e.ID]):
			continue
		case e.State != Done:
			return Entry{}, fmt.Errorf("change %s is %s: there is nothing to take back", e.ID, e.State)
		}
		return e, nil
	}
	if id == "" {
		return Entry{}, errors.New("no recorded change to take back")
	}
	return Entry{}, fmt.Errorf("no recorded change %q", id)
}

// Forget removes a recorded change and the old bytes it holds from the journal. That a file was not there stays known, as there are no bytes to it: an unset still takes a file away
// that was made for its settings. An unfinished change has to be recovered first.
func (s *Store) Forget(ctx context.Context, id string) error {
	known, err := s.List()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(known, func(e Entry) bool { return e.ID == id }) {
		return fmt.Errorf("no recorded change %q", id) // before the lock, which would create the state directory
	}
	tx, err := s.acquire(ctx, "docker proxy rollback --forget")
	if err != nil {
		return err
	}
	defer tx.release()
	all, err := s.entries(tx.dir)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(e Entry) bool { return e.ID == id })
	if at < 0 {
		return fmt.Errorf("no recorded change %q", id)
	}
	if all[at].unfinished() {
		return fmt.Errorf("forgetting change %s: it is %s", id, all[at].State)
	}
	// Other entries remember the same bytes as the beginning of a chain.
	for _, e := range all {
		err := s.rewrite(tx.dir, e, func(st step) step { return st.without(all[at].steps()) })
		if err != nil {
			return err
		}
	}
	later, gone := map[string]bool{}, map[string]bool{}
	for _, e := range all[:at] {
		e.outdates(later, gone)
	}
	return s.keepOnly(tx.dir, all[at], slices.DeleteFunc(all[at].rest(later, gone), func(st step) bool {
		return !slices.ContainsFunc(st.Origins, func(o image) bool { return o.Kind == change.Absent })
	}))
}

// without takes the old states of other steps out of the origins.
func (st step) without(gone []step) step {
	st.Origins = slices.DeleteFunc(slices.Clone(st.Origins), func(o image) bool {
		return o.Kind != change.Absent && slices.ContainsFunc(gone, func(g step) bool { return g.Real == st.Real && g.From.same(o) })
	})
	if len(st.Origins) == 0 {
		st.Origins = nil
	}
	return st
}
