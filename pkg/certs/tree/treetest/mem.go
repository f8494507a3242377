// Package treetest has a file system in memory for tests: a tree that can be read, changed by a plan and compared.
//
// It is not for programs. Start at New.
package treetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Mem is a tree in memory. Names are absolute and clean.
type Mem struct {
	nodes map[string]*node
	// Reads counts the calls of ReadFile, ReadDir and Lstat.
	Reads int
}

type node struct {
	entry tree.Entry
	data  []byte
	err   error
}

// New makes a tree: a name that ends in a slash is a directory, a text that begins with "-> " a link, all else a file with mode 0644. Directories above a name are made.
func New(files map[string]string) *Mem {
	m := &Mem{nodes: map[string]*node{"/": {entry: tree.Entry{Path: "/", Mode: fs.ModeDir | 0o755}}}}
	for name, text := range files {
		switch {
		case strings.HasSuffix(name, "/"):
			m.Mkdir(strings.TrimSuffix(name, "/"))
		case strings.HasPrefix(text, "-> "):
			m.Link(name, strings.TrimPrefix(text, "-> "))
		default:
			m.Write(name, []byte(text))
		}
	}
	return m
}

// Load copies a directory of this machine.
func Load(dir string) (*Mem, error) {
	m := New(nil)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Join("/", strings.TrimPrefix(p, dir))
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			m.Mkdir(name)
			m.nodes[name].entry.Mode = info.Mode()
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			m.Link(name, target)
		case info.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			m.Write(name, data)
			m.nodes[name].entry.Mode = info.Mode()
		default:
			m.Special(name, info.Mode())
		}
		return nil
	})
	return m, err
}

func (m *Mem) put(name string, n *node) {
	m.Mkdir(path.Dir(name))
	n.entry.Path = name
	m.nodes[name] = n
}

// Mkdir makes a directory and those above it.
func (m *Mem) Mkdir(name string) {
	if m.nodes[name] == nil {
		m.put(name, &node{entry: tree.Entry{Mode: fs.ModeDir | 0o755}})
	}
}

// Write makes a file, or gives an existing one other bytes.
func (m *Mem) Write(name string, data []byte) {
	if n := m.nodes[name]; n != nil && n.entry.Mode.IsRegular() {
		n.data, n.entry.Size = data, int64(len(data))
		return
	}
	m.put(name, &node{entry: tree.Entry{Mode: 0o644, Size: int64(len(data))}, data: data})
}

// Link makes a symbolic link.
func (m *Mem) Link(name, target string) {
	m.put(name, &node{entry: tree.Entry{Mode: fs.ModeSymlink | 0o777, Target: target}})
}

// Special makes what cannot be read: a FIFO, a device, a socket.
func (m *Mem) Special(name string, mode fs.FileMode) {
	m.put(name, &node{entry: tree.Entry{Mode: mode}})
}

// Fail lets every read of the name end with an error.
func (m *Mem) Fail(name string, err error) { m.nodes[name].err = err }

// Set changes the entry of a name.
func (m *Mem) Set(name string, with func(*tree.Entry)) { with(&m.nodes[name].entry) }

// real follows the links in the directories above name.
func (m *Mem) real(name string, last bool) (string, error) {
	todo := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	at := "/"
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" {
			continue
		}
		at = path.Join(at, part)
		n := m.nodes[at]
		switch {
		case n == nil:
			return "", &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
		case n.entry.IsLink() && (len(todo) > 0 || last):
			if links++; links > 40 {
				return "", tree.ErrLoop
			}
			to := n.entry.Target
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(at), to)
			}
			todo = append(strings.Split(strings.Trim(path.Clean(to), "/"), "/"), todo...)
			at = "/"
		case len(todo) > 0 && !n.entry.Mode.IsDir():
			return "", &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
		}
	}
	return at, nil
}

// Lstat implements tree.Tree.
func (m *Mem) Lstat(name string) (tree.Entry, error) {
	m.Reads++
	at, err := m.real(name, false)
	if err != nil {
		return tree.Entry{}, err
	}
	e := m.nodes[at].entry
	e.Path = name
	return e, nil
}

// ReadDir implements tree.Tree.
func (m *Mem) ReadDir(name string) ([]tree.Entry, error) {
	m.Reads++
	at, err := m.real(name, true)
	if err != nil {
		return nil, err
	}
	if n := m.nodes[at]; n.err != nil {
		return nil, n.err
	} else if !n.entry.Mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var out []tree.Entry
	for _, p := range m.Names() {
		if path.Dir(p) == at && p != "/" {
			e := m.nodes[p].entry
			e.Path = path.Join(name, path.Base(p))
			out = append(out, e)
		}
	}
	return out, nil
}

// ReadFile implements tree.Tree.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	m.Reads++
	at, err := m.real(name, true)
	if err != nil {
		return nil, err
	}
	n := m.nodes[at]
	switch {
	case n.err != nil:
		return nil, n.err
	case !n.entry.Mode.IsRegular():
		return nil, &tree.NotRegularError{Path: name, Mode: n.entry.Mode}
	case n.entry.Size > tree.MaxFile:
		return nil, &tree.TooLargeError{Path: name, Size: n.entry.Size}
	}
	return slices.Clone(n.data), nil
}

// Names are all names, sorted.
func (m *Mem) Names() []string {
	var out []string
	for name := range m.nodes {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// State is what stands at a name, with its bytes.
func (m *Mem) State(name string) change.State {
	n := m.nodes[name]
	if n == nil {
		return change.State{}
	}
	s := n.entry.State()
	s.Data = n.data
	return s
}

// Dump describes the whole tree, one line a name: what has to be equal after a removal.
func (m *Mem) Dump() map[string]string {
	out := map[string]string{}
	for name := range m.nodes {
		s := m.State(name)
		out[name] = fmt.Sprintf("%s %o %d:%d %s%s", s.Kind, s.Mode, s.UID, s.GID, s.Target, s.Data)
	}
	return out
}

// ErrChanged is a change whose state before is not what is there.
var ErrChanged = errors.New("is not as it was observed")

// Apply makes the changes of a plan, strictly: the state before has to be there, the name must not go through a link, a directory that is removed has to be empty.
func (m *Mem) Apply(p change.Plan) error {
	for _, c := range p {
		if at, err := m.real(path.Dir(c.Path), true); err != nil || at != path.Dir(c.Path) {
			return fmt.Errorf("applying %s: the directory is %q, %w", c, at, errors.Join(err, fs.ErrInvalid))
		}
		if !m.State(c.Path).Equal(c.From) {
			return fmt.Errorf("applying %s: %w", c, ErrChanged)
		}
		if c.NoOp() {
			return fmt.Errorf("applying %s: it changes nothing", c)
		}
		switch c.To.Kind {
		case change.Absent:
			for name := range m.nodes {
				if path.Dir(name) == c.Path {
					return fmt.Errorf("applying %s: %s is in it", c, name)
				}
			}
			delete(m.nodes, c.Path)
		case change.Dir:
			m.Mkdir(c.Path)
			m.nodes[c.Path].entry.Mode = fs.ModeDir | c.To.Mode
		case change.Link:
			delete(m.nodes, c.Path)
			m.Link(c.Path, c.To.Target)
		case change.File:
			if m.nodes[c.Path] != nil && !m.nodes[c.Path].entry.Mode.IsRegular() {
				delete(m.nodes, c.Path)
			}
			m.Write(c.Path, c.To.Data)
			m.nodes[c.Path].entry.Mode = c.To.Mode
		}
	}
	return nil
}
