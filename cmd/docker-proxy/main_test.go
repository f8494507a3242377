package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary stand for the programs that scripts call: the plugin itself, and dockerd's side of the userland proxy protocol.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"docker-proxy": func() { os.Exit(run(os.Args)) },
		"portmapper":   func() { os.Exit(runPortMapper(os.Args[1:])) },
	})
}
