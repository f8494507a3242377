package txn

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// isMount reports whether an open file is on another mount than its directory: rename onto it would give EBUSY, or, from another mount namespace, take the mount
// away (rename(2), mount_namespaces(7)).
func isMount(dir, f *os.File) (bool, error) {
	a, err := mountID(dir)
	if err != nil {
		return false, err
	}
	b, err := mountID(f)
	return a != b, err
}

// mountID asks statx(2) (Linux 5.8) and before that /proc (Linux 3.15).
func mountID(f *os.File) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st)
	if err == nil && st.Mask&unix.STATX_MNT_ID != 0 {
		return st.Mnt_id, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/fdinfo/%d", f.Fd()))
	if err != nil {
		return 0, fmt.Errorf("finding the mount of %s: %w", f.Name(), err)
	}
	for line := range strings.Lines(string(text)) {
		var id uint64
		if _, err := fmt.Sscanf(line, "mnt_id: %d", &id); err == nil {
			return id, nil
		}
	}
	return 0, fmt.Errorf("finding the mount of %s: no mnt_id", f.Name())
}

// xattrs gives the extended attributes of an open file: the SELinux label, access lists, and what users put there. Signatures over the content are left out: they
// would be wrong for other bytes.
func xattrs(f *os.File) (map[string][]byte, error) {
	names, err := host.XattrBytes(func(buf []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), buf) })
	if err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: f.Name(), Err: err}
	}
	var out map[string][]byte
	for name := range strings.SplitSeq(string(names), "\x00") {
		if name == "" || name == "security.ima" || name == "security.evm" {
			continue
		}
		value, err := host.XattrBytes(func(buf []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, buf) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			// Not ours to see, so not ours to copy.
			continue
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

// giveXattrs puts attributes onto a new file. One that is there already with the same value, as a default SELinux label is, is not written.
func (t *hostTarget) giveXattrs(f *os.File, want map[string][]byte) error {
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
		err := t.calls.setxattr(f, name, want[name])
		if errors.Is(err, unix.EPERM) && strings.HasPrefix(name, "security.") && os.Geteuid() != 0 {
			// Labels are root's or the security module's to give (xattr(7)): whoever else replaces the file gets the one that new files have there.
			continue
		}
		if err != nil {
			return fmt.Errorf("copying attribute %s: %w", name, err)
		}
	}
	return nil
}
