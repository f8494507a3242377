package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
)

// Events tells on of f.Happened.
func (f *Fake) Events(ctx context.Context, _ time.Time, _ []string, listening func(), on func(Event)) error {
	f.Asked++
	if f.Err != nil {
		return f.Err
	}
	listening()
	for _, e := range f.Happened {
		on(e)
	}
	if f.EventsErr != nil {
		return f.EventsErr
	}
	<-ctx.Done()
	return ctx.Err()
}

// Image finds one of f.Known.
func (f *Fake) Image(_ context.Context, name string) (Image, error) {
	f.Asked++
	for _, i := range f.Known {
		if i.ID == name || slices.Contains(i.Tags, name) {
			return i, f.Err
		}
	}
	if f.Err != nil {
		return Image{}, f.Err
	}
	return Image{}, fmt.Errorf("no such image: %s: %w", name, errdefs.ErrNotFound)
}

// Images answers with f.Known.
func (f *Fake) Images(context.Context) ([]Image, error) {
	f.Asked++
	return f.Known, f.Err
}

// CreateIdle makes nothing and names f.One.
func (f *Fake) CreateIdle(_ context.Context, i Image) (string, error) {
	f.Asked++
	f.Made = append(f.Made, "create "+i.ID)
	return f.One.ID, f.Err
}

// RemoveContainer removes nothing.
func (f *Fake) RemoveContainer(_ context.Context, id string) error {
	f.Asked++
	f.Made = append(f.Made, "remove "+id)
	return f.Err
}

// Changes answers with f.Differs.
func (f *Fake) Changes(context.Context, string) ([]string, error) {
	f.Asked++
	return f.Differs, f.Err
}

// Commit makes nothing.
func (f *Fake) Commit(_ context.Context, id string, of Image, tag, comment string) (string, error) {
	f.Asked++
	f.Made = append(f.Made, fmt.Sprintf("commit %s of %s as %s: %s", id, of.ID, tag, comment))
	return "sha256:made", f.Err
}

// Tag tags nothing.
func (f *Fake) Tag(_ context.Context, id, tag string) error {
	f.Asked++
	f.Made = append(f.Made, "tag "+id+" "+tag)
	return f.Err
}
