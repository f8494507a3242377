// Command all runs every test suite this machine can run and says which it could not: the pure and script tests, and as root on Debian the suites on real, booted
// hosts. It is what `make test` calls.
//
// Both parts run beside each other, and of the second one several machines: DOCKER_PROXY_MACHINES says how many, where the cores and the memory shall not.
//
// It ends with a table of host × suite, compares the number of passed tests with the committed minimum (test/minimum.txt), so that a suite cannot
// shrink or skip itself unnoticed, and prints `N passed, N failed, N skipped`. It tests nothing itself. Start reading at run.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// The time limits of one package of the pure suites and of one test on hosts: several times what they take on an idle machine with two cores, and even twice in a
// row (see onceMore) below the time that CI gives.
const (
	pureTimeout  = "30m"
	hostsTimeout = "30m"
)

// requireHosts set to 1 makes missing hosts an error; .ci/run sets it.
const requireHosts = "DOCKER_PROXY_REQUIRE_HOSTS"

func main() {
	pure := flag.Bool("pure", true, "run the suites that need no host")
	hosts := flag.String("hosts", "auto", "run the suites on booted hosts: auto, always or never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *pure, *hosts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// run runs the wanted parts from the top of the checkout and writes the report.
func run(ctx context.Context, out io.Writer, pure bool, hosts string) error {
	minimum, err := readMinimum(filepath.Join("test", "minimum.txt"))
	if err != nil {
		return err
	}
	if err := prepare(ctx, out); err != nil {
		return err
	}
	begin, untouched := time.Now(), footprint(ownPlaces())
	all := &suites{known: minimum.hosts()}
	out = &lines{w: out}
	why := hostsImpossible(hosts)
	problems := runParts(ctx, out, all, pure, why == "", minimum)
	if why != "" && hosts != "never" && os.Getenv(requireHosts) == "1" {
		problems = append(problems, fmt.Errorf("the suites on real hosts are required and were not run: %s", why))
	}
	fmt.Fprintln(out)
	all.writeSkipped(out)
	all.writeTable(out)
	all.writeUnsteady(out)
	problems = append(problems, minimum.check(out, all, pure, why == "")...)
	problems = append(problems, leftBehind(untouched, footprint(ownPlaces())))
	if why != "" {
		loudly(out, "the suites on real, booted hosts were NOT RUN: "+why)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped in %s\n", all.passed, all.failed, all.skipped, time.Since(begin).Round(time.Second))
	return errors.Join(problems...)
}

// hostsImpossible returns why the suites on hosts cannot or shall not run, "" when they can.
func hostsImpossible(mode string) string {
	_, aptErr := exec.LookPath("apt-get")
	_, bootstrapErr := exec.LookPath("debootstrap")
	switch {
	case mode == "never":
		return "not asked for; `make test` as root runs them"
	case runtime.GOOS != "linux":
		return "they need Linux"
	case os.Geteuid() != 0:
		return "they need root: sudo make test"
	case mode == "auto" && aptErr != nil && bootstrapErr != nil:
		return "they are made with debootstrap, and there is neither debootstrap nor apt-get to install it"
	}
	return ""
}

// runParts runs the suites that need no host and those on hosts beside each other: the first ones compute, the others wait most of the time. What failed is
// run once more when both are through.
func runParts(ctx context.Context, out io.Writer, all *suites, pure, hosts bool, m minimum) []error {
	var (
		beside    sync.WaitGroup
		pureRan   ran
		hostsRan  ran
		hostPart  hostTests
		results   string
		buildsErr error
	)
	purePart := pureTests{args: []string{"-timeout", pureTimeout}, pkgs: longFirst()}
	if hosts {
		dir, err := os.MkdirTemp("", "docker-proxy-results-")
		if err != nil {
			return []error{err}
		}
		defer os.RemoveAll(dir)
		results = filepath.Join(dir, "results.jsonl")
		beside.Go(func() {
			hostPart, buildsErr = makeHostTests(ctx, out, dir, results, m)
			hostsRan.outcomes, hostsRan.err = hostPart.run(ctx, out, nil)
		})
	}
	if pure {
		beside.Go(func() { pureRan.outcomes, pureRan.err = purePart.run(ctx, out, nil) })
	}
	beside.Wait()
	var problems []error
	if pure {
		pureRan = all.onceMore(ctx, out, purePart, pureRan, "")
		all.addAll(pureRan.outcomes, pureRan.err, false)
		problems = append(problems, pureRan.err)
	}
	if hosts {
		hostsRan = all.onceMore(ctx, out, hostPart, hostsRan, results)
		problems = append(problems, all.addResults(results), hostsRan.err, buildsErr) // results first: they name the hosts
		all.addAll(hostsRan.outcomes, errors.Join(hostsRan.err, buildsErr), true)
	}
	return problems
}

// longFirst returns the packages of the pure suites: all of them, and first those that take long, so that they do not end alone.
func longFirst() []string {
	return []string{"./test/crash", "./test/truth", "./cmd/docker-proxy", "./..."}
}

// rank says which tests on hosts begin first: those that take more than a minute on one machine, so that they do not end alone.
func rank(test string) int {
	if i := slices.Index([]string{"TestCrowd", "TestGuideTasks", "TestInterrupted", "TestHostileUsers"}, test); i >= 0 {
		return i - 10
	}
	return 0
}

// makeHostTests installs what machines need and builds the tests that boot them.
func makeHostTests(ctx context.Context, out io.Writer, dir, results string, m minimum) (hostTests, error) {
	install := exec.CommandContext(ctx, "go", "run", "./test/hosts/cmd/hosts", "deps")
	install.Stdout, install.Stderr = out, out
	if err := install.Run(); err != nil {
		return hostTests{}, fmt.Errorf("installing what the test hosts need: %w", err)
	}
	tests, err := taggedTests(ctx)
	if err != nil {
		return hostTests{}, err
	}
	if len(tests) == 0 {
		return hostTests{}, errors.New("no test has the build tag hosts")
	}
	tests, err = buildTests(ctx, out, dir, tests)
	slices.SortStableFunc(tests, func(a, b hostTest) int { return cmp.Or(rank(a.name)-rank(b.name), m.size(b.name)-m.size(a.name)) })
	places := placesForMachines()
	return hostTests{tests: tests, places: places, env: []string{"DOCKER_PROXY_RESULTS=" + results, fmt.Sprintf("%s=%d", machinesVariable, places)}}, err
}

// lines lets several write at once: what one call writes stays together.
type lines struct {
	mutex sync.Mutex
	w     io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.w.Write(p)
}

// loudly writes a line nobody overlooks.
func loudly(out io.Writer, line string) {
	fmt.Fprintf(out, "\n!!! %s !!!\n\n", line)
}
