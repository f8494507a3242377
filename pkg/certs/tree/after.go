package tree

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// After is the tree as it will be when a plan has been carried out: what a second plan, that goes with the first into one transaction, is made from. The plan names files as package
// store and package runtime do, through no link. The times of what is changed are the zero time.
func After(t Tree, plan change.Plan) Tree {
	a := after{before: t, to: map[string]change.State{}}
	for _, c := range plan {
		a.to[path.Clean(c.Path)] = c.To
	}
	return a
}

type after struct {
	before Tree
	to     map[string]change.State
}

// resolved is after for names with no link above their last element, as Resolve asks for.
type resolved struct{ after }

// Lstat implements Tree for such names.
func (r resolved) Lstat(name string) (Entry, error) {
	to, planned := r.to[name]
	switch {
	case !planned:
		return r.before.Lstat(name)
	case to.Kind == change.Absent:
		return Entry{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return r.entry(name, to), nil
}

// Lstat implements Tree.
func (a after) Lstat(name string) (Entry, error) {
	name = path.Clean("/" + name)
	if name == "/" {
		return a.before.Lstat(name)
	}
	dir, _, err := Resolve(resolved{a}, path.Dir(name))
	if err != nil {
		return Entry{}, err
	}
	e, err := resolved{a}.Lstat(path.Join(dir, path.Base(name)))
	e.Path = name
	return e, err
}

// entry describes a planned file. It keeps the mount of what was there, or of the directory it is made in.
func (a after) entry(name string, s change.State) Entry {
	e, err := a.before.Lstat(name)
	for up := path.Dir(name); err != nil && up != "/"; up = path.Dir(up) {
		e, err = a.before.Lstat(up)
	}
	e.Path, e.Size, e.ModTime, e.Target = name, int64(len(s.Data)), time.Time{}, ""
	e.Mode, e.UID, e.GID = s.Mode, s.UID, s.GID
	switch s.Kind {
	case change.Link:
		e.Mode, e.Target = fs.ModeSymlink|0o777, s.Target
	case change.Dir:
		e.Mode |= fs.ModeDir
	case change.File, change.Absent:
	}
	return e
}

// ReadDir implements Tree.
func (a after) ReadDir(name string) ([]Entry, error) {
	real, e, err := Resolve(resolved{a}, name)
	if err != nil {
		return nil, err
	}
	if !e.Mode.IsDir() {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	var out []Entry
	if a.there(real) {
		if out, err = a.before.ReadDir(real); err != nil {
			return nil, err
		}
	}
	out = slices.DeleteFunc(slices.Clone(out), func(e Entry) bool { _, planned := a.to[path.Join(real, path.Base(e.Path))]; return planned })
	for p, s := range a.to {
		if path.Dir(p) == real && p != "/" && s.Kind != change.Absent {
			out = append(out, a.entry(p, s))
		}
	}
	for i := range out {
		out[i].Path = path.Join(path.Clean("/"+name), path.Base(out[i].Path))
	}
	slices.SortFunc(out, func(x, y Entry) int { return strings.Compare(x.Path, y.Path) })
	return out, nil
}

// there reports a directory that is there before.
func (a after) there(name string) bool {
	e, err := a.before.Lstat(name)
	return err == nil && e.Mode.IsDir()
}

// ReadFile implements Tree.
func (a after) ReadFile(name string) ([]byte, error) {
	real, e, err := Resolve(resolved{a}, name)
	if err != nil {
		return nil, err
	}
	to, planned := a.to[real]
	switch {
	case !planned:
		return a.before.ReadFile(real)
	case to.Kind != change.File:
		return nil, &NotRegularError{Path: name, Mode: e.Mode}
	}
	return slices.Clone(to.Data), nil
}

// Joined is one plan that does what two do, of which the second was made After the first: each file goes from where the first found it to where the second leaves it.
func Joined(first, second change.Plan) change.Plan {
	out := slices.Clone(first)
	for _, c := range second {
		i := slices.IndexFunc(out, func(o change.Change) bool { return o.Path == c.Path })
		if i < 0 {
			out = append(out, c)
			continue
		}
		joined := c
		joined.From, joined.Needs.Restart = out[i].From, out[i].Needs.Restart || c.Needs.Restart
		if out[i].Cause != c.Cause {
			joined.Cause = strings.TrimPrefix(out[i].Cause+"; "+c.Cause, "; ")
		}
		// A directory that goes does so after what was in it, everything else where the first plan had it.
		if c.To.Kind == change.Absent {
			out = append(slices.Delete(out, i, i+1), joined)
		} else {
			out[i] = joined
		}
	}
	return out.Effective()
}
