package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
)

// Daemon is what is asked of a Docker daemon here; engine.Engine is one.
type Daemon interface {
	Select(ctx context.Context, all bool, filters map[string][]string) ([]engine.Selected, error)
	Inspect(ctx context.Context, name string) (engine.Inspected, error)
}

// Selector says which containers are meant: those that are named, and those that match. Filters and Project narrow each other and take containers that do not run, too.
type Selector struct {
	Names   []string
	All     bool                // every container, running or not
	Filters map[string][]string // Docker's own, by name: docker ps --all --filter
	Project string              // of Compose, by the label com.docker.compose.project
}

// composeProject is the label that Compose puts on its containers (github.com/docker/compose, pkg/api/labels.go).
const composeProject = "com.docker.compose.project"

// Lists reports whether the daemon has to be asked for a list: all but names alone.
func (s Selector) Lists() bool { return s.All || len(s.Filters) > 0 || s.Project != "" }

// Empty reports whether nothing was selected at all.
func (s Selector) Empty() bool { return len(s.Names) == 0 && !s.Lists() }

// Find gives the names or IDs of the containers, each once, those that were named first. Whether a named one exists is found out later, when it is inspected. An error is
// the daemon's.
func (s Selector) Find(ctx context.Context, d Daemon) ([]Chosen, error) {
	var out []Chosen
	for _, n := range s.Names {
		if !slices.ContainsFunc(out, func(c Chosen) bool { return c.Name == n }) {
			out = append(out, Chosen{Name: n})
		}
	}
	if !s.Lists() {
		return out, nil
	}
	filters := map[string][]string{}
	for name, values := range s.Filters {
		filters[name] = slices.Clone(values)
	}
	if s.Project != "" {
		filters["label"] = append(filters["label"], composeProject+"="+s.Project)
	}
	list, err := d.Select(ctx, true, filters)
	if err != nil {
		return nil, fmt.Errorf("listing containers: %s", redact.Terminal(err.Error()))
	}
	known := slices.Clone(out)
	for _, c := range list {
		named := func(k Chosen) bool {
			return k.Name == c.Name || len(k.Name) >= shortID && strings.HasPrefix(c.ID, k.Name)
		}
		if i := slices.IndexFunc(known, named); i >= 0 {
			out[i].ID = c.ID
			continue
		}
		out = append(out, Chosen{ID: c.ID, Name: c.Name, Labels: c.Labels})
	}
	return out, nil
}

// shortID is how many digits of an ID docker ps shows.
const shortID = 12

// Chosen is a container that was selected.
type Chosen struct {
	ID     string // "" for one that was named and not listed
	Name   string // as it was asked for, or its own
	Labels map[string]string
}

// key is what the container is inspected by.
func (c Chosen) key() string {
	if c.ID != "" {
		return c.ID
	}
	return c.Name
}
