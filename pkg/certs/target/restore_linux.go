package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Restore implements Target. A file that is neither what Apply left nor what was before is left alone.
func (t *rootTarget) Restore(_ context.Context, done []Done) []Unrestored {
	var out []Unrestored
	for _, d := range slices.Backward(done) {
		if !t.process.running() {
			out = append(out, Unrestored{Path: d.Change.Path, Reason: ErrGone.Error()})
			continue
		}
		reasons, err := within(t, d.Change.Path, func() ([]Unrestored, error) { return t.restore(d), nil })
		if err != nil {
			reasons = []Unrestored{{Path: d.Change.Path, Reason: err.Error()}}
		}
		out = append(out, reasons...)
	}
	return out
}

// restore takes one change back: the file, the directories made for it, and the times.
func (t *rootTarget) restore(d Done) []Unrestored {
	var out []Unrestored
	fail := func(name string, err error) {
		out = append(out, Unrestored{Path: name, Reason: err.Error()})
	}
	if d.Now.Path != "" || d.Change.To.Kind == change.Absent {
		if err := t.restoreFile(d); err != nil {
			fail(d.Real, err)
			return out
		}
	}
	for _, dir := range slices.Backward(d.Made) {
		if err := t.removeDir(dir); err != nil {
			fail(dir, err)
			break
		}
	}
	if d.Dir.Path == "" {
		return out
	}
	if err := t.giveTime(d.Dir.Path, d.Dir.ModTime); err != nil {
		fail(d.Dir.Path, err)
	}
	return out
}

func (t *rootTarget) restoreFile(d Done) error {
	p, err := t.at(d.Real, d.Change.To, d.Change.From)
	if err != nil {
		return err
	}
	defer p.Close()
	if len(p.missing) > 0 {
		if d.Change.From.Kind == change.Absent {
			return nil
		}
		return fmt.Errorf("%s is not there any more", p.dir.path(p.missing[0]))
	}
	back := d.Change.From
	if d.Was.Path != "" {
		// What was really there, where the plan did not care.
		was := d.Was.State()
		back.UID, back.GID, back.Mode = was.UID, was.GID, was.Mode
	}
	switch {
	case p.state.Equal(back):
	case p.state.Equal(d.Change.To):
		if p.own && d.InPlace == "" || p.dir.mount != t.mount && d.InPlace == "" {
			return &MountError{Path: d.Real, Source: p.was.Source + p.dir.entry.Source}
		}
		if err := t.swap(p, back, d.Change.Xattrs, d.InPlace != ""); err != nil {
			return err
		}
	default:
		return &ChangedError{Path: d.Real}
	}
	if back.Kind == change.Absent {
		return nil
	}
	return t.calls().touch(p.dir, p.base, d.Was.ModTime)
}

// removeDir removes a directory that was made for a file, if it is empty.
func (t *rootTarget) removeDir(name string) error {
	d, err := t.openFolder(path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = t.calls().rmdir(d, path.Base(name))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return errors.New("it is not empty any more")
	}
	return ignoreMissing(err)
}
