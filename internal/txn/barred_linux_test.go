package txn_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// TestNoUserBarsTheRecovery interrupts a change of a file of root's and of one of ann's, who then makes theirs impossible to put back. Root's file is back all the same, the next
// run says once what was left alone, and the one after it knows nothing of it any more.
func TestNoUserBarsTheRecovery(t *testing.T) {
	const config = "/home/ann/.docker/config.json"
	for _, tt := range []struct {
		name string
		make func(t *testing.T, s site)
	}{
		{"the directory is a link", func(t *testing.T, s site) {
			assert.NilError(t, os.Rename(s.path("/home/ann/.docker"), s.path("/home/ann/away")))
			annLink(t, s, "/etc/docker", "/home/ann/.docker")
		}},
		{"the directory is a file", func(t *testing.T, s site) {
			assert.NilError(t, os.RemoveAll(s.path("/home/ann/.docker")))
			s.put(t, "/home/ann/.docker", "", 0o600)
			assert.NilError(t, os.Chown(s.path("/home/ann/.docker"), ann, ann))
		}},
		{"the directory is gone", func(t *testing.T, s site) { assert.NilError(t, os.RemoveAll(s.path("/home/ann/.docker"))) }},
		{"the directory is closed", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0)) }},
		{"the directory cannot be written", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0o500)) }},
		{"the file is a link", func(t *testing.T, s site) {
			assert.NilError(t, os.Remove(s.path(config)))
			annLink(t, s, "/etc/docker/daemon.json", config)
		}},
		{"the file is a link in a circle", func(t *testing.T, s site) {
			assert.NilError(t, os.Remove(s.path(config)))
			annLink(t, s, "config.json", config)
		}},
		{"the file is a fifo", func(t *testing.T, s site) {
			assert.NilError(t, os.Remove(s.path(config)))
			assert.NilError(t, unix.Mkfifo(s.path(config), 0o600))
			assert.NilError(t, os.Chown(s.path(config), ann, ann))
		}},
		{"the file is huge", func(t *testing.T, s site) { assert.NilError(t, os.Truncate(s.path(config), 1<<32)) }},
		{"the file is a directory", func(t *testing.T, s site) {
			assert.NilError(t, os.Remove(s.path(config)))
			assert.NilError(t, os.Mkdir(s.path(config), 0o700))
			assert.NilError(t, os.Chown(s.path(config), ann, ann))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := siteAt(t, dir, txn.Options{})
			homes(t, s)
			// The commit record cannot be written, and neither can the undo: what a crash leaves behind.
			broken := false
			hit := siteAt(t, dir, txn.Options{Fault: func(op, name string) error {
				if broken {
					return unix.EIO
				}
				return nil
			}})
			tx, err := hit.store.Begin(t.Context(), "docker proxy set")
			assert.NilError(t, err)
			assert.NilError(t, tx.Apply(t.Context(), []change.Change{s.to(t, "/etc/docker/daemon.json", "new"), s.to(t, config, "new")}))
			broken = true
			assert.Assert(t, tx.Close() != nil)
			assert.Equal(t, s.get(t, "/etc/docker/daemon.json")+s.get(t, config), "newnew")
			tt.make(t, s)
			_, err = s.store.Begin(t.Context(), "next")
			var foreign *txn.ForeignError
			assert.Assert(t, errors.As(err, &foreign), "%v", err)
			assert.DeepEqual(t, foreign.Paths, []string{config})
			assert.Equal(t, s.get(t, "/etc/docker/daemon.json"), "{}")
			s.run(t, s.to(t, "/etc/docker/daemon.json", "and on"))
		})
	}
}
