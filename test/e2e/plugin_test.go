//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// build makes the plugin once for all tests. DOCKER_PROXY_BIN names one that is there already.
var build = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("DOCKER_PROXY_BIN"); bin != "" {
		return bin, nil
	}
	return goBuild("docker-proxy", "../../cmd/docker-proxy")
})

// goBuild makes a static program in a directory of its own.
func goBuild(name, pkg string) (string, error) {
	dir, err := os.MkdirTemp("", "docker-proxy-e2e-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w: %s", name, err, out)
	}
	return bin, nil
}

// boot boots a host with the plugin installed.
func boot(t *testing.T, kind string, options ...hosts.Option) *hosts.Host {
	t.Helper()
	bin, err := build()
	assert.NilError(t, err)
	h := hosts.Boot(t, kind, options...)
	h.InstallPlugin(t, bin)
	return h
}

// each runs a suite on every host.
func each(t *testing.T, suite func(t *testing.T, kind hosts.Kind)) {
	for _, kind := range hosts.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			hosts.RecordAtEnd(t, kind.Name)
			suite(t, kind)
		})
	}
}

// on plays a suite on one host; the subtest's name puts it into the host's row of the result table. A test that calls it for several hosts plays on all of them at once,
// and only after it has returned itself.
func on(t *testing.T, kind string, suite func(t *testing.T, h *hosts.Host)) {
	t.Run(kind, func(t *testing.T) {
		t.Parallel()
		hosts.RecordAtEnd(t, kind)
		suite(t, boot(t, kind))
	})
}

// proxy runs `docker proxy …` as the user the daemon belongs to.
func proxy(t *testing.T, h *hosts.Host, args ...string) hosts.Result {
	t.Helper()
	return h.Docker(t, append([]string{"proxy"}, args...)...)
}

// mustProxy runs `docker proxy …`, which has to succeed.
func mustProxy(t *testing.T, h *hosts.Host, args ...string) hosts.Result {
	t.Helper()
	r := proxy(t, h, args...)
	assert.Equal(t, r.Code, 0, "docker proxy %q: %s", args, r)
	return r
}

// withPassword runs `docker proxy …` with a password on stdin.
func withPassword(t *testing.T, h *hosts.Host, password string, args ...string) hosts.Result {
	t.Helper()
	r := h.Do(t, hosts.Cmd{Argv: append([]string{"docker", "proxy"}, args...), User: h.Kind.User, Stdin: password + "\n"})
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, password), "the password is in the output")
	return r
}

// shown is what these tests read of `show --effective --format json`.
type shown struct {
	Daemon struct {
		Reachable, Local                           bool
		Manager, Flavor, Unit, Version, ConfigFile string
		PID                                        int
	}
	Settings []setting
	Findings []struct{ ID, Severity, Message, Fix string }
}

type setting struct {
	Key, Value, Effect, Rule, Pending string
	Set                               bool
	Source                            struct {
		Layer, Path, Name, Route string
		Line                     int
	}
	Running *string
}

func (s shown) setting(key string) setting {
	for _, x := range s.Settings {
		if x.Key == key {
			return x
		}
	}
	return setting{}
}

func (s shown) has(finding string) bool {
	for _, f := range s.Findings {
		if f.ID == finding {
			return true
		}
	}
	return false
}

func show(t *testing.T, h *hosts.Host, args ...string) shown {
	t.Helper()
	var out shown
	r := mustProxy(t, h, append([]string{"show", "--effective", "--format", "json"}, args...)...)
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), "%s", r)
	return out
}

// snapshot describes every file below the directories that hold configuration: type, mode, owner, link text and bytes.
func snapshot(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return h.Sh(t, `cd / && for d in etc usr/lib/systemd usr/local/lib/systemd home/ann/.config home/ann/.docker root/.docker home/dev; do
		[ -e "$d" ] || continue
		find "$d" -xdev -path '*/.local' -prune -o -printf '%p %y %m %U:%G %l\n'
		find "$d" -xdev -path '*/.local' -prune -o -type f -exec sha256sum {} +
	done | sort | grep -v -e 'etc/resolv.conf' -e 'etc/mtab' -e 'etc/.pwd.lock'`)
}

// masked is a proxy URL as docker info shows it.
func masked(user, password, url string) string {
	return strings.Replace(url, user+":"+password, "xxxxx:xxxxx", 1)
}
