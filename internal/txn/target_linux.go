package txn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// hostTarget is the files below one root. Every path is resolved once, by Locate; after that its directories are opened one by one from the root's descriptor without
// following links, so that nothing outside the root is reached and a link planted in between is an error.
type hostTarget struct {
	root  *os.File
	calls calls
	lock  *os.File // the lock of the state directory while this process holds it; children hold it, too
}

var _ Target = (*hostTarget)(nil)

// platform gives the target and the state directory of this system.
func platform(f *host.FS, stateDir string, fault Fault) (Target, stateOpener, error) {
	root, err := f.OpenAt("/", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, nil, err
	}
	t := &hostTarget{root: root, calls: calls{fault}}
	return t, &stateHome{target: t, path: stateDir}, nil
}

// Can implements Target.
func (t *hostTarget) Can() Capabilities {
	return Capabilities{Atomic: true, Delete: true, Durable: true, Modes: true}
}

// Locate implements Target. Errors: *UnsafeError, and those of open(2).
func (t *hostTarget) Locate(name string, follow bool) (Place, error) {
	real, hands, err := t.resolve(name, follow)
	if err != nil {
		return Place{}, err
	}
	if real == "/" {
		return Place{}, &UnsafeError{Path: name, Reason: "it is the root directory"}
	}
	dir, missing, err := t.descend(path.Dir(real))
	if err != nil {
		return Place{}, err
	}
	defer dir.Close()
	if hands.uid >= 0 && dir.trust.uid != hands.uid {
		return Place{}, &UnsafeError{Path: name, Reason: fmt.Sprintf("user %d leads it, by a link, to %s, which is not theirs", hands.uid, real)}
	}
	p := Place{Path: name, Real: real}
	p.DirUID, p.DirGID = dir.owner()
	at := path.Dir(real)
	for range missing {
		p.Dirs = append([]string{at}, p.Dirs...)
		at = path.Dir(at)
	}
	if len(missing) > 0 {
		return p, nil
	}
	r, err := t.on(dir, errand{Do: doInspect, Place: p})
	return r.Place, err
}

// inspect fills in what the file that is there says about how it may be changed.
func (t *hostTarget) inspect(dir *folder, base string, p *Place) error {
	f, err := openat(int(dir.Fd()), base, p.Real, unix.O_PATH|unix.O_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: p.Real, Err: err}
	}
	if err := dir.trust.enter(p.Real, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	mount, err := isMount(dir.File, f)
	if err != nil {
		return err
	}
	switch {
	case mount:
		p.InPlace = MountPoint
	case st.Nlink > 1:
		p.InPlace = HardLinks
	}
	r, err := openat(int(dir.Fd()), base, p.Real, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer r.Close()
	p.Xattrs, err = xattrs(r)
	return err
}

// Read implements Target. Errors: host.ErrNotRegular and host.ErrTooLarge wrapped with the path, *UnsafeError, and those of open(2).
func (t *hostTarget) Read(p Place) (change.State, error) {
	r, err := t.within(errand{Do: doRead, Place: p})
	if errors.Is(err, fs.ErrNotExist) {
		return change.State{}, nil
	}
	return r.State, err
}

// readAt gives the state of one name in an open directory.
func readAt(dir *folder, base, name string) (change.State, error) {
	handle, err := openat(int(dir.Fd()), base, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return change.State{}, err
	}
	defer handle.Close()
	s, err := describe(handle, dir.trust)
	if err != nil || s.Kind != change.File {
		return s, err
	}
	// The type was looked at first: opening a device or a FIFO can do things.
	f, err := openat(int(dir.Fd()), base, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return change.State{}, err
	}
	defer f.Close()
	if s, err = describe(f, dir.trust); err != nil || s.Kind != change.File {
		return s, err
	}
	if s.Data, err = io.ReadAll(io.LimitReader(f, host.MaxFileSize+1)); err != nil {
		return change.State{}, err
	}
	if len(s.Data) > host.MaxFileSize {
		return change.State{}, &fs.PathError{Op: "read", Path: name, Err: host.ErrTooLarge}
	}
	return s, nil
}

// describe gives the state of an open file without its bytes.
func describe(f *os.File, owner trust) (change.State, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return change.State{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	if err := owner.enter(f.Name(), &st); err != nil {
		return change.State{}, err
	}
	s := change.State{Mode: host.Mode(st.Mode), UID: int(st.Uid), GID: int(st.Gid)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.Kind = change.File
	case unix.S_IFDIR:
		s.Kind = change.Dir
	case unix.S_IFLNK:
		s.Kind, s.Mode = change.Link, 0
		var err error
		s.Target, err = readlink(int(f.Fd()), "", f.Name())
		return s, err
	default:
		return change.State{}, &fs.PathError{Op: "read", Path: f.Name(), Err: host.ErrNotRegular}
	}
	return s, nil
}
