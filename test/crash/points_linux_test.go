package crash

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
)

// pointsFile holds lines `COUNT SCENARIO`: the least number of points, of all kinds together, at which a scenario is made to fail. -update writes it anew.
const pointsFile = "testdata/points.txt"

// points counts the points of the sweeps.
type points struct {
	mu     sync.Mutex
	counts map[[2]string]int // kind and scenario
}

func (p *points) add(kind, scenario string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts == nil {
		p.counts = map[[2]string]int{}
	}
	p.counts[[2]string{kind, scenario}]++
}

// sums adds up one of the two: 0 kinds, 1 scenarios.
func (p *points) sums(by int) (sums map[string]int, total int) {
	sums = map[string]int{}
	for key, n := range p.counts {
		sums[key[by]] += n
		total += n
	}
	return sums, total
}

// check prints the counts and compares them with the committed minimum.
func (p *points) check(t *testing.T) {
	t.Helper()
	kinds, total := p.sums(0)
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&b, "\n  %6d %s", kinds[kind], kind)
	}
	byScenario, _ := p.sums(1)
	t.Logf("%d points in %d scenarios:%s", total, len(byScenario), b.String())
	if updating() {
		b.Reset()
		b.WriteString("# The least number of points at which each scenario is made to fail: go test ./test/crash -update writes them anew.\n")
		for _, name := range slices.Sorted(maps.Keys(byScenario)) {
			fmt.Fprintf(&b, "%d %s\n", byScenario[name], name)
		}
		assert.NilError(t, os.WriteFile(pointsFile, []byte(b.String()), 0o644))
	}
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // only a part was run
	}
	f, err := os.Open(pointsFile)
	assert.NilError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		count, name, ok := strings.Cut(lines.Text(), " ")
		least, err := strconv.Atoi(count)
		if err != nil || !ok {
			continue // a comment
		}
		if live := slices.ContainsFunc(lives(), func(sc scenario) bool { return sc.name == name }); live && os.Getuid() != 0 {
			continue // it was skipped
		}
		if byScenario[name] < least {
			t.Errorf("%s fails at %d points only, the committed minimum is %d", name, byScenario[name], least)
		}
	}
	assert.NilError(t, lines.Err())
}
