package target

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
)

// replace makes the new file or link beside the old one and renames it over it. Nothing is made durable: a container that is lost with its machine is made again.
func (t *rootTarget) replace(p *place, to change.State, attrs map[string][]byte) error {
	uid, gid := p.dir.uid, p.dir.gid
	if p.state.Kind != change.Absent {
		uid, gid = p.uid, p.gid
	}
	uid, gid, err := t.owner(p.dir, to, uid, gid)
	if err != nil {
		return err
	}
	temp := tempName(rand.Uint64())
	err = t.build(p, temp, to, uid, gid, attrs)
	if errors.Is(err, fs.ErrExist) { // not ours
		return err
	}
	if err == nil {
		err = t.moveIn(p, temp)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(t.calls().unlink(p.dir, temp)))
	}
	return nil
}

// moveIn puts the finished file in the place of the old one. The look before it is what the change was planned against; where nothing was, nothing may be.
func (t *rootTarget) moveIn(p *place, temp string) error {
	before, had := p.was, p.state.Kind != change.Absent
	if !had {
		err := t.calls().rename(p.dir, temp, p.base, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EEXIST) {
			return &ChangedError{Path: p.real()}
		}
		if !errors.Is(err, unix.EINVAL) { // a file system without the flag
			return err
		}
	}
	// Once more, as late as can be: not replaced since, and no mount.
	now, err := t.entry(p.dir.File, p.base, p.dir.path(p.base))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !had:
	case err != nil:
		return &ChangedError{Path: p.real()}
	case !had || now.Mode != before.Mode || now.Size != before.Size || !now.ModTime.Equal(before.ModTime) || now.Target != before.Target || now.Mount != before.Mount:
		return &ChangedError{Path: p.real()}
	}
	return t.calls().rename(p.dir, temp, p.base, 0)
}

// build makes the new file, complete.
func (t *rootTarget) build(p *place, temp string, to change.State, uid, gid int, attrs map[string][]byte) error {
	if to.Kind == change.Link {
		if err := t.calls().symlink(to.Target, p.dir, temp); err != nil {
			return err
		}
		return t.calls().chownLink(p.dir, temp, uid, gid)
	}
	f, err := t.calls().create(p.dir, temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.calls().write(f, to.Data); err != nil {
		return err
	}
	// The owner first: chown clears set-id bits (chown(2)), and the mode last, since an access list moves the group bits (acl(5)).
	if err := t.calls().chown(f, uid, gid); err != nil {
		return err
	}
	if p.state.Kind == change.File {
		if attrs, err = xattrsAt(p.dir, p.base); err != nil {
			return err
		}
	}
	if err := t.giveXattrs(f, attrs); err != nil {
		return err
	}
	return t.calls().chmod(f, to.Mode)
}

// rewrite changes a file in place: one that is a mount, or on one.
func (t *rootTarget) rewrite(p *place, to change.State) error {
	handle, err := openat(int(p.dir.Fd()), p.base, p.dir.path(p.base), unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer handle.Close()
	st, err := statx(handle, "", handle.Name())
	if err != nil {
		return err
	}
	if !fileMode(st.Mode).IsRegular() {
		return &ChangedError{Path: p.real()}
	}
	if _, kernel, err := mountFlags(handle); err != nil || kernel {
		return errors.Join(err, &UnsupportedError{Path: p.real(), Reason: "it is a file of the kernel"})
	}
	f, err := reopen(handle, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer f.Close()
	uid, gid, err := t.owner(p.dir, to, int(st.Uid), int(st.Gid))
	if err != nil {
		return err
	}
	if err := t.fill(f, to.Data); err != nil {
		return errors.Join(err, t.fill(f, p.state.Data))
	}
	if uid != int(st.Uid) || gid != int(st.Gid) {
		if err := t.calls().chown(f, uid, gid); err != nil {
			return err
		}
	}
	if host.SysMode(to.Mode) != host.SysMode(fileMode(st.Mode)) {
		return t.calls().chmod(f, to.Mode)
	}
	return nil
}

// fill makes data all that is in a file.
func (t *rootTarget) fill(f *os.File, data []byte) error {
	if err := t.calls().write(f, data); err != nil {
		return err
	}
	return t.calls().truncate(f, len(data))
}

// xattrsAt gives the extended attributes of a regular file: the SELinux label, access lists, and what users put there. Signatures over the content are left out: they would
// be wrong for other bytes.
func xattrsAt(d *folder, base string) (map[string][]byte, error) {
	handle, err := openat(int(d.Fd()), base, d.path(base), unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	st, err := statx(handle, "", handle.Name())
	if err != nil {
		return nil, err
	}
	if !fileMode(st.Mode).IsRegular() {
		return nil, nil
	}
	f, err := reopen(handle, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return xattrs(f)
}

func xattrs(f *os.File) (map[string][]byte, error) {
	names, err := host.XattrBytes(func(buf []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), buf) })
	if err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: f.Name(), Err: err}
	}
	var out map[string][]byte
	for name := range strings.SplitSeq(string(names), "\x00") {
		if name == "" || name == "security.ima" || name == "security.evm" || strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		value, err := host.XattrBytes(func(buf []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, buf) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			continue // gone, or not ours to see
		}
		if err != nil {
			return nil, &fs.PathError{Op: "getxattr", Path: f.Name(), Err: err}
		}
		if out == nil {
			out = map[string][]byte{}
		}
		out[name] = value
	}
	return out, nil
}

// giveXattrs puts attributes onto a new file. One that is there already with the same value, as a default SELinux label is, is not written, and one that this file
// system does not take is left out.
func (t *rootTarget) giveXattrs(f *os.File, want map[string][]byte) error {
	if len(want) == 0 {
		return nil
	}
	have, err := xattrs(f)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[name]; ok && bytes.Equal(v, want[name]) {
			continue
		}
		if err := t.calls().setxattr(f, name, want[name]); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return err
		}
	}
	return nil
}
