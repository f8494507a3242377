package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// How is the way to a container's files.
type How int

// The ways. Auto takes the container's root when this process is root and the container's process is one of this machine, and the archive API else.
const (
	Auto How = iota
	ContainerRoot
	ArchiveAPI
)

// String is the word for messages: auto, container-root, archive.
func (h How) String() string {
	switch h {
	case Auto:
		return "auto"
	case ContainerRoot:
		return "container-root"
	case ArchiveAPI:
		return "archive"
	}
	return fmt.Sprintf("How(%d)", int(h))
}

// Open opens a container, by name or ID, for reading and changing its files. ctx bounds what is done through the target: after its end a call that does not come back soon
// is given up (*StuckError); Restore goes by its own. The caller closes the target. Errors: the daemon's when there is no such container; with ContainerRoot ErrGone, ErrNotContainer, or why
// this process may not.
func Open(ctx context.Context, eng engine.Engine, container string, how How) (Target, error) {
	seen, err := eng.Inspect(ctx, container)
	if err != nil {
		return nil, err
	}
	return OpenInspected(ctx, eng, seen, how)
}

// OpenInspected is Open for a container that was looked at before.
func OpenInspected(ctx context.Context, eng engine.Engine, seen engine.Inspected, how How) (Target, error) {
	if seen.Platform == "windows" {
		return nil, &UnsupportedError{Path: seen.Name, Reason: "it is a Windows container, whose certificates are in its registry"}
	}
	if how == ContainerRoot || how == Auto && seen.Running() {
		t, err := openRoot(ctx, eng, seen)
		if err == nil || how == ContainerRoot {
			return t, err
		}
		if errors.Is(err, errNotRoot) {
			return openArchive(ctx, eng, seen)
		}
		// Its process may be one of another machine, of which there is none here, or have ended since.
		if seen, err = eng.Inspect(ctx, seen.ID); err != nil {
			return nil, err
		}
	}
	return openArchive(ctx, eng, seen)
}
