package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/docker/cli/cli/command"
)

// crashRequest is one command for crashWorker, and what goes wrong meanwhile. The same type stands in test/crash.
type crashRequest struct {
	Args   []string
	Stdin  string
	Faults []crashFault
	Log    bool // the answer lists the operations
}

// crashFault is a failure of the operations From to To, counted from 1.
type crashFault struct {
	From, To int
	Errno    int  // the error; 0 with Kill false is a signal that asks the process to end (SIGINT, SIGTERM, SIGHUP), and the operation is made
	Kill     bool // the process ends by SIGKILL before the operation
}

// crashAnswer is how a command ended that was not killed.
type crashAnswer struct {
	Status         int
	Stdout, Stderr string
	Count          int         // of operations, those that failed included
	Ops            [][2]string // operation and file
}

// crashWorker runs commands one after the other in this process, as JSON on stdin tells it, for the sweeps of test/crash: a process of its own for each of the many
// thousand runs would take minutes, and a run that is killed takes the process with it. Answers go to file descriptor 3.
func crashWorker() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.NewFile(3, "answers"))
	for {
		var r crashRequest
		if err := in.Decode(&r); err != nil {
			return // the end of input
		}
		if err := out.Encode(r.run()); err != nil {
			os.Exit(1)
		}
	}
}

func (r crashRequest) run() crashAnswer {
	var a crashAnswer
	ctx, interrupt := context.WithCancelCause(context.Background())
	defer interrupt(nil)
	fault := func(op, path string) error {
		a.Count++
		if r.Log {
			a.Ops = append(a.Ops, [2]string{op, path})
		}
		for _, f := range r.Faults {
			if a.Count < f.From || a.Count > f.To {
				continue
			}
			if f.Kill {
				killSelf()
			}
			if f.Errno == 0 {
				interrupt(errInterrupted)
				return nil
			}
			return syscall.Errno(f.Errno)
		}
		return nil
	}
	var stdout, stderr bytes.Buffer
	a.Status = runApp(ctx, &app{fault: fault}, append([]string{"docker-proxy"}, r.Args...),
		command.WithInputStream(io.NopCloser(strings.NewReader(r.Stdin))), command.WithOutputStream(&stdout), command.WithErrorStream(&stderr))
	a.Stdout, a.Stderr = stdout.String(), stderr.String()
	return a
}

// killSelf ends this process as kill -9 does, at once.
func killSelf() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
