// Command mutate takes rules out of the product, one at a time, and proves that a test notices. It is what `make mutate` calls.
//
// What is taken out is listed in mutations.txt: a file, an exact text, what replaces it, and the tests that have to fail. The tests run in copies of the
// checkout, whose files are left alone. A mutation that survives means that a test is missing; a text that is not found any more means that the list
// has to follow the code. Both end with status 1. Start reading at run; list.go reads the list.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

//go:embed mutations.txt
var listed string

func main() {
	only := flag.String("run", "", "only mutations whose title matches this regular expression")
	workers := flag.Int("workers", 2, "how many to try at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *only, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		stop()
		os.Exit(1)
	}
}

// result is what became of one mutation.
type result struct {
	mutation mutation
	killedBy string // the test that failed
	problem  string // why it proves nothing: survived, does not apply, does not build
	took     time.Duration
}

// run tries the mutations whose title matches and reports each.
func run(ctx context.Context, out io.Writer, only string, workers int) error {
	all, err := parse(listed)
	if err != nil {
		return fmt.Errorf("mutations.txt: %w", err)
	}
	if all, err = matching(all, only); err != nil {
		return err
	}
	copies, err := makeCopies(ctx, workers)
	defer copies.remove()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the tests without any mutation:\n")
	if err := copies.baseline(ctx, out, all); err != nil {
		return err
	}
	begin, bad := time.Now(), 0
	for r := range copies.try(ctx, all) {
		if r.problem != "" {
			bad++
			fmt.Fprintf(out, "%-9s %5.1fs  %s: %s\n", "PROBLEM", r.took.Seconds(), r.mutation.title, r.problem)
			continue
		}
		fmt.Fprintf(out, "%-9s %5.1fs  %s (%s)\n", "killed", r.took.Seconds(), r.mutation.title, r.killedBy)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Fprintf(out, "%d mutations, %d killed, %d not, in %s\n", len(all), len(all)-bad, bad, time.Since(begin).Round(time.Second))
	if bad > 0 {
		return errors.New("not every removed rule was noticed")
	}
	return nil
}

func matching(all []mutation, pattern string) ([]mutation, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	var out []mutation
	for _, m := range all {
		if re.MatchString(m.title) {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no mutation matches %q", pattern)
	}
	return out, nil
}
