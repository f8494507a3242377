package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// Created is a container, running or not, with what it was created with.
type Created struct {
	ID, Name, Image string
	Running         bool
	Env             []string // NAME=VALUE, as `docker inspect` shows everybody who may ask the daemon; may hold credentials
	Labels          map[string]string
}

// inspectors is how many containers are asked for at once.
const inspectors = 4

// AllContainers lists every container, running or not, sorted by name. One that goes away meanwhile is left out.
func (a api) AllContainers(ctx context.Context) ([]Created, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, err
	}
	out := make([]Created, len(list))
	errs := make([]error, len(list))
	var wait sync.WaitGroup
	slots := make(chan struct{}, inspectors)
	for i, c := range list {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			out[i], errs[i] = a.created(ctx, c)
		}()
	}
	wait.Wait()
	var found []Created
	for i := range out {
		switch {
		case errdefs.IsNotFound(errs[i]):
		case errs[i] != nil:
			return nil, fmt.Errorf("inspecting container %s: %w", list[i].ID, errs[i])
		default:
			found = append(found, out[i])
		}
	}
	slices.SortFunc(found, func(x, y Created) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return found, nil
}

func (a api) created(ctx context.Context, c container.Summary) (Created, error) {
	full, err := a.client.ContainerInspect(ctx, c.ID)
	if err != nil {
		return Created{}, err
	}
	one := Created{ID: c.ID, Image: c.Image, Running: c.State == container.StateRunning}
	if full.ContainerJSONBase != nil {
		one.Name = strings.TrimPrefix(full.Name, "/")
	}
	if full.Config != nil {
		one.Env, one.Labels = full.Config.Env, full.Config.Labels
	}
	return one, nil
}
