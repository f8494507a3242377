// Package witness says what really happens with a state: systemd, sh and dockerd are asked, on a booted machine or here, and their answer is compared with what
// whoever made the state believes.
//
// It imports nothing of the program under test and is not used by it. Start at answer.go (what an answer is, and whether it does harm); systemd.go, dockerd.go
// and shell.go ask.
package witness
