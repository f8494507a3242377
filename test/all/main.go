// Command all runs every test suite this machine can run and says which it could not: the pure and script tests, and as root on Debian the suites on real, booted
// hosts. It is what `make test` calls.
//
// It ends with a table of host × suite, compares the number of passed tests with the committed minimum (test/minimum.txt), so that a suite cannot
// shrink or skip itself unnoticed, and prints `N passed, N failed, N skipped`. It tests nothing itself. Start reading at run.
package main

import (
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
	"syscall"
	"time"
)

// The time limits of the two parts: several times what they take on an idle machine with two cores, and together below the time that CI gives.
const (
	pureTimeout  = "20m"
	hostsTimeout = "60m"
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
	begin := time.Now()
	all := &suites{known: minimum.hosts()}
	var problems []error
	if pure {
		problems = append(problems, runPure(ctx, out, all))
	}
	why := hostsImpossible(hosts)
	switch {
	case why == "":
		problems = append(problems, runHosts(ctx, out, all))
	case hosts != "never" && os.Getenv(requireHosts) == "1":
		problems = append(problems, fmt.Errorf("the suites on real hosts are required and were not run: %s", why))
	}
	fmt.Fprintln(out)
	all.writeSkipped(out)
	all.writeTable(out)
	all.writeUnsteady(out)
	problems = append(problems, minimum.check(out, all, pure, why == "")...)
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

func runPure(ctx context.Context, out io.Writer, all *suites) error {
	outcomes, err := all.twice(ctx, out, tests{args: []string{"-timeout", pureTimeout}, pkgs: []string{"./..."}}, "")
	all.addAll(outcomes, err, false)
	return err
}

func runHosts(ctx context.Context, out io.Writer, all *suites) error {
	install := exec.CommandContext(ctx, "go", "run", "./test/hosts/cmd/hosts", "deps")
	install.Stdout, install.Stderr = out, out
	if err := install.Run(); err != nil {
		return fmt.Errorf("installing what the test hosts need: %w", err)
	}
	packages, names, err := taggedTests(ctx)
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return errors.New("no test has the build tag hosts")
	}
	dir, err := os.MkdirTemp("", "docker-proxy-results-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	results := filepath.Join(dir, "results.jsonl")
	t := tests{verbose: true, env: []string{"DOCKER_PROXY_RESULTS=" + results}, args: []string{"-tags", "hosts", "-timeout", hostsTimeout}, names: names, pkgs: packages} // suites on hosts take minutes
	outcomes, err := all.twice(ctx, out, t, results)
	resultsErr := all.addResults(results) // first: it names the hosts
	all.addAll(outcomes, err, true)
	return errors.Join(err, resultsErr)
}

// loudly writes a line nobody overlooks.
func loudly(out io.Writer, line string) {
	fmt.Fprintf(out, "\n!!! %s !!!\n\n", line)
}
