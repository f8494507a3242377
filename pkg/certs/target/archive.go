package target

import (
	"context"
	"errors"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

func openArchive(context.Context, engine.Engine, engine.Inspected) (Target, error) {
	return nil, errors.ErrUnsupported
}
