package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// TestMain makes this test binary stand for the programs that scripts call: the plugin itself, also as the child that it starts for a user's files, dockerd's side of the userland
// proxy protocol, and what test/crash makes fail.
func TestMain(m *testing.M) {
	if status, child := txn.RunChild(os.Args); child {
		os.Exit(status)
	}
	testscript.Main(m, map[string]func(){
		"docker-proxy": func() { os.Exit(run(os.Args)) },
		"portmapper":   func() { os.Exit(runPortMapper(os.Args[1:])) },
		"crash-worker": func() { crashWorker(); os.Exit(0) },
	})
}
