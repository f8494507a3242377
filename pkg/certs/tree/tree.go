// Package tree reads the file system of a container, an image, a machine or a directory, whatever the way to it is.
//
// It has the interface only, and pure functions over it; nothing here changes a file. Package target has the ways: a container's own root directory, the Docker
// archive API, this machine. Start at Tree.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// MaxFile is the largest file that is read or written, in bytes: the largest real bundle has about 250 kB, the largest Java store about 200 kB.
const MaxFile = 16 << 20

// Tree is a file system as its own programs see it: every name is absolute in it, slash-separated and clean, and no link leads out of it.
type Tree interface {
	// Lstat describes a name; links in the directories above it are followed, one in the last element is not. An error matches fs.ErrNotExist where nothing is
	// there, or something that is no directory is in the way.
	Lstat(name string) (Entry, error)
	// ReadDir lists a directory, links in name followed, sorted by name. Errors as of Lstat.
	ReadDir(name string) ([]Entry, error)
	// ReadFile gives the bytes of a regular file; a link in the last element is followed. *TooLargeError above MaxFile, *NotRegularError for anything else than a
	// regular file, which is never opened for reading.
	ReadFile(name string) ([]byte, error)
}

// Entry is what stands at a name.
type Entry struct {
	Path     string      // as asked for; for ReadDir the directory joined with the name
	Mode     fs.FileMode // with type bits
	UID, GID int         // as the tree's own programs see them
	Size     int64
	ModTime  time.Time // with nanoseconds where the way to the tree tells them
	Target   string    // of a symbolic link: its text
	// Mount says that the name is on another mount than the root directory of the tree: a volume, a bind mount, a tmpfs. Source names it where it is known, as
	// "volume NAME", "/path on the host" or "tmpfs".
	Mount  bool
	Source string
	// ReadOnly says that the mount, or the root file system, does not take writes.
	ReadOnly bool
}

// IsLink reports a symbolic link.
func (e Entry) IsLink() bool { return e.Mode&fs.ModeSymlink != 0 }

// State is the entry as a change needs it, without bytes: Absent for what is neither file, directory nor link.
func (e Entry) State() change.State {
	switch {
	case e.IsLink():
		return change.NewLink(e.Target)
	case e.Mode.IsRegular():
		return change.State{Kind: change.File, Mode: e.Mode.Perm() | e.Mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky), UID: e.UID, GID: e.GID}
	case e.Mode.IsDir():
		return change.State{Kind: change.Dir, Mode: e.Mode.Perm() | e.Mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky), UID: e.UID, GID: e.GID}
	}
	return change.State{}
}

// TooLargeError is a file above MaxFile.
type TooLargeError struct {
	Path string
	Size int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes; more than %d are not read", e.Path, e.Size, MaxFile)
}

// NotRegularError is a device, FIFO, socket or directory where a file should be.
type NotRegularError struct {
	Path string
	Mode fs.FileMode
}

func (e *NotRegularError) Error() string {
	return fmt.Sprintf("%s is not a regular file (%s)", e.Path, e.Mode)
}

// maxLinks is how many links one name may go through, as the kernel has it (path_resolution(7)).
const maxLinks = 40

// ErrLoop is a name that goes through more than 40 links.
var ErrLoop = errors.New("too many levels of symbolic links")

// Resolve follows every link of name, the last one too, and returns where it leads, also when nothing is there (then the error matches fs.ErrNotExist and the
// returned path is where a file written through the name would be made).
func Resolve(t Tree, name string) (string, Entry, error) {
	todo := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	at := "/"
	var last Entry
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		e, err := t.Lstat(next)
		if err != nil {
			return path.Join(append([]string{next}, todo...)...), Entry{}, err
		}
		if e.IsLink() {
			if links++; links > maxLinks {
				return "", Entry{}, fmt.Errorf("%s: %w", name, ErrLoop)
			}
			todo = append(strings.Split(e.Target, "/"), todo...)
			if strings.HasPrefix(e.Target, "/") {
				at = "/"
			}
			continue
		}
		at, last = next, e
	}
	if at == "/" || last.Path != at {
		e, err := t.Lstat(at)
		return at, e, err
	}
	return at, last, nil
}
