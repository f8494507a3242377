package crash

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// calls are all system calls that change a file system, and those that make a change durable. open and its kin belong to them only with a flag that makes or cuts a file.
const calls = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat," +
	"symlink,symlinkat,mknod,mknodat,chmod,fchmod,fchmodat,?fchmodat2,chown,fchown,fchownat,lchown,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,truncate,ftruncate,fallocate," +
	"utime,utimes,utimensat,futimesat,fsync,fdatasync,sync,syncfs,sync_file_range,ioctl"

// TestNoCallGoesRoundTheSeam runs the real program under strace: what the kernel was asked to change is, one by one and in the same order, what the seam was asked for. So the sweeps
// miss nothing. And each call comes when what it relies on is durable.
func TestNoCallGoesRoundTheSeam(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed, so that the system calls cannot be seen (apt install strace)")
	}
	program, plugin := build(t), filepath.Join(memory(t), "docker-proxy")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", plugin, "../../cmd/docker-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			l := newLane(t, program, sc.live)
			r := l.prepare(sc)
			if sc.live { // the real program takes the worker's place
				assert.NilError(t, os.Remove(filepath.Join(l.dir, workerName)))
				assert.NilError(t, os.Link(plugin, filepath.Join(l.dir, workerName)))
			}
			traced := l.trace(strace, plugin, sc.run)
			assert.Assert(t, l.take().host().equal(r.new), "%s", differs(l.take().host(), r.new))
			var got []op
			for _, c := range traced {
				got = append(got, op{c.op, c.name})
			}
			assert.DeepEqual(t, got, r.ops)
			assert.NilError(t, durable(traced))
		})
	}
}

// traced is a system call that changes something below a root, named as the seam names it.
type traced struct {
	op, name string
	from     string // of a rename or link: the other name
}

// trace runs the real program with a command on the lane's host.
func (l *lane) trace(strace, plugin string, c command) []traced {
	t := l.t
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	cmd := &exec.Cmd{Path: plugin, Args: append([]string{plugin, "proxy"}, c.args...), Env: environment(l.live), Stdin: strings.NewReader(c.stdin)}
	if l.live {
		confine(cmd, l.dir)
		cmd.Args[0] = cmd.Path
	} else {
		cmd.Args = append(cmd.Args, "--root", l.dir)
	}
	cmd.Path, cmd.Args = strace, append([]string{strace, "-f", "-y", "-s", "4096", "-o", file, "-e", "trace=" + calls, "-e", "signal=none"}, cmd.Args...)
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	text, err := os.ReadFile(file)
	assert.NilError(t, err)
	var list []traced
	for line := range strings.Lines(string(text)) {
		c, ok, err := parseCall(line, l.dir)
		assert.NilError(t, err)
		// Candidates are shown to dockerd, systemd and sh in a directory of their own before anything is begun.
		if ok && !(strings.HasPrefix(c.name, "/tmp/docker-proxy-candidate-") && len(list) == 0) {
			list = append(list, c)
		}
	}
	return list
}

var (
	// Of the form `712 renameat2(5</r/etc/docker>, ".x.tmp", 5</r/etc/docker>, "x", RENAME_NOREPLACE) = 0`; the end of a call that another one interrupted comes on a line of its own.
	callLine   = regexp.MustCompile(`^\d+ +(\w+)\((.*)`)
	atName     = regexp.MustCompile(`(?:\d+|AT_FDCWD)<([^>]*)>, "([^"]*)"`)
	descriptor = regexp.MustCompile(`^\d+<([^>]*)>`)
)

// parseCall reads one line of strace; ok is false for what changes nothing below root.
func parseCall(line, root string) (c traced, ok bool, err error) {
	m := callLine.FindStringSubmatch(line)
	if m == nil || !strings.Contains(line, root+"/") && !strings.Contains(line, root+">") {
		return c, false, nil
	}
	call, rest := m[1], m[2]
	inside := func(name string) string { return "/" + strings.TrimPrefix(strings.TrimPrefix(name, root), "/") }
	var names []string // of the form directory and name
	for _, n := range atName.FindAllStringSubmatch(rest, -1) {
		names = append(names, inside(path.Join(n[1], n[2])))
	}
	fd := ""
	if n := descriptor.FindStringSubmatch(rest); n != nil {
		fd = inside(n[1])
	}
	last := func(op string) (traced, bool, error) {
		if len(names) == 0 {
			return c, false, fmt.Errorf("not understood: %s", line)
		}
		return traced{op: op, name: names[len(names)-1], from: names[0]}, true, nil
	}
	switch call {
	case "openat", "openat2":
		if !strings.Contains(rest, "O_CREAT") && !strings.Contains(rest, "O_TRUNC") {
			return c, false, nil
		}
		if strings.Contains(rest, "O_TRUNC") || !strings.Contains(rest, "O_EXCL") {
			return c, false, fmt.Errorf("opens what may be somebody else's: %s", line)
		}
		return last("create")
	case "mkdirat":
		return last("mkdir")
	case "unlinkat":
		if strings.Contains(rest, "AT_REMOVEDIR") {
			return last("rmdir")
		}
		return last("unlink")
	case "renameat2":
		c, ok, err := last("rename")
		if tempName.MatchString(path.Base(c.name)) { // the seam names the host's own file, also when that is put aside
			c.name = c.from
		}
		return c, ok, err
	case "linkat":
		return last("link")
	case "symlinkat":
		return last("symlink")
	case "fchownat":
		return last("chown")
	case "utimensat":
		return last("utimes")
	}
	op := map[string]string{"pwrite64": "write", "fchmod": "chmod", "fchown": "chown", "fsetxattr": "setxattr", "ftruncate": "truncate", "fsync": "fsync"}[call]
	if op == "" || fd == "" {
		return c, false, fmt.Errorf("a call that the seam does not know: %s", line)
	}
	return traced{op: op, name: fd}, true, nil
}

// durable says which call came too early. A file under construction is durable, with all its attributes, before it takes its place. The journal, and its name, are durable before the
// first change of the host; all files and all names are before the commit record; and that is before anything that follows it.
func durable(list []traced) error {
	dirty := map[string]bool{} // files with bytes or attributes, and directories with names, that a loss of power could take
	host := func(name string) bool { return !(op{"", name}).inState() }
	first, last, journal := -1, -1, ""
	for i, c := range list {
		if host(c.name) {
			last = i
			if first < 0 {
				first = i
			}
		}
		if c.op == "create" && strings.HasSuffix(c.name, ".journal") {
			journal = c.name
		}
	}
	for i, c := range list {
		switch {
		case i == first:
			for name := range dirty {
				if path.Base(name) != "lock" { // says who has it, to those who wait
					return fmt.Errorf("%s is not durable before %v", name, c)
				}
			}
		case i > last && c.op == "write" && c.name == journal:
			for _, name := range slices.Sorted(maps.Keys(dirty)) {
				if path.Base(name) != "lock" && name != stateDir {
					return fmt.Errorf("%s is not durable before %v", name, c)
				}
			}
		}
		dir := path.Dir(c.name)
		switch c.op {
		case "fsync":
			delete(dirty, c.name)
		case "write", "truncate", "chmod", "chown", "setxattr":
			dirty[c.name] = true
		case "create", "mkdir", "symlink":
			dirty[c.name], dirty[dir] = true, true
		case "unlink", "rmdir":
			delete(dirty, c.name)
			dirty[dir] = true
		case "rename", "link":
			if dirty[c.from] {
				return fmt.Errorf("%s is not durable before %v", c.from, c)
			}
			dirty[dir] = true
		case "utimes":
		default:
			return fmt.Errorf("%v?", c)
		}
		if c.op == "symlink" {
			delete(dirty, c.name) // has no bytes beside its name
		}
	}
	return nil
}
