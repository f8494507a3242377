package txn_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// strayErrands are those of any process that have the descriptor of a directory below dir.
func strayErrands(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/fd/3")
	assert.NilError(t, err)
	return slices.DeleteFunc(links, func(name string) bool {
		link, _ := os.Readlink(name)
		text, _ := os.ReadFile(strings.TrimSuffix(name, "fd/3") + "cmdline")
		return !strings.HasPrefix(link, dir) || string(text) != errandName
	})
}

// TestErrandExchanged exchanges, before every single call in the user's directory, what the user could exchange for something of root or of another user, and looks
// that nothing of these is ever touched.
func TestErrandExchanged(t *testing.T) {
	swap := func(name, to string) func(dir string) error {
		return func(dir string) error {
			return errors.Join(os.Rename(dir+name, dir+"/home/ann/away"), os.Symlink(to, dir+name))
		}
	}
	for _, tt := range []struct {
		name string
		do   func(dir string) error
	}{
		{"the home directory for root's", swap("/home/ann/.docker", "/etc/docker")},
		{"the home directory for another user's", swap("/home/ann/.docker", "../bob")},
		{"the file for a link to root's", swap("/home/ann/.docker/config.json", "/etc/docker/config.json")},
		{"the file for root's by a hard link", func(dir string) error {
			return errors.Join(os.Remove(dir+"/home/ann/.docker/config.json"), os.Link(dir+"/etc/docker/config.json", dir+"/home/ann/.docker/config.json"))
		}},
		{"a new directory for root's", func(dir string) error {
			err := os.Rename(dir+"/home/ann/.config", dir+"/home/ann/away")
			if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			return errors.Join(err, os.Symlink("/etc/docker", dir+"/home/ann/.config"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for at := 1; ; at++ {
				n := 0
				var s site
				s = usersHome(t, txn.Options{Fault: func(_, name string) error {
					if strings.HasPrefix(name, "/home/ann") {
						if n++; n == at {
							return tt.do(s.dir)
						}
					}
					return nil
				}})
				s.put(t, "/etc/docker/config.json", "old", 0o600)
				s.put(t, "/etc/docker/a/b", "root's", 0o600)
				before := tree(t, s.dir)
				err := set(t.Context(), s, func(s site) (change.Plan, error) {
					plan, err := usersPlan(s)
					return append(plan[:2:2], plan[4:]...), err
				})
				_, _ = siteAt(t, s.dir, txn.Options{}).store.Recover(t.Context()) // whatever it says about ann's files
				after := tree(t, s.dir)
				for name, was := range before {
					if strings.HasPrefix(name, "/home/ann") || name == "/etc/docker/daemon.json" && err == nil {
						continue
					}
					assert.Equal(t, after[name], was, "%s, exchanged before call %d: %v", name, at, err)
				}
				for name := range after {
					assert.Assert(t, before[name] != "" || strings.HasPrefix(name, "/home/ann/"), name)
				}
				if n < at {
					break
				}
			}
		})
	}
}

// TestErrandKilled kills the child, or the parent, before every single call in the user's directory. Without its child the parent puts everything back; without its parent
// the child ends at once and holds the lock until then, so that the recovery never meets it.
func TestErrandKilled(t *testing.T) {
	s := usersHome(t, txn.Options{})
	before := tree(t, s.dir)
	points := 0
	s = usersHome(t, txn.Options{Fault: func(_, name string) error {
		if strings.HasPrefix(name, "/home/ann") {
			points++
		}
		return nil
	}})
	assert.NilError(t, set(t.Context(), s, usersPlan))
	after := tree(t, s.dir)
	for at := 1; at <= points; at++ {
		n := 0
		s := usersHome(t, txn.Options{Fault: func(_, name string) error {
			if strings.HasPrefix(name, "/home/ann") {
				if n++; n == at {
					for _, pid := range errands(t) {
						return unix.Kill(pid, unix.SIGKILL)
					}
				}
			}
			return nil
		}})
		err := set(t.Context(), s, usersPlan)
		what := fmt.Sprintf("child killed before call %d of %d: %v", at, points, err)
		if err != nil {
			assert.ErrorContains(t, err, "as user 12345: the child process gave no answer: signal: killed")
		}
		whole(t, siteAt(t, s.dir, txn.Options{}), what, before, after)

		dir := usersHome(t, txn.Options{}).dir
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestErrandParent$")
		cmd.Env = append(os.Environ(), "ERRAND_ROOT="+dir, "ERRAND_AT="+strconv.Itoa(at))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		assert.NilError(t, cmd.Start())
		var exit *exec.ExitError
		assert.Assert(t, errors.As(cmd.Wait(), &exit), "%s", out.Bytes())
		s = siteAt(t, dir, txn.Options{})
		_, err = s.store.Recover(t.Context())
		assert.NilError(t, err)
		whole(t, s, fmt.Sprintf("parent killed before call %d of %d", at, points), before, after)
		assert.Equal(t, len(strayErrands(t, dir)), 0)
	}
	t.Logf("%d points, child and parent", points)
}

// TestErrandParent is the process that TestErrandKilled kills.
func TestErrandParent(t *testing.T) {
	dir := os.Getenv("ERRAND_ROOT")
	if dir == "" {
		return
	}
	at, err := strconv.Atoi(os.Getenv("ERRAND_AT"))
	assert.NilError(t, err)
	f, err := host.Open(filepath.Clean(dir))
	assert.NilError(t, err)
	n := 0
	store, err := txn.Open(f, stateDir, txn.Options{Fault: func(_, name string) error {
		if strings.HasPrefix(name, "/home/ann") {
			if n++; n == at {
				return unix.Kill(os.Getpid(), unix.SIGKILL)
			}
		}
		return nil
	}})
	assert.NilError(t, err)
	assert.NilError(t, set(t.Context(), site{dir: dir, fs: f, store: store}, usersPlan))
}
