package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// holdLock begins a transaction as another docker proxy command would.
func holdLock(t *testing.T, root, command string) (*host.FS, *txn.Tx) {
	t.Helper()
	files, err := host.Open(root)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	store, err := txn.Open(files, rootStateDir, txn.Options{Need: time.Hour})
	assert.NilError(t, err)
	tx, err := store.Begin(t.Context(), command)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, tx.Close()) })
	return files, tx
}

// writeConfig gives daemon.json another text, as that command would.
func writeConfig(t *testing.T, files *host.FS, tx *txn.Tx, text string) {
	t.Helper()
	from, err := change.Observe(files, "/etc/docker/daemon.json")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/docker/daemon.json", From: from, To: from.WithData([]byte(text))}}))
	assert.NilError(t, tx.Commit())
}

// started is a process of the plugin whose stderr is read line by line.
type started struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	rest  string
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	s := &started{cmd: processCommand(t.Context(), args...)}
	pipe, err := s.cmd.StderrPipe()
	assert.NilError(t, err)
	s.lines = bufio.NewScanner(pipe)
	assert.NilError(t, s.cmd.Start())
	return s
}

// until waits for a line that holds text.
func (s *started) until(t *testing.T, text string) {
	t.Helper()
	for s.lines.Scan() {
		s.rest += s.lines.Text() + "\n"
		if strings.Contains(s.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no %q in %s", text, s.rest)
}

// end waits for the process and gives its status; what it printed on stderr is in rest.
func (s *started) end() int {
	for s.lines.Scan() {
		s.rest += s.lines.Text() + "\n"
	}
	_ = s.cmd.Wait() // the status says it
	return s.cmd.ProcessState.ExitCode()
}

func configure(t *testing.T, root, text string) {
	t.Helper()
	assert.NilError(t, os.WriteFile(filepath.Join(root, "etc/docker/daemon.json"), []byte(text), 0o644))
}

func configured(t *testing.T, root string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "etc/docker/daemon.json"))
	assert.NilError(t, err)
	return string(data)
}

// TestTheSecondRunWaits has somebody hold the lock, who is named, masked; a run that is interrupted changes nothing, and one that waits to the end keeps what the first one did.
func TestTheSecondRunWaits(t *testing.T) {
	root := scriptHost(t, "trixie")
	configure(t, root, `{"proxies":{"no-proxy":"first.corp"}}`)
	files, tx := holdLock(t, root, "docker proxy set --http-proxy http://xxxxx:xxxxx@p --restart")
	args := []string{"set", "--root", root, "--only", "daemon", "--no-check", "--no-proxy-add", "second.corp"}

	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		interrupted := start(t, args...)
		interrupted.until(t, "Waiting for docker proxy set --http-proxy http://xxxxx:xxxxx@p --restart (pid ")
		assert.NilError(t, interrupted.cmd.Process.Signal(sig))
		assert.Equal(t, interrupted.end(), exitInterrupted)
		assert.Assert(t, strings.Contains(interrupted.rest, "interrupted; nothing was changed"), interrupted.rest)
		assert.Equal(t, configured(t, root), `{"proxies":{"no-proxy":"first.corp"}}`)
	}

	waiting := start(t, args...)
	waiting.until(t, "Waiting for")
	writeConfig(t, files, tx, `{"proxies":{"no-proxy":"first.corp,added.corp"}}`)
	assert.NilError(t, tx.Close())
	assert.Equal(t, waiting.end(), exitDone, "%s", waiting.rest)
	s, err := show(t, root)
	assert.NilError(t, err)
	assert.Equal(t, s.value("no-proxy"), "first.corp,added.corp,second.corp")
}

// What another run has written may be just about to be put back: that it is "as wanted" counts for nothing before that run has ended.
func TestNothingToDoIsSaidOfWhatStays(t *testing.T) {
	root := scriptHost(t, "trixie")
	configure(t, root, `{"proxies":{"http-proxy":"http://old.corp:1"}}`)
	files, tx := holdLock(t, root, "first")
	writeConfig(t, files, tx, `{"proxies":{"http-proxy":"http://new.corp:1"}}`)
	waiting := start(t, "set", "--root", root, "--only", "daemon", "--no-check", "--http-proxy", "http://new.corp:1")
	waiting.until(t, "Waiting for first")
	assert.NilError(t, tx.Undo())
	assert.NilError(t, tx.Close())
	assert.Equal(t, waiting.end(), exitDone, "%s", waiting.rest)
	s, err := show(t, root)
	assert.NilError(t, err)
	assert.Equal(t, s.value("http-proxy"), "http://new.corp:1")
}

// Nothing is refused for what another run has written and then puts back.
func TestNothingIsRefusedForWhatDoesNotStay(t *testing.T) {
	root := scriptHost(t, "trixie")
	configure(t, root, `{"proxies":{"http-proxy":"http://p.corp:1"}}`)
	files, tx := holdLock(t, root, "first")
	from, err := change.Observe(files, "/etc/docker/daemon.json")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/docker/daemon.json", From: from, To: from.WithData([]byte("{}"))}}))
	password := filepath.Join(t.TempDir(), "password")
	assert.NilError(t, os.WriteFile(password, []byte("s3cr3t\n"), 0o600))
	waiting := start(t, "set", "--root", root, "--only", "daemon", "--no-check", "--username", "ann", "--password-file", password)
	waiting.until(t, "Waiting for first")
	assert.NilError(t, tx.Undo())
	assert.NilError(t, tx.Close())
	assert.Equal(t, waiting.end(), exitDone, "%s", waiting.rest)
	s, err := show(t, root)
	assert.NilError(t, err)
	assert.Equal(t, s.value("http-proxy"), "http://xxxxx:xxxxx@p.corp:1")
}

// TestWhatChangesBetweenLookAndLock changes daemon.json while a command reads the password, which is between its look at the host and the lock.
func TestWhatChangesBetweenLookAndLock(t *testing.T) {
	const before = `{"proxies":{"http-proxy":"http://p.corp:1","no-proxy":"first.corp"}}`
	for _, tc := range []struct {
		name    string
		between func(t *testing.T, root string)
		args    []string
		code    int
		says    string
		list    string // of no-proxy afterwards; "" when the file is as it was written in between
	}{
		{name: "another run adds to the same list", args: []string{"--no-proxy-add", "second.corp"}, list: "first.corp,other.corp,second.corp", between: func(t *testing.T, root string) {
			assert.Equal(t, runProcess(t, "set", "--root", root, "--only", "daemon", "--no-proxy-add", "other.corp").code, 0)
		}},
		{name: "another run moves everything", args: []string{"--no-proxy-add", "second.corp"}, list: "first.corp,second.corp", between: func(t *testing.T, root string) {
			assert.Equal(t, runProcess(t, "reconcile", "--root", root, "--to", "systemd").code, 0)
		}},
		{name: "another run takes away what this one builds on", code: 1, says: "no proxy is set whose credentials could be changed", between: func(t *testing.T, root string) {
			assert.Equal(t, runProcess(t, "unset", "--root", root, "--only", "daemon").code, 0)
		}},
		{name: "somebody else edits the file", code: 1, says: "/etc/docker/daemon.json was changed by somebody else while this was being prepared; nothing was changed", between: func(t *testing.T, root string) {
			configure(t, root, `{"proxies":{"http-proxy":"http://p.corp:1"},"debug":true}`)
		}},
		{name: "somebody else adds a place", args: []string{"--http-proxy", "http://q.corp:1"}, code: 1, says: "docker.service.d/theirs.conf was changed by somebody else", between: func(t *testing.T, root string) {
			dir := filepath.Join(root, "etc/systemd/system/docker.service.d")
			assert.NilError(t, os.MkdirAll(dir, 0o755))
			assert.NilError(t, os.WriteFile(dir+"/theirs.conf", []byte("[Service]\nEnvironment=HTTP_PROXY=http://theirs.corp:1\n"), 0o644))
		}},
		{name: "somebody else writes something that is none of it", args: []string{"--no-proxy-add", "second.corp"}, list: "first.corp,second.corp", between: func(t *testing.T, root string) {
			assert.NilError(t, os.WriteFile(filepath.Join(root, "etc/default/docker"), []byte("# a comment\n"), 0o644))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := scriptHost(t, "trixie")
			configure(t, root, before)
			fifo := filepath.Join(t.TempDir(), "password")
			assert.NilError(t, syscall.Mkfifo(fifo, 0o600))
			args := []string{"set", "--root", root, "--only", "daemon", "--no-check", "--username", "ann", "--password-file", fifo}
			run := start(t, append(args, tc.args...)...)
			password, err := os.OpenFile(fifo, os.O_WRONLY, 0) // returns when the command opens it, too
			assert.NilError(t, err)
			tc.between(t, root)
			between := configured(t, root)
			_, err = password.WriteString("s3cr3t\n")
			assert.NilError(t, err)
			assert.NilError(t, password.Close())
			code := run.end()
			assert.Equal(t, code, tc.code, "%s", run.rest)
			assert.Assert(t, strings.Contains(run.rest, tc.says) && !strings.Contains(run.rest, "s3cr3t"), run.rest)
			if tc.list == "" {
				assert.Equal(t, configured(t, root), between)
				return
			}
			s, err := show(t, root)
			assert.NilError(t, err)
			assert.Equal(t, s.value("no-proxy"), tc.list)
			assert.Equal(t, s.value("http-proxy"), "http://xxxxx:xxxxx@p.corp:1")
		})
	}
}
