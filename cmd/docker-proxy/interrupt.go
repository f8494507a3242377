package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the cause of a context that a signal cancelled.
var errInterrupted = errors.New("interrupted")

// patience is how many signals end the program without undoing: as many as the docker CLI waits for before it kills a plugin.
const patience = 3

// withInterrupts returns a context that SIGINT, SIGTERM and SIGHUP cancel. Further signals are swallowed, because systemd sends TERM and HUP together at
// logout and a change that is being undone must not be cut off; only the third ends the program at once. SIGPIPE is ignored: a reader of stdout that went away must
// not kill a run that holds the daemon down, the write error ends it in order. stop releases the handlers.
func withInterrupts(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, patience)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
			}
			cancel(errInterrupted)
			if n == patience {
				fmt.Fprintln(stderr, "interrupted three times: stopping at once, the next run finishes or undoes what was begun")
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
