package readers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

// roleVariable makes this test binary the program that runs inside the network namespace; its value is the program to ask.
const roleVariable = "DOCKER_PROXY_IN_NAMESPACE"

// TestMain runs the tests, or inside the namespace the questions.
func TestMain(m *testing.M) {
	tool := os.Getenv(roleVariable)
	if tool == "" {
		os.Exit(m.Run())
	}
	if err := askInNamespace(context.Background(), tool, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pairsToRun is how many pairs curl and wget get.
func pairsToRun(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DOCKER_PROXY_PAIRS")
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	assert.NilError(t, err)
	return n
}

// TestCurl: the generation of the model is the one of the curl that is here.
func TestCurl(t *testing.T) {
	path := program(t, "curl")
	out, err := exec.CommandContext(t.Context(), path, "--version").Output()
	assert.NilError(t, err)
	r := curlOfVersion(t, string(out))
	t.Logf("%.20s is compared with the model of %s", out, r.Title)
	compare(t, r, "curl", oracle.Options{OddAddresses: true, Underscore: true, IDN: true})
}

// curlOfVersion picks the model for "curl 7.88.1 (…".
func curlOfVersion(t *testing.T, version string) reader.Reader {
	t.Helper()
	var major, minor int
	_, err := fmt.Sscanf(version, "curl %d.%d", &major, &minor)
	assert.NilError(t, err)
	all := named(t, reader.Curl)
	switch n := major*1000 + minor; {
	case n >= 8018:
		return all
	case n >= 8009:
		return all.Older[0]
	}
	return all.Older[1]
}

func TestWget(t *testing.T) {
	program(t, "wget")
	compare(t, named(t, reader.Wget), "wget", oracle.Options{OddAddresses: true, Underscore: true, IDN: true})
}

// compare asks a real program in a namespace, where a direct request ends at this machine, and the model.
func compare(t *testing.T, r reader.Reader, tool string, o oracle.Options) {
	t.Helper()
	program(t, "ip")
	pairs := oracle.Pairs(seed, pairsToRun(t), o)
	self, err := os.Executable()
	assert.NilError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = []string{roleVariable + "=" + tool, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
	cmd.Stdin = bytes.NewReader(questions(t, pairs))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(t, err, "%s", stderr.String())
	judge(t, r, pairs, strings.Split(strings.TrimRight(string(out), "\n"), "\n"))
}

// judge compares where the requests arrived with what the model says.
func judge(t *testing.T, r reader.Reader, pairs []oracle.Pair, lines []string) {
	t.Helper()
	assert.Equal(t, len(lines), len(pairs))
	seen := tally{}
	for i, p := range pairs {
		var really went
		assert.NilError(t, json.Unmarshal([]byte(lines[i]), &really))
		target, err := p.Target()
		assert.NilError(t, err)
		a := r.Ask(p.Env, target)
		seen[a.Cause]++
		want := "direct"
		if h := proxyOf(t, a); h != "" {
			want = h
		}
		assert.Check(t, really.To == want, "%s\n  really %q (%s), the model says %q by %s %q", p.Describe(), really.To, really.Said, want, a.Cause, a.Entry)
	}
	seen.enough(t, reader.CauseEntry, reader.CauseNoEntry, reader.CauseNoProxySet)
}
