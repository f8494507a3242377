package crash

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// node is one name of a tree.
type node struct {
	mode     uint32 // st_mode: type and permission bits
	uid, gid int
	text     string            // bytes of a file, text of a link
	same     string            // of a file with several names: the first of them
	attrs    map[string]string // extended attributes
}

// tree is everything below a directory, by absolute name inside it; the directory itself is "/".
type tree map[string]node

// stateDir is where the journal lies; workerName is the program inside a root that a worker is confined to.
const (
	stateDir   = "/var/lib/docker-proxy"
	workerName = "/crash-worker"
)

// scenery reports whether a name in a root is what a worker needs there and no part of the tree. Mount points are among it, which must stay: a mount goes when its directory is
// removed in another namespace (mount_namespaces(7)).
func scenery(rel string) bool { return rel == workerName || rel == "/proc" || rel == "/dev" }

func (n node) kind() uint32 { return n.mode & unix.S_IFMT }

func (n node) equal(o node) bool {
	return n.mode == o.mode && n.uid == o.uid && n.gid == o.gid && n.text == o.text && n.same == o.same && maps.Equal(n.attrs, o.attrs)
}

func (n node) String() string {
	return fmt.Sprintf("%06o %d:%d %q same=%q %q", n.mode, n.uid, n.gid, n.text, n.same, n.attrs)
}

// takeTree reads all there is below dir.
func takeTree(dir string) (tree, error) {
	t, first := tree{}, map[uint64]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := path.Join("/", strings.TrimPrefix(name, dir))
		if scenery(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		t[rel], err = takeNode(name, rel, first)
		return err
	})
	return t, err
}

func takeNode(name, rel string, first map[uint64]string) (node, error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return node{}, fmt.Errorf("looking at %s: %w", name, err)
	}
	n := node{mode: st.Mode, uid: int(st.Uid), gid: int(st.Gid)}
	switch n.kind() {
	case unix.S_IFREG:
		data, err := os.ReadFile(name)
		if err != nil {
			return n, err
		}
		n.text = string(data)
		if st.Nlink > 1 {
			if first[st.Ino] == "" {
				first[st.Ino] = rel
			}
			n.same = first[st.Ino]
		}
	case unix.S_IFLNK:
		text, err := os.Readlink(name)
		n.text = text
		return n, err
	}
	var err error
	n.attrs, err = takeAttrs(name)
	return n, err
}

func takeAttrs(name string) (map[string]string, error) {
	var buf [4096]byte
	n, err := unix.Llistxattr(name, buf[:])
	if err != nil || n == 0 {
		if errors.Is(err, unix.ENOTSUP) {
			err = nil
		}
		return nil, err
	}
	attrs := map[string]string{}
	for attr := range strings.SplitSeq(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		var value [4096]byte
		m, err := unix.Lgetxattr(name, attr, value[:])
		if err != nil {
			return nil, fmt.Errorf("attribute %s of %s: %w", attr, name, err)
		}
		attrs[attr] = string(value[:m])
	}
	return attrs, nil
}

// restore makes dir hold the tree and nothing else. Only root gives files to others: for everybody else the trees of scenarios are their own.
func (t tree) restore(dir string) error {
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if scenery("/" + e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	for _, rel := range t.names() { // directories come before what is in them
		if err := t[rel].make(dir, rel); err != nil {
			return fmt.Errorf("making %s: %w", rel, err)
		}
	}
	return nil
}

func (t tree) names() []string { return slices.Sorted(maps.Keys(t)) }

func (n node) make(dir, rel string) error {
	name := filepath.Join(dir, rel)
	var err error
	switch {
	case rel == "/":
	case n.same != "" && n.same != rel:
		return os.Link(filepath.Join(dir, n.same), name)
	case n.kind() == unix.S_IFDIR:
		err = unix.Mkdir(name, 0o700)
	case n.kind() == unix.S_IFLNK:
		if err := os.Symlink(n.text, name); err != nil || os.Getuid() != 0 {
			return err
		}
		return os.Lchown(name, n.uid, n.gid)
	case n.kind() == unix.S_IFREG:
		err = os.WriteFile(name, []byte(n.text), 0o600)
	default:
		return fmt.Errorf("kind %o", n.kind())
	}
	if err != nil {
		return err
	}
	if n.uid != os.Getuid() || n.gid != os.Getgid() {
		if err := os.Lchown(name, n.uid, n.gid); err != nil && !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	for attr, value := range n.attrs {
		// tmpfs has attributes of users since Linux 6.6, and nobody but root gives trusted ones: the file then has none.
		if err := unix.Setxattr(name, attr, []byte(value), 0); err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	return unix.Chmod(name, n.mode&0o7777)
}

// host is the tree without the journal.
func (t tree) host() tree {
	out := tree{}
	for name, n := range t {
		if name != stateDir && !strings.HasPrefix(name, stateDir+"/") {
			out[name] = n
		}
	}
	return out
}

func (t tree) equal(o tree) bool { return maps.EqualFunc(t, o, node.equal) }

// differs lists the names that are not the same in two trees, and how.
func differs(got, want tree) string {
	all := maps.Clone(got)
	maps.Copy(all, want)
	var b strings.Builder
	for _, name := range all.names() {
		g, isThere := got[name]
		w, wanted := want[name]
		switch {
		case !isThere:
			fmt.Fprintf(&b, "  %s is missing, want %v\n", name, w)
		case !wanted:
			fmt.Fprintf(&b, "  %s is there: %v\n", name, g)
		case !g.equal(w):
			fmt.Fprintf(&b, "  %s is %v\n    want %v\n", name, g, w)
		}
	}
	return b.String()
}

// filesBetween counts the files, links included, that are not the same in two trees; names of one file count once.
func filesBetween(a, b tree) int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	n := 0
	for name := range all {
		x, y := a[name], b[name]
		if x.equal(y) || x.kind() == unix.S_IFDIR || y.kind() == unix.S_IFDIR || x.same != "" && x.same != name {
			continue
		}
		n++
	}
	return n
}
