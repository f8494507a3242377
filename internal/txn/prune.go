package txn

import (
	"bytes"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// prune keeps the journal small and free of old credentials: at most keepEntries entries that can be taken back; credentials at most in the newest entry and for at most
// secretMaxAge; no bytes of changes that were undone. Of an older entry only the steps stay, without the bytes they replaced, that were the last ones of their files: they
// say how an unset gives those back. There is at most one such step per file.
func (s *Store) prune(d stateDir) error {
	all, err := s.entries(d)
	if err != nil {
		return err
	}
	var work []func() error
	later, gone := map[string]bool{}, map[string]bool{} // files that newer changes wrote, directories that they removed
	shown := 0
	for i, e := range all {
		if !e.unfinished() {
			switch {
			case e.folded || shown >= keepEntries:
				keep := e.rest(later, gone)
				work = append(work, func() error { return s.keepOnly(d, e, keep) })
			default:
				secrets := i == 0 && s.opt.Now().Sub(e.Time) < secretMaxAge
				work = append(work, func() error {
					return s.rewrite(d, e, func(st step) step { return st.scrubbed(e.State, secrets) })
				})
			}
		}
		if !e.folded {
			shown++
		}
		e.outdates(later, gone)
	}
	// The oldest first: what a newer entry says about older ones is applied before it goes.
	for _, f := range slices.Backward(work) {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// outdates adds the files that an entry wrote, and the directories that it removed: what older entries say about these does not count any more.
func (e Entry) outdates(later, gone map[string]bool) {
	if !e.stands() {
		return
	}
	for _, st := range e.steps() {
		later[st.Real] = true
		gone[st.Real] = gone[st.Real] || st.removesDir()
	}
}

// rest are the steps of an entry that an unset still needs, without the bytes that they replaced.
func (e Entry) rest(later, gone map[string]bool) []step {
	var keep []step
	for _, st := range e.steps() {
		if st.To.Kind != change.File && st.To.Kind != change.Link || later[st.Real] || !e.stands() || slices.ContainsFunc(st.Origins, st.To.same) {
			continue
		}
		st.Made = slices.DeleteFunc(slices.Concat(st.Dirs, st.Made), func(dir string) bool { return gone[dir] })
		slices.Sort(st.Made)
		st.Made, st.Dirs = slices.Compact(st.Made), nil
		st.From, st.Xattrs = st.From.digest(), nil
		if len(st.Made)+len(st.Origins) > 0 {
			keep = append(keep, st)
		}
	}
	return keep
}

// keepOnly leaves these steps of an entry and does not show it any more; without steps the entry goes.
func (s *Store) keepOnly(d stateDir, e Entry, keep []step) error {
	if len(keep) == 0 {
		return d.remove(entryFile(e.number))
	}
	now := e.records[len(e.records)-1].Time
	return s.store(d, e, []record{
		{Do: doBegin, Version: journalVersion, Time: e.Time, Command: e.Command, Folded: true}, {Do: doApply, Time: now, Steps: keep}, {Do: doCommit, Time: now}, {Do: doEnd, Time: now},
	})
}

// rewrite changes the steps of an entry.
func (s *Store) rewrite(d stateDir, e Entry, f func(step) step) error {
	records := slices.Clone(e.records)
	for i, r := range records {
		var steps []step
		for _, st := range r.Steps {
			steps = append(steps, f(st))
		}
		records[i].Steps = steps
	}
	return s.store(d, e, records)
}

// store writes an entry anew, if that makes a difference.
func (s *Store) store(d stateDir, e Entry, records []record) error {
	before, err := encodeRecords(e.records)
	if err != nil {
		return err
	}
	after, err := encodeRecords(records)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return d.replace(entryFile(e.number), after)
}

func encodeRecords(records []record) ([]byte, error) {
	var out []byte
	for _, r := range records {
		line, err := r.encode()
		if err != nil {
			return nil, err
		}
		out = append(out, line...)
	}
	return out, nil
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
	if state == Undone && slices.ContainsFunc(st.Origins, func(o image) bool { return o.Kind == change.File }) {
		st.Origins = nil
	}
	return st
}
