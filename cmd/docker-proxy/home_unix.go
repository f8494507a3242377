//go:build !windows

package main

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ownsHome reports whether an account's home directory is its own.
func ownsHome(u *user.User) bool {
	st, err := os.Stat(u.HomeDir)
	if err != nil || !st.IsDir() {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && strconv.FormatUint(uint64(sys.Uid), 10) == u.Uid
}
