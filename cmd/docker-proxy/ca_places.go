package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/bake"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
)

// builderPrefix begins the names of the containers of buildx's docker-container builders; the node's name follows, which is the builder's with a number unless it was
// given (docker/buildx driver.BuilderName, and store.NodeGroup.nextNodeName).
const builderPrefix = "buildx_buildkit_"

// builderContainers finds the containers of the builders of --builder.
func (s *caSession) builderContainers(ctx context.Context) ([]string, error) {
	var out []string
	for _, b := range s.opts.builders {
		found, err := s.engine.Select(ctx, true, map[string][]string{"name": {"^/?" + builderPrefix + regexp.QuoteMeta(b) + "[0-9]*$"}})
		if err != nil {
			return nil, fmt.Errorf("looking for the builder %s: %w", redact.Terminal(b), err)
		}
		if len(found) == 0 {
			return nil, usageErrorf("this daemon has no container of a builder %q (docker buildx inspect --bootstrap makes it)", redact.Terminal(b))
		}
		for _, c := range found {
			out = append(out, c.Name)
		}
	}
	return out, nil
}

// noticeBuilder adds that BuildKit has to start again, where nothing says so already: buildkitd is a Go program, which reads its certificates once.
func noticeBuilder(c engine.Inspected, res *install.Result) {
	restarts := slices.ContainsFunc(res.Notes, func(n certs.Note) bool { return n.Kind == certs.NeedsRestart })
	if strings.HasPrefix(c.Name, builderPrefix) && c.Running() && (res.Changed || res.Pending) && !restarts {
		res.Notes = append(res.Notes, certs.Note{
			Kind: certs.NeedsRestart, Path: "buildkitd", Text: "it reads its certificates once, so it trusts the new one after a restart", Command: "docker restart " + c.Name,
		})
	}
}

// full is what is known of a certificate by the beginning of its fingerprint.
func full(short []string, known []certs.Fingerprint) []string {
	out := []string{}
	for _, s := range short {
		for _, f := range known {
			if strings.HasPrefix(f.String(), s) {
				s = f.String()
			}
		}
		out = append(out, s)
	}
	return out
}

// bakedPlaces are the images that ca bake made.
func bakedPlaces(ctx context.Context, s *caSession, known []certs.Fingerprint) ([]caPlace, error) {
	images, err := s.engine.Images(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the images: %w", err)
	}
	var out []caPlace
	for _, b := range bake.Find(images) {
		names := b.Tags
		if len(names) == 0 {
			names = []string{strings.TrimPrefix(b.ID, "sha256:")[:12]}
		}
		for _, n := range names {
			out = append(out, caPlace{Kind: "image", Name: redact.Terminal(n), Authorities: full(b.Fingerprints, known), State: "baked"})
		}
	}
	slices.SortFunc(out, func(a, b caPlace) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// builderPlaces are the builders in containers, with those of the known certificates that all their stores hold.
func builderPlaces(ctx context.Context, s *caSession, known []certs.Fingerprint) ([]caPlace, error) {
	found, err := s.engine.Select(ctx, true, map[string][]string{"name": {"^/?" + builderPrefix}})
	if err != nil {
		return nil, fmt.Errorf("listing the builders: %w", err)
	}
	var out []caPlace
	for _, c := range found {
		place := caPlace{Kind: "builder", Name: redact.Terminal(strings.TrimPrefix(c.Name, builderPrefix)), Authorities: []string{}, State: "container " + c.State}
		res, err := s.lookAt(ctx, c.ID, known)
		if err != nil {
			place.State = redact.Terminal(s.app.redactor.Text(err.Error()))
		}
		for _, h := range res.Authorities {
			if h.Trusted() {
				place.Authorities = append(place.Authorities, h.Fingerprint)
			}
		}
		out = append(out, place)
	}
	return out, nil
}

func (s *caSession) lookAt(ctx context.Context, id string, known []certs.Fingerprint) (install.Result, error) {
	c, err := s.engine.Inspect(ctx, id)
	if err != nil {
		return install.Result{}, err
	}
	t, err := target.OpenInspected(ctx, s.engine, c, target.Auto)
	if err != nil {
		return install.Result{}, err
	}
	defer t.Close()
	return s.in.Look(t, c, known)
}

// watchPlaces is the service of ca watch on this machine.
func watchPlaces(_ context.Context, s *caSession, known []certs.Fingerprint) ([]caPlace, error) {
	service := findWatch(s.files)
	if service == nil {
		return nil, nil
	}
	state := "not enabled"
	if service.Enabled {
		state = "enabled"
	}
	name := watch.Name
	if service.Path == watch.UnitPath {
		name = watch.UnitName
	}
	return []caPlace{{Kind: "watch", Name: name, Authorities: full(service.Fingerprints, known), State: state}}, nil
}
