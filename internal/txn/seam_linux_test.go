package txn_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// The system calls that change a file system; openat belongs to them only with O_CREAT or O_TRUNC.
const mutating = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat," +
	"chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,setxattr,fsetxattr,lsetxattr,removexattr,fremovexattr,truncate,ftruncate,fallocate,utimensat,mknod,mknodat,fsync,fdatasync"

// TestNoCallGoesRoundTheSeam compares what the kernel saw with what the fault function saw: they are the same number, so that the sweeps miss nothing.
func TestNoCallGoesRoundTheSeam(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed, so that the system calls cannot be compared (apt install strace)")
	}
	for i, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			dir, trace := memory(t), filepath.Join(t.TempDir(), "trace")
			sc.build(t, siteAt(t, dir, txn.Options{}))
			cmd := exec.CommandContext(t.Context(), strace, "-f", "-y", "-o", trace, "-e", "trace="+mutating, os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
			cmd.Env = append(os.Environ(), childEnv(i, dir, 0)...)
			out, err := cmd.CombinedOutput()
			assert.NilError(t, err, "%s", out)
			text, err := os.ReadFile(trace)
			assert.NilError(t, err)
			seen := 0
			for line := range strings.Lines(string(text)) {
				// By the descriptors' paths (-y) only the calls on the scenario's root count: the test itself writes its output.
				if !strings.Contains(line, dir) || regexp.MustCompile(`^\d+ +open`).MatchString(line) && !strings.Contains(line, "O_CREAT") && !strings.Contains(line, "O_TRUNC") {
					continue
				}
				if !strings.Contains(line, "resumed>") {
					seen++
				}
			}
			_, _, _, points := outcome(t, sc)
			assert.Equal(t, seen, points)
			assert.Assert(t, points > 10)
		})
	}
}
