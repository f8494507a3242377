package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// Created is a container, running or not, with what it was created with.
type Created struct {
	ID, Name, Image string
	Running         bool
	Env             []string // NAME=VALUE, as `docker inspect` shows everybody who may ask the daemon; may hold credentials
	Labels          map[string]string
	ImageID         string // sha256:…
	// Shared says that it has no network of its own: the machine's (--network host), or another container's.
	Shared   bool
	Networks []Attachment // sorted by name
}

// Attachment is a network that a container is in.
type Attachment struct {
	Network string
	// Names are what Docker's DNS knows the container by in this network, besides its own name: aliases, as Compose makes one of each service; sorted. Networks that Docker
	// makes by itself have no such names.
	Names []string
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
		wait.Go(func() {
			defer func() { <-slots }()
			out[i], errs[i] = a.created(ctx, c)
		})
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
		one.Name, one.ImageID = strings.TrimPrefix(full.Name, "/"), full.Image
		if h := full.HostConfig; h != nil {
			one.Shared = h.NetworkMode.IsHost() || h.NetworkMode.IsContainer()
		}
	}
	if n := full.NetworkSettings; n != nil {
		one.Networks = attachments(c.ID, n.Networks)
	}
	if full.Config != nil {
		one.Env, one.Labels = full.Config.Env, full.Config.Labels
	}
	return one, nil
}

// attachments reads a container's networks. Docker adds the beginning of the ID to the aliases (moby daemon/container_operations.go), by which nobody calls anybody.
func attachments(id string, networks map[string]*network.EndpointSettings) []Attachment {
	var out []Attachment
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		one := Attachment{Network: name}
		if n := networks[name]; n != nil {
			for _, alias := range n.Aliases {
				if len(alias) != 12 || !strings.HasPrefix(id, alias) {
					one.Names = append(one.Names, alias)
				}
			}
		}
		slices.Sort(one.Names)
		out = append(out, one)
	}
	return out
}
