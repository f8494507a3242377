package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Past is an earlier state of a file that this program changed.
type Past struct {
	ID    string // the entry that replaced this state
	Time  time.Time
	State change.State // Data is nil when Known is false
	Known bool         // the bytes are still held, or there are none
	Dirs  []string     // directories that were made for the file, outermost first
}

// History gives the earlier states of the file at name, newest first, beginning with what the last recorded change replaced. It follows the chain backwards: an entry counts
// only when what it wrote is what stood there afterwards, so that a file that somebody else changed has no history. present is the state that is there now.
func (s *Store) History(name string, present change.State) ([]Past, error) {
	all, err := s.List()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	real := name
	if p, err := s.target.Locate(name, true); err == nil {
		real = p.Real
	}
	var out []Past
	now, known := newImage(present), true
	data := present.Data
	for _, e := range all {
		if e.State != Done && e.State != Committed {
			continue
		}
		for _, st := range slices.Backward(e.steps()) {
			if st.Real != real && st.Path != name || !st.To.same(now) {
				continue
			}
			before, ok := st.From.state(data)
			ok = ok && (known || !st.From.Part)
			out = append(out, Past{ID: e.ID, Time: e.Time, State: before, Known: ok, Dirs: st.Dirs})
			now, known, data = st.From, ok, before.Data
		}
	}
	return out, nil
}

// same compares digests.
func (i image) same(j image) bool {
	return i.Kind == j.Kind && i.Sum == j.Sum && i.Target == j.Target &&
		(i.Kind == change.Absent || i.Kind == change.Link || i.Mode == j.Mode && sameOwner(i.UID, j.UID) && sameOwner(i.GID, j.GID))
}

func sameOwner(a, b int) bool { return a == b || a == change.Keep || b == change.Keep }

// Rollback gives the changes that take back the recorded change id, or with "" the newest one that is neither taken back already nor takes back another. They are made like
// all others, in a transaction with Tx.Reverts(id). *ChangedError names the first file that is not as that change left it; its bytes may also have left the
// journal (old credentials are kept for a short time only). f reads the host.
func (s *Store) Rollback(id string) (entry Entry, changes []change.Change, err error) {
	entry, err = s.choose(id)
	if err != nil {
		return Entry{}, nil, err
	}
	for _, st := range slices.Backward(entry.steps()) {
		present, err := s.target.Read(st.Place)
		if err != nil {
			return entry, nil, err
		}
		if st.From.matches(present) {
			continue
		}
		if !st.To.matches(present) {
			return entry, nil, &ChangedError{Path: st.Path}
		}
		before, ok := st.From.state(present.Data)
		if !ok {
			return entry, nil, fmt.Errorf("taking back change %s: the old bytes of %s are not kept any more", entry.ID, st.Path)
		}
		changes = append(changes, change.Change{
			Path: st.Path, From: present, To: before, Layer: st.Layer, Secret: true, Partial: st.Range,
			Cause: "as it was before change " + entry.ID,
		})
		for _, d := range slices.Backward(st.Dirs) {
			changes = s.appendRemoval(changes, d)
		}
	}
	return entry, changes, nil
}

// appendRemoval adds the removal of a directory that was made for a file, unless it is there already; at the end, since other files may leave it first.
func (s *Store) appendRemoval(changes []change.Change, dir string) []change.Change {
	i := slices.IndexFunc(changes, func(c change.Change) bool { return c.Path == dir })
	if i >= 0 {
		return append(slices.Delete(changes, i, i+1), changes[i])
	}
	p, err := s.target.Locate(dir, false)
	if err != nil {
		return changes
	}
	present, err := s.target.Read(p)
	if err != nil || present.Kind != change.Dir {
		return changes
	}
	return append(changes, change.Change{Path: dir, From: present, Cause: "it was made for a file that is not needed any more"})
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

// Forget removes a recorded change and the old bytes it holds from the journal. An unfinished one has to be recovered first.
func (s *Store) Forget(ctx context.Context, id string) error {
	tx, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer tx.release()
	all, err := s.entries(tx.dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.ID != id {
			continue
		}
		if e.unfinished() {
			return fmt.Errorf("forgetting change %s: it is %s", id, e.State)
		}
		return tx.dir.remove(entryFile(e.number))
	}
	return fmt.Errorf("no recorded change %q", id)
}
