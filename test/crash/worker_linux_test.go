package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// request, fault and answer are what a worker reads and writes; the same types stand in cmd/docker-proxy/crashworker_test.go.
type request struct {
	Args   []string
	Stdin  string
	Faults []fault
	Log    bool
}

// fault is a failure of the operations From to To, counted from 1.
type fault struct {
	From, To int
	Errno    int
	Kill     bool
}

type answer struct {
	Status         int
	Stdout, Stderr string
	Count          int
	Ops            []op
}

// op is a system call that changes the host: its name and the file.
type op [2]string

// forever is the end of a fault that does not go away.
const forever = 1 << 30

// worker is a process that runs commands.
type worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	to  *json.Encoder
	out *json.Decoder
	end *os.File
}

// startWorker starts one; root confines it to that directory, where the program stands under workerName.
func startWorker(program, root string) (*worker, error) {
	answers, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := &exec.Cmd{Path: program, Args: []string{"crash-worker"}, ExtraFiles: []*os.File{theirs}, Stderr: os.Stderr}
	cmd.Env = environment(root != "")
	if root != "" {
		confine(cmd, root)
	}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		answers.Close()
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	return &worker{cmd: cmd, in: in, to: json.NewEncoder(in), out: json.NewDecoder(answers), end: answers}, nil
}

// environment is that of a worker: one processor each, since two of them run beside each other, and little collecting of garbage in runs this short. Under --root no daemon is meant.
func environment(live bool) []string {
	env := []string{"HOME=/nonexistent", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=200MiB", "TMPDIR=/tmp"}
	if !live {
		env = append(env, "DOCKER_HOST=unix:///nonexistent.sock")
	}
	return env
}

// confine makes cmd run the program under workerName inside root instead, on a system of its own on which nothing else runs: otherwise the dockerds of this machine would be seen. A
// shell is its first process, which could not kill itself (pid_namespaces(7)), and ends as the worker did.
func confine(cmd *exec.Cmd, root string) {
	// The shell has nothing to remark on a kill.
	const script = `mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"; exec 4<&0; root=$1 program=$2; shift 2; chroot "$root" "$program" "$@" <&4 & exec 2>/dev/null; wait $!`
	args := []string{"sh", "-ec", script, "sh", root, workerName}
	if len(cmd.Args) > 1 {
		args = append(args, cmd.Args[1:]...)
	}
	cmd.Path, cmd.Args = "/bin/sh", args
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
}

// ask runs a command; killed says that it ended the process by SIGKILL, as it was told to.
func (w *worker) ask(r request) (a answer, killed bool, err error) {
	if err := w.to.Encode(r); err != nil {
		return a, false, err
	}
	if err = w.out.Decode(&a); err == nil {
		return a, false, nil
	}
	var exit *exec.ExitError
	if errors.As(w.stop(), &exit) {
		status, _ := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() && status.Signal() == syscall.SIGKILL || exit.ExitCode() == 128+int(syscall.SIGKILL) { // of the worker itself, or as a shell says it
			return a, true, nil
		}
	}
	return a, false, fmt.Errorf("the worker died of %q: %w", r.Args, err)
}

// stop ends it.
func (w *worker) stop() error {
	w.in.Close()
	w.end.Close()
	return w.cmd.Wait()
}

// lane is a directory with the tree of a host, and the processes that work on it. It serves one test.
type lane struct {
	t       *testing.T
	program string
	dir     string
	live    bool // the processes are confined to dir and take it for the running system; otherwise they get --root
	workers [2]*worker
}

// newLane makes a lane in memory.
func newLane(t *testing.T, program string, live bool) *lane {
	t.Helper()
	if live && os.Getuid() != 0 {
		t.Skip("needs root to make a system of its own; the run as root covers this")
	}
	l := &lane{t: t, program: program, dir: memory(t), live: live}
	if live {
		assert.NilError(t, os.Link(program, filepath.Join(l.dir, workerName)))
		for _, name := range []string{"proc", "dev"} {
			assert.NilError(t, os.Mkdir(filepath.Join(l.dir, name), 0o755))
		}
	}
	t.Cleanup(func() {
		for _, w := range l.workers {
			if w != nil {
				_ = w.stop()
			}
		}
	})
	return l
}

// memory is a directory like t.TempDir, where there is one in memory: the sweeps call fsync a hundred thousand times, and what a disk does then is not their question.
func memory(t *testing.T) string {
	t.Helper()
	if syscall.Access("/dev/shm", 2) != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "docker-proxy-crash-")
	assert.NilError(t, err)
	assert.NilError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	return dir
}

// run runs `docker proxy ARG…` on the lane's host in worker 0 or 1. A worker that was killed is replaced by a new process the next time.
func (l *lane) run(which int, c command, faults ...fault) (answer, bool) {
	l.t.Helper()
	if l.workers[which] == nil {
		root := ""
		if l.live {
			root = l.dir
		}
		w, err := startWorker(l.program, root)
		assert.NilError(l.t, err)
		l.workers[which] = w
	}
	args := append([]string{"proxy"}, c.args...)
	if !l.live {
		args = append(args, "--root", l.dir)
	}
	a, killed, err := l.workers[which].ask(request{Args: args, Stdin: c.stdin, Faults: faults, Log: len(faults) == 0})
	assert.NilError(l.t, err)
	if killed {
		l.workers[which] = nil
	}
	return a, killed
}

func (l *lane) take() tree {
	l.t.Helper()
	t, err := takeTree(l.dir)
	assert.NilError(l.t, err)
	return t
}

func (l *lane) restore(t tree) {
	l.t.Helper()
	assert.NilError(l.t, t.restore(l.dir))
}
