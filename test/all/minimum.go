package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// optionalHost may be missing: Debian's unstable suite moves, and some days it cannot be made.
const optionalHost = "sid"

// minimum is the committed number of passed tests per host and suite, in the order of the file.
type minimum struct {
	lines []minimumLine
}

type minimumLine struct {
	host, suite string
	count       int
}

// readMinimum reads lines `HOST:SUITE COUNT`; # begins a comment.
func readMinimum(file string) (minimum, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return minimum{}, err
	}
	var m minimum
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		host, suite, ok := strings.Cut(fields[0], ":")
		count, err := strconv.Atoi(fields[len(fields)-1])
		if !ok || len(fields) != 2 || err != nil || count < 1 {
			return minimum{}, fmt.Errorf("%s:%d: want HOST:SUITE COUNT", file, n)
		}
		m.lines = append(m.lines, minimumLine{host: host, suite: suite, count: count})
	}
	return m, nil
}

// hosts returns the names of the hosts that the file knows.
func (m minimum) hosts() map[string]bool {
	known := map[string]bool{}
	for _, l := range m.lines {
		if l.host != here {
			known[l.host] = true
		}
	}
	return known
}

// size returns how many tests the file wants of a suite, on all hosts together.
func (m minimum) size(suite string) int {
	n := 0
	for _, l := range m.lines {
		if l.suite == suite {
			n += l.count
		}
	}
	return n
}

// check returns an error for every count below the minimum, of the parts that were meant to run.
func (m minimum) check(out io.Writer, all *suites, pure, hosts bool) []error {
	var problems []error
	optionalRan := false
	for _, r := range all.rows {
		optionalRan = optionalRan || r.host == optionalHost && (r.passed > 0 || r.failed)
	}
	for _, l := range m.lines {
		switch {
		case l.host == here && !pure, l.host != here && !hosts:
			continue
		case l.host == optionalHost && !optionalRan:
			loudly(out, fmt.Sprintf("%s could not be made: suite %s was NOT RUN there", l.host, l.suite))
			continue
		}
		if got := all.row(l.host, l.suite).passed; got < l.count {
			problems = append(problems, fmt.Errorf("%s:%s: %d tests passed, the committed minimum is %d", l.host, l.suite, got, l.count))
		}
	}
	return problems
}
