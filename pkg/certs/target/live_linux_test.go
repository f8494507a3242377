//go:build inhost && linux

package target_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// These tests run on a booted host, where test/e2e brings them: their program is also what runs in the containers.
func TestMain(m *testing.M) {
	if base := filepath.Base(os.Args[0]); base == "rm" || base == "rmdir" {
		for _, name := range os.Args[1:] {
			if name[0] == '/' && os.Remove(name) != nil {
				os.Exit(1)
			}
		}
		return
	}
	if role := os.Getenv("TARGET_ROLE"); role != "" {
		play(role)
		return
	}
	os.Exit(m.Run())
}

func api(t testing.TB) engine.Engine {
	t.Helper()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	return engine.New(c)
}

func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	assert.NilError(t, err, "docker %q: %s", args, out)
	return strings.TrimSpace(string(out))
}

// file is an entry of an image.
type file struct {
	name string
	tar.Header
	text string
}

func dir(name string, mode int64, ids ...int) file {
	return owned(file{name: name + "/", Header: tar.Header{Typeflag: tar.TypeDir, Mode: mode}}, ids)
}

func regular(name, text string, mode int64, ids ...int) file {
	return owned(file{name: name, text: text, Header: tar.Header{Typeflag: tar.TypeReg, Mode: mode}}, ids)
}

func link(name, text string) file {
	return file{name: name, Header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: text, Mode: 0o777}}
}

func owned(f file, ids []int) file {
	if len(ids) == 2 {
		f.Uid, f.Gid = ids[0], ids[1]
	}
	return f
}

// image makes an image of a tree, with this very program as /prog.
func image(t testing.TB, name string, files ...file) string {
	t.Helper()
	if exec.Command("docker", "image", "inspect", name).Run() == nil {
		return name
	}
	prog, err := os.ReadFile("/proc/self/exe")
	assert.NilError(t, err)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range append(slices.Clone(files), file{name: "prog", text: string(prog), Header: tar.Header{Typeflag: tar.TypeReg, Mode: 0o755}}) {
		h := f.Header
		h.Name, h.Size, h.Format, h.ModTime = strings.TrimPrefix(f.name, "/"), int64(len(f.text)), tar.FormatPAX, oddTime()
		assert.NilError(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, f.text)
		assert.NilError(t, err)
	}
	assert.NilError(t, w.Close())
	cmd := exec.Command("docker", "import", "-", name)
	cmd.Stdin = &buf
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return name
}

// sampleFiles is the tree of suite.
func sampleFiles() []file {
	return []file{
		dir(".", 0o755), dir("/etc", 0o755), dir("/etc/ssl", 0o755), dir("/etc/ssl/certs", 0o755), dir("/usr", 0o755), dir("/usr/share", 0o755), dir("/usr/local", 0o755), dir("/usr/local/share", 0o755),
		dir(anchorDir, 0o775, 0, 50), regular(bundleName, bundleText, 0o644), regular("/usr/share/ca.crt", "ca\n", 0o640, 7, 8),
		link("/etc/ssl/cert.pem", "certs/ca-certificates.crt"), link("/etc/ssl/certs/ca.pem", "/usr/share/ca.crt"), link("/etc/away", "../../../../../../etc/ssl"), link("/etc/ssl/dangling", "/none/at/all"),
	}
}

// start runs a container that only waits, unless args say something else.
func start(t testing.TB, image, role string, args ...string) string {
	t.Helper()
	all := append([]string{"run", "-d", "-e", "TARGET_ROLE=" + role}, args...)
	id := docker(t, append(all, image, "/prog")...)
	t.Cleanup(func() { exec.Command("docker", "rm", "-f", id).Run() })
	return id
}

func open(t testing.TB, id string, how target.How) target.Target {
	t.Helper()
	c, err := target.Open(t.Context(), api(t), id, how)
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// play is what the program does in a container.
func play(role string) {
	name, arg, _ := strings.Cut(role, " ")
	switch name {
	case "sleep":
	case "fuse":
		hang(arg)
	case "fill":
		fillUp()
	case "chroot":
		chroot(arg)
	case "swap":
		swapForever(arg)
	default:
		fmt.Fprintln(os.Stderr, "unknown role", role)
		os.Exit(2)
	}
	for {
		time.Sleep(time.Hour)
	}
}

// everything describes the whole file system of a container: by docker export content, modes, owners and times to the second; by the container's root times to the
// nanosecond. The first process of this container makes nothing.
func everything(t testing.TB, id string) string {
	t.Helper()
	cmd := exec.Command("docker", "export", id)
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	var lines []string
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		assert.NilError(t, err)
		data, err := io.ReadAll(r)
		assert.NilError(t, err)
		lines = append(lines, fmt.Sprintf("%s %c %o %d:%d %s %q %d %x", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.UTC(), h.Linkname, h.Size, sum(data)))
	}
	assert.NilError(t, cmd.Wait())
	if pid := docker(t, "inspect", "-f", "{{.State.Pid}}", id); pid != "0" {
		root := "/proc/" + pid + "/root"
		for _, top := range []string{"/etc", "/usr", "/opt"} {
			filepath.WalkDir(root+top, func(name string, d os.DirEntry, err error) error {
				if err != nil {
					return nil
				}
				st, err := os.Lstat(name)
				if err == nil && !strings.HasSuffix(name, "/etc") { // Docker itself writes hosts and resolv.conf there
					lines = append(lines, fmt.Sprintf("%s %s %d", strings.TrimPrefix(name, root), st.Mode(), st.ModTime().UnixNano()))
				}
				return nil
			})
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
