package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// copies are directories with the checkout's files as they are now, one for each worker.
type copies struct{ dirs []string }

// makeCopies copies what git knows or would add; what it ignores is no source.
func makeCopies(ctx context.Context, workers int) (*copies, error) {
	c := &copies{}
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return c, fmt.Errorf("listing the files of the checkout: %w", err)
	}
	for range max(1, workers) {
		dir, err := os.MkdirTemp("", "docker-proxy-mutate-")
		if err != nil {
			return c, err
		}
		c.dirs = append(c.dirs, dir)
		for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
			if err := copyFile(name, filepath.Join(dir, name)); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// copyFile copies a file or link; one that is deleted and still known to git is none.
func copyFile(from, to string) error {
	st, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err != nil {
		return err
	}
	if st.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, st.Mode().Perm())
}

func (c *copies) remove() {
	for _, dir := range c.dirs {
		_ = os.RemoveAll(dir) // in the system's temporary directory
	}
}

// baseline runs every test that is to notice something: one that fails anyway notices nothing.
func (c *copies) baseline(ctx context.Context, out io.Writer, all []mutation) error {
	var tests []string
	for _, m := range all {
		for _, t := range m.tests {
			if !slices.Contains(tests, t) {
				tests = append(tests, t)
			}
		}
	}
	for _, t := range tests {
		begin := time.Now()
		failed, output := goTest(ctx, c.dirs[0], t)
		if failed != "" {
			return fmt.Errorf("go test %s fails without any mutation: %s\n%s", t, failed, output)
		}
		fmt.Fprintf(out, "passed    %5.1fs  %s\n", time.Since(begin).Seconds(), t)
	}
	return nil
}

// try tries all, each in one of the copies, and sends the results as they come.
func (c *copies) try(ctx context.Context, all []mutation) <-chan result {
	todo, results := make(chan mutation), make(chan result)
	var group sync.WaitGroup
	for _, dir := range c.dirs {
		group.Go(func() {
			for m := range todo {
				begin := time.Now()
				r := tryOne(ctx, dir, m)
				r.took = time.Since(begin)
				results <- r
			}
		})
	}
	go func() {
		defer close(results)
		defer group.Wait()
		defer close(todo)
		for _, m := range all {
			select {
			case todo <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	return results
}

// tryOne applies a mutation, runs its tests, and puts the file back.
func tryOne(ctx context.Context, dir string, m mutation) result {
	r := result{mutation: m}
	path := filepath.Join(dir, m.file)
	before, err := os.ReadFile(path)
	if err != nil {
		r.problem = err.Error()
		return r
	}
	after, err := m.apply(string(before))
	if err == nil {
		err = os.WriteFile(path, []byte(after), 0o644)
	}
	if err != nil {
		r.problem = err.Error()
		return r
	}
	for _, t := range m.tests {
		failed, output := goTest(ctx, dir, t)
		if failed == notBuilt {
			r.problem = "does not build:\n" + output
			break
		}
		if r.killedBy = failed; failed != "" {
			break
		}
	}
	if r.killedBy == "" && r.problem == "" {
		r.problem = "SURVIVED " + strings.Join(m.tests, ", ")
	}
	if err := os.WriteFile(path, before, 0o644); err != nil {
		r.problem = err.Error()
	}
	return r
}

// notBuilt stands for the name of a failed test where nothing could be run.
const notBuilt = "(build failed)"

// goTest runs go test in dir and returns the first failed test, "" when all passed, with the end of the output. -trimpath makes the copies share one build cache.
func goTest(ctx context.Context, dir, args string) (failed, output string) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-trimpath", "-count=1", "-failfast", "-timeout=4m"}, strings.Fields(args)...)...) //nolint:gosec // the list is ours
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err == nil {
		return "", ""
	}
	return firstFailure(text), tail(text)
}

func firstFailure(text []byte) string {
	if bytes.Contains(text, []byte("[build failed]")) || bytes.Contains(text, []byte("[setup failed]")) {
		return notBuilt
	}
	name := "the run itself"
	for line := range strings.Lines(string(text)) {
		// The innermost subtest is the last of the first lines of this kind.
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(rest, " (")
			continue
		}
		if name != "the run itself" {
			break
		}
	}
	return name
}

func tail(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}
