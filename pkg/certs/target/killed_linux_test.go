package target_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// The whole of an installation, with real records and a real directory as the container's root, killed by SIGKILL before every single system call that changes a file, of the
// container's or of the records. Whatever comes next, what was there before comes back exactly: bytes, modes, owners, times to the nanosecond, and no file more.

// lab is a container's root directory and a machine's, side by side.
type lab struct{ dir string }

func (l lab) root() string    { return filepath.Join(l.dir, "root") }
func (l lab) machine() string { return filepath.Join(l.dir, "machine") }

// authorities are those that the runs add: first and second.
func (l lab) authorities(t testing.TB) []certs.Authority {
	t.Helper()
	var out []certs.Authority
	for _, name := range []string{"first", "second"} {
		data, err := os.ReadFile(filepath.Join(l.dir, name+".pem"))
		assert.NilError(t, err)
		block, _ := pem.Decode(data)
		cert, err := x509.ParseCertificate(block.Bytes)
		assert.NilError(t, err)
		out = append(out, certs.Authority{Fingerprint: certs.FingerprintOf(cert.Raw), Cert: cert})
	}
	return out
}

func newCA(t testing.TB, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// images are the trees that are killed in: one with all kinds of change, and one in which nearly everything has to be made.
func images(t testing.TB) map[string]map[string]string {
	t.Helper()
	public := string(newCA(t, "public root"))
	return map[string]map[string]string{
		"debian": {
			"etc/debian_version": "13.0\n", "var/lib/dpkg/status": "", "usr/bin/dpkg": "", "usr/sbin/update-ca-certificates": "#!/bin/sh\n", "etc/ca-certificates.conf": "",
			"usr/share/ca-certificates/public.crt": public, "etc/ssl/certs/public.pem": "-> /usr/share/ca-certificates/public.crt", bundleName[1:]: public,
			"usr/lib/python3/dist-packages/certifi/cacert.pem": public, "usr/lib/python3/dist-packages/certifi/__init__.py": "",
		},
		"scratch": {"app": "a static program"},
	}
}

// memory is a directory that goes with the test, in memory where there is room: thousands of trees are made.
func memory(t testing.TB) string {
	t.Helper()
	if unix.Access("/dev/shm", unix.W_OK) != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "docker-proxy-test-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	return dir
}

func newLab(t testing.TB, image map[string]string) lab {
	t.Helper()
	l := lab{dir: memory(t)}
	for name, text := range image {
		at := filepath.Join(l.root(), name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if link, ok := strings.CutPrefix(text, "-> "); ok {
			assert.NilError(t, os.Symlink(link, at))
			continue
		}
		assert.NilError(t, os.WriteFile(at, []byte(text), 0o640))
		assert.NilError(t, os.Chown(at, 3, 4))
		assert.NilError(t, unix.Setxattr(at, "user.mine", []byte("kept"), 0))
	}
	assert.NilError(t, os.MkdirAll(l.machine(), 0o755))
	var all []string
	assert.NilError(t, filepath.WalkDir(l.root(), func(name string, _ fs.DirEntry, err error) error {
		all = append(all, name)
		return err
	}))
	for _, name := range slices.Backward(all) {
		at := unix.NsecToTimespec(oddTime().UnixNano())
		assert.NilError(t, unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
	}
	for _, name := range []string{"first", "second"} {
		assert.NilError(t, os.WriteFile(filepath.Join(l.dir, name+".pem"), newCA(t, name), 0o600))
	}
	return l
}

// copy is a lab with the same bytes, owners and times.
func (l lab) copy(t testing.TB) lab {
	t.Helper()
	c := lab{dir: memory(t)}
	out, err := exec.Command("cp", "-a", l.dir+"/.", c.dir).CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return c
}

// dump is everything that can be seen of the container's files.
func (l lab) dump(t testing.TB) string {
	t.Helper()
	var lines []string
	assert.NilError(t, filepath.WalkDir(l.root(), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		what := ""
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			what, err = os.Readlink(name)
		case d.Type().IsRegular():
			data, readErr := os.ReadFile(name)
			what, err = fmt.Sprintf("%x", sha256.Sum256(data)), readErr
			value := make([]byte, 10)
			n, _ := unix.Getxattr(name, "user.mine", value)
			what += " " + string(value[:max(n, 0)])
		}
		lines = append(lines, fmt.Sprintf("%s %o %d:%d %d %s", strings.TrimPrefix(name, l.root()), st.Mode, st.Uid, st.Gid, st.Mtim.Nano(), what))
		return err
	}))
	return strings.Join(lines, "\n")
}

// deed is one run of the program over the container.
type deed struct {
	name string
	do   func(t testing.TB, in *install.Installer, c target.Target, seen engine.Inspected, list []certs.Authority) error
}

func deeds() []deed {
	add := func(i int) func(testing.TB, *install.Installer, target.Target, engine.Inspected, []certs.Authority) error {
		return func(t testing.TB, in *install.Installer, c target.Target, seen engine.Inspected, list []certs.Authority) error {
			_, err := in.Add(t.Context(), c, seen, list[i:i+1])
			return err
		}
	}
	remove := func(which ...int) func(testing.TB, *install.Installer, target.Target, engine.Inspected, []certs.Authority) error {
		return func(t testing.TB, in *install.Installer, c target.Target, seen engine.Inspected, list []certs.Authority) error {
			var gone []certs.Fingerprint
			for _, i := range which {
				gone = append(gone, list[i].Fingerprint)
			}
			_, err := in.Remove(t.Context(), c, seen, gone, false)
			return err
		}
	}
	return []deed{{"add", add(0)}, {"add the second", add(1)}, {"remove", remove(0)}, {"remove both", remove(0, 1)}}
}

// run does something, and ends the process by SIGKILL before the call with the number kill; 0 lets it live. It gives the number of calls.
func (l lab) run(t testing.TB, what string, kill int) int {
	t.Helper()
	var mu sync.Mutex
	calls := 0
	step := func(string, string) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	files, err := host.Open(l.machine())
	assert.NilError(t, err)
	defer files.Close()
	records, err := txn.OpenRecords(t.Context(), files, "/var/lib/docker-proxy", "ca", "docker proxy ca", txn.Options{Fault: func(op, name string) error {
		if strings.Contains(name, "/ca/") {
			step(op, name)
		}
		return nil
	}})
	assert.NilError(t, err)
	c, err := target.Directory(t.Context().Done(), l.root())
	assert.NilError(t, err)
	defer c.Close()
	target.EachCall(c, step)
	in := &install.Installer{Survey: install.Surveyor(install.SurveyOptions{}), Records: records, Daemon: "daemon", Now: time.Now}
	i := slices.IndexFunc(deeds(), func(d deed) bool { return d.name == what })
	err = deeds()[i].do(t, in, c, engine.Inspected{ID: "c1", Name: "c1", Image: "i", Platform: "linux"}, l.authorities(t))
	assert.NilError(t, err, "%s", what)
	assert.NilError(t, records.Close())
	return calls
}

// killed runs something in a process of its own that is killed before one of its calls, and reports whether it was.
func (l lab) killed(t testing.TB, what string, at int) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), "KILLED_LAB="+l.dir, "KILLED_DEED="+what, "KILLED_AT="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	assert.Equal(t, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), syscall.SIGKILL, "%s", out)
	return true
}

// TestKilledChild is the process that is killed; without a lab there is nothing to do.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv("KILLED_LAB")
	if dir == "" {
		return
	}
	at, err := strconv.Atoi(os.Getenv("KILLED_AT"))
	assert.NilError(t, err)
	lab{dir: dir}.run(t, os.Getenv("KILLED_DEED"), at)
}

// TestKilledAnywhere kills a run before each of its calls. After that a removal alone brings everything back, and so do an addition and a removal; the same when the run that
// settles the matter is killed, too.
func TestKilledAnywhere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("owners are given as root only: the run as root covers this")
		return
	}
	points := 0
	for name, image := range images(t) {
		start := newLab(t, image)
		before := start.dump(t)
		for _, tt := range []struct {
			first []string // done before, whole
			what  string
		}{
			{what: "add"}, {first: []string{"add"}, what: "remove"}, {first: []string{"add"}, what: "add the second"},
			{first: []string{"add", "add the second"}, what: "remove"}, {first: []string{"add", "add the second"}, what: "remove both"},
		} {
			t.Run(name+" "+strings.Join(append(tt.first, tt.what), ", then "), func(t *testing.T) {
				made := start.copy(t)
				for _, one := range tt.first {
					made.run(t, one, 0)
				}
				all := made.copy(t).run(t, tt.what, 0)
				for n := 1; n <= all; n++ {
					left := made.copy(t)
					assert.Assert(t, left.killed(t, tt.what, n), "call %d of %d was not reached", n, all)
					points++
					for i, next := range [][]string{{"remove both"}, {"add", "remove both"}, {tt.what, "remove both"}} {
						if n%[]int{1, 2, 4}[i] != 0 {
							continue
						}
						again := left.copy(t)
						if i == 2 {
							again.killed(t, tt.what, 1+n%7) // in the middle of settling
						}
						for _, one := range next {
							again.run(t, one, 0)
						}
						assert.Equal(t, again.dump(t), before, "killed before call %d of %d, then %v", n, all, next)
						assert.DeepEqual(t, again.leftRecords(t), []string{})
					}
				}
			})
		}
	}
	assert.Assert(t, points > 250, "%d", points)
}

// leftRecords are the containers that the machine still has a record of.
func (l lab) leftRecords(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(l.machine() + "/var/lib/docker-proxy/ca/container-*")
	assert.NilError(t, err)
	return append([]string{}, names...)
}
