package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// openTo gives a directory that every user can enter.
func openTo(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "docker-proxy-test-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	assert.NilError(t, os.Chmod(dir, 0o755))
	return dir
}

// moveValue writes, file by file, what moves a proxy from daemon.json to the unit: in the middle of it both places hold one. middle is called there.
func moveValue(t *testing.T, root string, middle func()) {
	t.Helper()
	files, err := host.Open(root)
	assert.NilError(t, err)
	defer files.Close()
	const dropIn = "/etc/systemd/system/docker.service.d/http-proxy.conf"
	store, err := txn.Open(files, rootStateDir, txn.Options{Fault: func(op, name string) error {
		if op == "rename" && name == "/etc/docker/daemon.json" {
			middle()
		}
		return nil
	}})
	assert.NilError(t, err)
	from, err := change.Observe(files, "/etc/docker/daemon.json")
	assert.NilError(t, err)
	tx, err := store.Begin(t.Context(), "docker proxy reconcile")
	assert.NilError(t, err)
	defer tx.Close()
	assert.NilError(t, tx.Apply(t.Context(), []change.Change{
		{Path: dropIn, To: change.NewFile([]byte("[Service]\nEnvironment=HTTP_PROXY=http://new.corp:1\n"), 0o644)},
		{Path: "/etc/docker/daemon.json", From: from, To: from.WithData([]byte("{}\n"))},
	}))
	assert.NilError(t, tx.Commit())
}

// TestShowWaitsForTheWriter shows from the middle of a change, as root and as a user who may not look into the journal: both get what is there when the change is whole.
func TestShowWaitsForTheWriter(t *testing.T) {
	dir := openTo(t)
	binary := filepath.Join(dir, "docker-proxy")
	data, err := os.ReadFile(os.Args[0])
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(binary, data, 0o755))
	users := map[string]*syscall.Credential{"oneself": nil}
	if os.Geteuid() == 0 {
		users["another user"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for name, who := range users {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(openTo(t), "root")
			assert.NilError(t, os.Rename(scriptHost(t, "trixie"), root))
			assert.NilError(t, os.WriteFile(root+"/etc/docker/daemon.json", []byte(`{"proxies":{"http-proxy":"http://old.corp:1"}}`), 0o644))
			var out, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), binary, "show", "--root", root, "--effective", "--format", "json")
			cmd.Stdout, cmd.Stderr, cmd.Env = &out, &stderr, []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH")}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
			moveValue(t, root, func() {
				assert.NilError(t, cmd.Start())
				time.Sleep(settleLimit / 3) // in which a show that does not wait has long printed what it saw
			})
			assert.NilError(t, cmd.Wait(), "%s", &stderr)
			var s shown
			assert.NilError(t, json.Unmarshal(out.Bytes(), &s))
			assert.Equal(t, s.value("http-proxy"), "http://new.corp:1")
			assert.Assert(t, !strings.Contains(out.String(), "old.corp"), "%s", &out)
			assert.Assert(t, !strings.Contains(out.String(), "change-in-progress"), "%s", &out)
		})
	}
}

// A writer that does not come to an end is not waited for: what was seen is given, and called what it is.
func TestShowDoesNotWaitForEver(t *testing.T) {
	root := scriptHost(t, "trixie")
	assert.NilError(t, os.WriteFile(root+"/etc/docker/daemon.json", []byte(`{"proxies":{"http-proxy":"http://old.corp:1"}}`), 0o644))
	moveValue(t, root, func() {
		for _, args := range [][]string{{"show", "--root", root, "--effective"}, {"--root", root}, {"set", "--root", root, "--only", "daemon", "--no-proxy-add", "x", "--dry-run"}} {
			r := runProcess(t, args...)
			assert.Equal(t, r.code, 0, r.err)
			want := map[string]string{"show": "[change-in-progress]", "set": "may look different in a moment"}[args[0]]
			assert.Assert(t, strings.Contains(r.out, want), r.out)
		}
	})
}
