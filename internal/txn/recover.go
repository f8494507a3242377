package txn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Recovery is what was done about a change that an earlier run did not end.
type Recovery struct {
	Entry    Entry    // as it is now: Undone, PartUndone or Done
	Finished bool     // the change was committed and stays; false: it was undone
	Foreign  []string // files that were neither in the old nor in the new state and were left alone
}

// Recover ends what an earlier run left unfinished: before its commit record everything is undone, after it everything stays. nil when there was nothing to do. Files that
// somebody else changed meanwhile are left alone: *ForeignError, together with the Recovery. Begin does the same.
func (s *Store) Recover(ctx context.Context) (*Recovery, error) {
	tx, err := s.acquire(ctx, "docker proxy")
	if err != nil {
		return nil, err
	}
	defer tx.release()
	done, err := s.recover(tx.dir)
	if err != nil {
		return done, err
	}
	return done, s.prune(tx.dir)
}

func (s *Store) recover(d stateDir) (*Recovery, error) {
	if err := d.remove(stateTemp); err != nil && !isNotExist(err) {
		return nil, err
	}
	all, err := s.entries(d)
	if err != nil {
		return nil, err
	}
	var done *Recovery
	for _, e := range all {
		if !e.unfinished() {
			continue
		}
		if len(e.records) == 0 {
			// Nothing is written to the host before the first record is whole.
			if err := d.remove(entryFile(e.number)); err != nil {
				return nil, err
			}
			continue
		}
		if done, err = s.recoverEntry(d, e); err != nil {
			return done, err
		}
	}
	return done, nil
}

func (s *Store) recoverEntry(d stateDir, e Entry) (*Recovery, error) {
	if e.State == Committed {
		err := s.add(d, &e, record{Do: doEnd, Time: s.opt.Now().UTC()})
		return &Recovery{Entry: e, Finished: true}, errors.Join(err, s.cleanAll(e))
	}
	foreign, err := s.undo(d, &e, len(e.steps()), true)
	if err == nil && len(foreign) > 0 {
		err = &ForeignError{Paths: foreign}
	}
	return &Recovery{Entry: e, Foreign: foreign}, err
}

func (s *Store) cleanAll(e Entry) error {
	var errs []error
	for _, st := range e.steps() {
		errs = append(errs, s.target.Clean(st.Place))
	}
	return errors.Join(errs...)
}

// undo puts the files of an entry back, last written first, and records it. Files that are neither old nor new are left alone and returned. On an error the others
// are still put back; the entry stays unfinished. Only the first reached steps can have been written, as far as is known: those behind them are not judged, whatever somebody else
// has made of their files meanwhile. With giveUp, in a later run, a place in the hands of another user that cannot be written is left alone as well: no user (by rights, a quota, a file system of
// their own) can keep root from ending a recovery, before which root changes nothing else.
func (s *Store) undo(d stateDir, e *Entry, reached int, giveUp bool) (foreign []string, err error) {
	var errs []error
	if e.State == Committed {
		// Without this record a crash in the middle would be taken for a finished change. When it cannot be written, putting the files back matters more.
		errs = append(errs, s.add(d, e, record{Do: doUndo, Time: s.opt.Now().UTC()}))
	}
	defer d.writing()()
	steps := e.steps()
	for i, st := range slices.Backward(steps) {
		ok, err := true, error(nil)
		if i < reached {
			ok, err = s.undoStep(st)
		} else {
			err = errors.Join(s.target.Clean(st.Place), s.target.Prune(st.Place))
			if misplaced(err) {
				err = nil
			}
		}
		if err != nil && giveUp && st.DirUID > 0 && os.Geteuid() == 0 {
			ok, err = false, nil
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("restoring %s: %w", st.Path, err))
		case !ok:
			foreign = append(foreign, st.Path)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return foreign, err
	}
	err = s.add(d, e, record{Do: doUndone, Time: s.opt.Now().UTC(), Foreign: foreign})
	if err != nil && len(foreign) == 0 && d.remove(entryFile(e.number)) == nil {
		e.State = Undone // the disk is full, and with all files back there is nothing that the journal has to remember
		return nil, nil
	}
	return foreign, err
}

// undoStep puts one file back; false when it is somebody else's by now.
func (s *Store) undoStep(st step) (bool, error) {
	if err := s.target.Clean(st.Place); err != nil {
		return false, err
	}
	present, err := s.target.Read(st.Place)
	if err != nil {
		return false, err
	}
	if !st.From.matches(present) {
		from, ok := st.before(present)
		if !ok {
			return false, nil
		}
		err := s.target.Swap(st.Place, present, from)
		var changed *ChangedError
		switch {
		case errors.As(err, &changed), errors.Is(err, errNotEmpty):
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, s.target.Prune(st.Place)
}

// misplaced reports whether an error says that a directory on the way to a place has been exchanged for a link or for somebody else's. It comes before anything is written.
func misplaced(err error) bool {
	var unsafe *UnsafeError
	return errors.As(err, &unsafe) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR)
}

// before gives the old state, when what is there now is the new state or something on the way to it.
func (st step) before(present change.State) (change.State, bool) {
	switch {
	case st.To.matches(present):
		return st.From.state(present.Data)
	case present.Kind == change.Dir && st.halfDir(present):
		return st.From.state(nil)
	case st.InPlace != "" && st.torn(present):
		return st.From.state(nil)
	}
	return change.State{}, false
}

// halfDir reports whether a directory is on its way between the states of a step: it is made with mode 0700 and gets its owner and its mode one after the other.
func (st step) halfDir(present change.State) bool {
	if st.From.Kind != change.Dir && st.To.Kind != change.Dir {
		return false
	}
	mode := modeBits(present.Mode)
	return mode == 0o700 || mode == st.From.Mode || mode == st.To.Mode
}

// torn reports whether the bytes of a file that is rewritten in place are a mixture of old and new ones: each byte is the one or the other, or a zero where the file
// grew and the machine lost power.
func (st step) torn(present change.State) bool {
	if present.Kind != change.File || st.From.Kind != change.File || st.To.Kind != change.File || st.From.Gone || st.To.Gone {
		return false
	}
	old, neu := st.From.Data, st.To.Data
	if len(present.Data) > max(len(old), len(neu)) || len(present.Data) < min(len(old), len(neu)) {
		return false
	}
	for i, b := range present.Data {
		if i < len(old) && b == old[i] || i < len(neu) && b == neu[i] || i >= len(old) && b == 0 {
			continue
		}
		return false
	}
	mode := modeBits(present.Mode)
	return (mode == st.From.Mode || mode == st.To.Mode || mode == st.From.Mode&st.To.Mode) &&
		(present.UID == st.From.UID || present.UID == st.To.UID) && (present.GID == st.From.GID || present.GID == st.To.GID)
}
