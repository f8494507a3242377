package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
)

// Image is an image of the daemon's.
type Image struct {
	ID      string // sha256:…
	Tags    []string
	OS      string // linux or windows
	Comment string // of its last layer: what docker commit was given
	Author  string
	Layers  []string          // sha256:… of each, uncompressed, the lowest first
	Config  *container.Config // what a container of it is created with; never nil
}

// idle is the command of a container that is never started, for images without one: docker create wants some command.
const idle = "docker-proxy-ca-bake"

// HasCommand reports whether containers of the image have something to run.
func (i Image) HasCommand() bool { return len(i.Config.Cmd) > 0 || len(i.Config.Entrypoint) > 0 }

// commitTimeout bounds making and committing a container: a layer is written, and with some stores the image is copied.
const commitTimeout = 5 * time.Minute

// Image looks at one image, by name or ID. The error matches errdefs.ErrNotFound when the daemon does not have it.
func (a api) Image(ctx context.Context, name string) (Image, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	full, err := a.client.ImageInspect(ctx, name)
	if err != nil {
		return Image{}, err
	}
	out := Image{ID: full.ID, Tags: slices.Sorted(slices.Values(full.RepoTags)), OS: full.Os, Comment: full.Comment, Author: full.Author, Layers: full.RootFS.Layers, Config: &container.Config{}}
	// Both are the image's configuration, as JSON the same members.
	data, err := json.Marshal(full.Config)
	if err == nil {
		err = json.Unmarshal(data, out.Config)
	}
	if err != nil {
		return Image{}, fmt.Errorf("reading the configuration of %s: %w", name, err)
	}
	return out, nil
}

// Images lists the images that have a name, or that no other is made from, sorted by ID.
func (a api) Images(ctx context.Context) ([]Image, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, err
	}
	found := make([]Image, len(list))
	var wait sync.WaitGroup
	slots := make(chan struct{}, inspectors)
	for i, c := range list {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			found[i], _ = a.Image(ctx, c.ID) // else it is gone since
		})
	}
	wait.Wait()
	var out []Image
	for _, i := range found {
		if i.ID != "" {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(x, y Image) int { return cmp.Compare(x.ID, y.ID) })
	return out, ctx.Err()
}

// CreateIdle makes a container of an image that is not meant to be started, with nothing of its own: no network, no log. It returns the ID.
func (a api) CreateIdle(ctx context.Context, i Image) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	config := &container.Config{Image: i.ID, NetworkDisabled: true}
	if !i.HasCommand() {
		config.Cmd = []string{idle}
	}
	made, err := a.client.ContainerCreate(ctx, config, &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}}, nil, nil, "")
	return made.ID, err
}

// RemoveContainer removes a container and the nameless volumes that were made with it.
func (a api) RemoveContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return a.client.ContainerRemove(ctx, id, container.RemoveOptions{RemoveVolumes: true, Force: true})
}

// Changes are the paths in which a container differs from its image, sorted: docker diff.
func (a api) Changes(ctx context.Context, id string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.ContainerDiff(ctx, id)
	var out []string
	for _, c := range list {
		out = append(out, c.Path)
	}
	slices.Sort(out)
	return out, err
}

// Commit makes an image of a container: the image of, with one layer more, the same configuration and author, and a comment. It gets the name tag, which another image of
// that name loses. It returns the ID. What of's configuration does not set comes from the container's (moby daemon/commit.go, merge), which is the same.
func (a api) Commit(ctx context.Context, id string, of Image, tag, comment string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	made, err := a.client.ContainerCommit(ctx, id, container.CommitOptions{Reference: tag, Comment: comment, Author: of.Author, Config: of.Config})
	return made.ID, err
}

// Tag gives an image another name.
func (a api) Tag(ctx context.Context, id, tag string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return a.client.ImageTag(ctx, id, tag)
}
