package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/docker/cli/cli"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// The exit statuses, the same for every command.
const (
	exitDone        = 0   // done, or nothing to do
	exitFailed      = 1   // failed and nothing changed; a read-only command's check found an error
	exitUsage       = 2   // wrong usage
	exitPending     = 3   // --check: changes are pending
	exitPartly      = 4   // partly done, each failure named
	exitRestored    = 5   // failed, and the state before is back
	exitUnrestored  = 6   // failed and not fully back; the message names file, unit and command
	exitInterrupted = 130 // interrupted and undone
)

// exitError ends the program with a status of its own. A nil err prints nothing: the command has already said what there is to say.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "exit status " + strconv.Itoa(e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// withStatus gives err the exit status status; nil stays nil.
func withStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{status: status, err: err}
}

// silently ends the program with a status and no message.
func silently(status int) error { return &exitError{status: status} }

// usageErrorf is an error of the caller's: status 2.
func usageErrorf(format string, args ...any) error {
	return &exitError{status: exitUsage, err: fmt.Errorf(format, args...)}
}

// failure is how a run ended.
type failure struct {
	err         error            // nil: well
	args        []string         // the command line, whose credentials an error may quote
	beforeStart bool             // the error came before the command's own code ran: flags, arguments, global options
	redactor    *redact.Redactor // knows the secrets of this run; may be nil
}

// report prints the error of a run, once, on stderr and masked, and returns the exit status.
func report(ctx context.Context, stderr io.Writer, f failure) int {
	if f.err == nil {
		return exitDone
	}
	status := f.status(ctx)
	if message := f.message(); message != "" {
		fmt.Fprintln(stderr, message)
	}
	return status
}

func (f failure) status(ctx context.Context) int {
	var own *exitError
	var docker cli.StatusError
	switch {
	case errors.As(f.err, &own):
		return own.status
	case f.beforeStart:
		return exitUsage
	case errors.As(f.err, &docker) && docker.StatusCode == 125: // docker/cli's FlagErrorFunc
		return exitUsage
	case errors.Is(f.err, context.Canceled) || ctx.Err() != nil:
		return exitInterrupted
	case docker.StatusCode > 0:
		return docker.StatusCode
	}
	return exitFailed
}

func (f failure) message() string {
	var own *exitError
	if errors.As(f.err, &own) && own.err == nil {
		return ""
	}
	if isBrokenStdout(f.err) {
		return "" // `docker proxy show | head -1` is no reason to complain
	}
	if f.err == context.Canceled { //nolint:errorlint // only the bare one says nothing
		return errInterrupted.Error()
	}
	redactor := f.redactor
	if redactor == nil {
		redactor = &redact.Redactor{}
	}
	for _, arg := range f.args {
		addArgument(redactor, arg)
	}
	return strings.TrimRight(redact.Terminal(redactor.Text(f.err.Error())), "\n")
}

// addArgument makes the credentials in one argument known, as flag parsers quote arguments raw or by %q. An image reference with a digest has an @ too.
func addArgument(redactor *redact.Redactor, arg string) {
	value := arg
	if strings.HasPrefix(arg, "-") {
		if _, after, ok := strings.Cut(arg, "="); ok {
			value = after
		}
	}
	at := strings.LastIndex(value, "@")
	if at < 0 || strings.HasPrefix(value[at:], "@sha256:") || strings.HasPrefix(value[at:], "@sha512:") {
		return
	}
	quoted := strconv.Quote(value)
	redactor.AddValue(precedence.Value(value))
	redactor.AddValue(precedence.Value(quoted[1 : len(quoted)-1]))
}

// isBrokenStdout reports whether the reader of stdout has gone.
func isBrokenStdout(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(err, syscall.EPIPE)
}
