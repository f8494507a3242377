package engine

import (
	"context"
	"strings"
)

// Inspected is one container, looked at by name or ID.
type Inspected struct {
	ID, Name string
	PID      int      // of its first process, as this machine counts; 0 when it does not run
	Env      []string // NAME=VALUE; may hold credentials
}

// Inspect looks at one container. The error is the daemon's, such as "No such container: x".
func (a api) Inspect(ctx context.Context, name string) (Inspected, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	full, err := a.client.ContainerInspect(ctx, name)
	if err != nil {
		return Inspected{}, err
	}
	out := Inspected{}
	if full.ContainerJSONBase != nil {
		out.ID, out.Name = full.ID, strings.TrimPrefix(full.Name, "/")
		if full.State != nil && full.State.Running {
			out.PID = full.State.Pid
		}
	}
	if full.Config != nil {
		out.Env = full.Config.Env
	}
	return out, nil
}
