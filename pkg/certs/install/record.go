package install

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Records is where records are kept: a directory of named files (txn.Records). Read of what is not there matches fs.ErrNotExist.
type Records interface {
	Names(prefix string) ([]string, error)
	Read(name string) ([]byte, error)
	Write(name string, data []byte) error
	// Append adds to the end of a record, made when it is not there. It survives the end of the process; of a killed one there may be a part.
	Append(name string, data []byte) error
	Remove(name string) error
}

// The names of records: a container's by its ID, bytes by their SHA-256 (those of one image's containers are kept once), certificates by their fingerprint.
const (
	containerPrefix = "container-"
	bytesPrefix     = "bytes-"
	certPrefix      = "cert-"
)

const recordVersion = 1

// record is what is known of one container.
type record struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Daemon  string    `json:"daemon,omitempty"`
	Time    time.Time `json:"time"` // of the last change
	// Added are the fingerprints of the certificates that were added and not removed again.
	Added []string `json:"added"`
	Files []was    `json:"files"` // in the order in which they were first changed

	steps []step // that a killed run was about to take
	lines int    // of the file
	noted int    // steps of this run that no whole record follows yet
	there bool   // the file was read
	begun bool   // it has a whole record
	half  bool   // it ends in half a line
}

// was is one file: before the first change and after the last one.
type was struct {
	Path   string   `json:"path"`
	Real   string   `json:"real"`
	Before image    `json:"before"`
	After  image    `json:"after"`
	Dir    image    `json:"dir"` // the directory it stands in, before; Absent when it was made for it
	Made   []string `json:"made,omitempty"`
	// InPlace says that the file was rewritten and not replaced, and why: it is a mount.
	InPlace string `json:"inPlace,omitempty"`
	// Xattrs are the extended attributes of a file that was removed: one that is there has them itself.
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	// Holds are the certificates that were added to a database of NSS, which others are not.
	Holds []string `json:"holds,omitempty"`
	// Foreign says that somebody else changed the file in between, so that there is no state before ours to go back to.
	Foreign bool `json:"foreign,omitempty"`
}

// image is a state without its bytes, and with its time.
type image struct {
	Kind    change.Kind `json:"kind"`
	Mode    fs.FileMode `json:"mode,omitempty"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	Target  string      `json:"target,omitempty"`
	Sum     string      `json:"sum,omitempty"` // SHA-256 of the bytes
	ModTime time.Time   `json:"modTime,omitzero"`
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// newImage describes a state; the entry adds what the state does not tell.
func (in *Installer) newImage(s change.State, e tree.Entry) image {
	i := image{Kind: s.Kind, Target: s.Target, ModTime: e.ModTime}
	if s.Kind == change.File {
		i.Sum = in.plans.sum(s.Data)
	}
	if s.Kind != change.Absent {
		i.Mode, i.UID, i.GID = e.State().Mode, e.UID, e.GID
	}
	return i
}

func (i image) same(j image) bool {
	return i.Kind == j.Kind && i.Sum == j.Sum && i.Target == j.Target && (i.Kind == change.Absent || i.Kind == change.Link || i.Mode == j.Mode && i.UID == j.UID && i.GID == j.GID)
}

// like is same for what was only planned, or is there in part: without mode and owner.
func (i image) like(j image) bool {
	return i.Kind == j.Kind && i.Sum == j.Sum && i.Target == j.Target
}

// entry is the image as an entry at a name.
func (i image) entry(name string) tree.Entry {
	e := tree.Entry{Path: name, Mode: i.Mode, UID: i.UID, GID: i.GID, ModTime: i.ModTime, Target: i.Target}
	switch i.Kind {
	case change.Dir:
		e.Mode |= fs.ModeDir
	case change.Link:
		e.Mode |= fs.ModeSymlink
	case change.Absent:
		return tree.Entry{}
	case change.File:
	}
	return e
}

// state is the image with its bytes.
func (i image) state(data []byte) change.State {
	return change.State{Kind: i.Kind, Data: data, Mode: i.Mode, UID: i.UID, GID: i.GID, Target: i.Target}
}

// load gives the record of a container, an empty one when there is none.
func (in *Installer) load(c engine.Inspected) (*record, error) {
	r := &record{Version: recordVersion, ID: c.ID, Name: c.Name, Daemon: in.Daemon}
	if in.Records == nil || c.ID == "" {
		return r, nil
	}
	data, err := in.Records.Read(containerPrefix + c.ID)
	if missing(err) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading its record: %w", err)
	}
	return decode(data, c.ID)
}

// added enters what was done to make the container trust certificates.
func (in *Installer) added(r *record, done []target.Done, want []certs.Authority, now time.Time) {
	r.Time = now
	for _, a := range want {
		if !slices.Contains(r.Added, a.Fingerprint.String()) {
			r.Added = append(r.Added, a.Fingerprint.String())
		}
	}
	slices.Sort(r.Added)
	in.enter(r, done)
}

// enter takes over changes: a file that is as this program left it keeps the state before the first change.
func (in *Installer) enter(r *record, done []target.Done) {
	for _, d := range done {
		before, after := in.newImage(d.Change.From, d.Was), in.newImage(d.Change.To, d.Now)
		i := slices.IndexFunc(r.Files, func(w was) bool { return w.Real == d.Real })
		if i < 0 {
			w := was{Path: d.Change.Path, Real: d.Real, Before: before, After: after, Made: d.Made, InPlace: d.InPlace}
			if d.Dir.Path != "" {
				w.Dir = in.newImage(d.Dir.State(), d.Dir)
			}
			r.Files = append(r.Files, w)
			continue
		}
		w := &r.Files[i]
		if !w.After.same(before) && !w.Before.same(before) {
			w.Foreign = true
		}
		w.After = after
		for _, m := range d.Made {
			if !slices.Contains(w.Made, m) {
				w.Made = append(w.Made, m)
			}
		}
	}
}

// stored remembers which bytes are kept already.
type stored struct {
	mu    sync.Mutex
	known map[string]bool
}

// keep writes bytes once.
func (in *Installer) keep(name string, data []byte) error {
	in.blobs.mu.Lock()
	known := in.blobs.known[name]
	in.blobs.mu.Unlock()
	if known {
		return nil
	}
	if _, err := in.Records.Read(name); err != nil {
		if err := in.Records.Write(name, data); err != nil {
			return err
		}
	}
	in.blobs.mu.Lock()
	defer in.blobs.mu.Unlock()
	if in.blobs.known == nil {
		in.blobs.known = map[string]bool{}
	}
	in.blobs.known[name] = true
	return nil
}

// clone is a record that can be changed without changing this one.
func (r *record) clone() *record {
	c := *r
	c.Added, c.Files = slices.Clone(r.Added), slices.Clone(r.Files)
	return &c
}

// save writes the record, the bytes that were there before, and the certificates. Most of those are there since before the change.
func (in *Installer) save(r *record, done []target.Done, want []certs.Authority) error {
	if in.Records == nil || r.ID == "" {
		return nil
	}
	for _, d := range done {
		if d.Change.From.Kind != change.File {
			continue
		}
		name := in.plans.sum(d.Change.From.Data)
		if slices.ContainsFunc(r.Files, func(w was) bool { return w.Before.Sum == name }) {
			if err := in.keep(bytesPrefix+name, d.Change.From.Data); err != nil {
				return err
			}
		}
		if d.InPlace != "" && d.Change.To.Kind == change.File { // what an interrupted removal may have left half of
			if err := in.keep(bytesPrefix+in.plans.sum(d.Change.To.Data), d.Change.To.Data); err != nil {
				return err
			}
		}
	}
	for _, a := range want {
		if err := in.keep(certPrefix+a.Fingerprint.String(), a.PEM()); err != nil {
			return err
		}
	}
	return in.write(r)
}
