package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// hostTest is a test with the build tag hosts, which boots machines, and how it is run: as a process of its own in the directory of its package.
type hostTest struct {
	pkg, dir, name string
	binary         string // the package's tests, once they are built
}

// taggedTests returns the tests that only the build tag hosts brings, by package and name: the other tests of those packages run with the pure ones.
func taggedTests(ctx context.Context) ([]hostTest, error) {
	without, err := testFiles(ctx)
	if err != nil {
		return nil, err
	}
	with, err := testFiles(ctx, "-tags", "hosts")
	if err != nil {
		return nil, err
	}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	var found []hostTest
	for file, pkg := range with {
		if _, ok := without[file]; ok {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range declaration.FindAllSubmatch(text, -1) {
			if name := string(m[1]); name != "TestMain" {
				found = append(found, hostTest{pkg: pkg, dir: filepath.Dir(file), name: name})
			}
		}
	}
	slices.SortFunc(found, func(a, b hostTest) int { return strings.Compare(a.pkg+" "+a.name, b.pkg+" "+b.name) })
	return found, nil
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

// buildTests compiles the packages of tests into dir, each once, and returns the tests that can be run. The error names the packages that do not build;
// what the compiler says goes to out.
func buildTests(ctx context.Context, out io.Writer, dir string, tests []hostTest) ([]hostTest, error) {
	binaries := map[string]string{} // by package, "" where it does not build
	var broken []string
	for _, t := range tests {
		if _, ok := binaries[t.pkg]; ok {
			continue
		}
		binary := filepath.Join(dir, fmt.Sprintf("%d.test", len(binaries)))
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-tags", "hosts", "-o", binary, t.pkg) //nolint:gosec // packages of this module
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(out, "FAIL\t%s [build failed]\n", t.pkg)
			broken, binary = append(broken, t.pkg), ""
		}
		binaries[t.pkg] = binary
	}
	var ready []hostTest
	for _, t := range tests {
		if t.binary = binaries[t.pkg]; t.binary != "" {
			ready = append(ready, t)
		}
	}
	if len(broken) > 0 {
		return ready, fmt.Errorf("the tests do not build: %s", strings.Join(broken, ", "))
	}
	return ready, nil
}
