// Package docs holds the pages for people, and the tests that keep them true: what can be generated is generated (`go test ./docs -update`), everything else that a
// page names (commands, flags, rules, findings, statuses, tests, files) has to exist.
//
// It holds no program. Start reading at TestGenerated; generate_test.go knows the generated parts, names_test.go what pages may name, and session_hosts_test.go
// plays the README's console session on a booted host.
package docs

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// updating reports whether the generated parts are to be written anew. gotest.tools/v3/assert owns the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// page is one Markdown file.
type page struct {
	name string // below the top of the checkout: README.md, docs/files.md
	text string
}

const readme = "README.md"

// file is where a page is, seen from this directory.
func (p page) file() string { return filepath.Join("..", p.name) }

// pages returns the README and everything beside this file.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob("*.md")
	assert.NilError(t, err)
	all := []page{readPage(t, readme)}
	for _, n := range names {
		all = append(all, readPage(t, "docs/"+n))
	}
	return all
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	assert.NilError(t, err)
	return page{name, string(text)}
}

// block is one fenced block.
type block struct {
	language, text string
	line           int
}

// blocks returns the fenced blocks of a page in one language; "" for all.
func (p page) blocks(language string) []block {
	var out []block
	var open *block
	for i, line := range strings.Split(p.text, "\n") {
		word, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{language: word, line: i + 1}
		case fence:
			if language == "" || open.language == language {
				out = append(out, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return out
}

// TestGenerated compares the generated part of each page with the program; -update writes it.
func TestGenerated(t *testing.T) {
	parts := generated(t)
	used := map[string]bool{}
	for _, p := range pages(t) {
		text := p.text
		for name, want := range parts {
			start, end := "<!-- generated: "+name+" -->\n", "<!-- end of "+name+" -->\n"
			before, rest, ok := strings.Cut(text, start)
			if !ok {
				continue
			}
			used[name] = true
			_, after, ok := strings.Cut(rest, end)
			assert.Assert(t, ok, "%s: %q has no end", p.name, start)
			text = before + start + want + end + after
		}
		if updating() {
			assert.NilError(t, os.WriteFile(p.file(), []byte(text), 0o644))
			continue
		}
		assert.Check(t, text == p.text, "%s is not what the program says: go test ./docs -update", p.name)
	}
	for name := range parts {
		assert.Check(t, used[name], "no page has the part %q", name)
	}
}

// TestExamplesAreShell checks every shell block and every command of a console session with sh itself.
func TestExamplesAreShell(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks("sh") {
			count++
			parses(t, fmt.Sprintf("%s:%d", p.name, b.line), b.text)
		}
		for _, b := range p.blocks("console") {
			for _, c := range b.commands() {
				count++
				parses(t, fmt.Sprintf("%s:%d", p.name, b.line), c.line)
			}
		}
	}
	assert.Assert(t, count > 20, "only %d examples", count)
}

func parses(t *testing.T, where, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-n")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	assert.Check(t, err == nil, "%s: %s\n%s", where, out, script)
}

// command is one command of a console session with the output that stands below it.
type command struct{ line, output string }

const prompt = "$ "

// commands splits a console block. A line that ends in a backslash goes on.
func (b block) commands() []command {
	var out []command
	continued := false
	for line := range strings.Lines(b.text) {
		text, isCommand := strings.CutPrefix(line, prompt)
		switch {
		case isCommand:
			out = append(out, command{line: text})
		case len(out) == 0:
		case continued:
			out[len(out)-1].line += line
		default:
			out[len(out)-1].output += line
		}
		continued = (isCommand || continued) && strings.HasSuffix(line, "\\\n")
	}
	return out
}

// TestLinks: every relative link leads to a file, and every anchor in it to a heading.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			at := p.name
			if target != "" {
				at = filepath.Join(filepath.Dir(p.name), target)
			}
			text, err := os.ReadFile(filepath.Join("..", at))
			if !assert.Check(t, err, "%s links to %s", p.name, m[1]) || anchor == "" {
				continue
			}
			assert.Check(t, slices.Contains(anchors(string(text)), anchor), "%s links to %s, which has no such heading", p.name, m[1])
		}
	}
}

func anchors(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			plain := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			out = append(out, strings.ReplaceAll(plain, " ", "-"))
		}
	}
	return out
}

// TestClaims: every test that a page names as a proof exists where the page says.
func TestClaims(t *testing.T) {
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`(?: in `([^`]+)`)?")
	count := 0
	for _, p := range pages(t) {
		for _, m := range named.FindAllStringSubmatch(p.text, -1) {
			count++
			assert.Check(t, m[2] != "", "%s names %s without the directory it is in", p.name, m[1])
			assert.Check(t, declares(t, m[2], m[1]), "%s: there is no %s in %s", p.name, m[1], m[2])
		}
	}
	assert.Assert(t, count > 15, "only %d claims name their test", count)
}

// declares reports whether a test file of a directory has that function.
func declares(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	assert.NilError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		assert.NilError(t, err)
		if bytes.Contains(text, []byte("func "+function+"(t *testing.T)")) || bytes.Contains(text, []byte("func "+function+"(f *testing.F)")) {
			return true
		}
	}
	return false
}
