package host

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"sync"
)

// steady remembers what was read first, by name.
type steady struct {
	mu    sync.Mutex
	files map[string]answer[[]byte]
	infos map[string]answer[Info]
	names map[string]answer[[]string]
}

// answer is what a call gave.
type answer[T any] struct {
	value T
	err   error
}

// Steady returns a view of the same root in which every file, stat and directory listing stays as the first look at it found it, so that a plan and the state it expects rest on
// the same bytes, whoever writes in between. What changes by itself (/proc, /sys, /run, /dev, /var/log) is looked at anew each time. The view shares the directory
// descriptor of f; close only f. It is safe for concurrent use.
func (f *FS) Steady() *FS {
	view := *f
	view.seen = &steady{files: map[string]answer[[]byte]{}, infos: map[string]answer[Info]{}, names: map[string]answer[[]string]{}}
	return &view
}

func once[T any](s *steady, seen func(*steady) map[string]answer[T], name string, look func() (T, error)) (T, error) {
	name = path.Clean("/" + name)
	if s == nil || volatile(name) {
		return look()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := seen(s)[name]
	if !ok {
		a.value, a.err = look()
		seen(s)[name] = a
	}
	return a.value, a.err
}

func volatile(name string) bool {
	for _, dir := range []string{"/proc", "/sys", "/run", "/var/run", "/dev", "/var/log"} {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

func (f *FS) steadyFile(name string) ([]byte, error) {
	data, err := once(f.seen, func(s *steady) map[string]answer[[]byte] { return s.files }, name, func() ([]byte, error) { return f.readFile(name) })
	return bytes.Clone(data), err // a parser may work in place
}

func (f *FS) steadyStat(name string) (Info, error) {
	return once(f.seen, func(s *steady) map[string]answer[Info] { return s.infos }, name, func() (Info, error) { return f.stat(name, true) })
}

func (f *FS) steadyDir(name string) ([]string, error) {
	names, err := once(f.seen, func(s *steady) map[string]answer[[]string] { return s.names }, name, func() ([]string, error) { return f.readDir(name) })
	return slices.Clone(names), err
}
