package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// event is one line of `go test -json` (cmd/test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// outcome is one test, or with test "" a package, as far as events told.
type outcome struct {
	pkg, test string
	action    string // pass, fail, skip
	output    []string
	parent    bool // has subtests, which are counted in its place
	blamed    bool // a subtest failed, and with it the parent
}

// goTest runs `go test` with args, writes one line per package and the output of what failed, and returns the outcomes. It gives way to whatever else wants
// the processor: the machines of the other suites run beside it.
func goTest(ctx context.Context, out io.Writer, env []string, args ...string) ([]*outcome, error) {
	argv := append([]string{"go", "test", "-json", "-count=1"}, args...)
	if nice, err := exec.LookPath("nice"); err == nil {
		argv = append([]string{nice, "-n", "5"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // fixed arguments
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = out
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &reader{out: out, seen: map[[2]string]*outcome{}}
	readErr := r.read(pipe)
	if err := cmd.Wait(); err != nil {
		return r.order, fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return r.order, readErr
}

// reader takes the events of one run. With verbose it writes a line for every test and its first subtests, otherwise one for every package.
type reader struct {
	out     io.Writer
	verbose bool
	seen    map[[2]string]*outcome
	order   []*outcome
}

func (r *reader) read(stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text()) // go itself, not a test
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *reader) take(e event) {
	if e.Action == "build-output" {
		fmt.Fprint(r.out, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	o := r.outcome(e.Package, e.Test)
	switch e.Action {
	case "output":
		o.output = append(o.output, e.Output)
	case "pass", "fail", "skip":
		o.action = e.Action
		if i := strings.LastIndex(e.Test, "/"); i >= 0 && e.Action == "fail" {
			r.outcome(e.Package, e.Test[:i]).blamed = true
		}
		r.print(o, e)
	}
}

func (r *reader) outcome(pkg, test string) *outcome {
	key := [2]string{pkg, test}
	if o, ok := r.seen[key]; ok {
		return o
	}
	o := &outcome{pkg: pkg, test: test}
	r.seen[key] = o
	r.order = append(r.order, o)
	if i := strings.LastIndex(test, "/"); i >= 0 {
		r.outcome(pkg, test[:i]).parent = true
	}
	return o
}

func (r *reader) print(o *outcome, e event) {
	switch {
	case o.action == "fail":
		fmt.Fprint(r.out, strings.Join(o.output, ""))
		if o.test == "" && e.FailedBuild != "" {
			fmt.Fprintf(r.out, "FAIL\t%s [build failed]\n", o.pkg)
		}
	case o.test == "" && o.action == "pass" && !r.verbose:
		fmt.Fprintf(r.out, "ok  \t%s\t%.3fs\n", o.pkg, e.Elapsed)
	case r.verbose && o.test != "" && strings.Count(o.test, "/") < 2:
		fmt.Fprintf(r.out, "  %s\t%s\t%.0fs\n", o.action, o.test, e.Elapsed-o.waited())
	}
}

// waited returns the seconds for which a test waited until its machine could start, as package test/hosts logs it: they are no part of what the test takes.
func (o outcome) waited() float64 {
	sum := 0.0
	for _, line := range o.output {
		if _, text, ok := strings.Cut(line, ": waited "); ok {
			if seconds, ok := strings.CutSuffix(strings.TrimSpace(text), "s for a place"); ok {
				n, _ := strconv.ParseFloat(seconds, 64)
				sum += n
			}
		}
	}
	return sum
}

// reason returns what a skipped test said: the last line it logged.
func (o outcome) reason() string {
	for i := len(o.output) - 1; i >= 0; i-- {
		line := strings.TrimSpace(o.output[i])
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if _, after, ok := strings.Cut(line, ".go:"); ok { // file.go:12: reason
			if _, text, ok := strings.Cut(after, ": "); ok {
				return text
			}
		}
		return line
	}
	return "no reason given"
}
