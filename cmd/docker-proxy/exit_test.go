package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/docker/cli/cli"
	"gotest.tools/v3/assert"
)

func TestReport(t *testing.T) {
	plain := errors.New("reading the file: permission denied")
	for _, tc := range []struct {
		name        string
		err         error
		beforeStart bool
		interrupted bool
		status      int
		message     string
	}{
		{"well", nil, false, false, 0, ""},
		{"well, although interrupted at the end", nil, false, true, 0, ""},
		{"plain", plain, false, false, 1, plain.Error() + "\n"},
		{"before the command began", plain, true, false, 2, plain.Error() + "\n"},
		{"docker's flag error", cli.StatusError{Status: "unknown flag", StatusCode: 125}, false, false, 2, "unknown flag\n"},
		{"docker's own status", cli.StatusError{Status: "x", StatusCode: 7}, false, false, 7, "x\n"},
		{"docker's status without a number", cli.StatusError{Status: "x"}, false, false, 1, "x\n"},
		{"usage", usageErrorf("no such layer %q", "x"), false, false, 2, "no such layer \"x\"\n"},
		{"own status, wrapped", fmt.Errorf("restarting: %w", withStatus(exitUnrestored, plain)), false, false, 6, "restarting: " + plain.Error() + "\n"},
		{"silent", silently(exitPending), false, false, 3, ""},
		{"interrupted", context.Canceled, false, true, 130, "interrupted\n"},
		{"interrupted by the CLI's socket", fmt.Errorf("asking: %w", context.Canceled), false, false, 130, "asking: context canceled\n"},
		{"an error after a signal", plain, false, true, 130, plain.Error() + "\n"},
		{"a signal does not hide what is broken", withStatus(exitUnrestored, plain), false, true, 6, plain.Error() + "\n"},
		{"nobody reads stdout", &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}, false, false, 1, ""},
		{"escapes", errors.New("bad \x1b[31m name"), false, false, 1, "bad \\x1b[31m name\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.interrupted {
				cancel()
			}
			var stderr bytes.Buffer
			status := report(ctx, &stderr, failure{err: tc.err, beforeStart: tc.beforeStart})
			assert.Equal(t, status, tc.status)
			assert.Equal(t, stderr.String(), tc.message)
		})
	}
}

func TestWithStatusOfNil(t *testing.T) { assert.NilError(t, withStatus(exitPartly, nil)) }
