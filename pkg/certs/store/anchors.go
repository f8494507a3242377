package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// local is a file in the family's directory for the administrator's certificates.
type local struct {
	path         string // as the tool spells it
	data         []byte
	fingerprints []certs.Fingerprint
}

// holds reports that the file holds the certificate.
func (l local) holds(f certs.Fingerprint) bool { return slices.Contains(l.fingerprints, f) }

// What is read of a directory that a container filled is bounded: in files, in directories (links can make many paths of a few), and in bytes of all files together.
const (
	maxLocals     = 1000
	maxDirs       = 1000
	maxLocalBytes = tree.MaxFile
)

// locals reads the anchors that the family's tool would take, in the order of their paths, byte by byte, as `sort` in the C locale has them. What cannot be read is
// left out with a note. A missing directory has none.
func (s Survey) locals(t tree.Tree) ([]local, []certs.Note, error) {
	a := s.Family.anchors
	if a.dir == "" {
		return nil, nil, nil
	}
	w := walk{tree: t, anchors: a, seen: map[string]bool{}}
	if err := w.dir(a.dir); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(w.found, func(x, y local) int { return cmp.Compare(x.path, y.path) })
	return w.found, w.notes, nil
}

type walk struct {
	tree    tree.Tree
	anchors anchors
	seen    map[string]bool // real directories above the one being read
	dirs    int
	bytes   int64
	found   []local
	notes   []certs.Note
}

// dir is `find -L DIR -type f -name '*EXT'` without the descent where the tool does not descend.
func (w *walk) dir(name string) error {
	real, e, err := tree.Resolve(w.tree, name)
	switch {
	case isMissing(err) || err == nil && !e.Mode.IsDir():
		return nil
	case errors.Is(err, tree.ErrLoop) || errors.Is(err, fs.ErrPermission):
		w.skip(name, err)
		return nil
	case err != nil:
		return fmt.Errorf("reading the anchors in %s: %w", name, err)
	}
	if w.seen[real] {
		return nil
	}
	if w.dirs++; w.dirs > maxDirs {
		w.full()
		return nil
	}
	w.seen[real] = true
	defer delete(w.seen, real)
	entries, err := w.tree.ReadDir(real)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the anchors in %s: %w", name, err)
	}
	for _, one := range entries {
		if err := w.entry(path.Join(name, path.Base(one.Path)), path.Join(real, path.Base(one.Path)), one); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name, real string, e tree.Entry) error {
	if e.IsLink() {
		var err error
		if real, e, err = tree.Resolve(w.tree, real); err != nil {
			return nil //nolint:nilerr // a link that leads nowhere is no file for find -L either
		}
	}
	base := path.Base(name)
	if e.Mode.IsDir() {
		if w.anchors.recursive {
			return w.dir(name)
		}
		return nil
	}
	if !strings.HasSuffix(base, w.anchors.ext) || w.anchors.ext == "" && base[0] == '.' {
		return nil
	}
	if err := readable(real, e); err != nil {
		if _, irregular := errors.AsType[*tree.NotRegularError](err); !irregular { // which find -type f does not see
			w.skip(name, err)
		}
		return nil
	}
	if w.bytes += e.Size; w.bytes > maxLocalBytes || len(w.found) >= maxLocals {
		w.full()
		return nil
	}
	data, err := w.tree.ReadFile(real)
	if err != nil {
		if _, ok := unusable(err); ok || isMissing(err) {
			w.skip(name, err)
			return nil
		}
		return fmt.Errorf("reading %s: %w", name, err)
	}
	l := local{path: name, data: data}
	for _, b := range bundle.Scan(data) {
		l.fingerprints = append(l.fingerprints, b.Fingerprint)
	}
	if f, ok := bundle.DER(data); ok && w.anchors.der {
		l.fingerprints = append(l.fingerprints, f)
	}
	w.found = append(w.found, l)
	return nil
}

func (w *walk) skip(name string, err error) {
	w.notes = append(w.notes, certs.Note{Kind: certs.Skipped, Path: redact.Terminal(name), Text: "not read: " + redact.Terminal(err.Error())})
}

// full says once that there is more than is read.
func (w *walk) full() {
	const why = "there is more in it than is read; what was left out may be in the bundle twice afterwards"
	if !slices.ContainsFunc(w.notes, func(n certs.Note) bool { return n.Text == why }) {
		w.notes = append(w.notes, certs.Note{Kind: certs.Skipped, Path: w.anchors.dir, Text: why})
	}
}
