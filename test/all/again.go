package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// part is one of the two parts of all suites.
type part interface {
	// run runs the top-level tests with these names, nil for all, and writes what they say to out.
	run(ctx context.Context, out io.Writer, names []string) ([]*outcome, error)
}

// pureTests is one call of `go test`: pkgs with the arguments before them.
type pureTests struct {
	env  []string
	args []string
	pkgs []string
}

func (t pureTests) run(ctx context.Context, out io.Writer, names []string) ([]*outcome, error) {
	args := slices.Clone(t.args)
	if names != nil {
		args = append(args, "-run", "^("+strings.Join(names, "|")+")$")
	}
	return goTest(ctx, out, t.env, append(args, t.pkgs...)...)
}

// ran is how a part went.
type ran struct {
	outcomes []*outcome
	err      error
}

// onceMore runs the tests that failed once more, by themselves: machines that boot beside each other on two cores get into each other's way. What passes only then
// is no failure, but is named at the end as what it is. results is the file into which hosts write, "" without one.
func (s *suites) onceMore(ctx context.Context, out io.Writer, p part, first ran, results string) ran {
	failed := failedNames(first.outcomes)
	if first.err == nil || ctx.Err() != nil || len(failed) == 0 {
		return first
	}
	fmt.Fprintf(out, "\nonce more, by themselves: %s\n", strings.Join(failed, " "))
	if results != "" {
		if err := dropResults(results, failed); err != nil {
			return ran{first.outcomes, err}
		}
	}
	second, err := p.run(ctx, out, failed)
	kept := slices.DeleteFunc(first.outcomes, func(o *outcome) bool { return slices.Contains(failed, topName(o.test)) })
	still := failedNames(second)
	for _, name := range failed {
		if !slices.Contains(still, name) {
			s.unsteady = append(s.unsteady, name)
		}
	}
	return ran{append(kept, second...), err}
}

func topName(test string) string {
	name, _, _ := strings.Cut(test, "/")
	return name
}

// failedNames are the top-level tests that failed or did not end, sorted.
func failedNames(outcomes []*outcome) []string {
	var out []string
	for _, o := range outcomes {
		name := topName(o.test)
		ended := o.action != "" || o.parent
		if name != "" && (o.action == "fail" || !ended) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// dropResults takes out what the named suites wrote.
func dropResults(file string, suites []string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil //nolint:nilerr // no suite has written yet
	}
	var kept bytes.Buffer
	for line := range strings.Lines(string(data)) {
		var e struct{ Suite string }
		if json.Unmarshal([]byte(line), &e) == nil && slices.Contains(suites, topName(e.Suite)) {
			continue
		}
		kept.WriteString(line)
	}
	return os.WriteFile(file, kept.Bytes(), 0o600)
}

// writeUnsteady names what passed only the second time.
func (s *suites) writeUnsteady(out io.Writer) {
	if len(s.unsteady) > 0 {
		loudly(out, "passed only when run once more, by themselves: "+strings.Join(s.unsteady, " "))
	}
}
