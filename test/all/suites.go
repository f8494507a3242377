package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
)

// here is the host of suites that need none.
const here = "here"

// row is one line of the table.
type row struct {
	host, suite string
	passed      int      // tests, subtests counted in place of their parents
	failed      bool     // a test of it failed, or the suite said so
	missing     bool     // the host was not available
	reasons     []string // why tests were skipped or the host is missing
}

// suites collects what ran.
type suites struct {
	unsteady                []string        // tests that passed only the second time
	known                   map[string]bool // names of hosts
	rows                    []*row
	passed, failed, skipped int
	skips                   []string
}

func (s *suites) row(host, suite string) *row {
	for _, r := range s.rows {
		if r.host == host && r.suite == suite {
			return r
		}
	}
	r := &row{host: host, suite: suite}
	s.rows = append(s.rows, r)
	return r
}

// addAll counts the outcomes of one run of go test, which ended with err.
func (s *suites) addAll(outcomes []*outcome, err error, onHosts bool) {
	before := s.failed
	for _, o := range outcomes {
		s.add(*o, onHosts)
	}
	if err != nil && s.failed == before { // a package that did not build
		s.failed++
	}
}

// add counts one outcome.
func (s *suites) add(o outcome, onHosts bool) {
	if o.test == "" || o.action == "" && !o.parent {
		if o.test != "" { // it began and never ended: a panic or the time limit
			s.failed++
			r := s.row(s.place(o, onHosts))
			r.failed = true
			r.reasons = append(r.reasons, o.test+" did not end")
		}
		return
	}
	if o.parent && (o.action != "fail" || o.blamed) {
		return
	}
	r := s.row(s.place(o, onHosts))
	switch o.action {
	case "pass":
		s.passed++
		r.passed++
	case "fail":
		r.failed = true
		s.failed++
	case "skip":
		s.skipped++
		r.reasons = append(r.reasons, o.reason())
		s.skips = append(s.skips, fmt.Sprintf("%s %s: %s", path.Base(o.pkg), o.test, o.reason()))
	}
}

// place says which row a test belongs to.
func (s *suites) place(o outcome, onHosts bool) (host, suite string) {
	name, rest, _ := strings.Cut(o.test, "/")
	if onHosts {
		for part := range strings.SplitSeq(rest, "/") {
			if s.known[part] {
				return part, name
			}
		}
		return "all", name
	}
	switch dir := path.Base(path.Dir(o.pkg)); {
	case strings.HasPrefix(name, "TestScript"):
		return here, "script"
	case dir == "test":
		return here, path.Base(o.pkg)
	}
	return here, "pure"
}

// addResults reads what the suites on hosts wrote about themselves: JSON lines of host, suite, status (run, failed, not available) and reason.
func (s *suites) addResults(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		var e struct{ Host, Suite, Status, Reason string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return fmt.Errorf("reading the results of the hosts: %w", err)
		}
		s.known[e.Host] = true
		r := s.row(e.Host, e.Suite)
		switch e.Status {
		case "run":
		case "failed":
			r.failed = true
		default:
			r.missing = true
		}
		if e.Reason != "" {
			r.reasons = append(r.reasons, e.Reason)
		}
	}
	return nil
}

func (s *suites) writeSkipped(out io.Writer) {
	if len(s.skips) == 0 {
		return
	}
	slices.Sort(s.skips)
	fmt.Fprintln(out, "skipped:")
	for _, line := range s.skips {
		fmt.Fprintln(out, "  "+line)
	}
	fmt.Fprintln(out)
}

func (s *suites) writeTable(out io.Writer) {
	slices.SortFunc(s.rows, func(a, b *row) int { return strings.Compare(a.host+":"+a.suite, b.host+":"+b.suite) })
	t := tabwriter.NewWriter(out, 0, 1, 3, ' ', 0)
	fmt.Fprintln(t, "HOST\tSUITE\tPASSED\tSTATUS\tREASON")
	for _, r := range s.rows {
		slices.Sort(r.reasons)
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", r.host, r.suite, r.passed, r.status(), strings.Join(slices.Compact(r.reasons), "; "))
	}
	t.Flush()
}

func (r row) status() string {
	switch {
	case r.failed:
		return "FAILED"
	case r.missing && r.passed == 0:
		return "not available"
	case r.passed == 0:
		return "skipped"
	}
	return "run"
}
