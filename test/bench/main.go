// Command bench measures the claims about speed, memory and quietness on a booted host, both sides of each comparison in the same run. It is what
// `make bench` calls. It ends with a table and status 1 when a limit is missed.
//
// Times are medians of interleaved runs, taken by a copy of this program inside the host (measure.go), so that entering the host is not measured. It is no
// test of what the commands print. Start reading at run, then claims.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == measureWord {
		if err := measure(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == askWord {
		if err := ask(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/docker-proxy", "the plugin to measure")
	flag.StringVar(&o.host, "host", "trixie", "the kind of test host to boot")
	flag.IntVar(&o.runs, "runs", 60, "runs of each side of a comparison")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	binary string
	host   string
	runs   int
}

// errMissed says that the table has a missed limit.
var errMissed = errors.New("a limit was missed")
