package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// measureWord is the argument by which this program runs as the stop-watch inside the host.
const measureWord = "measure"

// order is what the stop-watch is asked: run each command Runs times, in turns.
type order struct {
	Runs     int
	Commands [][]string
	// Before has for each command one that is run before it each time and not timed; nil for none.
	Before [][]string
	// Cold leaves out the runs that warm up: for what takes long.
	Cold bool
}

// timing is what it answers for one command.
type timing struct {
	Median  time.Duration
	Fastest time.Duration
	Peak    int64 // bytes: the largest resident set of the process and the children it waited for (getrusage(2), ru_maxrss)
}

// measure reads an order and writes the timings in its order. A command that fails is an error: the time of a failure means nothing.
func measure(in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	took := make([][]time.Duration, len(o.Commands))
	answers := make([]timing, len(o.Commands))
	warmUp := 3
	if o.Cold {
		warmUp = 0
	}
	for turn := range o.Runs + warmUp {
		for i := range o.Commands {
			at := (i + turn) % len(o.Commands) // nobody is always the first
			if o.Before != nil {
				if _, _, err := once(o.Before[at]); err != nil {
					return err
				}
			}
			d, peak, err := once(o.Commands[at])
			if err != nil {
				return err
			}
			answers[at].Peak = max(answers[at].Peak, peak)
			if turn >= warmUp {
				took[at] = append(took[at], d)
			}
		}
	}
	for i := range answers {
		answers[i].Median, answers[i].Fastest = median(took[i]), slices.Min(took[i])
	}
	return json.NewEncoder(out).Encode(answers)
}

// once runs a command to its end. Peak memory is an upper bound: the kernel counts what this small process had when it started the child, too.
func once(argv []string) (time.Duration, int64, error) {
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx,gosec // the machine is taken down when the bench ends
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		output, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput() //nolint:noctx,gosec // to say why
		return 0, 0, fmt.Errorf("%q: %w\n%s", argv, err, output)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, fmt.Errorf("%q: no resource usage on %s", argv, os.Getenv("GOOS"))
	}
	return took, usage.Maxrss * 1024, nil
}

// median of at least one duration.
func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
