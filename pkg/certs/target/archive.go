package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// archiveTarget is a container by Docker's archive API: any daemon's, running or not, without rights on its machine. The daemon resolves names inside the container;
// what it sees there is the root file system with volumes and bind mounts, but without any tmpfs, and without what was mounted after the start (moby
// daemon/containerfs_linux.go). Names are resolved here, link by link, since the daemon says where a link leads only, not what is written in it.
type archiveTarget struct {
	ctx  context.Context //nolint:containedctx // tree.Tree has none; this one bounds the target's life
	eng  engine.Engine
	seen engine.Inspected

	use    sync.Mutex
	cache  *cache
	base   *int     // the container's owner 0 as the daemon has it; nil: not asked for yet
	remove *remover // nil: not looked for yet

	image   *image                     // what other containers of its image have told; nil where it stands alone
	relies  bool                       // something of that was used
	careful bool                       // nothing of that may be used: what is about to be written must not be on a mount
	changed bool                       // something was written
	vain    map[string]map[string]bool // by directory: names that were asked for in vain
}

var _ Target = (*archiveTarget)(nil)

func openArchive(ctx context.Context, eng engine.Engine, seen engine.Inspected) (Target, error) {
	// What every container gets over its files (runtime-spec, config-linux.md, default filesystems), and the daemon does not see.
	for _, kernel := range [kernelMounts]string{"/dev", "/proc", "/sys"} {
		seen.Mounts = append(slices.Clone(seen.Mounts), engine.Mount{Type: kernelMount, Source: "a file system of the kernel", Destination: kernel})
	}
	slices.SortStableFunc(seen.Mounts, func(x, y engine.Mount) int { return strings.Compare(x.Destination, y.Destination) })
	return &archiveTarget{ctx: ctx, eng: eng, seen: seen, cache: newCache()}, nil
}

// kernelMounts is how many mounts every container has.
const kernelMounts = 3

// kernelMount is the type of a mount that only the container sees, as a tmpfs is.
const kernelMount = "kernel"

// unseen reports whether the archive API shows what is below a mount and not what is in it.
func unseen(m engine.Mount) bool { return m.Type == "tmpfs" || m.Type == kernelMount }

// Close implements Target.
func (t *archiveTarget) Close() error { return nil }

// asked bounds one request and puts its error into the words of tree.Tree.
func (t *archiveTarget) asked(name string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.ctx, stuckAfter)
	defer cancel()
	err := f(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &StuckError{Path: name, After: stuckAfter}
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), "No such container"):
		return ErrGone
	case strings.Contains(err.Error(), "too many links"): // moby pkg/symlink, evalSymlinksInScope: the daemon follows links to their end
		return fmt.Errorf("%s: %w", name, tree.ErrLoop)
	case errdefs.IsNotFound(err):
		return &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return err
}

// mountOf is the mount that a name without links is on; false for the root file system.
func (t *archiveTarget) mountOf(real string) (engine.Mount, bool) {
	for _, m := range slices.Backward(t.seen.Mounts) { // sorted: what is mounted below another comes later
		if within := path.Clean(m.Destination); real == within || strings.HasPrefix(real, strings.TrimSuffix(within, "/")+"/") {
			return m, true
		}
	}
	return engine.Mount{}, false
}

// mounted says of an entry what it is mounted from, and whether it takes writes.
func (t *archiveTarget) mounted(e *tree.Entry) {
	e.ReadOnly = t.seen.ReadOnly
	if m, ok := t.mountOf(e.Path); ok {
		e.Mount, e.Source, e.ReadOnly = true, m.Text(), m.ReadOnly
	}
}

// hidden is an error for what the container sees differently from the archive API.
func (t *archiveTarget) hidden(real string) error {
	if m, ok := t.mountOf(real); ok && unseen(m) && path.Clean(m.Destination) != real {
		return &MountError{Path: real, Source: m.Text(), Hidden: true}
	}
	return nil
}

// node describes a name none of whose directories is a link.
func (t *archiveTarget) node(real string) (*node, error) {
	if err := t.hidden(real); err != nil {
		return nil, err
	}
	if n, known := t.cache.find(real); known && (n == nil || !n.light) {
		if n == nil {
			return nil, &fs.PathError{Op: "stat", Path: real, Err: fs.ErrNotExist}
		}
		return n, nil
	}
	var n *node
	err := t.asked(real, func(ctx context.Context) (err error) {
		n, err = t.fetchOne(ctx, real)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.cache.missing[real] = true
	}
	if err != nil {
		return nil, err
	}
	t.cache.put(real, n)
	return n, nil
}

// exact is the tree by names whose directories are no links, which is how tree.Resolve asks.
type exact struct{ *archiveTarget }

// Lstat asks for directories in the cheapest way, without their owners.
func (t exact) Lstat(real string) (tree.Entry, error) {
	e, err := t.lstat(real)
	switch {
	case err == nil:
		t.learned(e)
	case errors.Is(err, fs.ErrNotExist):
		t.missed(real)
	}
	return e, err
}

func (t exact) lstat(real string) (tree.Entry, error) {
	if n, known := t.cache.find(real); known && n != nil {
		return n.entry, nil
	} else if !known && !t.cache.stale[real] && t.hidden(real) == nil {
		if e, ok := t.assumed(real); ok {
			return e, nil
		}
		if t.unchanged(real) {
			t.cache.missing[real] = true
			return tree.Entry{}, &fs.PathError{Op: "stat", Path: real, Err: fs.ErrNotExist}
		}
		var st engine.PathStat
		err := t.asked(real, func(ctx context.Context) (err error) {
			st, err = t.eng.StatPath(ctx, t.seen.ID, real)
			return err
		})
		if err == nil && st.Mode.IsDir() {
			e := tree.Entry{Path: real, Mode: st.Mode, ModTime: st.ModTime, Size: st.Size, UID: change.Keep, GID: change.Keep}
			t.mounted(&e)
			t.cache.put(real, &node{entry: e, light: true})
			return e, nil
		}
		// An answer without a body does not say what else is wrong, such as that the container is gone: only where it has answered something it is there.
		if errors.Is(err, fs.ErrNotExist) && len(t.cache.nodes) > 0 {
			t.cache.missing[real] = true
			return tree.Entry{}, err
		}
	}
	n, err := t.node(real)
	if err != nil {
		return tree.Entry{}, err
	}
	return n.entry, nil
}

// real follows the links of the directories of name.
func (t *archiveTarget) real(name string) (string, error) {
	name = path.Clean("/" + name)
	if name == "/" {
		return name, nil
	}
	dir, e, err := tree.Resolve(exact{t}, path.Dir(name))
	if err != nil {
		return path.Join(dir, path.Base(name)), err
	}
	if !e.Mode.IsDir() {
		return "", &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return path.Join(dir, path.Base(name)), nil
}

// Lstat implements tree.Tree. *MountError, Hidden, below a tmpfs. Who owns a directory is not told (change.Keep) where it was not read with others:
// the API tells it only together with everything that is in the directory.
func (t *archiveTarget) Lstat(name string) (tree.Entry, error) {
	t.use.Lock()
	defer t.use.Unlock()
	real, err := t.real(name)
	if err != nil {
		return tree.Entry{}, err
	}
	e, err := exact{t}.Lstat(real)
	if err != nil {
		return tree.Entry{}, err
	}
	e.Path = path.Clean("/" + name)
	return e, nil
}

// Can implements Target. Files are removed, directories only by the container's own rmdir, or where nothing runs.
func (t *archiveTarget) Can() Capabilities { return Capabilities{Delete: true, Ordered: true} }

// fresh is how long what was read counts as what is there.
const fresh = 2 * time.Second

// owners turns the owners of a tar of the daemon into those of the container. Reading, the daemon gives its own ids; writing, it takes the container's (moby
// daemon/archive_unix.go: no IDMap on the way out). With userns-remap the root directory of a container belongs to its owner 0.
func (t *archiveTarget) owners(ctx context.Context, uid, gid int) (int, int, error) {
	const remapped = 1 << 16 // ids that a daemon gives away begin above what it has itself (subuid(5))
	if uid < remapped && gid < remapped {
		return uid, gid, nil
	}
	if t.base == nil {
		base, err := t.askBase(ctx)
		if err != nil {
			return 0, 0, err
		}
		t.base = &base
	}
	move := func(id int) int {
		if id >= *t.base && id-*t.base < remapped {
			return id - *t.base
		}
		return id
	}
	return move(uid), move(gid), nil
}

func (t *archiveTarget) askBase(ctx context.Context) (int, error) {
	info, err := t.eng.Info(ctx)
	if err != nil || !info.UserNS {
		return 0, err
	}
	h, _, err := t.header(ctx, "/")
	if err != nil {
		return 0, fmt.Errorf("finding the owners of the container: %w", err)
	}
	return h.Uid, nil
}
