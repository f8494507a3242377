package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// taggedTests returns the packages that have tests with the build tag hosts, and the names of these tests joined by |: the other tests of those packages have
// run with the pure ones.
func taggedTests(ctx context.Context) (packages []string, names string, err error) {
	without, err := testFiles(ctx)
	if err != nil {
		return nil, "", err
	}
	with, err := testFiles(ctx, "-tags", "hosts")
	if err != nil {
		return nil, "", err
	}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	var found []string
	for file, pkg := range with {
		if _, ok := without[file]; ok {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, "", err
		}
		for _, m := range declaration.FindAllSubmatch(text, -1) {
			found = append(found, string(m[1]))
			packages = append(packages, pkg)
		}
	}
	slices.Sort(found)
	slices.Sort(packages)
	return slices.Compact(packages), strings.Join(slices.DeleteFunc(slices.Compact(found), func(n string) bool { return n == "TestMain" }), "|"), nil
}

// testFiles maps every test file to its package.
func testFiles(ctx context.Context, flags ...string) (map[string]string, error) {
	format := `{{range .TestGoFiles}}{{$.ImportPath}}	{{$.Dir}}	{{.}}
{{end}}{{range .XTestGoFiles}}{{$.ImportPath}}	{{$.Dir}}	{{.}}
{{end}}`
	args := append(append([]string{"list"}, flags...), "-f", format, "./...")
	text, err := exec.CommandContext(ctx, "go", args...).Output() //nolint:gosec // fixed arguments
	if err != nil {
		return nil, fmt.Errorf("listing the tests: %w", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			files[filepath.Join(f[1], f[2])] = f[0]
		}
	}
	return files, nil
}
