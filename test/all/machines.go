package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Machines wait most of the time: for dockerd to end, to start, and to have stayed up. One needs about a tenth of a core and 300 MB.
const (
	machinesPerCore  = 3
	memoryPerMachine = 1 << 30
)

// machinesVariable tells package test/hosts how many machines may run at a time, whichever process boots them.
const machinesVariable = "DOCKER_PROXY_MACHINES"

// hostTests is the part of the suites that boots machines: every test in a process of its own, as many at a time as machines may run.
type hostTests struct {
	tests  []hostTest
	env    []string
	places int
}

// run runs the tests with these names, nil for all. Tests that are asked for by name are run one after another, with two machines at a time.
func (h hostTests) run(ctx context.Context, out io.Writer, names []string) ([]*outcome, error) {
	tests, processes, machines := h.tests, h.places, h.places
	if names != nil {
		machines = 2
		tests, processes = slices.DeleteFunc(slices.Clone(tests), func(t hostTest) bool { return !slices.Contains(names, t.name) }), 1
	}
	var (
		waiting  sync.WaitGroup
		mutex    sync.Mutex
		outcomes []*outcome
		problems []error
	)
	free := make(chan struct{}, processes)
	for _, t := range tests {
		free <- struct{}{}
		waiting.Go(func() {
			defer func() { <-free }()
			got, err := t.run(ctx, out, h.env, machines)
			mutex.Lock()
			defer mutex.Unlock()
			outcomes, problems = append(outcomes, got...), append(problems, err)
		})
	}
	waiting.Wait()
	return outcomes, errors.Join(problems...)
}

// run runs one test, so many of the subtests that allow it beside each other, and reads what it tells.
func (t hostTest) run(ctx context.Context, out io.Writer, env []string, beside int) ([]*outcome, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	test := exec.CommandContext(ctx, t.binary, "-test.run=^"+t.name+"$", "-test.v=test2json", "-test.paniconexit0", "-test.timeout="+hostsTimeout, "-test.parallel="+strconv.Itoa(beside)) //nolint:gosec // built above
	test.Dir, test.Env = t.dir, append(os.Environ(), env...)
	test.WaitDelay = time.Minute                                                     // what a test leaves behind may hold its output
	events := exec.CommandContext(ctx, "go", "tool", "test2json", "-t", "-p", t.pkg) //nolint:gosec // fixed arguments
	events.Stderr = out
	said, err := events.StdinPipe()
	if err != nil {
		return nil, err
	}
	test.Stdout, test.Stderr = said, said
	stream, err := events.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(events.Start(), test.Start()); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		err := test.Wait()
		ended <- errors.Join(err, said.Close())
	}()
	r := &reader{out: out, verbose: true, seen: map[[2]string]*outcome{}}
	readErr := r.read(stream)
	err = errors.Join(<-ended, readErr, events.Wait())
	if err == nil {
		return r.order, nil
	}
	if len(failedNames(r.order)) == 0 { // it never began, so that nothing else tells
		r.order = append(r.order, &outcome{pkg: t.pkg, test: t.name, action: "fail"})
	}
	return r.order, fmt.Errorf("%s of %s: %w", t.name, t.pkg, err)
}

// placesForMachines returns how many machines may run at a time here: what the cores and the free memory allow, and at least two; DOCKER_PROXY_MACHINES, where it
// is set already, says another number.
func placesForMachines() int {
	if n, err := strconv.Atoi(os.Getenv(machinesVariable)); err == nil && n > 0 {
		return n
	}
	places := machinesPerCore * runtime.NumCPU()
	if free := freeMemory(); free > 0 {
		places = min(places, int(free/memoryPerMachine))
	}
	return max(places, 2)
}

// freeMemory returns what proc_meminfo(5) calls MemAvailable, in bytes, and 0 where that is not known.
func freeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			kilobytes, _ := strconv.ParseInt(f[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
