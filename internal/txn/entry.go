package txn

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EntryState is how far a recorded change came.
type EntryState string

// The states of an entry.
const (
	Applying   EntryState = "unfinished"      // files may be written, nothing is committed: Recover undoes it
	Undoing    EntryState = "unfinished undo" // old states were being put back: Recover goes on with it
	Committed  EntryState = "committed"       // all files are written, the command did not end: Recover ends it
	Done       EntryState = "done"            // the files were changed
	Undone     EntryState = "undone"          // the files are as they were before
	PartUndone EntryState = "partly undone"   // as Undone, but Foreign files were left alone
)

// Note is something a command recorded about what it did beside changing files.
type Note struct{ Key, Value string }

// Entry is one recorded change.
type Entry struct {
	ID      string // a number, growing with time
	Time    time.Time
	Command string // masked
	Reverts string // the entry that this one took back, or ""
	State   EntryState
	Files   []string // as the changes named them, in order
	Notes   []Note
	Foreign []string // files that an undo left alone

	folded  bool // only steps that an unset still needs are left: not shown
	number  int
	kept    []string
	size    int64 // bytes of whole records
	records []record
}

// unfinished reports whether Recover has something to do.
func (e Entry) unfinished() bool {
	return e.State == Applying || e.State == Undoing || e.State == Committed
}

// stands reports whether the change was made and not taken back by an undo.
func (e Entry) stands() bool { return e.State == Done || e.State == Committed }

// steps are the files of all applies, in the order in which they were written.
func (e Entry) steps() []step {
	var out []step
	for _, r := range e.records {
		for _, s := range r.Steps {
			s.Temp = tempName(s.Real, e.number, len(out))
			s.Stays = slices.Contains(e.kept, s.Real)
			out = append(out, s)
		}
	}
	return out
}

// newEntry folds records into what they mean.
func newEntry(number int, records []record, size int64) Entry {
	e := Entry{ID: strconv.Itoa(number), number: number, records: records, size: size, State: Applying}
	for _, r := range records {
		switch r.Do {
		case doBegin:
			e.Time, e.Command, e.Reverts, e.folded = r.Time, r.Command, r.Reverts, r.Folded
		case doApply:
			for _, s := range r.Steps {
				e.Files = append(e.Files, s.Path)
			}
		case doCommit:
			e.State, e.kept = Committed, r.Kept
		case doUndo:
			e.State = Undoing
		case doUndone:
			e.State, e.Foreign = Undone, r.Foreign
			if len(r.Foreign) > 0 {
				e.State = PartUndone
			}
		case doNote:
			e.Notes = append(e.Notes, Note{r.Key, r.Value})
		case doEnd:
			if e.State == Committed {
				e.State = Done
			}
		}
	}
	return e
}

func entryFile(number int) string { return fmt.Sprintf("%06d%s", number, journalSuffix) }

// entryNumber is the inverse of entryFile; false for every other name.
func entryNumber(name string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSuffix(name, journalSuffix))
	return n, err == nil && n > 0 && entryFile(n) == name
}

// entries reads the journal, newest entry first. An entry without any whole record was never used and counts as nothing.
func (s *Store) entries(d stateDir) ([]Entry, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, name := range names {
		n, ok := entryNumber(name)
		if !ok {
			continue
		}
		data, err := d.read(name)
		if err != nil {
			return nil, err
		}
		records, size, err := decode(data)
		if err != nil {
			return nil, &JournalError{Path: path.Join(s.path, name), Reason: err.Error()}
		}
		out = append(out, newEntry(n, records, size))
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(b.number, a.number) })
	return out, nil
}

// read opens the state directory for reading; nil without error when there is none.
func (s *Store) read() (stateDir, error) {
	d, err := s.state.open(false)
	if isNotExist(err) {
		return nil, nil
	}
	return d, err
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// List gives the recorded changes, newest first, at most 20. Without a journal it is empty. Errors: *JournalError; fs.ErrPermission for another user's journal.
func (s *Store) List() ([]Entry, error) {
	d, err := s.read()
	if d == nil || err != nil {
		return nil, err
	}
	defer d.close()
	all, err := s.entries(d)
	all = slices.DeleteFunc(all, func(e Entry) bool { return len(e.records) == 0 || e.folded })
	return all[:min(len(all), keepEntries)], err
}

// Unfinished gives the change that an earlier run did not end, or nil. It changes nothing; a change that another process is making at this moment is not unfinished.
func (s *Store) Unfinished() (*Entry, error) {
	d, err := s.read()
	if d == nil || err != nil {
		return nil, err
	}
	defer d.close()
	unlock, ok, err := d.lock(false)
	if err != nil && !isNotExist(err) {
		return nil, err
	}
	if err == nil && !ok {
		return nil, nil
	}
	if unlock != nil {
		defer unlock()
	}
	all, err := s.entries(d)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.unfinished() && len(e.records) > 0 {
			return &e, nil
		}
	}
	return nil, nil
}
