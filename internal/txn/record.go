package txn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// The kinds of records, in the order in which they appear in an entry.
const (
	doBegin  = "begin"  // who, when, which command
	doApply  = "apply"  // the files of one Apply with their old states; written before the first of them is touched
	doCommit = "commit" // all files of all applies are written
	doNote   = "note"   // something the caller did
	doUndo   = "undo"   // from here on the old states are put back
	doUndone = "undone" // they are back, except the paths in Foreign
	doEnd    = "end"    // nothing is left to do
)

// record is one line of an entry.
type record struct {
	Do      string    `json:"do"`
	Version int       `json:"version,omitempty"` // begin
	Time    time.Time `json:"time"`
	Command string    `json:"command,omitempty"` // begin: masked
	Reverts string    `json:"reverts,omitempty"` // begin: the entry that this one takes back
	Folded  bool      `json:"folded,omitempty"`  // begin: only what undoing needs is left, see prune
	Steps   []step    `json:"steps,omitempty"`   // apply
	Key     string    `json:"key,omitempty"`     // note
	Value   string    `json:"value,omitempty"`   // note
	Foreign []string  `json:"foreign,omitempty"` // undone
	Kept    []string  `json:"kept,omitempty"`    // commit: directories that were to be removed and were not empty
}

const journalVersion = 1

// step is one file in the journal.
type step struct {
	Place
	Layer  string `json:"layer,omitempty"`
	Secret bool   `json:"secret,omitempty"` // the old bytes may hold credentials
	After  bool   `json:"after,omitempty"`  // the new bytes may
	Range  bool   `json:"range,omitempty"`  // only the bytes that differ are to be kept
	Bare   bool   `json:"bare,omitempty"`   // the old bytes hold no setting of ours
	From   image  `json:"from"`
	To     image  `json:"to"`
	// Origins and Made are what undoing all changes of this file needs, however many there were: see origin.go. Origins are relative to To.
	Origins []image  `json:"origins,omitempty"`
	Made    []string `json:"made,omitempty"`

	Stays bool `json:"-"` // a directory that was to be removed and is still there, see record.Kept
}

// image is a state in the journal: all of it as a digest, and for old states the bytes or the part of them that differs.
type image struct {
	Kind   change.Kind `json:"kind"`
	Mode   fs.FileMode `json:"mode,omitempty"`
	UID    int         `json:"uid"`
	GID    int         `json:"gid"`
	Target string      `json:"target,omitempty"`
	Sum    string      `json:"sum,omitempty"` // SHA-256 of the bytes, hexadecimal
	Data   []byte      `json:"data,omitempty"`
	Part   bool        `json:"part,omitempty"`  // Data is not used: the bytes are those of the other state after Edits
	Edits  []edit      `json:"edits,omitempty"` // in order, not overlapping
	Hot    bool        `json:"hot,omitempty"`   // see origin
	Gone   bool        `json:"gone,omitempty"`  // the bytes are not kept (any more)
}

// edit replaces Len bytes of the other state, from At on, by Data.
type edit struct {
	At   int    `json:"at"`
	Len  int    `json:"len,omitempty"`
	Data []byte `json:"data,omitempty"`
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// newImage keeps all of a state.
func newImage(s change.State) image {
	i := image{Kind: s.Kind, Mode: modeBits(s.Mode), UID: s.UID, GID: s.GID, Target: s.Target}
	if s.Kind == change.File {
		i.Data, i.Sum = s.Data, sum(s.Data)
	}
	return i
}

// digest is the image without bytes.
func (i image) digest() image {
	if i.Kind == change.File && !i.Gone {
		i.Data, i.Edits, i.Part, i.Gone = nil, nil, false, true
	}
	return i
}

// partOf keeps only the bytes that differ from the other state.
func (i image) partOf(other []byte) image {
	if i.Kind != change.File || i.Gone || i.Part {
		return i
	}
	i.Data, i.Edits, i.Part = nil, edits(other, i.Data), true
	return i
}

// matches reports whether a state is the one the image was made of.
func (i image) matches(s change.State) bool {
	probe := change.State{Kind: i.Kind, Data: s.Data, Mode: i.Mode, UID: i.UID, GID: i.GID, Target: i.Target}
	return probe.Equal(s) && (i.Kind != change.File || i.Sum == sum(s.Data))
}

// state gives the whole state back; other is the state on the other side of the step, needed where only a part is kept. false when the bytes are not known.
func (i image) state(other []byte) (change.State, bool) {
	s := change.State{Kind: i.Kind, Mode: i.Mode, UID: i.UID, GID: i.GID, Target: i.Target}
	if i.Kind != change.File {
		return s, true
	}
	switch {
	case i.Gone:
		return s, false
	case i.Part:
		var ok bool
		if s.Data, ok = apply(other, i.Edits); !ok {
			return s, false
		}
	default:
		s.Data = i.Data
	}
	return s, sum(s.Data) == i.Sum
}

// encode writes a record as one line: the CRC-32 of the JSON in eight hexadecimal digits, a space, the JSON, a line break.
func (r record) encode() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

// decode reads the records of an entry and says how many bytes they take. A last line that was not written to its end is not an error and not counted: the process or the
// machine stopped there. Any other damage is an error.
func decode(data []byte) (records []record, size int64, err error) {
	rest := data
	for len(rest) > 0 {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		r, err := decodeLine(line)
		if !whole || errors.Is(err, errChecksum) && len(more) == 0 {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("record %d: %w", len(records)+1, err)
		}
		if err := r.check(len(records) == 0); err != nil {
			return nil, 0, fmt.Errorf("record %d: %w", len(records)+1, err)
		}
		records = append(records, r)
		size += int64(len(line)) + 1
		rest = more
	}
	return records, size, nil
}

// errChecksum says that a line is not what was written. Behind a right checksum nothing is torn: what cannot be read there comes from another version of this program.
var errChecksum = errors.New("bad checksum")

func decodeLine(line []byte) (record, error) {
	head, text, ok := strings.Cut(string(line), " ")
	want, err := strconv.ParseUint(head, 16, 32)
	if !ok || err != nil || len(head) != 8 || uint32(want) != crc32.ChecksumIEEE([]byte(text)) {
		return record{}, errChecksum
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var r record
	if err := dec.Decode(&r); err != nil {
		return record{}, err
	}
	return r, nil
}

// check refuses what this program does not write: the paths of a record decide where Recover writes.
func (r record) check(first bool) error {
	if first != (r.Do == doBegin) {
		return fmt.Errorf("%q out of order", r.Do)
	}
	if first && r.Version != journalVersion {
		return fmt.Errorf("version %d is not known", r.Version)
	}
	switch r.Do {
	case doBegin, doApply, doCommit, doNote, doUndo, doUndone, doEnd:
	default:
		return fmt.Errorf("%q is not known", r.Do)
	}
	for _, s := range r.Steps {
		if !cleanPath(s.Path) || !cleanPath(s.Real) || filepath.Dir(s.Real) == s.Real {
			return fmt.Errorf("path %q", s.Real)
		}
		for _, d := range slices.Concat(s.Dirs, s.Made) {
			if !cleanPath(d) || !strings.HasPrefix(s.Real, d+string(filepath.Separator)) {
				return fmt.Errorf("directory %q of %q", d, s.Real)
			}
		}
	}
	return nil
}

// cleanPath reports whether p is an absolute path in its shortest form, without "..".
func cleanPath(p string) bool {
	return filepath.IsAbs(p) && filepath.Clean(p) == p && !strings.ContainsRune(p, 0)
}
