//go:build !linux

package proc

import (
	"errors"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// errNoProc says that this system has no /proc to read.
var errNoProc = errors.New("processes can be read on Linux only")

// Read always fails: there is no /proc.
func Read(*host.FS, int) (*Process, error) { return nil, errNoProc }

// Dockerds finds none.
func Dockerds(*host.FS) []*Process { return nil }

// MayBeDockerd is false: processes are not read here.
func (p *Process) MayBeDockerd() bool { return false }

// IsDockerd is always false.
func (p *Process) IsDockerd() bool { return false }

// Below finds none.
func Below(*host.FS, []*Process, int) []*Process { return nil }

// PidFile finds none.
func PidFile(*host.FS, string) *Process { return nil }

// Serves cannot tell.
func Serves(*host.FS, int, string) (bool, error) { return false, errNoProc }

// Listening cannot tell, which counts as yes.
func Listening(*host.FS, string) bool { return true }

// Hangup always fails.
func (p *Process) Hangup(*host.FS) error { return errNoProc }
