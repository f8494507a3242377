package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// Selected is a container as a list tells of it.
type Selected struct {
	ID, Name, Image string
	State           string // running, exited, paused, …
	Labels          map[string]string
}

// Select lists containers with one question, sorted by name: the running and paused ones, with all those that do not run, too. filters are Docker's own (docker ps --filter),
// by name; the daemon refuses those it does not know.
func (a api) Select(ctx context.Context, all bool, wanted map[string][]string) ([]Selected, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	args := filters.NewArgs()
	for name, values := range wanted {
		for _, v := range values {
			args.Add(name, v)
		}
	}
	list, err := a.client.ContainerList(ctx, container.ListOptions{All: all, Filters: args})
	if err != nil {
		return nil, err
	}
	out := make([]Selected, 0, len(list))
	for _, c := range list {
		one := Selected{ID: c.ID, Image: c.Image, State: c.State, Labels: c.Labels}
		for _, n := range c.Names {
			if name := strings.TrimPrefix(n, "/"); !strings.Contains(name, "/") { // the alias that --link makes has a second slash
				one.Name = name
			}
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(x, y Selected) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return out, nil
}

// restartTimeout bounds a restart: a container has ten seconds to stop, or what its image asks for.
const restartTimeout = 2 * time.Minute

// RestartContainer stops a container and starts it again, as docker restart does.
func (a api) RestartContainer(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	return a.client.ContainerRestart(ctx, id, container.StopOptions{})
}
