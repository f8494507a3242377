package install

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// A container's record is a file of lines. A line that begins a version is the whole record; every line behind it is one step that was about to be taken when it was written, and
// that is not in a whole record yet. So a run that is killed in the middle of a container leaves behind what it was about, with all that taking it back needs, and the next run
// that changes this container takes it back first (settle). A line is written by one call and never waits for the disk, see txn.Records.Append.

// step is one thing that is about to be done to a container.
type step struct {
	// Undo says that all recorded files get back what they were before; nothing else is set then.
	Undo bool `json:"undo,omitempty"`
	// File is a file before it is changed. Its After is what is planned: of mode and owner only what the plan cares about.
	File *was `json:"file,omitempty"`
	// Want are the certificates that are being added by it.
	Want []string  `json:"want,omitempty"`
	Time time.Time `json:"time,omitzero"`
	// Pieces says that the file may be found half written: by this way, or at this place, it is not replaced in one step.
	Pieces bool `json:"pieces,omitempty"`
	// Tool says that a program of the container writes it, so that nobody knows what it will be.
	Tool bool `json:"tool,omitempty"`
}

// line is how a step stands in a record, which tells it from a whole one.
type line struct {
	Step *step `json:"step"`
}

const stepBegin = `{"step":`

// maxSteps is how many lines a record has at most before it is written anew as one. One certificate in a container of Debian takes about five.
const maxSteps = 64

// decode reads a record. The last line counts only when it is complete: of a run that was killed while it wrote one, nothing is done yet of what that line tells.
func decode(data []byte, id string) (*record, error) {
	r := &record{Version: recordVersion, ID: id, there: true}
	for text := range bytes.Lines(data) {
		if !bytes.HasSuffix(text, []byte("\n")) {
			r.half = true
			break
		}
		r.lines++
		if bytes.HasPrefix(text, []byte(stepBegin)) {
			var l line
			if err := json.Unmarshal(text, &l); err != nil || l.Step == nil {
				return nil, fmt.Errorf("reading its record: line %d is damaged (%w)", r.lines, err)
			}
			r.steps = append(r.steps, *l.Step)
			continue
		}
		whole := &record{lines: r.lines, begun: true, there: true}
		if err := json.Unmarshal(text, whole); err != nil {
			return nil, fmt.Errorf("reading its record: %w", err)
		}
		if whole.Version != recordVersion || whole.ID != id {
			return nil, fmt.Errorf("reading its record: version %d of container %q is not known here", whole.Version, whole.ID)
		}
		r = whole
	}
	return r, nil
}

// interrupted reports whether a run was killed in the middle of this container.
func (r *record) interrupted() bool { return len(r.steps) > 0 }

// stale reports whether the file holds less than it should, or nothing: a run was killed while it wrote the first line, or half of another.
func (r *record) stale() bool { return r.half || r.there && len(r.Added) == 0 }

// undoing reports whether it was killed while it gave everything back.
func (r *record) undoing() bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.Undo })
}

// sums are the names of all bytes that the record needs.
func (r *record) sums() []string {
	var out []string
	for _, w := range r.Files {
		out = append(out, w.Before.Sum)
		if w.InPlace != "" {
			out = append(out, w.After.Sum)
		}
	}
	for _, s := range r.steps {
		if s.File != nil {
			out = append(out, s.File.Before.Sum, s.File.After.Sum)
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// ahead gives what notes each change of one operation before it is made.
func (in *Installer) ahead(r *record, pieces bool, want []certs.Authority) func(target.Done) error {
	if in.Records == nil || r.ID == "" {
		return nil
	}
	return func(d target.Done) error {
		return in.note(r, d, step{Time: in.now(), Pieces: pieces || d.InPlace != ""}, want)
	}
}

// note keeps the bytes that are about to be replaced, and then the step.
func (in *Installer) note(r *record, d target.Done, s step, want []certs.Authority) error {
	if r.noted > 0 {
		want, s.Time = nil, time.Time{} // the first step says it
	}
	for _, a := range want {
		s.Want = append(s.Want, a.Fingerprint.String())
		if err := in.keep(certPrefix+a.Fingerprint.String(), a.PEM()); err != nil {
			return err
		}
	}
	to := d.Change.To
	w := was{Path: d.Change.Path, Real: d.Real, Before: in.newImage(d.Change.From, d.Was), Made: d.Made, InPlace: d.InPlace, Xattrs: d.Change.Xattrs}
	w.After = image{Kind: to.Kind, Mode: to.Mode, UID: to.UID, GID: to.GID, Target: to.Target}
	if to.Kind == change.File && !s.Tool {
		w.After.Sum = in.plans.sum(to.Data)
	}
	if d.Dir.Path != "" {
		w.Dir = in.newImage(d.Dir.State(), d.Dir)
	}
	if d.Change.From.Kind == change.File {
		if err := in.keep(bytesPrefix+w.Before.Sum, d.Change.From.Data); err != nil {
			return err
		}
	}
	if s.Pieces && w.After.Sum != "" {
		if err := in.keep(bytesPrefix+w.After.Sum, to.Data); err != nil {
			return err
		}
	}
	s.File = &w
	return in.append(r, s)
}

// append writes a step, behind the whole record, which comes first where there is none yet, and anew where the file has become long or ends in half a line.
func (in *Installer) append(r *record, s step) error {
	text, err := json.Marshal(line{&s})
	if err != nil {
		return fmt.Errorf("writing its record: %w", err)
	}
	text = append(text, '\n')
	anew := r.half || r.lines >= maxSteps && r.noted == 0 // later the steps before this one would be lost
	if !r.begun || anew {
		whole, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("writing its record: %w", err)
		}
		text = append(append(whole, '\n'), text...)
	}
	name := containerPrefix + r.ID
	if anew {
		err = in.Records.Write(name, text)
		r.half, r.lines = false, 0
	} else {
		err = in.Records.Append(name, text)
	}
	if err != nil {
		return err
	}
	r.begun, r.lines = true, r.lines+strings.Count(string(text), "\n")
	r.noted++
	return nil
}

// write keeps the whole record, behind its steps, which it makes void, or removes it when it says nothing.
func (in *Installer) write(r *record) error {
	if in.Records == nil || r.ID == "" {
		return nil
	}
	r.steps, r.noted = nil, 0
	name := containerPrefix + r.ID
	if len(r.Added) == 0 {
		r.begun, r.half, r.there, r.lines, r.Files = false, false, false, 0, nil
		return in.Records.Remove(name)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing its record: %w", err)
	}
	data = append(data, '\n')
	if r.half || r.lines >= maxSteps {
		r.begun, r.half, r.lines = true, false, 1
		return in.Records.Write(name, data)
	}
	r.begun, r.lines = true, r.lines+1
	return in.Records.Append(name, data)
}

// forget makes the steps of an operation void that was taken back: the record says again what it said before.
func (in *Installer) forget(r *record) error {
	if r == nil || r.noted == 0 {
		return nil
	}
	return in.write(r)
}
