//go:build linux

package hosts

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// MachinesVariable names the environment variable that says how many machines
// of all processes may run at a time; without it there is no limit.
const MachinesVariable = "DOCKER_PROXY_MACHINES"

// placePatience is how long a machine waits for others to end. Then it starts
// beside them: tests that boot a second machine while they hold the first must
// not wait for each other forever.
const placePatience = 10 * time.Minute

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
	if text == "" {
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
	patient, cancel := context.WithTimeout(ctx, placePatience)
	defer cancel()
	release, err := lockOneOf(patient, "machine-", places)
	switch {
	case err == nil:
		return release, nil
	case ctx.Err() == nil && patient.Err() != nil:
		return func() {}, nil
	}
	return nil, fmt.Errorf("waiting for other machines to end: %w", err)
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
