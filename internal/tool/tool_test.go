//go:build unix

package tool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

// TestRunEndsTheGroup has programs that leave something behind: it holds their output, and must be gone afterwards.
func TestRunEndsTheGroup(t *testing.T) {
	sh, err := tool.Find("sh")
	assert.NilError(t, err)
	for _, tc := range []struct {
		name, script string
		limit        time.Duration
		fails        bool
	}{
		{name: "it ends", script: `sleep 600 & echo $!`},
		{name: "it does not", script: `sleep 600 & echo $!; sleep 600`, limit: 300 * time.Millisecond, fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, err := tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", tc.script}, Limit: tc.limit, Contained: true})
			assert.Equal(t, err != nil, tc.fails, "%v", err)
			pid, err := strconv.Atoi(strings.TrimSpace(res.Stdout))
			assert.NilError(t, err)
			for syscall.Kill(pid, 0) == nil && t.Context().Err() == nil && !zombie(pid) { // SIGKILL is on its way
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// zombie reports whether a process has ended without anybody asking how; in a container without an init nobody does.
func zombie(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(data), ") Z ")
}

func TestRunBare(t *testing.T) {
	sh, err := tool.Find("sh")
	assert.NilError(t, err)
	dir := t.TempDir()
	res, err := tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", `export -p; pwd -P; tty; test /dev/stdin -ef /dev/null && (: </dev/tty) 2>/dev/null || echo nothing to ask`}, Dir: dir, Bare: true, Contained: true})
	assert.NilError(t, err)
	real, err := filepath.EvalSymlinks(dir)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(res.Stdout, "\n"+real+"\n"), res.Stdout)
	assert.Assert(t, strings.Contains(res.Stdout, "not a tty") && strings.Contains(res.Stdout, "nothing to ask"), res.Stdout)
	for line := range strings.Lines(res.Stdout) {
		name, _, exported := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		assert.Assert(t, !exported || name == "PATH" || name == "PWD" || name == "OLDPWD" || name == "SHLVL", line)
	}
}

func TestFind(t *testing.T) {
	_, err := tool.Find("no-such-program-here")
	assert.Assert(t, errors.Is(err, tool.ErrNotFound))
	_, err = tool.Find("/etc/passwd")
	assert.Assert(t, errors.Is(err, tool.ErrNotFound), "a file that cannot be executed")
}

func TestScratchHasAPlainPath(t *testing.T) {
	for _, parent := range []string{"/tmp/it's", "relative", "/tmp/a:b", "/tmp/a b"} {
		t.Setenv("TMPDIR", parent)
		s, err := tool.NewScratch()
		assert.NilError(t, err)
		assert.Assert(t, strings.HasPrefix(s.Dir(), "/tmp/docker-proxy-candidate-"), s.Dir())
		s.Close()
	}
}

func TestScratchIsPrivateAndGoes(t *testing.T) {
	s, err := tool.NewScratch()
	assert.NilError(t, err)
	path, err := s.Write("/etc/docker/daemon.json", []byte("x"))
	assert.NilError(t, err)
	assert.Assert(t, strings.HasSuffix(path, "/daemon.json"))
	deep, err := s.WriteAt("a.service.d/b.conf", []byte("x"))
	assert.NilError(t, err)
	for p, mode := range map[string]os.FileMode{path: 0o600, deep: 0o600, filepath.Dir(deep): 0o700, s.Dir(): 0o700} {
		st, err := os.Stat(p)
		assert.NilError(t, err)
		assert.Equal(t, st.Mode().Perm(), mode, p)
	}
	_, err = s.WriteAt("../b.conf", nil)
	assert.ErrorContains(t, err, "not below")
	s.Close()
	_, err = os.Stat(path)
	assert.Assert(t, errors.Is(err, os.ErrNotExist))
}

// A program that is kept apart has a session of its own, which a terminal's signals do not reach, and what it starts outlives it.
func TestRunApart(t *testing.T) {
	sh, err := tool.Find("sh")
	assert.NilError(t, err)
	res, err := tool.Run(t.Context(), tool.Command{Path: sh, Args: []string{"-c", `sleep 600 >/dev/null 2>&1 & echo $! $$; cut -d' ' -f6 /proc/$$/stat`}, Apart: true})
	assert.NilError(t, err)
	words := strings.Fields(res.Stdout)
	assert.Equal(t, len(words), 3, "%q", res.Stdout)
	assert.Equal(t, words[1], words[2], "it does not lead its session")
	pid, err := strconv.Atoi(words[0])
	assert.NilError(t, err)
	assert.NilError(t, syscall.Kill(pid, syscall.SIGKILL), "what it started has ended with it")
}
