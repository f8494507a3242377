//go:build inhost && linux

package target_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

func node(name string, kind byte, major, minor int64) file {
	return file{name: name, Header: tar.Header{Typeflag: kind, Mode: 0o666, Devmajor: major, Devminor: minor}}
}

// traps is an image that is full of what should not be touched.
func traps(t testing.TB) string {
	return image(t, "traps", append(sampleFiles(),
		link("/etc/ssl/absolute", "/etc/machine-id"), link("/etc/ssl/up", "../../../../../../../../etc/machine-id"), link("/etc/ssl/magic", "/proc/1/root/etc/machine-id"),
		link("/etc/ssl/self", "/proc/self/root"), link("/etc/ssl/cwd", "/proc/1/cwd"), link("/etc/ssl/loop", "loop"), link("/etc/ssl/outside", "/../../../../tmp"),
		link("/etc/ssl/messages", "/proc/kmsg"), link("/etc/ssl/memory", "/proc/kcore"), link("/etc/ssl/power", "/sys/power/state"),
		node("/etc/ssl/fifo", tar.TypeFifo, 0, 0), node("/etc/ssl/zero", tar.TypeChar, 1, 5), node("/etc/ssl/disk", tar.TypeBlock, 7, 0), link("/etc/ssl/tofifo", "fifo"),
		dir("/big", 0o755), dir("/many", 0o755))...)
}

// TestLiveTraps: nothing outside is read or written, nothing blocks, nothing is opened that acts.
func TestLiveTraps(t *testing.T) {
	img := traps(t)
	id0, err := os.ReadFile("/etc/machine-id")
	assert.NilError(t, err)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			c := open(t, start(t, img, "sleep", "--network=none"), how)
			for _, name := range []string{"absolute", "up", "magic", "self/etc/machine-id", "cwd/etc/machine-id", "loop", "loop/x", "fifo", "zero", "disk", "tofifo", "messages", "memory", "power"} {
				data, err := c.ReadFile("/etc/ssl/" + name)
				assert.Assert(t, err != nil && len(data) == 0, "%s: %v", name, err)
				assert.Assert(t, !strings.Contains(err.Error(), strings.TrimSpace(string(id0))))
			}
			var odd *tree.NotRegularError
			for _, name := range []string{"fifo", "zero", "disk", "tofifo"} {
				_, err := c.ReadFile("/etc/ssl/" + name)
				assert.Assert(t, errors.As(err, &odd), "%s: %v", name, err)
				_, err = c.Apply(t.Context(), change.Plan{{Path: "/etc/ssl/" + name, To: change.NewFile([]byte("x"), 0o644)}}, target.Options{})
				assert.Assert(t, errors.As(err, &odd), "%s: %v", name, err)
			}
			_, err := c.ReadFile("/etc/ssl/loop")
			assert.ErrorIs(t, err, tree.ErrLoop)
			// What is written through a link that leads out is made inside.
			outside := filepath.Join("/tmp", fmt.Sprintf("planted-%d", time.Now().UnixNano()))
			done, err := c.Apply(t.Context(), change.Plan{{Path: "/etc/ssl/outside/" + filepath.Base(outside), To: change.NewFile([]byte("x"), 0o644)}}, target.Options{})
			assert.NilError(t, err)
			assert.Equal(t, done[0].Real, outside)
			_, err = os.Lstat(outside)
			assert.ErrorIs(t, err, fs.ErrNotExist)
			_, err = c.Apply(t.Context(), change.Plan{{Path: "/etc/ssl/self/" + filepath.Base(outside), To: change.NewFile([]byte("x"), 0o644)}}, target.Options{})
			assert.Assert(t, err != nil)
			_, err = os.Lstat("/" + filepath.Base(outside))
			assert.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

// fill makes files that are too much.
func fillUp() {
	f, err := os.Create("/big/bundle")
	if err == nil {
		err = f.Truncate(64 << 30)
	}
	for i := 0; err == nil && i < 70000; i++ {
		err = os.Symlink("x", "/many/"+strconv.Itoa(i))
	}
	if err == nil {
		err = os.WriteFile("/ready", nil, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ready(t testing.TB, id string) {
	t.Helper()
	for range 600 {
		if exec.Command("docker", "cp", id+":/ready", "-").Run() == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("not ready: ", docker(t, "logs", id))
}

// TestLiveTooMuch: a hole of 64 GB and 70000 names are refused, in bounded memory.
func TestLiveTooMuch(t *testing.T) {
	id := start(t, traps(t), "fill", "--network=none")
	ready(t, id)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			c := open(t, id, how)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.Prefetch(t.Context(), "/big", "/many")
			var large *tree.TooLargeError
			_, err := c.ReadFile("/big/bundle")
			assert.Assert(t, errors.As(err, &large), "%v", err)
			var full *target.FullError
			_, err = c.ReadDir("/many")
			assert.Assert(t, errors.As(err, &full), "%v", err)
			_, err = c.Apply(t.Context(), change.Plan{{Path: "/big/bundle", To: change.NewFile([]byte("x"), 0o644)}}, target.Options{})
			assert.Assert(t, errors.As(err, &large), "%v", err)
			runtime.ReadMemStats(&after)
			// What was taken from the system, at most ever: 65536 names with all that is known of each.
			assert.Assert(t, after.Sys-before.Sys < 192<<20, "%d MB", (after.Sys-before.Sys)>>20)
			t.Logf("%d MB more from the system, %d MB allocated in all", (after.Sys-before.Sys)>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

// hang mounts a FUSE file system that never answers.
func hang(at string) {
	err := unix.Mknod("/fuse", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 229)))
	var fd int
	if err == nil {
		fd, err = unix.Open("/fuse", unix.O_RDWR, 0)
	}
	if err == nil {
		err = unix.Mount("stuck", at, "fuse.stuck", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuse:", err)
		os.Exit(3)
	}
	if err := os.WriteFile("/ready", nil, 0o644); err != nil {
		os.Exit(4)
	}
}

// swapForever exchanges a directory with a link that leads elsewhere, as fast as it can. An overlay renames no directory of an image, so it makes one.
func swapForever(text string) {
	err := errors.Join(os.Mkdir("/etc/ssl/swap", 0o755), os.WriteFile("/etc/ssl/swap/bundle", []byte(bundleText), 0o644), os.Symlink(text, "/etc/ssl/other"), os.WriteFile("/ready", nil, 0o644))
	for err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, "/etc/ssl/swap", unix.AT_FDCWD, "/etc/ssl/other", unix.RENAME_EXCHANGE)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(6)
}

// TestLiveSwapped: while the directory of the bundle and a link out of the container change places all the time, nothing outside changes and no half-made file stays.
func TestLiveSwapped(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	outside := outside(t, "certs/bundle", bundleText)
	before := state(t, outside)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			text := map[string]string{"root": "../../../../../../../../../.." + filepath.Dir(outside), "archive": filepath.Dir(outside)}[name]
			id := start(t, img, "swap "+text, "--network=none")
			ready(t, id)
			c := open(t, id, how)
			rounds := map[string]int{"root": 5000, "archive": 150}[name]
			from := change.NewFile([]byte(bundleText), 0o644)
			plans := []change.Plan{
				{{Path: "/etc/ssl/swap/bundle", From: from, To: from.WithData([]byte("other\n"))}},
				{{Path: "/etc/ssl/swap/new.crt", To: change.NewFile([]byte("new\n"), 0o644)}, {Path: "/etc/ssl/swap/0.0", To: change.NewLink("new.crt")}},
			}
			worked := 0
			for i := range rounds {
				done, err := c.Apply(t.Context(), plans[i%2], target.Options{})
				if err == nil {
					worked++
				}
				c.Restore(t.Context(), done)
			}
			t.Logf("%d of %d rounds went through", worked, rounds)
			assert.Assert(t, worked > 0 && worked < rounds)
			assert.Equal(t, state(t, outside), before)
			names, err := os.ReadDir(filepath.Dir(outside))
			assert.NilError(t, err)
			assert.Equal(t, len(names), 1)
			docker(t, "kill", id)
			for _, line := range strings.Split(docker(t, "diff", id), "\n") {
				assert.Assert(t, !strings.Contains(line, ".tmp"), line)
			}
		})
	}
}

// TestLiveStuck: a FUSE file system that never answers costs one container its deadline, and no other one anything.
func TestLiveStuck(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	id := start(t, img, "fuse /etc/ssl/certs", "--network=none", "--privileged")
	ready(t, id)
	c := open(t, id, target.ContainerRoot)
	begun := time.Now()
	_, err := c.ReadFile(bundleName)
	var stuck *target.StuckError
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
	// Only once: after that the container is given up.
	_, err = c.Apply(t.Context(), plan(), target.Options{})
	assert.Assert(t, errors.As(err, &stuck), "%v", err)
	t.Log("given up after", time.Since(begun))
	other := open(t, start(t, img, "sleep", "--network=none"), target.ContainerRoot)
	_, err = other.ReadFile(bundleName)
	assert.NilError(t, err)
	assert.NilError(t, c.Close())
}

// TestLivePidReuse: a process that got the number of the container's is not taken for it, neither before nor after it was opened.
func TestLivePidReuse(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	id := start(t, img, "sleep", "--network=none")
	eng := api(t)
	seen, err := eng.Inspect(t.Context(), id)
	assert.NilError(t, err)
	for name, pid := range map[string]int{"this process": os.Getpid(), "init": 1, "none": 1<<22 - 1} {
		wrong := seen
		wrong.PID = pid
		_, err = target.OpenInspected(t.Context(), eng, wrong, target.ContainerRoot)
		assert.Assert(t, errors.Is(err, target.ErrNotContainer) || errors.Is(err, target.ErrGone), "%s: %v", name, err)
	}
	other, err := eng.Inspect(t.Context(), start(t, img, "sleep", "--network=none"))
	assert.NilError(t, err)
	wrong := seen
	wrong.PID = other.PID
	_, err = target.OpenInspected(t.Context(), eng, wrong, target.ContainerRoot)
	assert.ErrorIs(t, err, target.ErrNotContainer)

	// It is restarted: its number may be anybody's now. Ask for that very number.
	c := open(t, id, target.ContainerRoot)
	docker(t, "restart", "-t", "0", id)
	var child atomic.Int64
	// A host in systemd-nspawn has /proc/sys read-only.
	assert.NilError(t, unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	for range 200 {
		if os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(seen.PID-1)), 0o644) != nil {
			break
		}
		cmd := exec.Command("sleep", "60")
		if cmd.Start() != nil {
			break
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
		if cmd.Process.Pid == seen.PID {
			child.Store(int64(seen.PID))
			break
		}
	}
	t.Log("the number was used again:", child.Load() != 0)
	done, err := c.Apply(t.Context(), plan(), target.Options{})
	assert.ErrorIs(t, err, target.ErrGone)
	assert.Equal(t, len(done), 0)
	_, err = target.OpenInspected(t.Context(), eng, seen, target.ContainerRoot)
	assert.Assert(t, errors.Is(err, target.ErrNotContainer) || errors.Is(err, target.ErrGone), "%v", err)
	assert.Equal(t, docker(t, "diff", id), "")
}

// TestLiveChroot: a privileged container whose process changed its root to one of the machine's directories does not lead there.
func TestLiveChroot(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	id := start(t, img, "chroot /host", "--network=none", "--privileged", "-v", "/:/host")
	for range 200 {
		if text, err := os.Readlink("/proc/" + docker(t, "inspect", "-f", "{{.State.Pid}}", id) + "/root"); err == nil && text == "/host" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, err := target.Open(t.Context(), api(t), id, target.ContainerRoot)
	assert.ErrorIs(t, err, target.ErrNotContainer)
	c := open(t, id, target.Auto)
	assert.Assert(t, !c.Can().Atomic, "not the archive API")
}

func chroot(dir string) {
	if err := syscall.Chroot(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
}
