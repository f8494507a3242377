package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// api is an Engine over Docker's own client, which command.Cli has already made for the context, host and certificates the user chose.
type api struct {
	client client.APIClient
}

// New makes an Engine of a Docker client. Nothing is sent before the first question. A nil client gives a nil Engine.
func New(c client.APIClient) Engine {
	if c == nil {
		return nil
	}
	return api{c}
}

func (a api) Ping(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	p, err := a.client.Ping(ctx)
	return p.APIVersion, err
}

func (a api) Info(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	i, err := a.client.Info(ctx)
	if err != nil {
		return Info{}, err
	}
	out := Info{
		ID: i.ID, Name: i.Name, ServerVersion: i.ServerVersion, HTTPProxy: i.HTTPProxy, HTTPSProxy: i.HTTPSProxy, NoProxy: i.NoProxy,
		DockerRootDir: i.DockerRootDir, OperatingSystem: i.OperatingSystem, OSType: i.OSType, LiveRestore: i.LiveRestoreEnabled,
		Swarm: i.Swarm.LocalNodeState == "active", Running: i.ContainersRunning,
		// "name=rootless", since 19.03 (moby daemon/info.go, fillSecurityOptions)
		Rootless: slices.ContainsFunc(i.SecurityOptions, func(o string) bool { return o == "rootless" || strings.HasPrefix(o, "name=rootless") }),
		UserNS:   slices.ContainsFunc(i.SecurityOptions, func(o string) bool { return o == "userns" || strings.HasPrefix(o, "name=userns") }),
	}
	// moby daemon/containerd.ImageService.LayerStoreStatus
	out.Containerd = slices.Contains(i.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"})
	if r := i.RegistryConfig; r != nil {
		for _, c := range r.InsecureRegistryCIDRs {
			out.Insecure = append(out.Insecure, c.String())
		}
		slices.Sort(out.Insecure)
		for _, name := range slices.Sorted(maps.Keys(r.IndexConfigs)) {
			if !r.IndexConfigs[name].Secure {
				out.Insecure = append(out.Insecure, name)
			}
		}
		out.Mirrors = r.Mirrors
	}
	return out, nil
}

func (a api) Containers(ctx context.Context) ([]Container, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := a.client.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []Container
	for _, c := range list {
		// The list does not tell the restart policy.
		full, err := a.client.ContainerInspect(ctx, c.ID)
		if errdefs.IsNotFound(err) { // gone since
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("inspecting container %s: %w", c.ID, err)
		}
		one := a.container(ctx, full)
		one.Image = c.Image
		out = append(out, one)
	}
	slices.SortFunc(out, func(x, y Container) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return out, nil
}

// container reads what decides a container's fate. ContainerList's own filter leaves none out: a paused or restarting container is "running", too (moby container.State).
func (a api) container(ctx context.Context, full container.InspectResponse) Container {
	one := Container{ID: full.ID, Name: strings.TrimPrefix(full.Name, "/"), Restart: "no", Retries: full.RestartCount}
	if h := full.HostConfig; h != nil {
		one.AutoRemove = h.AutoRemove
		one.Restart = cmp.Or(string(h.RestartPolicy.Name), "no")
		one.MaxRetries = h.RestartPolicy.MaximumRetryCount
		for _, mode := range []string{string(h.NetworkMode), string(h.IpcMode), string(h.PidMode)} {
			if other, ok := strings.CutPrefix(mode, "container:"); ok && !slices.Contains(one.Joins, other) {
				one.Joins = append(one.Joins, other)
			}
		}
	}
	if full.Config == nil {
		return one
	}
	if id := full.Config.Labels["com.docker.swarm.task.id"]; id != "" {
		one.Task = true
		if task, _, err := a.client.TaskInspectWithRaw(ctx, id); err == nil { // only a manager answers
			one.TaskRestart = "any" // the default (swarmkit api.RestartOnAny)
			if p := task.Spec.RestartPolicy; p != nil {
				one.TaskRestart = cmp.Or(string(p.Condition), "any")
			}
		}
	}
	return one
}

func (a api) Distribution(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	_, err := a.client.DistributionInspect(ctx, image, "")
	return err
}
