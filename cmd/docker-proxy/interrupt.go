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

// patience is how many SIGINT end the program without undoing: as many as the docker CLI waits for before it kills a plugin.
const patience = 3

// withInterrupts returns a context that SIGINT, SIGTERM and SIGHUP cancel; stop releases the handlers.
//
// Further signals are swallowed, since a change that is being undone must not be cut off: a terminal that goes away sends SIGHUP up to three times (the kernel to the foreground
// group when the line is lost, the shell to its jobs, the kernel again when the shell ends), and systemd adds TERM and HUP at logout. Only somebody who types ^C for the third
// time ends the program at once. SIGHUP that is ignored when the program starts stays so: nohup(1) asks for that.
//
// SIGPIPE ends nothing: a reader of stdout that went away must not kill a run that holds the daemon down; the write fails instead. It is caught, because ignoring it
// would be inherited by init scripts and what they start.
func withInterrupts(parent context.Context, stderr io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, pipes := make(chan os.Signal, patience), make(chan os.Signal, 1)
	caught := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		caught = append(caught, syscall.SIGHUP)
	}
	signal.Notify(signals, caught...)
	signal.Notify(pipes, syscall.SIGPIPE) // nobody receives: what does not fit is dropped
	done := make(chan struct{})
	go func() {
		typed := 0
		for {
			var s os.Signal
			select {
			case <-done:
				return
			case s = <-signals:
			}
			cancel(errInterrupted)
			if s == syscall.SIGINT {
				typed++
			}
			if typed == patience {
				fmt.Fprintln(stderr, "interrupted three times: stopping at once, the next run finishes or undoes what was begun")
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(done)
		cancel(nil)
	}
}
