//go:build linux

package hosts

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// bootSlot waits for one of two places to boot in.
func bootSlot(ctx context.Context) (func(), error) {
	slots := []*flock.Flock{flock.New(noteFile("0", ".slot")), flock.New(noteFile("1", ".slot"))}
	for {
		for _, slot := range slots {
			if ok, err := slot.TryLock(); err != nil {
				return nil, err
			} else if ok {
				return func() { _ = slot.Close() }, nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("waiting for other machines to boot: %w", err)
		}
	}
}

// pause waits a moment, or less when ctx ends, which is then the error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
