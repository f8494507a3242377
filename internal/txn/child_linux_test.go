package txn_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

const errandName = "docker-proxy: errand\x00"

// errands are the processes that work for this one in a user's directory at this moment.
func errands(t *testing.T) []int {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	assert.NilError(t, err)
	var out []int
	for _, name := range lists {
		list, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has ended
		}
		for _, word := range strings.Fields(string(list)) {
			pid, err := strconv.Atoi(word)
			assert.NilError(t, err)
			if text, err := os.ReadFile("/proc/" + word + "/cmdline"); err == nil && string(text) == errandName {
				out = append(out, pid)
			}
		}
	}
	return out
}

// status is /proc/PID/status; empty when the process is gone.
func status(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		out[key] = strings.Join(strings.Fields(value), " ")
	}
	return out
}

// usersPlan changes files of ann in every way, and one of root.
func usersPlan(s site) (change.Plan, error) {
	var plan change.Plan
	for _, e := range []struct {
		name string
		to   func(change.State) change.State
	}{
		{"/home/ann/.docker/config.json", func(s change.State) change.State { return s.WithData([]byte("new")).Private() }},
		{"/home/ann/.config/a/b", func(change.State) change.State { return change.NewFile([]byte("made"), 0o600) }},
		{"/home/ann/gone", func(change.State) change.State { return change.State{} }},
		{"/home/ann/hard", func(s change.State) change.State { return s.WithData([]byte("in place")) }},
		{"/etc/docker/daemon.json", func(s change.State) change.State { return s.WithData([]byte("root's")) }},
	} {
		from, err := change.Observe(s.fs, e.name)
		if err != nil {
			return nil, err
		}
		plan = append(plan, change.Change{Path: e.name, From: from, To: e.to(from)})
	}
	return plan, nil
}

// usersHome is a site in memory with what usersPlan changes.
func usersHome(t *testing.T, opt txn.Options) site {
	t.Helper()
	needRoot(t)
	s := siteAt(t, memory(t), opt)
	s.put(t, "/home/ann/gone", "gone", 0o640)
	s.put(t, "/home/ann/hard", "old", 0o640)
	assert.NilError(t, os.Link(s.path("/home/ann/hard"), s.path("/home/ann/other")))
	homes(t, s)
	return s
}

// Whoever works in a user's directory is a process that has nothing but that user's rights, that the user cannot reach, and that knows nothing it does not need.
func TestErrandRights(t *testing.T) {
	stray, err := unix.Open("/etc/shadow", unix.O_RDONLY, 0) // left open for all children
	assert.NilError(t, err)
	defer unix.Close(stray)
	seen := map[int]bool{}
	ops := map[string]bool{}
	s := usersHome(t, txn.Options{Fault: func(op, name string) error {
		at := errands(t)
		if !strings.HasPrefix(name, "/home/ann") {
			assert.Equal(t, len(at), 0, "%s %s", op, name)
			return nil
		}
		assert.Equal(t, len(at), 1, "%s %s is not done by a child", op, name)
		if ops[op] = true; seen[at[0]] {
			return nil
		}
		seen[at[0]] = true
		errandHasNoRights(t, at[0])
		return nil
	}})
	assert.NilError(t, set(t.Context(), s, usersPlan))
	assert.NilError(t, rollback(t.Context(), s))
	for _, op := range []string{"create", "write", "rename", "unlink", "mkdir", "rmdir", "fsync", "chmod", "chown"} {
		if op != "chown" { // what a user makes is theirs
			assert.Assert(t, ops[op], op)
		} else {
			assert.Assert(t, !ops[op], op)
		}
	}
	assert.Equal(t, len(errands(t)), 0)
}

func errandHasNoRights(t *testing.T, pid int) {
	t.Helper()
	st := status(t, pid)
	for key, want := range map[string]string{
		"Uid": "12345 12345 12345 12345", "Gid": "12345 12345 12345 12345", "Groups": "",
		"CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		assert.Equal(t, st[key], want, key)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	assert.NilError(t, err)
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err == nil {
			assert.Assert(t, strings.Contains(string(text), "\nUid:\t12345\t12345\t12345\t12345\n") && strings.Contains(string(text), "\nCapEff:\t0000000000000000\n"), "%s", text)
		}
	}
	dir := fmt.Sprintf("/proc/%d", pid)
	info, err := os.Stat(dir + "/environ")
	assert.NilError(t, err)
	sys, _ := info.Sys().(*syscall.Stat_t)
	assert.Equal(t, sys.Uid, uint32(0), "its user could trace it (proc(5))")
	env, err := os.ReadFile(dir + "/environ")
	assert.NilError(t, err)
	assert.Equal(t, len(env), 0)
	own, err := unix.Getsid(0)
	assert.NilError(t, err)
	theirs, err := unix.Getsid(pid)
	assert.NilError(t, err)
	assert.Assert(t, own != theirs, "it has our terminal")
	var open []string
	fds, err := os.ReadDir(dir + "/fd")
	assert.NilError(t, err)
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		assert.NilError(t, err)
		kind, _, _ := strings.Cut(link, ":")
		working := strings.Contains(link, "/home/ann/") && fd.Name() != "3"
		if !working && kind != "anon_inode" && !strings.HasPrefix(kind, "/sys/fs/cgroup/") { // Go's own
			open = append(open, filepath.Base(kind))
		}
	}
	assert.Equal(t, len(open), 5, "%v", open)
	assert.Equal(t, open[0]+open[1]+open[2]+open[4], "pipepipenulllock", "%v", open)
}

// What the user may not do is refused by the kernel, although root could: directories and files that are closed, and files that are closed to writing in place.
func TestErrandIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, s site)
	}{
		{"a directory that may not be written", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0o500)) }},
		{"a directory that may not be entered", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0o600)) }},
		{"a file that may not be read", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/gone"), 0o200)) }},
		{"a file that may not be written in place", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann/hard"), 0o400)) }},
		{"a directory that lets nothing be made", func(t *testing.T, s site) { assert.NilError(t, os.Chmod(s.path("/home/ann"), 0o555)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := usersHome(t, txn.Options{})
			tt.spoil(t, s)
			before := tree(t, s.dir)
			assert.ErrorIs(t, set(t.Context(), s, usersPlan), unix.EACCES)
			assert.DeepEqual(t, tree(t, s.dir), before)
			e, err := s.store.Unfinished()
			assert.NilError(t, err)
			assert.Assert(t, e == nil)
		})
	}
}

// A file keeps its group, also one that its owner is in by that group's directory only; so do new files and directories.
func TestErrandKeepsTheGroup(t *testing.T) {
	const staff = 777
	s := usersHome(t, txn.Options{})
	assert.NilError(t, os.Chown(s.path("/home/ann/.docker"), ann, staff))
	assert.NilError(t, os.Chmod(s.path("/home/ann/.docker"), 0o770|os.ModeSetgid))
	assert.NilError(t, os.Chown(s.path("/home/ann/gone"), ann, staff))
	before := tree(t, s.dir)
	s.run(t,
		s.to(t, "/home/ann/.docker/config.json", "new"),
		s.to(t, "/home/ann/gone", "other"),
		change.Change{Path: "/home/ann/.docker/a/new", To: file("x", 0o600)},
		change.Change{Path: "/home/ann/.config/b/new", To: change.State{Kind: change.File, Data: []byte("x"), Mode: 0o600, UID: ann, GID: staff}},
	)
	s.has(t, map[string]string{
		"/home/ann/.docker/config.json": "-rw------- 12345:12345 new",
		"/home/ann/gone":                "-rw-r----- 12345:777 other",
		"/home/ann/.docker/a":           "drwxr-xr-x 12345:777",
		"/home/ann/.docker/a/new":       "-rw------- 12345:777 x",
		"/home/ann/.config/b":           "drwxr-xr-x 12345:12345",
		"/home/ann/.config/b/new":       "-rw------- 12345:777 x",
	})
	takeBack(t, s)
	assert.DeepEqual(t, tree(t, s.dir), before)
}

// A label that only root could put onto the new file does not stop the user's file from being changed; what is the user's own stays.
func TestErrandAndLabels(t *testing.T) {
	s := usersHome(t, txn.Options{})
	name := s.path("/home/ann/.docker/config.json")
	assert.NilError(t, unix.Setxattr(name, "security.selinux", []byte("system_u:object_r:user_home_t:s0\x00"), 0))
	if err := unix.Setxattr(name, "user.note", []byte("hello"), 0); err != nil {
		t.Logf("user attributes: %v", err) // tmpfs has them since Linux 6.6
	}
	had := make([]byte, 10)
	n, wanted := unix.Getxattr(name, "user.note", had)
	s.run(t, s.to(t, "/home/ann/.docker/config.json", "new"))
	got := make([]byte, 10)
	m, err := unix.Getxattr(name, "user.note", got)
	assert.Equal(t, err, wanted)
	assert.Equal(t, string(got[:max(m, 0)]), string(had[:max(n, 0)]))
}

// TestEveryChangeIsMadeByTheUser asks the kernel who made which call: in a user's directory it was always a process that had become that user before.
func TestEveryChangeIsMadeByTheUser(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed, so that the system calls cannot be seen (apt install strace)")
	}
	s := usersHome(t, txn.Options{})
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-y", "-o", trace, "-e", "trace=execve,setresuid,"+mutating, "/proc/self/exe", "-test.run=^TestErrandParent$")
	cmd.Args[len(cmd.Args)-2] = os.Args[0] // /proc/self/exe would be strace's
	cmd.Env = append(os.Environ(), "ERRAND_ROOT="+s.dir, "ERRAND_AT=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	text, err := os.ReadFile(trace)
	assert.NilError(t, err)
	became, half, theirs, roots := map[string]bool{}, map[string]string{}, 0, 0
	for line := range strings.Lines(string(text)) {
		task, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if begun, ok := strings.CutSuffix(call, "<unfinished ...>"); ok { // another task's line comes between
			half[task] = strings.TrimSpace(begun)
			continue
		}
		if _, rest, ok := strings.Cut(call, " resumed>"); ok && strings.HasPrefix(call, "<... ") {
			call = half[task] + rest
		}
		writes := !strings.HasPrefix(call, "open") || strings.Contains(call, "O_CREAT") || strings.Contains(call, "O_TRUNC")
		switch {
		case strings.HasPrefix(call, "setresuid(12345, 12345, 12345)"):
			became[task] = true
		case strings.HasPrefix(call, "execve("):
			assert.Assert(t, !strings.Contains(call, s.dir) && !strings.Contains(call, "config.json"), "%s", line)
		case strings.Contains(call, s.dir+"/home/ann") && writes:
			theirs++
			assert.Assert(t, became[task], "%s", line)
		case strings.Contains(call, s.dir) && writes:
			roots++
			assert.Assert(t, !became[task], "%s", line)
		}
	}
	assert.Assert(t, theirs > 15 && roots > 10, "%d by the user, %d by root", theirs, roots)
}
