package target

import (
	"io/fs"
	"slices"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// step is one change to a name without links: what is there, and what is to be.
type step struct {
	real  string
	was   *node // nil: nothing
	state change.State
	dir   string // the nearest directory that is there
	above *node
	made  []string // directories that have to be made, outermost first
	to    change.State
	at    time.Time // the file's new time
	xattr map[string]string
}

// entry is what the step leaves.
func (s *step) entry() tree.Entry {
	e := tree.Entry{Path: s.real, Mode: s.to.Mode, UID: s.to.UID, GID: s.to.GID, Size: int64(len(s.to.Data)), ModTime: s.at, Target: s.to.Target}
	switch s.to.Kind {
	case change.Dir:
		e.Mode |= fs.ModeDir
	case change.Link:
		e.Mode |= fs.ModeSymlink | 0o777
	case change.Absent, change.File:
	}
	return e
}

// pretend makes the cache what it will be after the step.
func (t *archiveTarget) pretend(s *step) {
	if s.to.Kind == change.Absent {
		t.cache.forget(s.real)
		return
	}
	for _, dir := range s.made {
		n := &node{entry: s.above.entry, exact: true}
		n.entry.Path, n.entry.Mode, n.entry.ModTime = dir, fs.ModeDir|dirMode, s.at
		t.cache.put(dir, n)
		t.cache.whole[dir] = true
	}
	t.cache.put(s.real, &node{entry: s.entry(), exact: true, read: s.to.Kind == change.File, data: slices.Clone(s.to.Data), xattrs: s.xattr})
}
