//go:build !unix

package tool

import "os/exec"

// contain leaves the program in the group of this one: helpers are run on Unix only.
func contain(*exec.Cmd) (end func()) { return func() {} }

// apart leaves the program in the session of this one, see contain.
func apart(*exec.Cmd) {}
