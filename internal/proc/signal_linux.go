package proc

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Hangup sends SIGHUP to the process, and to no other one that has got its number since: it is held by a descriptor (pidfd_open(2), Linux 5.3) while its start time is compared. Without
// that call the moment between remains. The error names the process.
func (p *Process) Hangup(files *host.FS) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
	}
	now, readErr := Read(files, p.PID)
	switch {
	case readErr != nil:
		return fmt.Errorf("signalling process %d: %w", p.PID, readErr)
	case now.Start.Sub(p.Start).Abs() > time.Second: // the start is computed from two clocks, each time anew
		return fmt.Errorf("signalling process %d: it has ended, and another one has its number", p.PID)
	case err == nil:
		err = unix.PidfdSendSignal(fd, unix.SIGHUP, nil, 0)
	case err == unix.ENOSYS || err == unix.EPERM: //nolint:errorlint // errno values; EPERM comes from a sandbox's filter
		err = unix.Kill(p.PID, unix.SIGHUP)
	}
	if err != nil {
		return fmt.Errorf("signalling process %d: %w", p.PID, err)
	}
	return nil
}
