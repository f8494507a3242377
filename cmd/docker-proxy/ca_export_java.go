package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// javaStore makes the store for the JVMs of an image: that of its own Java with the authorities added. The image is not run: its files are read through a container that is never
// started, and removed. Nil without --java.
func (x *caExport) javaStore(ctx context.Context) (*export.Java, error) {
	name := x.ca.java
	if name == "" {
		return nil, nil
	}
	s := &caSession{app: x.app, view: x.view, engine: x.view.engine, files: x.view.root}
	if err := s.reachable(); err != nil {
		return nil, fmt.Errorf("--java %s: %w", redact.Terminal(name), err)
	}
	image, err := s.engine.Image(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("--java: the daemon does not have the image %s: docker pull %s", redact.Terminal(name), redact.Terminal(name))
	}
	var found runtime.JavaCopy
	if err == nil {
		found, err = s.imageJava(ctx, x, image)
	}
	if err != nil {
		return nil, fmt.Errorf("--java %s: %w", redact.Terminal(name), err)
	}
	x.addNote("%s holds the %d certificates of %s in %s, those of the authorities among them.", export.JavaFile, found.Count, found.From, redact.Terminal(name))
	return &export.Java{Data: found.Data, Password: found.Password, Options: found.Options}, nil
}

// imageJava reads the store out of an image.
func (s *caSession) imageJava(ctx context.Context, x *caExport, image engine.Image) (found runtime.JavaCopy, err error) {
	if image.OS == "windows" {
		return found, errors.New("it is a Windows image")
	}
	id, err := s.engine.CreateIdle(ctx, image)
	if err != nil {
		return found, fmt.Errorf("making a container of it: %w", err)
	}
	defer func() {
		if gone := s.engine.RemoveContainer(context.WithoutCancel(ctx), id); gone != nil { // also when this run was interrupted: nobody else knows of it
			err = errors.Join(err, fmt.Errorf("removing the container %s that was made for it: %w", id, gone))
		}
	}()
	c, err := s.engine.Inspect(ctx, id)
	if err != nil {
		return found, err
	}
	t, err := target.OpenInspected(ctx, s.engine, c, target.ArchiveAPI)
	if err != nil {
		return found, err
	}
	defer t.Close()
	return runtime.CopyJava(t, runtime.Of(c, nil), x.certs, time.Now())
}
