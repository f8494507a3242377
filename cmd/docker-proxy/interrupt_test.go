//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestInterrupts(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			ctx, stop := withInterrupts(t.Context(), io.Discard)
			defer stop()
			assert.NilError(t, ctx.Err())
			assert.NilError(t, syscall.Kill(os.Getpid(), sig))
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), errInterrupted)
		})
	}
}

// TestSignals sends this test's own program, started anew, what a terminal, a shell and a session manager send, and looks at how it ends.
func TestSignals(t *testing.T) {
	const wants, hup, term, intr = "DOCKER_PROXY_TEST_SIGNALS", syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT
	if os.Getenv(wants) != "" {
		os.Exit(obeySignals(os.Getenv(wants)))
	}
	for _, tc := range []struct {
		name string
		send []syscall.Signal
		argv []string // before the program
		ends int
	}{
		{name: "a lost terminal and a logout", send: []syscall.Signal{hup, hup, hup, term, hup}, ends: 7},
		{name: "^C twice", send: []syscall.Signal{intr, intr}, ends: 7},
		{name: "^C three times", send: []syscall.Signal{intr, intr, intr}, ends: exitInterrupted},
		{name: "nohup", argv: []string{"nohup"}, send: []syscall.Signal{hup}, ends: 8},
		{name: "nohup, and then an order", argv: []string{"nohup"}, send: []syscall.Signal{hup, term}, ends: 7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			argv := append(tc.argv, os.Args[0], "-test.run=^TestSignals$")
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			cmd.Env = append(os.Environ(), wants+"="+strconv.Itoa(tc.ends))
			in, err := cmd.StdinPipe()
			assert.NilError(t, err)
			out, err := cmd.StdoutPipe()
			assert.NilError(t, err)
			assert.NilError(t, cmd.Start())
			answer := make([]byte, 1)
			for _, s := range append([]syscall.Signal{0}, tc.send...) {
				if s != 0 {
					assert.NilError(t, cmd.Process.Signal(s))
					ask := "?"
					if s == hup && tc.argv != nil {
						ask = "!" // it does not arrive
					}
					_, _ = in.Write([]byte(ask)) // it has ended after the third ^C
				}
				if _, err := io.ReadFull(out, answer); err != nil {
					break
				}
			}
			in.Close()
			_ = cmd.Wait()
			assert.Equal(t, cmd.ProcessState.ExitCode(), tc.ends)
		})
	}
}

// obeySignals ends with status 7 when it was interrupted and 8 when not, after the end of stdin. A byte from there is answered when the signal before it has arrived; want is how this
// is to end, so that what takes a moment longer is waited for.
func obeySignals(want string) int {
	ctx, stop := withInterrupts(context.Background(), io.Discard)
	defer stop()
	arrived := make(chan os.Signal, 1)
	caught := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		caught = append(caught, syscall.SIGHUP)
	}
	signal.Notify(arrived, caught...)
	b := make([]byte, 1)
	for {
		fmt.Print(".")
		if _, err := os.Stdin.Read(b); errors.Is(err, io.EOF) {
			break
		}
		if b[0] == '?' {
			<-arrived
		}
	}
	switch want {
	case "130":
		select {}
	case "7":
		<-ctx.Done()
	}
	time.Sleep(20 * time.Millisecond) // a program that ends at the wrong signal does so now
	if ctx.Err() != nil {
		return 7
	}
	return 8
}
