package target

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Images is what one run learned of images by looking at containers of them through the archive API, so that it puts fewer requests to the next container of the same
// image, each of which takes dockerd more than a millisecond. It is about the way to a file only:
//
//   - A directory that stands in one container is taken to stand in the next one, so that a name is asked for as a whole and not element by element; the daemon resolves it
//     inside the container. What is at the end of a name is always asked for, and a container with mounts is walked through before anything is written (see
//     archiveTarget.careful).
//   - A name that was not in a directory is not in it either where the directory was changed last at the same nanosecond: making a name changes that.
//
// The zero value knows nothing. Safe for concurrent use.
type Images struct {
	mu    sync.Mutex
	known map[string]*image
}

// Open is OpenInspected for one of many containers.
func (i *Images) Open(ctx context.Context, eng engine.Engine, seen engine.Inspected, how How) (Target, error) {
	t, err := OpenInspected(ctx, eng, seen, how)
	if a, ok := t.(*archiveTarget); ok && err == nil && seen.ImageID != "" {
		a.image = i.of(seen)
	}
	return t, err
}

// of is what is known of a container's image, where it has the same things mounted at the same places.
func (i *Images) of(seen engine.Inspected) *image {
	var key strings.Builder
	key.WriteString(seen.ImageID)
	for _, m := range seen.Mounts {
		key.WriteString("\x00" + m.Type + "\x00" + m.Destination)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil {
		i.known = map[string]*image{}
	}
	if i.known[key.String()] == nil {
		i.known[key.String()] = &image{dirs: map[string]tree.Entry{}, still: map[string]*still{}}
	}
	return i.known[key.String()]
}

// image is what is known of one.
type image struct {
	mu    sync.Mutex
	dirs  map[string]tree.Entry // directories, by names without links
	still map[string]*still
}

// still is a directory as it was in one container.
type still struct {
	entry  tree.Entry      // with the exact time
	absent map[string]bool // names that were not in it
	varies bool            // another container has it otherwise
}

// dir gives a directory of another container.
func (i *image) dir(real string) (tree.Entry, bool) {
	if i == nil {
		return tree.Entry{}, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	e, ok := i.dirs[real]
	return e, ok
}

// isDir takes note of a directory that was found by walking to it.
func (i *image) isDir(e tree.Entry) {
	if i == nil || e.Mount {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.dirs[e.Path]; !ok {
		i.dirs[e.Path] = e
	}
}

// lacks gives a directory in which a name was missing in another container, for who compares it.
func (i *image) lacks(real string) (tree.Entry, bool) {
	if i == nil {
		return tree.Entry{}, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.still[path.Dir(real)]
	if s == nil || s.varies || !s.absent[path.Base(real)] {
		return tree.Entry{}, false
	}
	return s.entry, true
}

// lacked takes note of the names that are not in a directory, whose exact time the entry has.
func (i *image) lacked(e tree.Entry, names map[string]bool) {
	if i == nil || e.Mount || len(names) == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.still[e.Path] == nil {
		i.still[e.Path] = &still{entry: e, absent: names}
	}
}

// varied takes note that comparing a directory is of no use.
func (i *image) varied(dir string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.still[dir].varies = true
}

// assumed gives a directory on the way to a name that is not asked for.
func (t *archiveTarget) assumed(real string) (tree.Entry, bool) {
	if t.careful {
		return tree.Entry{}, false
	}
	e, ok := t.image.dir(real)
	if ok {
		t.relies = true
	}
	return e, ok
}

// learned takes note of a directory. A container in which something was taken from another one, or changed, teaches nothing.
func (t *archiveTarget) learned(e tree.Entry) {
	if !t.relies && !t.changed && e.Mode.IsDir() {
		t.image.isDir(e)
	}
}

// missed takes note of a name that is not there.
func (t *archiveTarget) missed(real string) {
	dir := path.Dir(real)
	if t.vain[dir] == nil {
		if t.vain == nil {
			t.vain = map[string]map[string]bool{}
		}
		t.vain[dir] = map[string]bool{}
	}
	t.vain[dir][path.Base(real)] = true
}

// compared takes note of a directory whose exact time is known now.
func (t *archiveTarget) compared(n *node) {
	if !t.relies && !t.changed && n.exact && n.entry.Mode.IsDir() {
		names := t.vain[n.entry.Path]
		delete(t.vain, n.entry.Path)
		t.image.lacked(n.entry, names)
	}
}

// unchanged reports whether a name is missing because its directory is as it was in another container in which it was missing, for one request that the
// directory needs anyway when something is made in it.
func (t *archiveTarget) unchanged(real string) bool {
	was, ok := t.image.lacks(real)
	if !ok || t.careful {
		return false
	}
	n, known := t.cache.find(was.Path)
	switch {
	case known && n == nil:
		return true // not even the directory
	case n == nil:
		if n = t.compare(was); n == nil {
			t.image.varied(was.Path)
			return false
		}
	case !n.exact && t.refresh(t.ctx, was.Path) != nil:
		return false
	}
	if n.entry.Mode != was.Mode || !n.entry.ModTime.Equal(was.ModTime) {
		t.image.varied(was.Path)
		return false
	}
	return true
}

// compare asks for a directory that another container has. Who owns it is told with all that is in it only; where nothing else is different it is as in the other container, which
// matters for what is made in it. Nil where there is no directory, or no answer.
func (t *archiveTarget) compare(was tree.Entry) *node {
	var st engine.PathStat
	err := t.asked(was.Path, func(ctx context.Context) (err error) {
		st, err = t.eng.StatPath(ctx, t.seen.ID, was.Path)
		return err
	})
	if err != nil || !st.Mode.IsDir() {
		return nil
	}
	n := &node{entry: was, exact: true}
	n.entry.Mode, n.entry.ModTime, n.entry.Size = st.Mode, st.ModTime, st.Size
	if n.light = was.UID == change.Keep || st.Mode != was.Mode || !st.ModTime.Equal(was.ModTime); n.light {
		n.entry.UID, n.entry.GID = change.Keep, change.Keep
	}
	t.cache.put(was.Path, n)
	t.relies = true
	return n
}
