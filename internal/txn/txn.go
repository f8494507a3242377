// Package txn is the only writer of host files: it takes a lock, compares every file with what was observed, keeps the old bytes in a journal, writes, and can
// put everything back, in the same process or, after a crash, in the next one.
//
// It decides nothing about content: what to write comes as change.Change from the planners; validation, restart and health checks belong to pkg/daemon, between Apply
// and Close. It knows no configuration format and never reads the journal to learn what is true about a host.
//
// The order of one transaction, each arrow an fsync: journal (old bytes) → files → commit record → whatever the caller does (reload, restart, health check, each with
// Note) → end record. A crash before the commit record is undone by Recover, after it the new files stay. Undo also works after Commit, until Close.
//
// As root it changes the files of a user by a child process that has become that user (child_linux.go): programs that use this package call RunChild first of all.
//
// Start reading at Store, Tx.Apply, and Target, through which every change of the host goes. On systems other than Linux only the portable part works: regular files
// replaced by rename.
package txn

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Limits of the journal.
const (
	keepEntries   = 20                 // entries that List shows; older ones are removed
	secretMaxAge  = 7 * 24 * time.Hour // after this time old credentials leave the journal
	defaultWait   = 30 * time.Second   // how long Begin waits for another run
	maxJournal    = 64 << 20           // bytes of one entry that are read
	lockFile      = "lock"
	journalSuffix = ".journal"
)

// ErrLocked says that another run held the lock for longer than it should, see LockedError.
var ErrLocked = errors.New("another docker proxy command is changing this host")

// ErrEnded says that a transaction was used after Undo or Close.
var ErrEnded = errors.New("the transaction has ended")

// ChangedError says that a file is not as it was observed: somebody else changed it, or a recorded change cannot be taken back since the bytes are not ours.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string { return e.Path + " was changed by somebody else" }

// ForeignError lists files that are neither in the state before nor in the state after an interrupted change; they were left alone.
type ForeignError struct{ Paths []string }

func (e *ForeignError) Error() string {
	return "left alone, since somebody else changed it meanwhile: " + strings.Join(e.Paths, ", ")
}

// UnsafeError says that a path leads through a place that a less privileged user controls to something that is not theirs.
type UnsafeError struct{ Path, Reason string }

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("refusing to change %s: %s", e.Path, e.Reason)
}

// JournalError says that the state directory or an entry in it is not one that this program wrote for this user, or is damaged. Nothing in it was used.
type JournalError struct{ Path, Reason string }

func (e *JournalError) Error() string {
	return fmt.Sprintf("refusing the journal %s: %s", e.Path, e.Reason)
}

// UnsupportedError says that this platform cannot make a change.
type UnsupportedError struct{ Path, Reason string }

func (e *UnsupportedError) Error() string { return fmt.Sprintf("changing %s: %s", e.Path, e.Reason) }

// Fault is asked before every mutating system call, with the call's name and the file it is about. An error stands for the call's own failure; tests return errno
// values here, or end the process. nil in real use.
type Fault func(op, path string) error

// Options adjust a Store. The zero value is right for commands.
type Options struct {
	Wait    time.Duration    // how long Begin waits for each run that has the lock, at least; 0 means 30 s
	Need    time.Duration    // how long this run may have to hold the lock: those who wait are told
	Waiting func(Holder)     // called once when there is somebody to wait for
	Now     func() time.Time // the clock of the journal; nil means time.Now
	Fault   Fault            // see Fault
}

// Store is the state directory of one user on one root: the lock and the journal.
type Store struct {
	path   string
	opt    Options
	target Target
	state  stateOpener
}

// Open prepares a store below f; stateDir is absolute inside the root ("/var/lib/docker-proxy", or a user's "$XDG_STATE_HOME/docker-proxy"). Nothing is created before
// Begin. f stays open as long as the store is used.
func Open(f *host.FS, stateDir string, opt Options) (*Store, error) {
	if opt.Wait == 0 {
		opt.Wait = defaultWait
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	target, state, err := platform(f, stateDir, opt.Fault)
	if err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", err)
	}
	return &Store{path: stateDir, opt: opt, target: target, state: state}, nil
}

// Target is what the store writes to.
func (s *Store) Target() Target { return s.target }
