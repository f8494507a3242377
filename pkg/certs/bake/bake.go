// Package bake makes images that trust authorities, each of another image and one layer more.
//
// It makes a container of the image that is never started, has the authorities added to its files (that is given to it), and commits it: nothing runs, so an image needs no
// shell, and one of another architecture is as good. The configuration stays what it was. Start at Bake; Find tells the images that were made.
package bake

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Daemon is what is asked of a Docker daemon here; engine.Engine is one.
type Daemon interface {
	Image(ctx context.Context, name string) (engine.Image, error)
	CreateIdle(ctx context.Context, i engine.Image) (string, error)
	RemoveContainer(ctx context.Context, id string) error
	Changes(ctx context.Context, id string) ([]string, error)
	Commit(ctx context.Context, id string, of engine.Image, tag, comment string) (string, error)
	Tag(ctx context.Context, id, tag string) error
}

// Add makes a container, by ID, trust authorities. It returns the files that it changed, absolute and with links resolved: none when it trusted them before.
type Add func(ctx context.Context, container string) (files []string, err error)

// Result is what was made.
type Result struct {
	From, ID string   // images: what was taken, and what came out; the same when nothing was to be done
	Tag      string   // the name of the new one
	Files    []string // in its last layer
	Notes    []string // sentences
}

// Changed reports whether an image was made.
func (r Result) Changed() bool { return r.From != r.ID }

// marker begins the comment of every image made here; the short fingerprints follow.
const marker = "docker proxy ca bake:"

// Bake makes an image of another one, with the authorities in its stores, and gives it a name. An image that trusts them already gets the name and nothing else. An error means
// that no image was made; its container is removed in any case.
func Bake(ctx context.Context, d Daemon, name, tag string, want []certs.Authority, add Add) (res Result, err error) {
	image, err := d.Image(ctx, name)
	if err != nil {
		return res, err
	}
	if image.OS == "windows" {
		return res, errors.New("it is a Windows image, whose certificates are in its registry")
	}
	id, err := d.CreateIdle(ctx, image)
	if err != nil {
		return res, fmt.Errorf("making a container of it: %w", err)
	}
	defer func() {
		// Also when this run was interrupted: nobody else knows of the container.
		if gone := d.RemoveContainer(context.WithoutCancel(ctx), id); gone != nil {
			err = errors.Join(err, fmt.Errorf("removing the container %s that was made for it: %w", id, gone))
		}
	}()
	res = Result{From: image.ID, ID: image.ID, Tag: tag}
	if res.Files, err = add(ctx, id); err != nil {
		return res, err
	}
	if len(res.Files) == 0 {
		if !slices.Contains(image.Tags, tag) {
			err = d.Tag(ctx, image.ID, tag)
		}
		return res, err
	}
	differs, err := d.Changes(ctx, id)
	if err != nil {
		return res, fmt.Errorf("comparing it with its image: %w", err)
	}
	if more := foreign(differs, res.Files); len(more) > 0 {
		return res, fmt.Errorf("its container differs from the image in more than was changed: %s", strings.Join(more, ", "))
	}
	var short []string
	for _, a := range want {
		short = append(short, a.Fingerprint.Short())
	}
	if res.ID, err = d.Commit(ctx, id, image, tag, marker+" "+strings.Join(short, " ")); err != nil {
		res.ID = image.ID
		return res, fmt.Errorf("making the image: %w", err)
	}
	return res, res.verify(ctx, d, image)
}

// verify looks at what was made: one layer more on the same ones.
func (r *Result) verify(ctx context.Context, d Daemon, from engine.Image) error {
	made, err := d.Image(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("looking at the new image: %w", err)
	}
	if len(made.Layers) != len(from.Layers)+1 || !slices.Equal(made.Layers[:len(from.Layers)], from.Layers) {
		r.Notes = append(r.Notes, fmt.Sprintf("The new image has %d layers and the old one %d.", len(made.Layers), len(from.Layers)))
	}
	if !from.HasCommand() {
		r.Notes = append(r.Notes, "The image has no command of its own, and docker commit leaves none out: name one when you run the new one.")
	}
	return nil
}

// foreign are the paths that are neither changed files nor the directories above them.
func foreign(differs, files []string) []string {
	known := map[string]bool{}
	for _, f := range files {
		for at := path.Clean(f); at != "/" && at != "."; at = path.Dir(at) {
			known[at] = true
		}
	}
	var out []string
	for _, p := range differs {
		if !known[path.Clean(p)] {
			out = append(out, p)
		}
	}
	return out
}

// Baked is an image that was made here.
type Baked struct {
	ID           string   `json:"id"`
	Tags         []string `json:"tags"`
	Fingerprints []string `json:"fingerprints"` // the first 12 digits of each
}

// Find picks the images that were made here. One that was built from such an image is not among them: its own last layer is another.
func Find(images []engine.Image) []Baked {
	out := []Baked{}
	for _, i := range images {
		if rest, ok := strings.CutPrefix(i.Comment, marker); ok {
			out = append(out, Baked{ID: i.ID, Tags: i.Tags, Fingerprints: strings.Fields(rest)})
		}
	}
	return out
}
