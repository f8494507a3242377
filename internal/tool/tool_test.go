//go:build unix

package tool_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/tool"
)

func TestRun(t *testing.T) {
	sh, err := tool.Find("sh")
	assert.NilError(t, err)
	t.Setenv("LEAK", "from the caller")
	res, err := tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", `cat; echo "$LEAK$GIVEN" >&2; pwd; exit 3`}, Stdin: []byte("in\n"), Env: []string{"GIVEN=given"}})
	assert.NilError(t, err)
	assert.Equal(t, res, tool.Result{Status: 3, Stdout: "in\n/\n", Stderr: "given\n"})
}

func TestRunIsBounded(t *testing.T) {
	sh, err := tool.Find("sh")
	assert.NilError(t, err)
	_, err = tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", "sleep 60"}, Limit: 50 * time.Millisecond})
	assert.Assert(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
	res, err := tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", "head -c 2000000 /dev/zero"}})
	assert.NilError(t, err)
	assert.Equal(t, len(res.Stdout), 256<<10)
}

func TestFind(t *testing.T) {
	_, err := tool.Find("no-such-program-here")
	assert.Assert(t, errors.Is(err, tool.ErrNotFound))
	_, err = tool.Find("/etc/passwd")
	assert.Assert(t, errors.Is(err, tool.ErrNotFound), "a file that cannot be executed")
}

func TestScratchIsPrivateAndGoes(t *testing.T) {
	s, err := tool.NewScratch()
	assert.NilError(t, err)
	path, err := s.Write("/etc/docker/daemon.json", []byte("x"))
	assert.NilError(t, err)
	assert.Assert(t, strings.HasSuffix(path, "/daemon.json"))
	st, err := os.Stat(path)
	assert.NilError(t, err)
	assert.Equal(t, st.Mode().Perm(), os.FileMode(0o600))
	s.Close()
	_, err = os.Stat(path)
	assert.Assert(t, errors.Is(err, os.ErrNotExist))
}
