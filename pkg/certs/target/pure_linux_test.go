package target

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
)

const someID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestNamesContainer(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"v2 systemd", "0::/system.slice/docker-" + someID + ".scope\n", true},
		{"v2 cgroupfs", "0::/docker/" + someID + "\n", true},
		{"v1", "12:pids:/docker/" + someID + "\n1:name=systemd:/docker/" + someID + "\n", true},
		{"of another namespace", "0::/../../docker/" + someID + "\n", true},
		{"systemd within the container", "0::/system.slice/docker-" + someID + ".scope/init.scope\n", true},
		{"rootless", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + someID + ".scope\n", true},
		{"own parent", "0::/mine/" + someID + "\n", true},
		{"another", "0::/docker/f" + someID[1:] + "\n", false},
		{"in a name", "0::/docker/x" + someID + "\n", false},
		{"begins with it", "0::/docker/" + someID + "x\n", false},
		{"no container", "0::/init.scope\n", false},
		{"colons in a path", "0::/a:b/" + someID + "\n", true},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, namesContainer(tt.text, someID), tt.want) })
	}
	assert.Assert(t, !namesContainer("0::/docker/\n", ""))
}

func TestIsShim(t *testing.T) {
	argv := []string{"/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", someID, "-address", "/run/containerd.sock", ""}
	assert.Assert(t, isShim(argv, someID))
	assert.Assert(t, !isShim(argv, someID[1:]))
	assert.Assert(t, !isShim([]string{"/bin/sh", "-id", someID}, someID))
	assert.Assert(t, !isShim([]string{"containerd-shim", "-id"}, someID))
	assert.Assert(t, !isShim([]string{""}, someID))
}

func TestIDMap(t *testing.T) {
	m, err := parseIDMap("         0          0 4294967295\n")
	assert.NilError(t, err)
	assert.Equal(t, len(m), 0)
	assert.Equal(t, m.in(7), 7)
	m, err = parseIDMap("0 1000 1\n1 100000 65535\n")
	assert.NilError(t, err)
	for outside, inside := range map[int]int{1000: 0, 100000: 1, 165534: 65535, 165535: overflowID, 0: overflowID, 999: overflowID} {
		assert.Equal(t, m.in(outside), inside, "%d", outside)
	}
	for inside, outside := range map[int]int{0: 1000, 1: 100000, 65535: 165534, change.Keep: change.Keep} {
		got, ok := m.out(inside)
		assert.Assert(t, ok)
		assert.Equal(t, got, outside)
	}
	_, ok := m.out(70000)
	assert.Assert(t, !ok)
	_, err = parseIDMap("x y z\n")
	assert.ErrorContains(t, err, "id map")
}

func TestMountLines(t *testing.T) {
	lines := parseMounts(`1091 930 0:55 / / rw,relatime master:3 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/var/lib/docker/overlay2/x/diff,workdir=/w
1095 1091 8:1 /srv/a\040b/ca.crt /etc/ssl/ca.crt ro - ext4 /dev/sda1 rw
1096 1091 0:60 / /etc/certs rw - tmpfs tmpfs rw
1097 1091 0:61 / /data rw shared:1 - nfs server:/x rw
broken
12 x
`)
	assert.Equal(t, len(lines), 4)
	assert.Equal(t, lines[0].upperDir(), "/var/lib/docker/overlay2/x/diff")
	assert.Equal(t, lines[1].describe(nil), "/srv/a b/ca.crt")
	assert.Equal(t, lines[1].describe([]engine.Mount{{Type: "volume", Name: "v", Source: "/y", Destination: "/etc/ssl/ca.crt"}}), "volume v")
	assert.Equal(t, lines[2].describe(nil), "tmpfs")
	assert.Equal(t, lines[3].describe(nil), "nfs server:/x")
	assert.Equal(t, lines[3].upperDir(), "")
}

// A call that does not come back is given up once; after that nothing is changed any more, and what it holds is closed when it does come back.
func TestGivenUp(t *testing.T) {
	f, err := os.Open(t.TempDir())
	assert.NilError(t, err)
	c := &rootTarget{root: f, limit: 20 * time.Millisecond}
	stop := make(chan struct{})
	ended := make(chan error)
	_, err = within(c, "/stuck", func() (int, error) {
		<-stop
		ended <- c.calls().do("write", "/stuck", func() error { return nil })
		return 1, nil
	})
	var stuck *StuckError
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
	assert.Equal(t, stuck.Path, "/stuck")
	_, err = c.Lstat("/")
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
	assert.NilError(t, c.Close())
	_, err = f.Stat()
	assert.NilError(t, err, "the descriptor is still that of the call")
	close(stop)
	assert.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
	for range 1000 {
		if _, err = f.Stat(); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	assert.ErrorIs(t, err, os.ErrClosed)
}

// What ends the run ends a call that hangs, too.
func TestEndedRun(t *testing.T) {
	end := make(chan struct{})
	c, err := Directory(end, t.TempDir())
	assert.NilError(t, err)
	close(end)
	stop := make(chan struct{})
	defer close(stop)
	_, err = within(c.(*rootTarget), "/", func() (int, error) { <-stop; return 0, nil })
	var stuck *StuckError
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
}

// After the end of the run what was done can be taken back.
func TestRestoreAfterTheEnd(t *testing.T) {
	end := make(chan struct{})
	root := t.TempDir()
	c, err := Directory(end, root)
	assert.NilError(t, err)
	defer c.Close()
	done, err := c.Apply(t.Context(), change.Plan{{Path: "/x", To: change.NewFile([]byte("x"), 0o644)}}, Options{})
	assert.NilError(t, err)
	close(end)
	for range 100 { // a select takes any of what is ready
		assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
	}
	_, err = os.Lstat(filepath.Join(root, "x"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// Links of every kind lead to a place inside.
func TestDirectoryHasNoWayOut(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(outside, "x"), []byte("secret"), 0o600))
	for name, text := range map[string]string{"abs": outside, "up": "../../../../../../../../.." + outside, "self": "/proc/self/root" + outside} {
		assert.NilError(t, os.Symlink(text, filepath.Join(root, name)))
	}
	c, err := Directory(nil, root)
	assert.NilError(t, err)
	defer c.Close()
	for _, name := range []string{"abs", "up", "self"} {
		_, err := c.ReadFile("/" + name + "/x")
		assert.ErrorIs(t, err, os.ErrNotExist)
		done, err := c.Apply(t.Context(), change.Plan{{Path: "/" + name + "/y", To: change.NewFile([]byte("y"), 0o644)}}, Options{})
		assert.NilError(t, err)
		assert.Equal(t, len(c.Restore(t.Context(), done)), 0)
	}
	names, err := os.ReadDir(outside)
	assert.NilError(t, err)
	assert.Equal(t, len(names), 1)
}
