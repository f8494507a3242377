package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Inspected is one container, looked at by name or ID.
type Inspected struct {
	ID, Name string
	PID      int      // of its first process, as this machine counts; 0 when it does not run
	Env      []string // NAME=VALUE; may hold credentials
	Image    string   // as it was asked for when the container was created, such as debian:13
	ImageID  string   // sha256:…
	State    string   // created, running, paused, restarting, removing, exited, dead
	// StartedAt is when it was last started, as the daemon spells it: to compare, not to read.
	StartedAt string
	// Asked is a moment before the daemon was asked: what is said here was so at some time after it.
	Asked time.Time
	// Platform is linux or windows.
	Platform string
	Labels   map[string]string
	User     string   // of its first process, as it was asked for; "" is root
	Argv     []string // of its first process; may hold credentials
	WorkDir  string
	// ReadOnly says that its root file system takes no writes (docker run --read-only).
	ReadOnly bool
	Mounts   []Mount // sorted by Destination
	// UpperDir is where the changed files of the container are on the daemon's machine, "" when the storage driver does not tell (only overlay2 does).
	UpperDir string
}

// Running says that the container has processes, also when they are paused.
func (i Inspected) Running() bool { return i.PID > 0 }

// Mount is something mounted in a container when it was created.
type Mount struct {
	Type        string // bind, volume, tmpfs, npipe, cluster, image
	Name        string // of a volume
	Source      string // on the daemon's machine; "" for a tmpfs
	Destination string // in the container, absolute
	ReadOnly    bool
}

// Text names what is mounted, for people: "volume NAME", the path on the host, or "tmpfs".
func (m Mount) Text() string {
	switch {
	case m.Type == "volume" && m.Name != "":
		return "volume " + m.Name
	case m.Source != "":
		return m.Source
	}
	return m.Type
}

// Inspect looks at one container. The error is the daemon's, such as "No such container: x".
func (a api) Inspect(ctx context.Context, name string) (Inspected, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	out := Inspected{Asked: time.Now()}
	full, err := a.client.ContainerInspect(ctx, name)
	if err != nil {
		return Inspected{}, err
	}
	if full.ContainerJSONBase != nil {
		out.ID, out.Name, out.ImageID, out.Platform = full.ID, strings.TrimPrefix(full.Name, "/"), full.Image, full.Platform
		out.Argv = append(append(out.Argv, full.Path), full.Args...)
		if s := full.State; s != nil {
			out.State, out.StartedAt = string(s.Status), s.StartedAt
			if s.Running {
				out.PID = s.Pid
			}
		}
		if h := full.HostConfig; h != nil {
			out.ReadOnly = h.ReadonlyRootfs
			// --tmpfs is not among the mounts (moby daemon/inspect.go).
			for dest := range h.Tmpfs {
				out.Mounts = append(out.Mounts, Mount{Type: "tmpfs", Destination: dest})
			}
		}
		out.UpperDir = full.GraphDriver.Data["UpperDir"]
	}
	for _, m := range full.Mounts {
		out.Mounts = append(out.Mounts, Mount{Type: string(m.Type), Name: m.Name, Source: m.Source, Destination: m.Destination, ReadOnly: !m.RW})
	}
	slices.SortFunc(out.Mounts, func(x, y Mount) int { return cmp.Compare(x.Destination, y.Destination) })
	if c := full.Config; c != nil {
		out.Env, out.Labels, out.Image, out.User, out.WorkDir = c.Env, c.Labels, c.Image, c.User, c.WorkingDir
	}
	return out, nil
}
