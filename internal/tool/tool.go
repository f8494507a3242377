// Package tool runs helper programs of the host: by absolute path, with a fixed environment, a deadline and bounded output.
//
// No secret is ever put into an argument: other users read /proc/PID/cmdline. Start at Run.
package tool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// maxOutput bounds what is kept of stdout and of stderr, in bytes.
const maxOutput = 256 << 10

// SearchPath is where helpers are looked for, in this order, and their PATH. PATH of the caller is not asked: under sudo it may be the user's.
const SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// ErrNotFound says that the host has no such program.
var ErrNotFound = errors.New("program not found")

// Find returns the absolute path of a program, or ErrNotFound.
func Find(name string) (string, error) {
	if filepath.IsAbs(name) {
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return name, nil
		}
		return "", fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	for dir := range strings.SplitSeq(SearchPath, ":") {
		p := filepath.Join(dir, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrNotFound)
}

// IsBinary reports whether a program is compiled, and no script that may do anything with its arguments.
func IsBinary(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // only read
	start := make([]byte, 2)
	_, err = io.ReadFull(f, start)
	return err == nil && string(start) != "#!"
}

// Command is one run of a program.
type Command struct {
	Path  string // absolute, as Find returns it
	Args  []string
	Stdin []byte        // nil means /dev/null
	Dir   string        // the working directory; "" means /
	Env   []string      // added to the fixed environment
	Bare  bool          // the fixed environment is PATH alone
	Limit time.Duration // 0 means 30 s
	// Contained gives the program no terminal and a process group of its own; what is left of the group when it ends, or when its time is over, is killed. Only what
	// makes a session of its own gets away. It is not for programs that start a service.
	Contained bool
	// Apart gives the program a session of its own, too, and ends nothing but the program itself: for those that start a service. A terminal's signals, to a whole process group,
	// do not reach it, so that ^C, which this program answers by undoing, does not also cut an init script in two.
	Apart bool
}

// Result is what the program left.
type Result struct {
	Status         int // exit status; -1 when it was killed
	Stdout, Stderr string
}

// Run starts the program and waits for it. A status other than 0 is no error of Run; what could not be started or ran out of time is.
func Run(ctx context.Context, c Command) (Result, error) {
	if c.Limit == 0 {
		c.Limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Path, c.Args...) //nolint:gosec // the path comes from Find, the arguments from this program
	cmd.Env = []string{"PATH=" + SearchPath}
	if !c.Bare {
		cmd.Env = append(cmd.Env, "LC_ALL=C", "LANG=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=")
	}
	cmd.Env = append(cmd.Env, c.Env...)
	cmd.Dir = cmp.Or(c.Dir, "/")
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{w: &stdout}, &limited{w: &stderr}
	cmd.WaitDelay = time.Second
	end := func() {}
	switch {
	case c.Contained:
		end = contain(cmd)
	case c.Apart:
		apart(cmd)
	}
	err := cmd.Run()
	end()
	res := Result{Status: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, fmt.Errorf("running %s: %w", c.Path, ctx.Err())
	case err == nil, errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay): // it has ended; what it left behind held its output
		return res, nil
	}
	return res, fmt.Errorf("running %s: %w", c.Path, err)
}

// limited keeps the first maxOutput bytes and swallows the rest, so that a chatty program neither blocks nor fills memory.
type limited struct {
	w io.Writer
	n int
}

func (l *limited) Write(p []byte) (int, error) {
	if room := maxOutput - l.n; room > 0 {
		n, err := l.w.Write(p[:min(len(p), room)])
		l.n += n
		if err != nil {
			return n, err
		}
	}
	return len(p), nil
}
