//go:build linux

package hosts

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// buildTimeout bounds the making of one root file system.
const buildTimeout = 20 * time.Minute

//go:embed build.sh
var buildScript string

// CacheDir is where root file systems are kept, outside the checkout:
// $DOCKER_PROXY_TEST_CACHE or /var/cache/docker-proxy-hosts.
func CacheDir() string {
	if dir := os.Getenv("DOCKER_PROXY_TEST_CACHE"); dir != "" {
		return dir
	}
	return "/var/cache/docker-proxy-hosts"
}

// Build makes the named host's root file system and those it is layered on,
// when they are not in the cache yet. It returns the directories to stack, top
// first, as overlayfs' lowerdir wants them. Progress goes to log. Several
// processes may call it at once; each root is made once.
func Build(ctx context.Context, name string, log io.Writer) ([]string, error) {
	kind, err := KindOf(name)
	if err != nil {
		return nil, err
	}
	r, err := findRecipe(kind.recipe)
	if err != nil {
		return nil, err
	}
	chain, err := r.chain()
	if err != nil {
		return nil, err
	}
	var tries attempts
	if kind.Optional {
		tries = attempts(filepath.Join(CacheDir(), dirName(chain)+".failed"))
	}
	var lower []string
	for i := range slices.Backward(chain) {
		dir, err := buildOne(ctx, chain[i:], lower, tries, log)
		if err != nil {
			return nil, fmt.Errorf("making root %s: %w", chain[i].name, err)
		}
		lower = append([]string{dir}, lower...)
	}
	return lower, nil
}

// Built returns the directory of the host's own root or layer in the cache,
// and whether it is there, without making it.
func Built(name string) (string, bool) {
	kind, err := KindOf(name)
	if err != nil {
		return "", false
	}
	r, err := findRecipe(kind.recipe)
	if err != nil {
		return "", false
	}
	chain, err := r.chain()
	if err != nil {
		return "", false
	}
	dir := filepath.Join(CacheDir(), dirName(chain))
	_, err = os.Stat(dir)
	return dir, err == nil
}

// buildOne makes the first recipe of chain over the finished roots below it.
// The work is done beside the final name and renamed, so that what is in the
// cache is complete; a lock per root makes others wait instead of doing it twice.
// tries is where failures are noted, "" where every caller tries again.
func buildOne(ctx context.Context, chain []recipe, lower []string, tries attempts, log io.Writer) (string, error) {
	final := filepath.Join(CacheDir(), dirName(chain))
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(CacheDir(), 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	lock := flock.New(final + ".lock")
	if _, err := lock.TryLockContext(ctx, time.Second); err != nil {
		return "", fmt.Errorf("waiting for another builder: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if tries.exhausted() {
		return "", tries.err()
	}
	started := time.Now()
	_, _ = fmt.Fprintf(log, "making %s\n", final)
	partial := final + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	if err := runBuild(ctx, chain[0], lower, partial); err != nil {
		return "", errors.Join(err, tries.note(err))
	}
	if err := os.Rename(filepath.Join(partial, "upper"), final); err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(log, "made %s in %s\n", final, time.Since(started).Round(time.Second))
	return final, os.RemoveAll(partial)
}

// runBuild runs build.sh in a mount namespace of its own, so that no mount
// outlives it, and in a process group that dies with ctx.
func runBuild(ctx context.Context, r recipe, lower []string, partial string) error {
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation=private",
		"sh", "-e", "-c", buildScript, "build", partial, r.suite, strings.Join(r.packages, ","), strings.Join(lower, ":"),
		strings.Join(r.later, " "), r.script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", errors.Join(err, ctx.Err()), lastLines(output.String(), 25))
	}
	return nil
}

// lastLines returns at most n lines from the end of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
