package txn

import (
	"errors"
	"fmt"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// errNotEmpty says that a directory was not removed since something is in it.
var errNotEmpty = errors.New("directory is not empty")

// prepared is a change that is ready to be made: located, compared, owners filled in.
type prepared struct {
	step     step
	from, to change.State
	verb     string
}

// prepare locates all files and compares them with what the changes expect. Changes that change nothing are left out, after the comparison.
func (s *Store) prepare(changes []change.Change) ([]prepared, error) {
	var out []prepared
	seen := map[string]string{}
	for _, c := range changes {
		p, err := s.prepareOne(c)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[p.step.Real]; twice {
			return nil, fmt.Errorf("changing %s: it is the same file as %s in this plan", c.Path, other)
		}
		seen[p.step.Real] = c.Path
		if !p.from.Equal(p.to) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (s *Store) prepareOne(c change.Change) (prepared, error) {
	if !cleanPath(c.Path) {
		return prepared{}, fmt.Errorf("changing %q: not a clean absolute path", c.Path)
	}
	follow := c.From.Kind != change.Link && c.To.Kind != change.Link
	place, err := s.target.Locate(c.Path, follow)
	if err != nil {
		return prepared{}, err
	}
	from, err := s.target.Read(place)
	if err != nil {
		return prepared{}, err
	}
	if from.Kind == change.Absent && c.To.Kind == change.File {
		place.Xattrs = c.Xattrs
	}
	if !s.target.Can().Modes {
		// Only the read-only flag exists; files that this program writes stay writable.
		c.From.Mode, c.To.Mode = from.Mode, 0o666
	}
	if !from.Equal(c.From) {
		return prepared{}, &ChangedError{Path: c.Path}
	}
	to := owned(c.To, from, place)
	to.Mode = modeBits(to.Mode)
	st := step{Place: place, Layer: c.Layer, Secret: c.Secret && !c.CleanFrom, After: c.Secret, Bare: c.Bare || from.Kind == change.Absent, Range: c.Partial, From: newImage(from), To: newImage(to)}
	if place.InPlace == "" {
		// A file that is replaced in one step is always wholly old or wholly new, so that the new bytes are not needed to recognise it.
		st.To = st.To.digest()
		if c.Partial && to.Kind == change.File {
			st.From = st.From.partOf(to.Data)
		}
	}
	return prepared{step: st, from: from, to: to, verb: change.Change{From: from, To: to}.Verb()}, nil
}

// owned fills in the owner: that of the file that is there, or for a new one that of its directory.
func owned(to, from change.State, p Place) change.State {
	uid, gid := from.UID, from.GID
	if from.Kind == change.Absent {
		uid, gid = p.DirUID, p.DirGID
		if to.UID == 0 && to.GID == 0 && uid != 0 {
			// Nothing in somebody's own directory is ever meant to belong to root: the zero value means that the planner did not say.
			to.UID, to.GID = change.Keep, change.Keep
		}
	}
	if to.UID == change.Keep {
		to.UID = uid
	}
	if to.GID == change.Keep {
		to.GID = gid
	}
	return to
}
