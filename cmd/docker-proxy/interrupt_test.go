//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

func TestInterrupts(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			ctx, stop := withInterrupts(t.Context(), io.Discard)
			defer stop()
			assert.NilError(t, ctx.Err())
			assert.NilError(t, syscall.Kill(os.Getpid(), sig))
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), errInterrupted)
		})
	}
}
