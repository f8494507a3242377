package engine

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// Network is a Docker network that has addresses.
type Network struct {
	Name     string
	Prefixes []netip.Prefix // of its IPAM configuration, as Docker spells them
}

// Member is a name that Docker's embedded DNS resolves in a user-defined network.
type Member struct {
	Name string
	What string // "container" or "service"
}

// The labels that Compose and Swarm give their containers: the service's name is an alias of each in its networks.
const (
	composeService = "com.docker.compose.service"
	swarmService   = "com.docker.swarm.service.name"
)

func (a api) Networks(ctx context.Context) ([]Network, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []Network
	for _, n := range list {
		one := Network{Name: n.Name}
		for _, c := range n.IPAM.Config {
			if p, err := netip.ParsePrefix(c.Subnet); err == nil {
				one.Prefixes = append(one.Prefixes, p)
			}
		}
		if len(one.Prefixes) > 0 {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(x, y Network) int { return cmp.Compare(x.Name, y.Name) })
	return out, nil
}

func (a api) Members(ctx context.Context) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []Member
	for _, c := range list {
		if !named(c) {
			continue
		}
		for _, n := range c.Names {
			out = append(out, Member{Name: strings.TrimPrefix(n, "/"), What: "container"})
		}
		for _, label := range []string{composeService, swarmService} {
			if s := c.Labels[label]; s != "" {
				out = append(out, Member{Name: s, What: "service"})
			}
		}
	}
	slices.SortFunc(out, func(x, y Member) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.What, y.What)) })
	return slices.Compact(out), nil
}

// named reports whether a container is in a network where names are resolved: Docker's default bridge, host and none have no such service
// (libnetwork, Network.isDefaultNetwork).
func named(c container.Summary) bool {
	if c.NetworkSettings == nil {
		return false
	}
	for name := range c.NetworkSettings.Networks {
		if name != "bridge" && name != "host" && name != "none" {
			return true
		}
	}
	return false
}
