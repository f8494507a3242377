//go:build linux

package hosts

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// MachinesVariable names the environment variable that says how many machines
// of all processes may run at a time; without it there is no limit.
const MachinesVariable = "DOCKER_PROXY_MACHINES"

// A seating is the names of the tests of this process that have a machine.
// Their further machines, and those of their subtests, take no place: tests
// that hold one and wait for a second would wait for each other forever.
type seating struct{ tests sync.Map }

// seated marks the context of a machine that takes no place.
type seated struct{}

// take notes that t boots a machine until it ends, and returns the context to
// boot it with.
func (s *seating) take(ctx context.Context, t testing.TB) context.Context {
	has := false
	s.tests.Range(func(name, _ any) bool {
		has = strings.HasPrefix(t.Name()+"/", name.(string)+"/")
		return !has
	})
	if has {
		return context.WithValue(ctx, seated{}, true)
	}
	s.tests.Store(t.Name(), true)
	t.Cleanup(func() { s.tests.Delete(t.Name()) })
	return ctx
}

// bootSlot waits for one of two places to boot in.
func bootSlot(ctx context.Context) (func(), error) {
	release, err := lockOneOf(ctx, "", 2)
	if err != nil {
		return nil, fmt.Errorf("waiting for other machines to boot: %w", err)
	}
	return release, nil
}

// machinePlace waits for one of the places to run in that [MachinesVariable]
// gives, and tells log when that took long.
func machinePlace(ctx context.Context, log io.Writer) (func(), error) {
	text := os.Getenv(MachinesVariable)
	if text == "" || ctx.Value(seated{}) != nil {
		return func() {}, nil
	}
	places, err := strconv.Atoi(text)
	if err != nil || places < 1 {
		return nil, fmt.Errorf("%s is %q, not a number of machines", MachinesVariable, text)
	}
	begin := time.Now()
	defer func() {
		if waited := time.Since(begin); waited > time.Second {
			_, _ = fmt.Fprintf(log, "waited %.0fs for a place\n", waited.Seconds())
		}
	}()
	leave, err := lockOneOf(ctx, "machine-", places)
	if err != nil {
		return nil, fmt.Errorf("waiting for other machines to end: %w", err)
	}
	return leave, nil
}

// lockOneOf waits until one of n locks is free and takes it. They go with the
// process that holds them.
func lockOneOf(ctx context.Context, prefix string, n int) (func(), error) {
	for {
		for i := range n {
			slot := flock.New(noteFile(prefix+strconv.Itoa(i), ".slot"))
			if ok, err := slot.TryLock(); err != nil {
				return nil, err
			} else if ok {
				return func() { _ = slot.Close() }, nil
			}
			_ = slot.Close()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
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
