package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// cutOff leaves a change behind as a run does that is killed before its commit record: daemon.json has another text.
func cutOff(t *testing.T, root, command, text string) {
	t.Helper()
	files, err := host.Open(root)
	assert.NilError(t, err)
	defer files.Close()
	dead := false
	store, err := txn.Open(files, rootStateDir, txn.Options{Fault: func(string, string) error {
		if dead {
			return os.ErrClosed
		}
		return nil
	}})
	assert.NilError(t, err)
	tx, err := store.Begin(t.Context(), command)
	assert.NilError(t, err)
	from, err := change.Observe(files, "/etc/docker/daemon.json")
	assert.NilError(t, err)
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{{Path: "/etc/docker/daemon.json", From: from, To: from.WithData([]byte(text))}}))
	dead = true
	assert.Assert(t, tx.Close() != nil, "it ended")
}

// A command that has nothing to do beyond taking an interrupted change back has changed something, and says what.
func TestReportOfARecovery(t *testing.T) {
	root := scriptHost(t, "trixie")
	const before = `{"proxies":{"http-proxy":"http://old.corp:1"}}`
	configure(t, root, before)
	cutOff(t, root, "docker proxy set --http-proxy http://new.corp:1", `{"proxies":{"http-proxy":"http://new.corp:1"}}`)
	r := runProcess(t, "rollback", "--root", root, "--format", "json")
	assert.Equal(t, r.code, exitDone, "%s", r.err)
	var out struct {
		Changed   bool
		Recovered struct {
			ID, Command, State string
			Files              []string
		}
	}
	assert.NilError(t, json.Unmarshal([]byte(r.out), &out), "%s", r.out)
	assert.Assert(t, out.Changed)
	assert.Equal(t, out.Recovered.ID, "1")
	assert.Equal(t, out.Recovered.Command, "docker proxy set --http-proxy http://new.corp:1")
	assert.Equal(t, out.Recovered.State, "undone")
	assert.DeepEqual(t, out.Recovered.Files, []string{"/etc/docker/daemon.json"})
	data, err := os.ReadFile(filepath.Join(root, "etc/docker/daemon.json"))
	assert.NilError(t, err)
	assert.Equal(t, string(data), before)

	r = runProcess(t, "set", "--root", root, "--only", "daemon", "--http-proxy", "http://old.corp:1", "--format", "{{.Recovered}}")
	assert.Equal(t, r.out, "<nil>\n")
}
