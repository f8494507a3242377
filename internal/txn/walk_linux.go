package txn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is the kernel's own limit of links in one look-up (path_resolution(7)).
const maxLinks = 40

// trust follows a path from the root and remembers through whose hands it went: once an element belongs to somebody else than root or this process, everything below it
// must belong to the same user. It is the idea of systemd's unsafe_transition (src/basic/fs-util.c): an unprivileged user must not be able to lead us, by a link or a
// directory of theirs, to something of somebody else.
type trust struct {
	euid     int
	uid, gid int // whose place this is; -1 as long as only root and this process had a hand in it
}

func newTrust() trust { return trust{euid: os.Geteuid(), uid: -1, gid: -1} }

// enter checks the next element. A process that is not root needs no protection of this kind: the kernel judges it by its own rights.
func (t *trust) enter(name string, st *unix.Stat_t) error {
	uid := int(st.Uid)
	switch {
	case t.euid != 0:
	case t.uid >= 0 && uid != t.uid:
		return &UnsafeError{Path: name, Reason: fmt.Sprintf("it belongs to user %d, and the way to it is in the hands of user %d", uid, t.uid)}
	case t.uid < 0 && uid != 0 && uid != t.euid:
		t.uid, t.gid = uid, int(st.Gid)
	}
	return nil
}

// pass notes an element that a look-up goes through, of which only a part stays in the resolved path. Through root's places everybody may lead.
func (t *trust) pass(name string, st *unix.Stat_t) error {
	if uid := int(st.Uid); t.euid == 0 && uid != 0 && uid != t.euid {
		return t.enter(name, st)
	}
	return nil
}

// folder is an open directory and whose it is.
type folder struct {
	*os.File
	trust trust
	stat  unix.Stat_t
}

// owner is whose the files and directories become that are made here: the directory's owner's, as far as this process can give something away (chown(2)). One
// without that right makes its own, with the group that the kernel gives them (inode_init_owner: the directory's where it has the set-group-ID bit).
func (f *folder) owner() (uid, gid int) {
	if f.trust.euid == 0 || int(f.stat.Uid) == f.trust.euid {
		return int(f.stat.Uid), int(f.stat.Gid)
	}
	if f.stat.Mode&unix.S_ISGID != 0 {
		return f.trust.euid, int(f.stat.Gid)
	}
	return f.trust.euid, os.Getegid()
}

// descend opens the directories of real one by one, following no link, and stops at the first that is missing. rest are the missing ones.
func (t *hostTarget) descend(real string) (f *folder, rest []string, err error) {
	fd, err := openat(int(t.root.Fd()), ".", "/", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, nil, err
	}
	f = &folder{File: fd, trust: newTrust()}
	if err := unix.Fstat(int(fd.Fd()), &f.stat); err != nil {
		fd.Close()
		return nil, nil, &fs.PathError{Op: "stat", Path: "/", Err: err}
	}
	elems := elements(real)
	for i, elem := range elems {
		name := "/" + strings.Join(elems[:i+1], "/")
		next, err := openat(int(f.Fd()), elem, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			return f, elems[i:], nil
		}
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		f.File = next
		if err = unix.Fstat(int(next.Fd()), &f.stat); err != nil {
			err = &fs.PathError{Op: "stat", Path: name, Err: err}
		} else {
			err = f.trust.enter(name, &f.stat)
		}
		if err != nil {
			next.Close()
			return nil, nil, err
		}
	}
	return f, nil, nil
}

func elements(p string) []string {
	p = strings.Trim(path.Clean("/"+p), "/")
	if p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

func openat(dir int, base, name string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Openat(dir, base, flags|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// resolve follows every link of name inside the root and gives the path of what it leads to, which may be missing, and the user who had a hand in where it leads. The
// caller checks that it led to a place of theirs.
func (t *hostTarget) resolve(name string, follow bool) (string, trust, error) {
	rest, at, links := elements(name), "/", 0
	hands := newTrust()
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, elem)
		text, st, err := t.peek(at, elem)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// What is missing has no links: the rest is taken as it is spelled.
			return path.Join(append([]string{next}, rest...)...), hands, nil
		case err != nil:
			return "", hands, err
		}
		kind := st.Mode & unix.S_IFMT
		if len(rest) == 0 && (!follow || kind != unix.S_IFLNK) {
			return next, hands, nil
		}
		if err := hands.pass(next, st); err != nil {
			return "", hands, err
		}
		if kind != unix.S_IFLNK {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", hands, &fs.PathError{Op: "open", Path: name, Err: unix.ELOOP}
		}
		if path.IsAbs(text) {
			at = "/"
		}
		rest = append(strings.Split(strings.Trim(text, "/"), "/"), rest...)
	}
	return at, hands, nil
}

// peek describes one name in the directory dir, and gives the text of a link.
func (t *hostTarget) peek(dir, base string) (text string, st *unix.Stat_t, err error) {
	f, missing, err := t.descend(dir)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	name := path.Join(dir, base)
	if len(missing) > 0 {
		return "", nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	link, err := openat(int(f.Fd()), base, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return "", nil, err
	}
	defer link.Close()
	st = new(unix.Stat_t)
	if err := unix.Fstat(int(link.Fd()), st); err != nil {
		return "", nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		text, err = readlink(int(link.Fd()), "", name)
	}
	return text, st, err
}

func readlink(dir int, base, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, base, buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(buf[:n]), nil
}
