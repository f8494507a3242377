package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Tx is one transaction; it holds the lock until Close. It is not safe for concurrent use.
type Tx struct {
	store     *Store
	dir       stateDir
	unlock    func()
	command   string
	reverts   string
	entry     Entry // what is in the journal so far; number 0 before the first Apply
	next      int
	recovered *Recovery
	outcomes  []Outcome
	reached   int // the steps of the entry that may have been written; those behind them were not
	stamp     string
	closed    bool
}

// Begin takes the lock, ends what an earlier run left unfinished (see Tx.Recovered), and starts a transaction; nothing is in the journal before the first Apply.
// command is the command line for List and for those who wait, masked. Errors: *LockedError when another run holds the lock for longer than it should; *ForeignError when the recovery had to leave files alone (it is not reported
// again by the next Begin); *JournalError.
func (s *Store) Begin(ctx context.Context, command string) (*Tx, error) {
	tx, err := s.acquire(ctx, command)
	if err != nil {
		return nil, err
	}
	tx.command = command
	if tx.recovered, err = s.recover(tx.dir); err != nil {
		tx.release()
		return nil, err
	}
	// Credentials expire with time, not only when something new is recorded.
	if err = s.prune(tx.dir); err == nil {
		tx.next, err = s.nextNumber(tx.dir)
	}
	if err == nil {
		tx.stamp, err = s.stamp(tx.dir)
	}
	if err != nil {
		tx.release()
		return nil, err
	}
	return tx, nil
}

func (s *Store) nextNumber(d stateDir) (int, error) {
	all, err := s.entries(d)
	if err != nil || len(all) == 0 {
		return 1, err
	}
	return all[0].number + 1, nil
}

func (tx *Tx) release() {
	tx.unlock()
	tx.dir.close()
	tx.closed = true
}

// Recovered is what Begin did about an earlier run that did not end; nil when there was none.
func (tx *Tx) Recovered() *Recovery { return tx.recovered }

// Stamp is Store.Stamp as it was when this transaction began, after the recovery: another one than before means that another run has changed something, or that something was
// recovered.
func (tx *Tx) Stamp() string { return tx.stamp }

// ID is the entry's number in the journal; "" before the first Apply that changed something.
func (tx *Tx) ID() string { return tx.entry.ID }

// Outcomes tells what was done with each file so far.
func (tx *Tx) Outcomes() []Outcome { return tx.outcomes }

// Reverts marks the transaction as one that takes back the recorded change id: Rollback does not choose either of them again. Call it before Apply.
func (tx *Tx) Reverts(id string) { tx.reverts = id }

// Restored reports whether the host is as it was before this transaction: nothing was written, or all of it was undone.
func (tx *Tx) Restored() bool { return tx.entry.State == "" || tx.entry.State == Undone }

// Apply makes the changes, in order; it may be called several times before Commit. First all files are read and compared with their From: on a difference nothing is
// written (*ChangedError). Then the old bytes go to the journal, then the files are written. Whatever fails, and when ctx ends in between, everything this transaction
// wrote is undone and the transaction has ended; the error then joins the cause with what could not be undone (*ForeignError, or an I/O error: the journal stays
// and the next Begin tries again). Restored tells the two apart.
func (tx *Tx) Apply(ctx context.Context, changes []change.Change) error {
	if tx.closed || tx.entry.State != "" && tx.entry.State != Applying {
		return ErrEnded
	}
	if err := tx.apply(ctx, changes); err != nil {
		return errors.Join(err, tx.Undo())
	}
	return nil
}

func (tx *Tx) apply(ctx context.Context, changes []change.Change) error {
	todo, err := tx.store.prepare(changes)
	if err != nil || len(todo) == 0 {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := tx.record(todo); err != nil {
		return err
	}
	defer tx.dir.writing()()
	for _, p := range todo {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		tx.reached++
		if err := tx.write(p); err != nil {
			var changed *ChangedError
			if errors.As(err, &changed) || misplaced(err) {
				tx.reached-- // Swap looks and compares before it writes, so that what somebody else wrote is none of ours
			}
			return err
		}
	}
	return nil
}

// record writes the old states to the journal.
func (tx *Tx) record(todo []prepared) error {
	all, err := tx.store.entries(tx.dir)
	if err != nil {
		return err
	}
	trace(all, tx.entry, todo)
	now := tx.store.opt.Now().UTC()
	var records []record
	first := len(tx.entry.steps())
	if tx.entry.State == "" {
		tx.entry = Entry{number: tx.next}
		records = append(records, record{Do: doBegin, Version: journalVersion, Time: now, Command: tx.command, Reverts: tx.reverts})
	}
	apply := record{Do: doApply, Time: now}
	for i := range todo {
		todo[i].step.Temp = tempName(todo[i].step.Real, tx.entry.number, first+i)
		apply.Steps = append(apply.Steps, todo[i].step)
	}
	return tx.store.add(tx.dir, &tx.entry, append(records, apply)...)
}

// add appends records to an entry, all of them or none.
func (s *Store) add(d stateDir, e *Entry, records ...record) error {
	var data []byte
	for _, r := range records {
		line, err := r.encode()
		if err != nil {
			return fmt.Errorf("writing the journal: %w", err)
		}
		data = append(data, line...)
	}
	if err := d.append(entryFile(e.number), e.size, data); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	*e = newEntry(e.number, append(e.records, records...), e.size+int64(len(data)))
	return nil
}

func (tx *Tx) write(p prepared) error {
	out := Outcome{Path: p.step.Path, Real: p.step.Real, Verb: p.verb, InPlace: p.step.InPlace}
	err := tx.store.target.Swap(p.step.Place, p.from, p.to)
	if errors.Is(err, errNotEmpty) {
		out.Kept, err = true, nil
	}
	if err == nil {
		tx.outcomes = append(tx.outcomes, out)
	}
	return err
}

// Note records something the caller does beside changing files ("restart", "begun"), so that List can show it and the next run can tell how far this one came. Before
// the first Apply it does nothing.
func (tx *Tx) Note(key, value string) error {
	if tx.entry.State == "" {
		return nil
	}
	return tx.store.add(tx.dir, &tx.entry, record{Do: doNote, Time: tx.store.opt.Now().UTC(), Key: key, Value: value})
}

// Commit records that all files are written: from here on a crash leaves the new state. When the record cannot be written everything is undone, as in Apply. Of a file that several
// applies changed only the first state and the last stay in the journal; where all files are as before, the transaction has ended as if it had been undone.
func (tx *Tx) Commit() error {
	if tx.closed || tx.entry.State != "" && tx.entry.State != Applying {
		return ErrEnded
	}
	if tx.entry.State == "" {
		return nil
	}
	if err := tx.squash(); err != nil {
		return errors.Join(err, tx.Undo())
	}
	if tx.entry.unchanged() {
		return tx.Undo() // everything is back by itself; this takes away directories that were made on the way
	}
	commit := record{Do: doCommit, Time: tx.store.opt.Now().UTC()}
	for _, o := range tx.outcomes {
		if o.Kept {
			commit.Kept = append(commit.Kept, o.Real)
		}
	}
	if err := tx.store.add(tx.dir, &tx.entry, commit); err != nil {
		return errors.Join(err, tx.Undo())
	}
	return nil
}

// Undo puts every file back as it was, before or after Commit; it takes no context since it has to run when one has ended. Files that somebody else changed meanwhile are
// left alone (*ForeignError). After another error Undo may be called again; the next Begin tries, too.
func (tx *Tx) Undo() error {
	switch tx.entry.State {
	case Applying, Undoing, Committed:
	default:
		return nil
	}
	foreign, err := tx.store.undo(tx.dir, &tx.entry, tx.reached, false)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return &ForeignError{Paths: foreign}
	}
	return nil
}

// Close ends the transaction and releases the lock. What was applied and not committed is undone first. Afterwards old entries and old credentials are taken out of the
// journal. It may be called more than once, so that it can be deferred.
func (tx *Tx) Close() error {
	if tx.closed {
		return nil
	}
	defer tx.release()
	var err error
	switch tx.entry.State {
	case Applying, Undoing:
		err = tx.Undo()
	case Committed:
		err = tx.store.add(tx.dir, &tx.entry, record{Do: doEnd, Time: tx.store.opt.Now().UTC()})
	}
	if tx.entry.State == "" {
		return err
	}
	return errors.Join(err, tx.store.prune(tx.dir))
}
