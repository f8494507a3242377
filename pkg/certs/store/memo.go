package store

import (
	"errors"
	"io/fs"

	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// memo remembers what a tree answered, so that one operation asks for nothing twice and sees one state.
type memo struct {
	tree    tree.Tree
	entries map[string]answer[tree.Entry]
	dirs    map[string]answer[[]tree.Entry]
	files   map[string]answer[[]byte]
}

type answer[T any] struct {
	value T
	err   error
}

func remember(t tree.Tree) *memo {
	if m, ok := t.(*memo); ok {
		return m
	}
	return &memo{tree: t, entries: map[string]answer[tree.Entry]{}, dirs: map[string]answer[[]tree.Entry]{}, files: map[string]answer[[]byte]{}}
}

// Lstat implements tree.Tree.
func (m *memo) Lstat(name string) (tree.Entry, error) { return once(m.entries, name, m.tree.Lstat) }

// ReadDir implements tree.Tree.
func (m *memo) ReadDir(name string) ([]tree.Entry, error) { return once(m.dirs, name, m.tree.ReadDir) }

// ReadFile implements tree.Tree.
func (m *memo) ReadFile(name string) ([]byte, error) { return once(m.files, name, m.tree.ReadFile) }

func once[T any](known map[string]answer[T], name string, ask func(string) (T, error)) (T, error) {
	a, ok := known[name]
	if !ok {
		a.value, a.err = ask(name)
		known[name] = a
	}
	return a.value, a.err
}

// isMissing reports an error that says that nothing is there.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
