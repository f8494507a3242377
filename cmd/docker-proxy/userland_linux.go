package main

import (
	"golang.org/x/sys/unix"
)

// statusPipe is the descriptor on which dockerd waits for the start-up report of its userland proxy: "0\n", or "1\n" and a message to the end of the pipe
// (cmd/docker-proxy/main_linux.go of moby, v20.10 to v28.5). The file behind it is a listening socket or nothing and needs no answer.
const statusPipe = 3

// tellDockerd reports message as the reason of a failed start. It does nothing when descriptor 3 is not a pipe: then nobody waits, and the descriptor may be
// the Go runtime's own. It never blocks: the pipe is set non-blocking, and the message is far smaller than a pipe.
func tellDockerd(message string) {
	var st unix.Stat_t
	if err := unix.Fstat(statusPipe, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return
	}
	if err := unix.SetNonblock(statusPipe, true); err != nil {
		return
	}
	// One write: dockerd reads the first two bytes by themselves. Nobody is left to tell when it fails; stderr has the message too.
	_, _ = unix.Write(statusPipe, []byte("1\n"+message))
	_ = unix.Close(statusPipe)
}
