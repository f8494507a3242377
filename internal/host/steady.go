package host

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// steady remembers what was read first, by name.
type steady struct {
	mu    sync.Mutex
	files map[string]answer[[]byte]
	infos map[string]answer[Info] // after links
	plain map[string]answer[Info] // of links themselves
	links map[string]answer[string]
	names map[string]answer[[]string]
	more  bool            // something was asked that Again had not asked before
	gone  map[string]bool // what was not there, and so nothing below it; false when it may be a link that leads nowhere
}

// answer is what a call gave.
type answer[T any] struct {
	value T
	err   error
}

// Steady returns a view of the same root in which every file, link, stat and directory listing stays as the first look at it found it, so that a plan and the state it expects rest on
// the same bytes, whoever writes in between. What changes by itself (/proc, /sys, /run, /dev, /var/log) is looked at anew each time. The view shares the directory
// descriptor of f; close only f. It is safe for concurrent use.
func (f *FS) Steady() *FS {
	view := *f
	view.seen = &steady{
		files: map[string]answer[[]byte]{}, infos: map[string]answer[Info]{}, plain: map[string]answer[Info]{}, links: map[string]answer[string]{}, names: map[string]answer[[]string]{}, gone: map[string]bool{},
	}
	return &view
}

// Again returns a steady view in which everything is asked anew, in one go, that f, a steady view, was asked. That takes a small part of the time of a look with all its thoughts, and so is
// far more likely to fall into a moment in which nobody writes.
func (f *FS) Again() *FS {
	view := f.Steady()
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	// The answers, errors too, are in the view from now on. What is missing comes first: it answers for everything below it.
	for name := range f.seen.plain {
		_, _ = view.steadyLstat(name)
	}
	for name := range f.seen.links {
		_, _ = view.steadyLink(name)
	}
	for name := range f.seen.names {
		_, _ = view.steadyDir(name)
	}
	for name := range f.seen.infos {
		_, _ = view.steadyStat(name)
	}
	for name := range f.seen.files {
		_, _ = view.steadyFile(name)
	}
	view.seen.more = false
	return view
}

// Known reports whether this view, made by Again, has been asked nothing but what it asked in advance.
func (f *FS) Known() bool {
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	return !f.seen.more
}

// once gives the first answer to a question about a name; itself says that it is about a link, not about what that leads to.
func once[T any](s *steady, itself bool, seen func(*steady) map[string]answer[T], name string, look func() (T, error)) (T, error) {
	name = path.Clean("/" + name)
	if s == nil || volatile(name) {
		return look()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := seen(s)[name]
	if ok {
		return a.value, a.err
	}
	for at := name; at != "/"; at = path.Dir(at) {
		if wholly, gone := s.gone[at]; gone && (wholly || !itself || at != name) {
			return a.value, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	a.value, a.err = look()
	seen(s)[name], s.more = a, true
	if errors.Is(a.err, fs.ErrNotExist) {
		s.gone[name] = itself || s.gone[name]
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
	data, err := once(f.seen, false, func(s *steady) map[string]answer[[]byte] { return s.files }, name, func() ([]byte, error) { return f.readFile(name) })
	return bytes.Clone(data), err // a parser may work in place
}

func (f *FS) steadyStat(name string) (Info, error) {
	return once(f.seen, false, func(s *steady) map[string]answer[Info] { return s.infos }, name, func() (Info, error) { return f.stat(name, true) })
}

func (f *FS) steadyLstat(name string) (Info, error) {
	return once(f.seen, true, func(s *steady) map[string]answer[Info] { return s.plain }, name, func() (Info, error) { return f.stat(name, false) })
}

func (f *FS) steadyLink(name string) (string, error) {
	return once(f.seen, true, func(s *steady) map[string]answer[string] { return s.links }, name, func() (string, error) { return f.readlink(name) })
}

func (f *FS) steadyDir(name string) ([]string, error) {
	names, err := once(f.seen, false, func(s *steady) map[string]answer[[]string] { return s.names }, name, func() ([]string, error) { return f.readDir(name) })
	return slices.Clone(names), err
}
