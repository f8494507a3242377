package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// runPortMapper starts argv as dockerd starts its userland proxy and prints what dockerd would report: the steps and messages are those of StartProxy in moby
// libnetwork/portmapper/proxy_linux.go, v28.5.2 (v20.10 to v27 differ in the capital letters). With -use-listen-fd as last argument a second descriptor is
// passed, as v28 does. The exit status is 0 when the "proxy" said that it works.
func runPortMapper(argv []string) int {
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	listener, err := os.Open(os.DevNull)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // a test helper; the wait below is bounded
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{w}
	listens := argv[len(argv)-1] == "-use-listen-fd"
	if listens {
		cmd.ExtraFiles = append(cmd.ExtraFiles, listener)
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w.Close()
	answer := make(chan string, 1)
	go func() { answer <- startReport(r, listens) }()
	select {
	case text := <-answer:
		fmt.Println(text)
	case <-time.After(16 * time.Second): // dockerd's own patience
		fmt.Println("timed out starting the userland proxy")
		_ = cmd.Process.Kill()
	}
	if err := cmd.Wait(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func startReport(r io.Reader, listens bool) string {
	buf := make([]byte, 2)
	_, _ = r.Read(buf)
	if string(buf) == "0\n" {
		return "started"
	}
	rest, err := io.ReadAll(r)
	switch {
	case err != nil:
		return "error reading exit status from userland proxy: " + err.Error()
	case listens && buf[0] == 0 && len(rest) == 0:
		return "failed to start docker-proxy, check that the current version is in your $PATH"
	}
	return "error starting userland proxy: " + string(rest)
}
