package proc

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

func live(t *testing.T) *host.FS {
	t.Helper()
	files, err := host.Open("/")
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	return files
}

func TestReadSelf(t *testing.T) {
	p, err := Read(live(t), os.Getpid())
	assert.NilError(t, err)
	assert.Equal(t, p.PPID, os.Getppid())
	assert.DeepEqual(t, p.Argv, os.Args)
	assert.Equal(t, p.UID, os.Geteuid())
	exe, err := os.Executable()
	assert.NilError(t, err)
	assert.Equal(t, p.Exe, exe)
	assert.Assert(t, !p.Foreign)
	home, ok := p.Variable("PATH")
	assert.Assert(t, ok)
	assert.Equal(t, home, os.Getenv("PATH"))
	// /proc/PID was made when the process was: it cannot have started later than now or before this machine.
	assert.Assert(t, p.Start.Before(time.Now()) && time.Since(p.Start) < time.Hour, "start %v", p.Start)
}

// One process read twice is the same; what has no start time, or another one, is not.
func TestSame(t *testing.T) {
	p, err := Read(live(t), os.Getpid())
	assert.NilError(t, err)
	q, err := Read(live(t), os.Getpid())
	assert.NilError(t, err)
	assert.Assert(t, p.Same(q))
	later := *q
	later.Start = q.Start.Add(time.Second)
	var none *Process
	for name, other := range map[string]*Process{"a later one with its number": &later, "another number": {PID: 1, Start: p.Start}, "an unknown start": {PID: p.PID}, "none": none} {
		assert.Assert(t, !p.Same(other), name)
	}
	assert.Assert(t, !none.Same(p) && !none.Same(none))
}

func TestReadMissing(t *testing.T) {
	_, err := Read(live(t), 1<<22+1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestServesWithoutConnecting(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "run"), 0o755))
	assert.NilError(t, os.Symlink("run", filepath.Join(dir, "var")))
	l, err := net.Listen("unix", filepath.Join(dir, "run/docker.sock"))
	assert.NilError(t, err)
	defer l.Close()
	for name, want := range map[string]bool{"run/docker.sock": true, "var/docker.sock": true, "run/other.sock": false} {
		got, err := Serves(live(t), os.Getpid(), filepath.Join(dir, name))
		assert.NilError(t, err)
		assert.Equal(t, got, want, name)
	}
	assert.Assert(t, Listening(live(t), filepath.Join(dir, "var/docker.sock")))
	assert.Assert(t, !Listening(live(t), filepath.Join(dir, "run/stale.sock")))
	got, err := Serves(live(t), 1, filepath.Join(dir, "run/docker.sock"))
	assert.Assert(t, err != nil || !got)
}

// tree writes a /proc with the given processes.
func tree(t *testing.T, list ...fake) *host.FS {
	t.Helper()
	root := t.TempDir()
	put := func(name, text string) {
		name = filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		assert.NilError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	put("proc/stat", "cpu 1 2\nbtime 1700000000\n")
	for _, p := range list {
		dir := fmt.Sprintf("proc/%d/", p.pid)
		put(dir+"stat", fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 1 1\n", p.pid, p.comm, p.ppid))
		put(dir+"comm", p.comm+"\n")
		put(dir+"status", "Name:\t"+p.comm+"\nUid:\t1000\t1001\t1000\t1000\nNSpid:\t"+p.nspid+"\n")
		put(dir+"cmdline", p.cmdline)
		put(dir+"cgroup", p.cgroup)
	}
	put("run/docker.pid", "20\n")
	put("run/stale.pid", "10\n")
	put("run/junk.pid", "x")
	files, err := host.Open(root)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	return files
}

type fake struct {
	pid, ppid                    int
	comm, nspid, cmdline, cgroup string
}

func daemons(t *testing.T) *host.FS {
	t.Helper()
	return tree(t,
		fake{1, 0, "systemd", "1", "/sbin/init\x00", "0::/init.scope\n"},
		fake{10, 1, "a) S (b", "10", "/bin/weird\x00", ""},
		fake{20, 1, "dockerd", "20", "/usr/sbin/dockerd\x00-H\x00fd://\x00", "0::/system.slice/docker.service\n"},
		fake{30, 1, "rootlesskit", "30", "rootlesskit\x00--net=slirp4netns\x00", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service\n"},
		fake{31, 30, "exe", "31", "/proc/self/exe\x00", ""},
		fake{32, 31, "dockerd", "32", "dockerd\x00", "12:pids:/x\n1:name=systemd:/user.slice/user@1000.service/docker.service\n0::/\n"},
		fake{40, 20, "dockerd", "40 7", "dockerd\x00", "0::/docker/abc\n"},
		fake{50, 2, "dockerd", "50", "", "0::/\n"},
	)
}

func TestDockerds(t *testing.T) {
	files := daemons(t)
	list := Dockerds(files)
	var pids []int
	for _, p := range list {
		pids = append(pids, p.PID)
	}
	assert.DeepEqual(t, pids, []int{20, 32}) // not the one in a container, nor a kernel thread or zombie without arguments
	assert.DeepEqual(t, list[0].Argv, []string{"/usr/sbin/dockerd", "-H", "fd://"})
	assert.Equal(t, list[0].Unit(), "docker.service")
	assert.Equal(t, list[1].Unit(), "docker.service")
	assert.Equal(t, list[0].UID, 1001)
	assert.Equal(t, list[0].Start.UTC(), time.Unix(1700000123, 450_000_000).UTC())
	assert.Assert(t, list[0].Environ == nil)
	below := Below(files, list, 30)
	assert.Equal(t, len(below), 1)
	assert.Equal(t, below[0].PID, 32)
}

func TestPidFile(t *testing.T) {
	files := daemons(t)
	assert.Equal(t, PidFile(files, "/run/docker.pid").PID, 20)
	for _, name := range []string{"/run/stale.pid", "/run/junk.pid", "/run/missing.pid"} {
		assert.Assert(t, PidFile(files, name) == nil, name)
	}
}

func TestUnitOfProcess(t *testing.T) {
	for cgroup, want := range map[string]string{
		"/system.slice/docker.service":                                           "docker.service",
		"/system.slice/docker.service/supervisor":                                "docker.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service": "docker.service",
		"/user.slice/user-1000.slice/session-3.scope":                            "",
		"/user.slice/user-1000.slice/user@1000.service":                          "",
		"/": "", "": "",
	} {
		assert.Equal(t, (&Process{Cgroup: cgroup}).Unit(), want, cgroup)
	}
}

// A dockerd under another name is told from scripts and from what merely holds its socket: wrappers, and what they wait for.
func TestMayBeDockerd(t *testing.T) {
	for _, tc := range []struct {
		name string
		p    *Process
		want bool
	}{
		{"its own name", &Process{Comm: "dockerd", Exe: "/usr/sbin/dockerd", Argv: []string{"/usr/sbin/dockerd", "-H", "fd://"}}, true},
		{"another name", &Process{Comm: "moby-engine", Exe: "/opt/moby-engine", Argv: []string{"/opt/moby-engine", "--host=fd://"}}, true},
		{"a long name, no options", &Process{Comm: "docker-engine-2", Exe: "/opt/docker-engine-26.1", Argv: []string{"docker-engine-26.1"}}, true},
		{"replaced by an update", &Process{Comm: "engine", Exe: "/opt/engine (deleted)", Argv: []string{"/opt/engine", "-H", "fd://"}}, true},
		{"a script", &Process{Comm: "start-docker", Exe: "/usr/bin/dash", Argv: []string{"/bin/sh", "/usr/local/sbin/start-docker", "-H", "fd://"}}, false},
		{"a script whose interpreter has options", &Process{Comm: "start-docker", Exe: "/usr/bin/dash", Argv: []string{"/bin/sh", "-e", "/usr/local/sbin/start-docker"}}, false},
		{"an interpreter", &Process{Comm: "sh", Exe: "/usr/bin/sh", Argv: []string{"sh", "/usr/local/sbin/start-docker"}}, false},
		{"what a script waits for", &Process{Comm: "sleep", Exe: "/usr/bin/sleep", Argv: []string{"sleep", "1000"}}, false},
		{"in a container", &Process{Comm: "engine", Exe: "/opt/engine", Argv: []string{"/opt/engine"}, Foreign: true}, false},
		{"another user's", &Process{Comm: "engine", Argv: []string{"/opt/engine"}}, false},
		{"no process", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.p.MayBeDockerd(), tc.want) })
	}
}
