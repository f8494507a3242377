package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// hostTree is this machine, or the directory of --root, as a tree.Tree. A machine's own mounts are not told apart: a bundle on another file system is the machine's bundle
// all the same, and internal/txn knows what cannot be replaced there.
type hostTree struct{ files *host.FS }

// TreeOf reads what f reads, and like a steady f the same bytes each time. Files above host.MaxFileSize are too large for it.
func TreeOf(f *host.FS) tree.Tree { return hostTree{f} }

var _ tree.Tree = hostTree{}

// Lstat implements tree.Tree.
func (t hostTree) Lstat(name string) (tree.Entry, error) {
	st, err := t.files.Lstat(name)
	if err != nil {
		return tree.Entry{}, plain(name, err)
	}
	e := tree.Entry{Path: path.Clean("/" + name), Mode: st.Mode, UID: st.UID, GID: st.GID, Size: st.Size, ModTime: st.ModTime}
	if e.IsLink() {
		if e.Target, err = t.files.Readlink(name); err != nil {
			return tree.Entry{}, plain(name, err)
		}
	}
	return e, nil
}

// ReadDir implements tree.Tree. A name that goes away between the listing and the look at it is left out.
func (t hostTree) ReadDir(name string) ([]tree.Entry, error) {
	names, err := t.files.ReadDir(name)
	if err != nil {
		return nil, plain(name, err)
	}
	out := make([]tree.Entry, 0, len(names))
	for _, n := range names {
		e, err := t.Lstat(path.Join("/", name, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// ReadFile implements tree.Tree.
func (t hostTree) ReadFile(name string) ([]byte, error) {
	data, err := t.files.ReadFile(name)
	switch {
	case errors.Is(err, host.ErrTooLarge):
		st, _ := t.files.Stat(name) // the size is for the message
		return nil, &tree.TooLargeError{Path: name, Size: st.Size}
	case errors.Is(err, host.ErrNotRegular):
		st, _ := t.files.Stat(name) // so is the type
		return nil, &tree.NotRegularError{Path: name, Mode: st.Mode}
	case err != nil:
		return nil, plain(name, err)
	}
	return data, nil
}

// plain makes "something that is no directory is in the way" a kind of "not there".
func plain(name string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return err
}
