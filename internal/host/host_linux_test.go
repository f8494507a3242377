package host_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// open makes a root with files (their names are their bytes) and links, and beside it a file that must never be reached.
func open(t *testing.T, files []string, links map[string]string) (*host.FS, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	assert.NilError(t, os.Mkdir(dir, 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "../outside"), []byte("outside"), 0o644))
	for _, name := range files {
		p := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		assert.NilError(t, os.WriteFile(p, []byte(name), 0o640))
	}
	for name, text := range links {
		p := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		assert.NilError(t, os.Symlink(text, p))
	}
	f, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, dir
}

func TestReadInsideTheRoot(t *testing.T) {
	f, dir := open(t, []string{"/etc/docker/daemon.json", "/outside2"}, map[string]string{
		"/abs": "/etc/docker/daemon.json", "/rel": "etc/docker/../docker/daemon.json", "/up": "../../../../../../etc/docker/daemon.json",
		"/leave": "../outside", "/leaveabs": "/../outside", "/hop": "/etc", "/dangling": "/none", "/loop": "/loop",
	})
	assert.Assert(t, !f.Live())
	assert.Equal(t, f.Root(), dir)
	for _, tt := range []struct {
		name, path, want string
		err              error
	}{
		{name: "file", path: "/etc/docker/daemon.json", want: "/etc/docker/daemon.json"},
		{name: "untidy name", path: "//etc/./docker/../docker/daemon.json", want: "/etc/docker/daemon.json"},
		{name: "absolute link", path: "/abs", want: "/etc/docker/daemon.json"},
		{name: "relative link", path: "/rel", want: "/etc/docker/daemon.json"},
		{name: "link that climbs stays at the root", path: "/up", want: "/etc/docker/daemon.json"},
		{name: "link in the middle", path: "/hop/docker/daemon.json", want: "/etc/docker/daemon.json"},
		{name: "name that climbs", path: "/../outside", err: fs.ErrNotExist},
		{name: "link that leaves", path: "/leave", err: fs.ErrNotExist},
		{name: "absolute link that leaves", path: "/leaveabs", err: fs.ErrNotExist},
		{name: "dangling link", path: "/dangling", err: fs.ErrNotExist},
		{name: "loop", path: "/loop", err: unix.ELOOP},
		{name: "file as directory", path: "/outside2/x", err: unix.ENOTDIR},
		{name: "directory", path: "/etc", err: host.ErrNotRegular},
		{name: "the root", path: "/", err: host.ErrNotRegular},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := f.ReadFile(tt.path)
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, string(data), tt.want)
			assert.Equal(t, f.Exists(tt.path), tt.err == nil || errors.Is(tt.err, host.ErrNotRegular))
		})
	}
}

// The tail of a file from an offset on; a file that got shorter counts from its beginning, and only the last bytes of a long one are read.
func TestReadEnd(t *testing.T) {
	f, dir := open(t, nil, map[string]string{"/link": "log", "/dir/x": "y"})
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "log"), []byte("0123456789"), 0o600))
	for _, tt := range []struct {
		name        string
		offset, max int64
		want        string
	}{
		{"all", 0, 100, "0123456789"}, {"what was added", 7, 100, "789"}, {"nothing was added", 10, 100, ""}, {"emptied and begun anew", 11, 100, "0123456789"},
		{"too much", 0, 4, "6789"}, {"too much was added", 3, 4, "6789"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := f.ReadEnd("/link", tt.offset, tt.max)
			assert.NilError(t, err)
			assert.Equal(t, string(got), tt.want)
		})
	}
	_, err := f.ReadEnd("/dir", 0, 1)
	assert.ErrorIs(t, err, host.ErrNotRegular)
}

func TestOddFiles(t *testing.T) {
	f, dir := open(t, []string{"/small"}, nil)
	assert.NilError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "max"), make([]byte, host.MaxFileSize), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, host.MaxFileSize+1), 0o600))
	_, err := f.ReadFile("/pipe")
	assert.ErrorIs(t, err, host.ErrNotRegular, "a FIFO without a writer must not block")
	data, err := f.ReadFile("/max")
	assert.NilError(t, err)
	assert.Equal(t, len(data), host.MaxFileSize)
	_, err = f.ReadFile("/large")
	assert.ErrorIs(t, err, host.ErrTooLarge)
	assert.ErrorContains(t, err, "/large")
	_, err = host.Open(filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = host.Open(filepath.Join(dir, "small"))
	assert.ErrorIs(t, err, unix.ENOTDIR)
}

// The files of /proc say that they are empty, and magic links are followed on the running system only.
func TestLive(t *testing.T) {
	f, err := host.Open("")
	assert.NilError(t, err)
	defer f.Close()
	assert.Assert(t, f.Live())
	data, err := f.ReadFile("/proc/self/cmdline")
	assert.NilError(t, err)
	assert.Assert(t, bytes.HasPrefix(data, []byte(os.Args[0])))
	_, err = f.Stat("/proc/self/exe")
	assert.NilError(t, err)
}

func TestStat(t *testing.T) {
	f, dir := open(t, []string{"/file"}, map[string]string{"/link": "file"})
	assert.NilError(t, os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "second")))
	st, err := f.Stat("/link")
	assert.NilError(t, err)
	assert.Equal(t, st.Mode, fs.FileMode(0o640))
	assert.Equal(t, st.Size, int64(len("/file")))
	assert.Equal(t, st.Nlink, uint64(2))
	assert.Equal(t, st.UID, os.Geteuid())
	assert.Assert(t, st.Ino != 0 && !st.Change.IsZero() && !st.ModTime.IsZero())
	st, err = f.Lstat("/link")
	assert.NilError(t, err)
	assert.Equal(t, st.Mode.Type(), fs.ModeSymlink)
	text, err := f.Readlink("/link")
	assert.NilError(t, err)
	assert.Equal(t, text, "file")
	_, err = f.Readlink("/file")
	assert.Assert(t, err != nil)
	names, err := f.ReadDir("/")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"file", "link", "second"})
}

// Resolve describes what the kernel does: for random link graphs both lead to the same file.
func TestResolveIsTheKernels(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "docker-proxy-host-")
		assert.NilError(rt, err)
		defer os.RemoveAll(dir)
		elem := rapid.SampledFrom(append([]string{"..", "."}, names...))
		text := rapid.Custom(func(rt *rapid.T) string {
			p := strings.Join(rapid.SliceOfN(elem, 1, 4).Draw(rt, "elements"), "/")
			if rapid.Bool().Draw(rt, "absolute") {
				p = "/" + p
			}
			return p
		})
		for _, n := range names {
			for _, p := range []string{n, "a/" + n, "a/b/" + n} {
				p = filepath.Join(dir, p)
				if rapid.Bool().Draw(rt, "link") {
					_ = os.Symlink(text.Draw(rt, "text"), p)
				} else {
					_ = os.Mkdir(p, 0o755)
				}
			}
		}
		f, err := host.Open(dir)
		assert.NilError(rt, err)
		defer f.Close()
		name := "/" + strings.TrimLeft(filepath.Clean("/"+text.Draw(rt, "name")), "/")
		real, err := f.Resolve(name, false)
		file, kernelErr := f.OpenAt(name, unix.O_PATH, 0)
		if kernelErr != nil {
			// A missing last element is no error for Resolve.
			assert.Assert(rt, err != nil || !f.Exists(real), "%s: %v", name, kernelErr)
			return
		}
		defer file.Close()
		assert.NilError(rt, err)
		want, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(file.Fd())))
		assert.NilError(rt, err)
		assert.Equal(rt, filepath.Join(dir, real), want, name)
	})
}

func TestResolveMissing(t *testing.T) {
	f, _ := open(t, []string{"/etc/a"}, map[string]string{"/link": "/none/x", "/new": "/etc/new"})
	for _, tt := range []struct {
		name, path, want string
		missing, fails   bool
	}{
		{name: "last element", path: "/etc/none", want: "/etc/none"},
		{name: "dangling link", path: "/new", want: "/etc/new"},
		{name: "directory, not allowed", path: "/none/x", fails: true},
		{name: "directory, allowed", path: "/none/x/y", missing: true, want: "/none/x/y"},
		{name: "link into a missing directory", path: "/link", missing: true, want: "/none/x"},
		{name: "file as directory", path: "/etc/a/b", missing: true, fails: true},
		{name: "root", path: "/", want: "/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := f.Resolve(tt.path, tt.missing)
			assert.Equal(t, err != nil, tt.fails, "%v", err)
			assert.Equal(t, got, tt.want)
		})
	}
}

// Glob finds what a shell finds.
func TestGlobIsTheShells(t *testing.T) {
	f, dir := open(t, []string{
		"/etc/default/docker", "/etc/default/docker.env", "/etc/default/.hidden.env", "/etc/default/x[1].env", "/etc/default/b.env",
		"/etc/env.d/10-a.conf", "/etc/env.d/9-b.conf", "/etc/env.d/sub/c.conf",
	}, map[string]string{"/etc/link.d": "env.d", "/etc/default/gone.env": "none"})
	bash, err := exec.LookPath("bash")
	assert.NilError(t, err)
	for _, pattern := range []string{
		"/etc/default/*.env", "/etc/default/.*.env", "/etc/*/*.conf", "/etc/link.d/*", "/etc/default/docker", "/etc/default/none", "/etc/default/docker?env",
		"/etc/default/[a-c]*", "/etc/default/[!a-c]*.env", "/etc/default/[^a-c]*.env", `/etc/default/x\[1\].env`, "/*", "/etc/env.d/*/*.conf", "/etc/default/docker/*",
	} {
		t.Run(pattern, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), bash, "-O", "nullglob", "-c", `cd "$1" && printf '%s\n' `+strings.TrimPrefix(pattern, "/"), "-", dir)
			cmd.Env = []string{"LC_ALL=C"}
			out, err := cmd.Output()
			assert.NilError(t, err)
			var want []string
			for line := range strings.Lines(string(out)) {
				if line = strings.TrimSpace(line); line != "" && (f.Exists("/"+line) || strings.ContainsAny(pattern, "*?[")) {
					want = append(want, "/"+line)
				}
			}
			want = slices.DeleteFunc(want, func(p string) bool { return strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..") })
			slices.Sort(want)
			got := f.Glob(pattern)
			assert.DeepEqual(t, append([]string(nil), got...), want)
		})
	}
	assert.Equal(t, len(f.Glob("/etc/default/[")), 0)
}

func TestOverlay(t *testing.T) {
	f, _ := open(t, []string{"/etc/docker/daemon.json", "/etc/a.conf"}, map[string]string{"/etc/link.json": "/etc/docker/daemon.json"})
	v := f.With(map[string]host.Overlay{
		"/etc/link.json": {Data: []byte("new")},
		"/etc/a.conf":    {Absent: true},
		"/etc/systemd/system/docker.service.d/p.cf": {Data: []byte("x"), Mode: 0o600},
	})
	data, err := v.ReadFile("/etc/docker/daemon.json")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "new", "a planned file is seen under all its names")
	_, err = v.ReadFile("/etc/a.conf")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = v.Stat("/etc/a.conf")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	names, err := v.ReadDir("/etc")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"docker", "link.json", "systemd"})
	assert.DeepEqual(t, v.Glob("/etc/systemd/system/*.d/*"), []string{"/etc/systemd/system/docker.service.d/p.cf"})
	st, err := v.Stat("/etc/systemd/system")
	assert.NilError(t, err)
	assert.Assert(t, st.Mode.IsDir())
	st, err = v.Stat("/etc")
	assert.NilError(t, err)
	assert.Assert(t, st.Ino != 0, "a directory that exists is described as it is")
	st, err = v.Lstat("/etc/link.json")
	assert.NilError(t, err)
	assert.Equal(t, st.Mode.Type(), fs.ModeSymlink)
	w := v.With(map[string]host.Overlay{"/etc/a.conf": {Data: []byte("back")}})
	data, err = w.ReadFile("/etc/a.conf")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "back")
	data, err = f.ReadFile("/etc/docker/daemon.json")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "/etc/docker/daemon.json", "the host itself is unchanged")
}
