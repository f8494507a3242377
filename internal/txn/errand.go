package txn

import (
	"errors"
	"path"
	"syscall"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// errand is one piece of work in one directory. Where the directory is a user's and this process is root, it is done by a child process with that user's ids: see
// child_linux.go. Everything it needs travels with it; the directory itself travels as an open descriptor.
type errand struct {
	Do       string
	Place    Place
	Temp     string // Place.Temp, which is never part of the journal
	From, To change.State
	Missing  []string // directories below the open one that are to be made first
	Child    identity
}

// nearest is the directory that is open: the one of the place, or where that is still to be made, the nearest that exists.
func (e errand) nearest() string {
	dir := path.Dir(e.Place.Real)
	for range e.Missing {
		dir = path.Dir(dir)
	}
	return dir
}

// The kinds of errands.
const (
	doInspect = "inspect" // find out how the file can be changed: result.Place
	doRead    = "read"    // the file's state: result.State
	doSwap    = "swap"    // from From to To
	doClean   = "clean"   // remove Temp
	doRmdir   = "rmdir"   // remove the empty directory
)

// identity is whose rights a child takes on, and who it works for.
type identity struct {
	UID, GID, DirGID int
	Parent           int  // process ID
	Files            int  // descriptors below this one are meant for it
	Asks             bool // it asks before each mutating system call, see Fault
}

// result is what comes back.
type result struct {
	Place Place
	State change.State
}

// report is what a child says: that it is about to make a system call, and waits for a verdict; or the end.
type report struct {
	Ask    *question
	Result result
	Err    *wireError
}

type question struct{ Op, Name string }

// verdict is the answer to a question: the zero value lets the call happen, everything else is its failure.
type verdict struct {
	Refused bool
	Errno   syscall.Errno
}

// wireError is an error on its way between two processes: its text, and what callers ask it for.
type wireError struct {
	Text  string
	Kind  string `json:",omitempty"`
	Path  string `json:",omitempty"`
	Why   string `json:",omitempty"`
	Errno syscall.Errno
}

// sentinels are the errors without content that callers look for.
func sentinels() map[string]error {
	return map[string]error{"not-empty": errNotEmpty, "not-regular": host.ErrNotRegular, "too-large": host.ErrTooLarge, "refused": errRefused}
}

// errRefused stands in the child for an error of the parent's Fault, which the parent knows.
var errRefused = errors.New("refused by the parent process")

func encodeError(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	var changed *ChangedError
	var unsafe *UnsafeError
	var unsupported *UnsupportedError
	errors.As(err, &w.Errno)
	switch {
	case errors.As(err, &changed):
		w.Kind, w.Path = "changed", changed.Path
	case errors.As(err, &unsafe):
		w.Kind, w.Path, w.Why = "unsafe", unsafe.Path, unsafe.Reason
	case errors.As(err, &unsupported):
		w.Kind, w.Path, w.Why = "unsupported", unsupported.Path, unsupported.Reason
	default:
		for kind, s := range sentinels() {
			if errors.Is(err, s) {
				w.Kind = kind
			}
		}
	}
	return w
}

// decode is the inverse of encodeError; refused is the error behind errRefused.
func (w *wireError) decode(refused error) error {
	if w == nil {
		return nil
	}
	e := &remoteError{text: w.Text}
	switch w.Kind {
	case "changed":
		return &ChangedError{Path: w.Path}
	case "unsafe":
		e.cause = &UnsafeError{Path: w.Path, Reason: w.Why}
	case "unsupported":
		e.cause = &UnsupportedError{Path: w.Path, Reason: w.Why}
	case "refused":
		e.cause = refused
	default:
		if e.cause = sentinels()[w.Kind]; e.cause == nil && w.Errno != 0 {
			e.cause = w.Errno
		}
	}
	return e
}

// remoteError is an error that came from a child.
type remoteError struct {
	text  string
	cause error
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Unwrap() error { return e.cause }
