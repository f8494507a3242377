//go:build linux

// Command hosts makes, boots and enters the test hosts by hand; the suites use
// package hosts directly.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

const usage = `usage: hosts COMMAND
  deps                 install what making and booting hosts needs (root)
  list                 the hosts, and whether their root is in the cache
  build [NAME…]        make the roots that are missing (all by default)
  boot NAME            boot one and keep it until this is killed (at most 4 h)
  exec NAME [-u USER] COMMAND…   run a command in a booted one
  table FILE           print a results file as a table; fails when a host failed or is missing
  sweep                remove what killed runs left behind`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "hosts:", err)
	}
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New(usage)
	}
	var err error
	switch command, args := args[0], args[1:]; {
	case command == "deps":
		err = hosts.InstallDeps(ctx, os.Stderr)
	case command == "list":
		list()
	case command == "build":
		err = build(ctx, args)
	case command == "boot" && len(args) == 1:
		err = boot(ctx, args[0])
	case command == "exec" && len(args) > 1:
		return enter(ctx, args[0], args[1:])
	case command == "table" && len(args) == 1:
		err = table(args[0])
	case command == "sweep":
		hosts.Sweep()
	default:
		return 2, errors.New(usage)
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

func list() {
	for _, kind := range append(hosts.Kinds(), hosts.Extra()...) {
		state := "not made yet"
		dir, ok := hosts.Built(kind.Name)
		if ok {
			state = "made"
		}
		fmt.Printf("%-10s %-13s %-12s %s\n", kind.Name, kind.Manager, state, dir)
	}
}

// table prints host × suite from a results file.
func table(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	text, err := hosts.Table(file)
	fmt.Print(text)
	return err
}

// build makes the named roots one after the other. A host whose suite moves
// may fail without failing the rest.
func build(ctx context.Context, names []string) error {
	if len(names) == 0 {
		for _, kind := range append(hosts.Kinds(), hosts.Extra()...) {
			names = append(names, kind.Name)
		}
	}
	for _, name := range names {
		kind, err := hosts.KindOf(name)
		if err != nil {
			return err
		}
		if _, err := hosts.Build(ctx, name, os.Stderr); err != nil {
			if !kind.Optional || ctx.Err() != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "not available: %v\n", err)
		}
	}
	return nil
}

func boot(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Hour)
	defer cancel()
	started := time.Now()
	m, release, err := hosts.Start(ctx, name, hosts.Seed{}, os.Stderr)
	if err != nil {
		return err
	}
	defer m.Stop()
	err = m.AwaitDocker(ctx)
	release()
	if err != nil {
		return err
	}
	fmt.Printf("machine %s\nroot    %s\nleader  %d\nready   after %s\nenter   nsenter -t %d -m -u -i -n -p -C -r -w bash -l\n",
		m.Name, m.Root(), m.Leader, time.Since(started).Round(100*time.Millisecond), m.Leader)
	<-ctx.Done()
	return nil
}

// enter runs a command in a machine another process booted, as the user its
// daemon belongs to, with this process' standard streams.
func enter(ctx context.Context, name string, argv []string) (int, error) {
	m, err := hosts.Find(name)
	if err != nil {
		return 1, err
	}
	c := hosts.Cmd{User: m.Kind.User, Timeout: 4 * time.Hour}
	if argv[0] == "-u" && len(argv) > 2 {
		c.User, argv = argv[1], argv[2:]
	}
	if argv[0] == "--" {
		argv = argv[1:]
	}
	c.Argv = argv
	err = m.Attach(ctx, c)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("running %s: %w", strings.Join(argv, " "), err)
	}
	return 0, nil
}
