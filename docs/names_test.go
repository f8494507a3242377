package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// words returns the first group of every match in all pages, with the page that has it.
func words(t *testing.T, expression string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(p.text, -1) {
			found[m[1]] = p.name
		}
	}
	return found
}

// TestCommandsAndFlags: what a page calls is there, and the README shows every command.
func TestCommandsAndFlags(t *testing.T) {
	known := map[string]bool{}
	flags := map[string]bool{"--help": true}
	front := readPage(t, readme).text
	for _, p := range helpPages(t) {
		name := strings.TrimPrefix(p.words, "docker proxy ")
		known[name] = true
		assert.Check(t, strings.Contains(front, name), "the README does not name the command %s", p.words)
		for _, m := range regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(p.text, -1) {
			flags[m] = true
		}
	}
	for _, foreign := range []string{
		"--config", "--context", "--host", "--env-file", "--build-arg", "--rm", "--keep-state", "--patch-file", // docker's own, its plugins', kubectl's
		"--config-file", "--validate", "--label", // dockerd's
		"--detach", "--name", "--network", "--build-context", "--now", "--no-cache", "--progress", "--force", // docker's, in sessions
		"--preserve-env", "--patch-file", // sudo's, kubectl's
	} {
		flags[foreign] = true
	}
	for name, page := range words(t, "(?:^|[^/\\w.-])docker[- ]proxy ([a-z]+)[ `\n]") {
		assert.Check(t, known[name] || name == "help", "%s calls docker proxy %s, which is no command", page, name)
	}
	for name, page := range words(t, `[^\w-](--[a-z][a-z-]*)`) {
		assert.Check(t, flags[name], "%s names %s, which is no option", page, name)
	}
}

// TestIdentifiers: whatever looks like a rule or a finding is one.
func TestIdentifiers(t *testing.T) {
	known := []string{"docker-proxy", "systemd-user", "rc-service", "live-restore", "on-failure", "unless-stopped"}
	for _, c := range probe.Causes() {
		known = append(known, string(c))
	}
	for _, r := range precedence.Rules() {
		known = append(known, string(r))
	}
	for _, c := range precedence.Checks() {
		known = append(known, c.ID)
	}
	for _, k := range precedence.Keys() {
		known = append(known, string(k))
	}
	for _, c := range reader.Causes() {
		known = append(known, c[0])
	}
	for _, r := range reader.Readers() {
		known = append(known, string(r.Name))
	}
	for name, page := range words(t, "`([a-z]+(?:-[a-z]+)+)`") {
		assert.Check(t, slices.Contains(known, name), "%s names %s, which is neither a rule nor a finding", page, name)
	}
}

func TestStatusesInText(t *testing.T) {
	var known []string
	for _, s := range statuses(t) {
		known = append(known, s[0])
	}
	for status, page := range words(t, `status(?: is)? (\d+)`) {
		assert.Check(t, slices.Contains(known, status) || status == "407", "%s names the status %s", page, status) // 407 is HTTP's
	}
}

func TestLayersArePresent(t *testing.T) {
	text := readPage(t, "docs/layers.md").text
	for _, l := range precedence.Layers() {
		assert.Check(t, strings.Contains(text, "\n## "+string(l)+"\n"), "docs/layers.md has no part about %s", l)
	}
}

// TestHostsArePresent: the README says of every test host what it is.
func TestHostsArePresent(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "test", "hosts", "recipe.go"))
	assert.NilError(t, err)
	kinds := regexp.MustCompile(`\{Name: "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	assert.Assert(t, len(kinds) >= 8, "the hosts are not listed in recipe.go any more")
	for _, k := range kinds {
		assert.Check(t, strings.Contains(readPage(t, readme).text, "\n| "+k[1]+" | "), "the README does not say what the host %s is", k[1])
	}
}

// TestPackagesArePresent: the README's list of packages is the tree.
func TestPackagesArePresent(t *testing.T) {
	_, list, _ := strings.Cut(readPage(t, readme).text, "| package | what it knows |")
	list, _, _ = strings.Cut(list, "\n\n")
	var named []string
	for _, m := range regexp.MustCompile("`((?:cmd|pkg|internal)/[a-z-]+)`").FindAllStringSubmatch(list, -1) {
		named = append(named, m[1])
	}
	var there []string
	for _, top := range []string{"cmd", "pkg", "internal"} {
		files, err := filepath.Glob(filepath.Join("..", top, "*", "*.go"))
		assert.NilError(t, err)
		for _, f := range files {
			there = append(there, strings.TrimPrefix(filepath.ToSlash(filepath.Dir(f)), "../"))
		}
	}
	slices.Sort(named)
	slices.Sort(there)
	assert.DeepEqual(t, named, slices.Compact(there))
}

// TestMakeTargets: every `make TARGET` is one.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	assert.NilError(t, err)
	for target, page := range words(t, "(?:`|\n|sudo )make ([a-z-]+)") {
		assert.Check(t, strings.Contains("\n"+string(makefile), "\n"+target+":"), "%s names make %s", page, target)
	}
}
