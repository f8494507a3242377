package txn

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Holder is the run that has the lock, as it says itself. It is for messages and for how long to wait; nothing else is decided by it.
type Holder struct {
	PID     int           `json:"pid"`
	Command string        `json:"command"` // masked
	Since   time.Time     `json:"since"`   // when it got the lock, UTC
	Need    time.Duration `json:"need"`    // how long it may have to hold it, in nanoseconds; 0 when it did not say
}

// String names the run for messages, such as "docker proxy set --restart (pid 12, since 10:04:05)".
func (h Holder) String() string {
	if h.PID == 0 {
		return "another docker proxy command"
	}
	return fmt.Sprintf("%s (pid %d, since %s)", h.Command, h.PID, h.Since.Local().Format(time.TimeOnly))
}

// LockedError says that one other run held the lock for longer than it said it might need. Nothing was changed. It wraps ErrLocked.
type LockedError struct {
	Holder Holder
	Waited time.Duration
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("%s, and did not end within %s", ErrLocked, e.Waited.Round(time.Second))
	}
	return fmt.Sprintf("%s: %s, which did not end within %s", ErrLocked, e.Holder, e.Waited.Round(time.Second))
}

// Unwrap gives ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

// maxNeed bounds what a holder can ask others to wait for.
const maxNeed = 24 * time.Hour

// grant is the answer of a lock.
type grant struct {
	unlock func()
	err    error
}

// waitLock takes the lock, exclusive or shared. Those who wait are served in turn where the system does so (Linux). Each holder gets as long as it said it needs, and
// at least Options.Wait: then *LockedError. When ctx ends, its cause.
func (s *Store) waitLock(ctx context.Context, d stateDir, exclusive bool) (func(), error) {
	unlock, ok, err := d.lock(exclusive)
	if ok || err != nil {
		return unlock, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	granted := make(chan grant, 1)
	go func() { granted <- d.await(ctx, exclusive) }()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	var holder Holder
	started, told := time.Now(), s.opt.Waiting == nil
	since := started
	for {
		if now := d.holder(); now != holder {
			holder, since = now, time.Now()
		}
		switch waited := time.Since(since); {
		case waited > max(s.opt.Wait, min(holder.Need, maxNeed)+s.opt.Wait/3):
			err = &LockedError{Holder: holder, Waited: waited}
		case !told && time.Since(started) > lockQuiet:
			told = true
			s.opt.Waiting(holder)
		}
		if err == nil {
			select {
			case g := <-granted:
				return g.unlock, g.err
			case <-ctx.Done():
				err = context.Cause(ctx)
			case <-tick.C:
				continue
			}
		}
		// A lock that is granted to nobody any more is given back at once.
		go func() {
			if g := <-granted; g.unlock != nil {
				g.unlock()
			}
		}()
		return nil, err
	}
}

// Await returns as soon as no other run holds the lock, at once when there is no state directory yet; nothing is made and no lock is kept. Errors are those of Begin.
func (s *Store) Await(ctx context.Context) error {
	d, err := s.read()
	if d == nil || err != nil {
		return err
	}
	defer d.close()
	unlock, err := s.waitLock(ctx, d, false)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock()
	return nil
}

// Stamp names the newest recorded change and how far it has come; "" without any. Two equal stamps mean that no run has begun or ended a change in between. Errors as
// of List.
func (s *Store) Stamp() (string, error) {
	d, err := s.read()
	if d == nil || err != nil {
		return "", err
	}
	defer d.close()
	return s.stamp(d)
}

func (s *Store) stamp(d stateDir) (string, error) {
	names, err := d.names()
	if err != nil {
		return "", err
	}
	newest := 0
	for _, name := range names {
		if n, ok := entryNumber(name); ok {
			newest = max(newest, n)
		}
	}
	if newest == 0 {
		return "", nil
	}
	data, err := d.read(entryFile(newest))
	if err != nil {
		return "", err
	}
	records, size, err := decode(data)
	if err != nil {
		return "", &JournalError{Path: s.path + "/" + entryFile(newest), Reason: err.Error()}
	}
	return fmt.Sprintf("%d %s", newest, newEntry(newest, records, size).State), nil
}

// acquire waits for the lock and says in it who has it now.
func (s *Store) acquire(ctx context.Context, command string) (*Tx, error) {
	d, err := s.state.open(true)
	if err != nil {
		return nil, err
	}
	unlock, err := s.waitLock(ctx, d, true)
	if err != nil {
		d.close()
		if errors.Is(err, ErrLocked) || ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("locking: %w", err)
	}
	d.sign(Holder{Command: command, Since: time.Now().UTC(), Need: s.opt.Need})
	return &Tx{store: s, dir: d, unlock: unlock}, nil
}
