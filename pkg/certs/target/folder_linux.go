package target

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// folder is an open directory of the container in which something is changed. Everything after it was opened goes by its descriptor, so that whoever moves directories
// about meanwhile moves what is changed and leads nowhere else.
type folder struct {
	*os.File
	at       string // absolute, without links
	uid, gid int    // of the directory, as this machine has them
	mount    uint64
	entry    tree.Entry
}

func (d *folder) path(base string) string { return path.Join(d.at, base) }

// openFolder opens a directory by a name without links.
func (t *rootTarget) openFolder(name string) (*folder, error) {
	f, err := t.openExact(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	st, err := statx(f, "", name)
	if err != nil {
		f.Close()
		return nil, err
	}
	e, err := t.entry(f, "", name)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &folder{File: f, at: path.Clean("/" + name), uid: int(st.Uid), gid: int(st.Gid), mount: st.Mnt_id, entry: e}, nil
}

// place is where a change happens: a name in an open directory, and what is there.
type place struct {
	dir  *folder
	base string
	// missing are the directories that have to be made first, below dir and above the file; base is then the file's name in the last of them.
	missing []string
	state   change.State
	was     tree.Entry
	own     bool // the file is a mount of its own
	uid     int  // the file's owner, as this machine has it
	gid     int
}

func (p *place) Close() { p.dir.Close() }

// real is the file's name without links.
func (p *place) real() string {
	return path.Join(append(append([]string{p.dir.at}, p.missing...), p.base)...)
}

// locate finds the place of a change, and there what the change expects. Links in the directories are followed, and one in the last element, too, unless the change is about a link itself.
func (t *rootTarget) locate(c change.Change) (*place, error) {
	name, links := path.Clean("/"+c.Path), c.From.Kind == change.Link || c.To.Kind == change.Link
	if name == "/" {
		return nil, &UnsupportedError{Path: name, Reason: "it is the root directory"}
	}
	if links {
		dir, _, err := tree.Resolve(unguarded{t}, path.Dir(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return t.at(path.Join(dir, path.Base(name)), c.From)
	}
	real, _, err := tree.Resolve(unguarded{t}, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return t.at(real, c.From)
}

// at opens the place of a name without links. Bytes that are those of one of the likely states are not read into memory once more.
func (t *rootTarget) at(real string, likely ...change.State) (*place, error) {
	p := &place{base: path.Base(real)}
	for dir := path.Dir(real); ; dir = path.Dir(dir) {
		d, err := t.openFolder(dir)
		if err == nil {
			p.dir = d
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			return nil, err
		}
		p.missing = append([]string{path.Base(dir)}, p.missing...)
	}
	if len(p.missing) > 0 {
		return p, nil
	}
	if err := t.look(p, likely); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// look reads what is at a place now.
func (t *rootTarget) look(p *place, likely []change.State) error {
	name := p.dir.path(p.base)
	p.state, p.was, p.own = change.State{}, tree.Entry{}, false
	handle, err := openat(int(p.dir.Fd()), p.base, name, unix.O_PATH|unix.O_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer handle.Close()
	if p.was, err = t.entry(handle, "", name); err != nil {
		return err
	}
	p.state = p.was.State()
	st, err := statx(handle, "", name)
	if err != nil {
		return err
	}
	p.own, p.uid, p.gid = st.Mnt_id != p.dir.mount, int(st.Uid), int(st.Gid)
	if p.state.Kind == change.Absent {
		return &tree.NotRegularError{Path: name, Mode: p.was.Mode}
	}
	if p.state.Kind != change.File {
		return nil
	}
	for _, s := range likely {
		same := false
		if s.Kind == change.File && int64(len(s.Data)) == p.was.Size {
			same, err = t.holds(handle, name, s.Data)
		}
		if same || err != nil {
			p.state.Data = s.Data
			return err
		}
	}
	p.state.Data, _, err = t.readHandle(handle, name)
	return err
}

// unguarded reads on the thread it is called on: for what runs within a guarded call already.
type unguarded struct{ t *rootTarget }

func (u unguarded) Lstat(name string) (tree.Entry, error) {
	f, err := u.t.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return tree.Entry{}, err
	}
	defer f.Close()
	return u.t.entry(f, "", name)
}

func (u unguarded) ReadDir(name string) ([]tree.Entry, error) {
	return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.ErrUnsupported}
}

func (u unguarded) ReadFile(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "read", Path: name, Err: errors.ErrUnsupported}
}

// giveTime sets the time of a directory back.
func (t *rootTarget) giveTime(dir string, at time.Time) error {
	d, err := t.openFolder(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return t.calls().touch(d, ".", at)
}

func (t *rootTarget) calls() calls { return calls{&t.givenUp, t.step} }
