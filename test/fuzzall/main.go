// Command fuzzall runs every fuzz target of the module for a while each, one after the other; `go test -fuzz` takes a single target of a single package.
// Targets are found by `go test -list`, so a new one needs no registration. It stops at the first failure, whose input Go keeps under testdata/fuzz.
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
	"strings"
	"syscall"
	"time"
)

func main() {
	each := flag.Duration("time", 30*time.Second, "how long to fuzz each target")
	list := flag.Bool("list", false, "only print the targets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *each, *list); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// target is one fuzz function.
type target struct{ pkg, name string }

func run(ctx context.Context, out io.Writer, each time.Duration, list bool) error {
	targets, err := findTargets(ctx)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("no fuzz target found")
	}
	for i, t := range targets {
		if list {
			fmt.Fprintln(out, t.pkg, t.name)
			continue
		}
		fmt.Fprintf(out, "%d/%d %s %s\n", i+1, len(targets), t.pkg, t.name)
		cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), t.pkg) //nolint:gosec // names from go itself
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("fuzzing %s in %s: %w", t.name, t.pkg, err)
		}
	}
	return nil
}

func findTargets(ctx context.Context) ([]target, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing fuzz targets: %w", err)
	}
	return parseList(string(text)), nil
}

// parseList reads the output of `go test -list`: the names of a package, then its ok line.
func parseList(text string) []target {
	var targets []target
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && strings.HasPrefix(f[0], "Fuzz"):
			names = append(names, f[0])
		case len(f) >= 2 && f[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{pkg: f[1], name: name})
			}
			names = nil
		}
	}
	return targets
}
