package target

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// ErrGone says that the container stopped, was removed or started again since it was opened.
var ErrGone = errors.New("the container does not run any more, or was started again")

// ErrNotContainer says that a process is not the one of the container it should be: its number was used again, or it is on another machine.
var ErrNotContainer = errors.New("the process is not one of this container")

// errNotRoot says that this process may not open any container's root directory; it is fs.ErrPermission.
var errNotRoot = fmt.Errorf("this process is not root: %w", fs.ErrPermission)

// ChangedError is a file that is not any more what it was when the change was planned.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return redact.Terminal(e.Path) + " changed meanwhile"
}

// MountError is a file that is a mount or stands on one: what would be changed is not the container's own.
type MountError struct {
	Path   string
	Source string // "volume NAME", a path on the host, "tmpfs", or what the kernel calls it
	// Hidden says that the archive API does not see what the container sees there, so that a change would have no effect.
	Hidden bool
}

func (e *MountError) Error() string {
	if e.Hidden {
		return fmt.Sprintf("%s is on a mount (%s) that the archive API does not reach", redact.Terminal(e.Path), redact.Terminal(e.Source))
	}
	return fmt.Sprintf("%s is on a mount (%s), which others may use, too", redact.Terminal(e.Path), redact.Terminal(e.Source))
}

// ReadOnlyError is a file system that takes no writes.
type ReadOnlyError struct {
	Path   string
	Source string // of the mount; "" for the container's root file system
}

func (e *ReadOnlyError) Error() string {
	if e.Source == "" {
		return fmt.Sprintf("%s: the root file system of the container is read-only", redact.Terminal(e.Path))
	}
	return fmt.Sprintf("%s: the mount of %s is read-only", redact.Terminal(e.Path), redact.Terminal(e.Source))
}

// StuckError is a container whose file system did not answer in time. The call was given up; it may still end, and a single write that it was in may still happen.
type StuckError struct {
	Path  string
	After time.Duration
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("%s: the file system did not answer within %s, and was given up", redact.Terminal(e.Path), e.After)
}

// NotDeletableError is a file that the archive API cannot remove, and why no program of the container could.
type NotDeletableError struct {
	Path   string
	Reason string
}

func (e *NotDeletableError) Error() string {
	return fmt.Sprintf("%s cannot be removed: %s", redact.Terminal(e.Path), redact.Terminal(e.Reason))
}

// UnsupportedError is a change that no target makes.
type UnsupportedError struct {
	Path   string
	Reason string
}

func (e *UnsupportedError) Error() string {
	return redact.Terminal(e.Path) + ": " + redact.Terminal(e.Reason)
}

// FullError is a directory or an archive with more in it than is read.
type FullError struct {
	Path string
	What string // "names" or "bytes"
	Max  int
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%s has more than %d %s", redact.Terminal(e.Path), e.Max, e.What)
}
