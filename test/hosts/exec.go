//go:build linux

package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// commandTimeout bounds a command inside a host that says nothing else.
const commandTimeout = 2 * time.Minute

// searchPath is what a login of root's has.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A Cmd is a command to run inside a host. Its environment is a fresh login's
// (HOME, USER, LOGNAME, PATH, LANG, for ann also what reaches her systemd and
// docker), never that of the test.
type Cmd struct {
	Argv    []string
	User    string   // "" is root; groups and the environment are the user's
	Stdin   string   // bytes for its standard input
	Env     []string // added to the environment, NAME=value
	Dir     string   // "" is the user's home
	Timeout time.Duration
}

// A Result is what a command answered.
type Result struct {
	Stdout string
	Stderr string
	Code   int // exit status; 128+N after signal N
}

// String shows all of it, for messages of failed tests.
func (r Result) String() string {
	return fmt.Sprintf("status %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
}

// Exec runs a command inside the machine and waits for it. The error is about
// running it at all, time-outs included; a failing command is a Code.
func (m *Machine) Exec(ctx context.Context, c Cmd) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	cmd, err := m.command(ctx, c)
	if err != nil {
		return Result{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Stdin = strings.NewReader(c.Stdin)
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err != nil && ctx.Err() != nil:
		return result, fmt.Errorf("running %q: %w\n%s", c.Argv, ctx.Err(), result)
	case errors.As(err, &exit):
		result.Code = exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			result.Code = 128 + int(status.Signal())
		}
	case errors.Is(err, exec.ErrWaitDelay):
		// It has ended; something it left behind holds its output.
		result.Code = cmd.ProcessState.ExitCode()
	case err != nil:
		return result, fmt.Errorf("running %q: %w", c.Argv, err)
	}
	return result, nil
}

// Attach runs a command with this process' standard streams; Stdin is ignored.
func (m *Machine) Attach(ctx context.Context, c Cmd) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	cmd, err := m.command(ctx, c)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr.Setpgid = false // a terminal's own process group may read it
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	return cmd.Run()
}

func (c Cmd) timeout() time.Duration {
	if c.Timeout == 0 {
		return commandTimeout
	}
	return c.Timeout
}

// command builds the nsenter call. The process starts in the machine's own
// control group, so that nothing survives the machine.
func (m *Machine) command(ctx context.Context, c Cmd) (*exec.Cmd, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("no command")
	}
	user := c.User
	if user == "" {
		user = "root"
	}
	login, err := m.login(user)
	if err != nil {
		return nil, err
	}
	dir := c.Dir
	if dir == "" {
		dir = login.home
	}
	argv := []string{"-t", strconv.Itoa(m.Leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i", "--chdir=" + dir}
	argv = append(argv, login.env...)
	argv = append(argv, c.Env...)
	if user != "root" {
		argv = append(argv, "setpriv", "--reuid="+user, "--regid="+user, "--init-groups", "--")
	}
	argv = append(argv, c.Argv...)
	cmd := exec.CommandContext(ctx, "nsenter", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, UseCgroupFD: true, CgroupFD: int(m.cgroup.Fd())}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd, nil
}

type login struct {
	home string
	env  []string
}

// login reads the user's entry in the machine's own passwd.
func (m *Machine) login(user string) (login, error) {
	passwd, err := os.ReadFile(m.Root() + "/etc/passwd")
	if err != nil {
		return login{}, err
	}
	for line := range strings.Lines(string(passwd)) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(field) != 7 || field[0] != user {
			continue
		}
		l := login{home: field[5], env: []string{
			"HOME=" + field[5], "USER=" + user, "LOGNAME=" + user, "SHELL=" + field[6], "PATH=" + searchPath, "LANG=C.UTF-8",
		}}
		if user == m.Kind.User && m.Kind.Manager == SystemdUser {
			run := "/run/user/" + field[2]
			l.env = append(l.env, "XDG_RUNTIME_DIR="+run, "DBUS_SESSION_BUS_ADDRESS=unix:path="+run+"/bus")
		}
		return l, nil
	}
	return login{}, fmt.Errorf("no user %q in the host", user)
}
