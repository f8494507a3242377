package target

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"syscall"

	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// ReadDir implements tree.Tree. The API gives a directory with all that is below it, so that this is for directories of which the caller knows that they are small; *FullError above 65536
// names or 64 MiB.
func (t *archiveTarget) ReadDir(name string) ([]tree.Entry, error) {
	t.use.Lock()
	defer t.use.Unlock()
	real, err := t.fetchDir(name)
	if err != nil {
		return nil, err
	}
	var out []tree.Entry
	for _, base := range t.cache.names(real) {
		n, err := t.node(path.Join(real, base))
		if errors.Is(err, fs.ErrNotExist) { // gone since
			continue
		}
		if err != nil {
			return nil, err
		}
		e := n.entry
		e.Path = path.Join("/", name, base)
		out = append(out, e)
	}
	return out, nil
}

// fetchDir has everything that is in a directory in the cache, and gives its name without links.
func (t *archiveTarget) fetchDir(name string) (string, error) {
	for again := false; ; again = true {
		real, e, err := tree.Resolve(exact{t}, name)
		if err != nil {
			return "", err
		}
		if !e.Mode.IsDir() {
			return "", &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
		}
		if err := t.hiddenDir(real); err != nil || t.cache.covered(real) {
			return real, err
		}
		if err := t.asked(real, func(ctx context.Context) error { return t.fetchAll(ctx, real) }); err != nil {
			return "", err
		}
		// It may be a link in this container, although it is none in others of the image.
		if n, _ := t.cache.find(real); again || n == nil || !n.entry.IsLink() {
			return real, nil
		}
	}
}

// hiddenDir is hidden for what is in a directory: that of the mount point itself, too.
func (t *archiveTarget) hiddenDir(real string) error { return t.hidden(path.Join(real, "x")) }

// ReadFile implements tree.Tree.
func (t *archiveTarget) ReadFile(name string) ([]byte, error) {
	t.use.Lock()
	defer t.use.Unlock()
	real, e, err := tree.Resolve(exact{t}, name)
	if err != nil {
		return nil, err
	}
	return t.bytes(real, name, e)
}

// Holds implements Target.
func (t *archiveTarget) Holds(name string, want []byte) (bool, error) {
	t.use.Lock()
	defer t.use.Unlock()
	real, e, err := tree.Resolve(exact{t}, name)
	if err != nil {
		return false, err
	}
	data, err := t.kept(real, name, e)
	return err == nil && bytes.Equal(data, want), err
}

// bytes reads a file of which the entry is known.
func (t *archiveTarget) bytes(real, name string, e tree.Entry) ([]byte, error) {
	data, err := t.kept(real, name, e)
	return slices.Clone(data), err
}

// kept is bytes for who does not change them.
func (t *archiveTarget) kept(real, name string, e tree.Entry) ([]byte, error) {
	if !e.Mode.IsRegular() {
		return nil, &tree.NotRegularError{Path: name, Mode: e.Mode}
	}
	if e.Size > tree.MaxFile {
		return nil, &tree.TooLargeError{Path: name, Size: e.Size}
	}
	n, known := t.cache.find(real)
	if !known || n == nil || !n.read {
		err := t.asked(real, func(ctx context.Context) (err error) {
			n, err = t.fetchFile(ctx, real)
			return err
		})
		if err != nil {
			return nil, err
		}
		t.cache.put(real, n)
	}
	return n.data, nil
}

// Prefetch implements Target: one request for each directory or file, with all that is below it.
func (t *archiveTarget) Prefetch(ctx context.Context, names ...string) {
	t.use.Lock()
	defer t.use.Unlock()
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		real, err := t.real(name)
		if err != nil || t.hiddenDir(real) != nil || t.cache.covered(real) && !t.cache.stale[real] {
			continue
		}
		// A hint: whatever is wrong with it will be seen by who reads it.
		_ = t.asked(real, func(ctx context.Context) error { return t.fetchAll(ctx, real) })
	}
}
