package txn

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Target is a place whose files a transaction changes: this host, a root directory, later a container. Creating, removing, linking and changing a mode are all Swap
// between two states, so that undoing is Swap in the other direction.
type Target interface {
	// Locate finds what a change of name would touch; follow says whether a link in the last element is followed. Nothing is changed.
	Locate(name string, follow bool) (Place, error)
	// Read gives the state of a place, owners included.
	Read(p Place) (change.State, error)
	// Swap makes the place, which is in state from, be in state to, durably. *ChangedError when it is not in state from.
	Swap(p Place, from, to change.State) error
	// Clean takes away what an interrupted Swap may have left beside the place.
	Clean(p Place) error
	// Prune removes the directories that Swap made for the place, as far as they are empty.
	Prune(p Place) error
	// Can says what the target is able to do.
	Can() Capabilities
}

// Capabilities says what a target can do.
type Capabilities struct {
	Atomic  bool // a file is replaced in one step
	Delete  bool // files can be removed
	Durable bool // a Swap that returned survives a loss of power
	Modes   bool // permission bits and owners exist
}

// Place is where a change happens. It is part of the journal.
type Place struct {
	Path string `json:"path"` // as the change named it
	Real string `json:"real"` // after all links
	// Dirs are the missing directories above Real, outermost first; Swap makes them.
	Dirs []string `json:"dirs,omitempty"`
	// InPlace is empty, or the reason why the file must be rewritten in place instead of being replaced.
	InPlace InPlace `json:"inPlace,omitempty"`
	// DirUID and DirGID own the nearest directory that exists: the owner of new files and directories.
	DirUID int `json:"dirUid"`
	DirGID int `json:"dirGid"`
	// Xattrs are the extended attributes of the file that is there, for a removal that is undone.
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	// Temp is the base name for the new file until it is renamed; made from the entry, never taken from the journal.
	Temp string `json:"-"`
}

// InPlace is why a file cannot be replaced by rename.
type InPlace string

// The reasons to rewrite a file in place.
const (
	MountPoint InPlace = "mount-point" // a bind-mounted file: rename gives EBUSY (rename(2))
	HardLinks  InPlace = "hard-links"  // other names lead to the same file and would keep the old bytes
)

// Outcome is what happened to one file, for the report.
type Outcome struct {
	Path, Real string
	Verb       string  // as change.Change.Verb
	InPlace    InPlace // not empty: the file was rewritten in place
	Kept       bool    // a directory that was to be removed is not empty and stays
}

// tempName is the base name of a file under construction. It begins with a dot, so that globs of systemd.exec(5) EnvironmentFile= and of shells pass it by, and ends in
// .tmp, which no reader of *.conf, *.crt, *.json or *.env accepts.
func tempName(real string, id, n int) string {
	base := filepath.Base(real)
	// NAME_MAX is 255 bytes; the tail alone makes the name unique in its directory.
	return fmt.Sprintf(".%s.docker-proxy-%d-%d.tmp", base[:min(len(base), 200)], id, n)
}

// modeBits are the bits that chmod(2) sets.
func modeBits(m fs.FileMode) fs.FileMode {
	return m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}
