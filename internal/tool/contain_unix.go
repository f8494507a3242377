//go:build unix

package tool

import (
	"os/exec"
	"syscall"
)

// contain gives the program a session of its own, so that it has no terminal to ask on and can be killed with everything it starts. The caller calls what it
// returns when the program has ended.
func contain(cmd *exec.Cmd) (end func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	kill := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = kill
	return func() {
		if cmd.Process != nil {
			_ = kill() // ESRCH: nothing was left
		}
	}
}

// apart gives the program a session of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
