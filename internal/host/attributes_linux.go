package host

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Mode turns the permission bits of stat(2), without the type, into those of fs.FileMode.
func Mode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// SysMode is the inverse of Mode, for chmod(2).
func SysMode(m fs.FileMode) uint32 {
	n := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		n |= unix.S_ISUID
	}
	if m&fs.ModeSetgid != 0 {
		n |= unix.S_ISGID
	}
	if m&fs.ModeSticky != 0 {
		n |= unix.S_ISVTX
	}
	return n
}

// maxGrowth is how often an attribute that grows while it is read is asked for again.
const maxGrowth = 1000

// XattrBytes reads an extended attribute, or the list of their names, by a get that fills a buffer and, given none, tells the size. It is asked again when the value grew in
// between; the kernel's limit is 64 KiB (xattr(7)). Nil where the file system has no attributes.
func XattrBytes(get func([]byte) (int, error)) ([]byte, error) {
	for tries := 0; ; tries++ {
		n, err := get(nil)
		if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = get(buf)
		if errors.Is(err, unix.ERANGE) && tries < maxGrowth {
			continue
		}
		return buf[:max(n, 0)], err
	}
}
