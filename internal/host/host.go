// Package host reads files of one root directory: the running system's "/" or a directory given by --root.
//
// It never writes; internal/txn is the only writer. Every path is absolute as the host itself would spell it ("/etc/docker/daemon.json") and is taken
// inside the root: links, absolute ones too, are resolved as if the root were "/", so nothing outside can be reached. Start reading at FS.
package host

import (
	"errors"
	"io/fs"
	"time"
)

// MaxFileSize is the largest file ReadFile returns, in bytes. Configuration files of Docker, systemd and init scripts are far smaller;
// a larger one is refused instead of being read into memory.
const MaxFileSize = 1 << 20

// ErrTooLarge says that a file has more than MaxFileSize bytes.
var ErrTooLarge = errors.New("file is larger than 1 MiB")

// ErrNotRegular says that a path leads to a directory, device, socket or FIFO where a file was expected.
var ErrNotRegular = errors.New("not a regular file")

// Info is what stat(2) says about a file.
type Info struct {
	Mode     fs.FileMode // type and permission bits
	UID, GID int         // -1 where the platform has none
	Size     int64       // bytes
	ModTime  time.Time   // mtime
	Change   time.Time   // ctime; the zero time where the platform has none
	Dev, Ino uint64
	Nlink    uint64
}
