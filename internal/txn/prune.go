package txn

import (
	"bytes"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// prune keeps the journal small and free of old credentials: at most keepEntries entries; credentials at most in the newest entry and for at most secretMaxAge; no bytes
// of changes that were undone.
func (s *Store) prune(d stateDir) error {
	all, err := s.entries(d)
	if err != nil {
		return err
	}
	for i, e := range all {
		if e.unfinished() {
			continue
		}
		if i >= keepEntries {
			if err := d.remove(entryFile(e.number)); err != nil {
				return err
			}
			continue
		}
		secrets := i == 0 && s.opt.Now().Sub(e.Time) < secretMaxAge
		if err := s.scrub(d, e, secrets); err != nil {
			return err
		}
	}
	return nil
}

// scrub rewrites an entry that has ended without the bytes that are not needed any more.
func (s *Store) scrub(d stateDir, e Entry, secrets bool) error {
	var before, after []byte
	for _, r := range e.records {
		line, err := r.encode()
		if err != nil {
			return err
		}
		before = append(before, line...)
		steps := make([]step, len(r.Steps))
		for i, st := range r.Steps {
			steps[i] = st.scrubbed(e.State, secrets)
		}
		if r.Steps = steps; len(steps) == 0 {
			r.Steps = nil
		}
		if line, err = r.encode(); err != nil {
			return err
		}
		after = append(after, line...)
	}
	if bytes.Equal(before, after) {
		return nil
	}
	return d.replace(entryFile(e.number), after)
}

func (st step) scrubbed(state EntryState, secrets bool) step {
	if st.Range && st.To.Kind == change.File && !st.To.Gone {
		st.From = st.From.partOf(st.To.Data)
	}
	st.To = st.To.digest()
	// The bytes of a change that was undone in part are the only copy of what somebody may still want to put back.
	if state == Undone || st.Secret && !secrets {
		st.From = st.From.digest()
	}
	return st
}
