package change

import (
	"bytes"
	"fmt"
	"io/fs"
)

// Kind is the type of what stands at a path.
type Kind int

// The kinds of things a transaction knows how to make and to take away.
const (
	Absent Kind = iota // nothing is there
	File               // a regular file
	Link               // a symbolic link, itself
	Dir                // a directory
)

// String returns the word that the journal uses.
func (k Kind) String() string {
	switch k {
	case Absent:
		return "absent"
	case File:
		return "file"
	case Link:
		return "link"
	case Dir:
		return "dir"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// MarshalText writes the word of String.
func (k Kind) MarshalText() ([]byte, error) {
	if k < Absent || k > Dir {
		return nil, fmt.Errorf("unknown kind of file %d", int(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads the word of String.
func (k *Kind) UnmarshalText(text []byte) error {
	for c := Absent; c <= Dir; c++ {
		if c.String() == string(text) {
			*k = c
			return nil
		}
	}
	return fmt.Errorf("unknown kind of file %q", text)
}

// Keep as UID or GID means: the owner stays as it is; a new file gets the owner of its directory.
const Keep = -1

// permMask is every bit that chmod(2) sets, in the notation of fs.FileMode.
const permMask = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

func perm(m fs.FileMode) fs.FileMode { return m & permMask }

// State is what stands at a path. The zero value is "nothing".
type State struct {
	Kind     Kind
	Data     []byte      // File: the bytes
	Mode     fs.FileMode // File, Dir: permission bits; type bits are ignored
	UID, GID int         // owner, or Keep
	Target   string      // Link: its text
}

// NewFile is a regular file with the owner of its directory, or, as a replacement, the owner the file had.
func NewFile(data []byte, mode fs.FileMode) State {
	return State{Kind: File, Data: data, Mode: perm(mode), UID: Keep, GID: Keep}
}

// NewLink is a symbolic link with the given text.
func NewLink(target string) State { return State{Kind: Link, Target: target, UID: Keep, GID: Keep} }

// WithData is the same file with other bytes; a missing file becomes one with mode 0644.
func (s State) WithData(data []byte) State {
	if s.Kind != File {
		return NewFile(data, 0o644)
	}
	s.Data = data
	return s
}

// WithMode is the same file or directory with other permission bits.
func (s State) WithMode(mode fs.FileMode) State {
	s.Mode = perm(mode)
	return s
}

// Private is the same file without any access for group and others: what a file becomes that receives credentials.
func (s State) Private() State { return s.WithMode(s.Mode &^ 0o077) }

// Equal reports whether both are the same thing: kind, bytes, permission bits, link text and owner. Keep equals every owner; the mode and owner of a link do not
// count (symlink(7): they are not used).
func (s State) Equal(t State) bool {
	if s.Kind != t.Kind {
		return false
	}
	switch s.Kind {
	case Absent:
		return true
	case Link:
		return s.Target == t.Target
	case File:
		if !bytes.Equal(s.Data, t.Data) {
			return false
		}
	case Dir:
	}
	return perm(s.Mode) == perm(t.Mode) && sameID(s.UID, t.UID) && sameID(s.GID, t.GID)
}

func sameID(a, b int) bool { return a == b || a == Keep || b == Keep }
