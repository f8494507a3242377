//go:build !linux

package target

import (
	"context"
	"errors"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// openRoot always fails: the containers of this system run in a machine of their own.
func openRoot(context.Context, engine.Engine, engine.Inspected) (Target, error) {
	return nil, errors.New("a container's own root directory can be opened on Linux only")
}
