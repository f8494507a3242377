// Package target changes the files of one container, and is with internal/txn the only place that changes files.
//
// A container of this machine is changed through its own root directory (/proc/PID/root), any other through Docker's archive API; both have one interface and differ in
// what they can do, see Capabilities. It decides nothing: it is given changes and makes them, or says why not. Start at Target.
package target

import (
	"context"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Target is one container whose files can be changed.
type Target interface {
	tree.Tree
	// Holds reports whether the file at name has these bytes, links followed: ReadFile and a comparison, which keeps nothing. Errors as of ReadFile.
	Holds(name string, want []byte) (bool, error)
	// Prefetch may read the given files and directories in as few requests as it can; it is a hint and reports nothing.
	Prefetch(ctx context.Context, names ...string)
	// Apply makes the changes in their order. A change whose From is not what is there any more, a mount, or a file system that takes no writes ends it with an error
	// (*ChangedError, *MountError, *ReadOnlyError), and what was done by then is returned with it; the caller restores it.
	Apply(ctx context.Context, changes change.Plan, o Options) ([]Done, error)
	// Restore takes back what Apply did, in reverse order, times included. What it could not take back is returned, each with a reason. It works after the context of Open
	// and that of Apply have ended; ctx is its own.
	Restore(ctx context.Context, done []Done) []Unrestored
	// Can says what this way to the container is able to do.
	Can() Capabilities
	Close() error
}

// Capabilities says what a target can do.
type Capabilities struct {
	Delete bool // files can be removed
	Atomic bool // a file is replaced in one step
	Nanos  bool // times are kept to the nanosecond; else to the second
	// Ordered says that Apply makes what replaces a file after all else that goes with it in one request, and that the other side ends at the first error: a file that
	// was replaced shows that the rest was made.
	Ordered bool
}

// Options change what Apply may do.
type Options struct {
	// ThroughMounts rewrites in place a file that is a mount of its own or is on one: the source, a volume or a file of the host, changes for all that use it.
	ThroughMounts bool
	// Before is told of each change before any of it is made, with all that taking it back needs but Done.Now; several may be told of at once. An error of it ends Apply, and that
	// change is not made.
	Before func(Done) error
}

// before tells of a change that is about to be made.
func (o Options) before(d Done) error {
	if o.Before == nil {
		return nil
	}
	return o.Before(d)
}

// The name of a file that is not complete yet: no reader of certificates takes it, as it begins with a dot and ends in neither .crt, .pem nor a hash's digit.
const (
	tempPrefix = ".docker-proxy-"
	tempSuffix = ".tmp"
)

// IsTemp reports whether a file's name is one under which Apply and Restore make a file before it takes its place. Such a file is there after they ended only when the
// program was killed meanwhile, and nobody needs it.
func IsTemp(base string) bool {
	middle, begins := strings.CutPrefix(base, tempPrefix)
	middle, ends := strings.CutSuffix(middle, tempSuffix)
	return begins && ends && len(middle) == 16 && strings.Trim(middle, "0123456789abcdef") == ""
}

// Done is one change that was made, with all that taking it back needs except the bytes before, which are in Change.From.
type Done struct {
	Change change.Change
	Real   string // the file that was changed, after all links
	// Was is the entry before; its ModTime is given back. Dir is the directory it stands in, before.
	Was, Dir tree.Entry
	// Made are the directories that were made for it, outermost first.
	Made []string
	// InPlace says that the file was rewritten and not replaced, and why.
	InPlace string
	// Now is the entry after.
	Now tree.Entry
}

// Unrestored is a change that could not be taken back.
type Unrestored struct {
	Path   string
	Reason string
}

// dirMode is the mode of directories that are made because a file needs them.
const dirMode = 0o755

// stuckAfter is how long one call to a container's file system, or one request to the daemon, may take. A local file system answers in microseconds; one that the
// container itself serves (FUSE) may never.
const stuckAfter = 10 * time.Second

// maxNames bounds the names read of one directory. /etc/ssl/certs has about 300.
const maxNames = 1 << 16
