package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// generated returns the parts of the pages that the program itself tells, by name.
func generated(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"rules":    rulesTable(),
		"findings": findingsTable(),
		"exit":     exitTable(t),
		"commands": commandPages(t),
		"states":   statesLine(t),
		"readers":  readersTable(),
		"causes":   causesTable(),
		"forms":    formsTable(t),
		"families": familiesTable(),
	}
}

func table(header string, rows ...[]string) string {
	columns := strings.Split(header, "|")
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	return b.String()
}

func code(s string) string { return "`" + s + "`" }

// sentence begins with a capital letter, unless the first word is a name as it is spelled.
func sentence(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if first == "sh" || first == "systemd" || first == "dockerd" || first == "daemon.json" || first == "config.json" {
		return s + "."
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func rulesTable() string {
	var rows [][]string
	for _, r := range precedence.Rules() {
		rows = append(rows, []string{code(string(r)), sentence(r.Explain())})
	}
	return table("rule|what it says", rows...)
}

func findingsTable() string {
	var out strings.Builder
	for _, g := range precedence.Groups() {
		var rows [][]string
		for _, c := range precedence.Checks() {
			if c.Group == g {
				rows = append(rows, []string{code(c.ID), string(c.Severity), sentence(c.Summary), c.Basis, askedBy(c), mendedBy(c)})
			}
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s", g, table("finding|severity|what it means|what it rests on|asked|`--fix`", rows...))
	}
	return strings.TrimPrefix(out.String(), "\n") + "\n"
}

// askedBy is the option without which `doctor` does not look for it.
func askedBy(c precedence.Check) string {
	if c.Needs == precedence.NeedNothing {
		return "always"
	}
	return code(string(c.Needs))
}

func mendedBy(c precedence.Check) string {
	if c.Mended {
		return "yes"
	}
	return ""
}

// exitTable reads the statuses and their comments from the program's source.
func exitTable(t *testing.T) string {
	t.Helper()
	var rows [][]string
	for _, s := range statuses(t) {
		rows = append(rows, []string{code(s[0]), sentence(s[1])})
	}
	return table("status|meaning", rows...)
}

func statuses(t *testing.T) [][2]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "cmd", "docker-proxy", "exit.go"), nil, parser.ParseComments)
	assert.NilError(t, err)
	var out [][2]string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "exit") || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
			out = append(out, [2]string{lit.Value, strings.TrimSpace(spec.Comment.Text())})
		}
		return true
	})
	assert.Assert(t, len(out) >= 8, "the exit statuses are no longer constants of exit.go")
	return out
}

// madeDir is the directory that build has made.
var madeDir string

// build makes the program once for all tests. DOCKER_PROXY_BIN names one that is there already.
var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("DOCKER_PROXY_BIN"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "docker-proxy-docs-")
	if err != nil {
		return "", err
	}
	madeDir = dir
	path := filepath.Join(dir, "docker-proxy")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "../cmd/docker-proxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w: %s", err, out)
	}
	return path, nil
})

// TestMain takes the built program away.
func TestMain(m *testing.M) {
	code := m.Run()
	if madeDir != "" {
		_ = os.RemoveAll(madeDir)
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := build()
	assert.NilError(t, err)
	return path
}

// help returns the help text of one command, as a process without a terminal gets it.
func help(t *testing.T, bin string, words ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, append(words, "--help")...)
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=", "DOCKER_HOST=")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return strings.TrimSpace(string(out)) + "\n"
}

// helpPage is one command and its help.
type helpPage struct{ words, text string }

// helpPages walks the commands as somebody does who reads one help text after the other.
func helpPages(t *testing.T) []helpPage {
	t.Helper()
	bin := binary(t)
	var walk func(words ...string) []helpPage
	walk = func(words ...string) []helpPage {
		text := help(t, bin, words...)
		out := []helpPage{{strings.Join(append([]string{"docker proxy"}, words...), " "), text}}
		list := ""
		for _, title := range []string{"\nManagement Commands:\n", "\nCommands:\n"} { // the former have commands of their own
			_, after, _ := strings.Cut(text, title)
			before, _, _ := strings.Cut(after, "\n\n")
			list += before + "\n"
		}
		for line := range strings.Lines(list) {
			if name := strings.Fields(line); strings.HasPrefix(line, "  ") && len(name) > 1 && name[0] != "help" {
				out = append(out, walk(append(words[:len(words):len(words)], name[0])...)...)
			}
		}
		return out
	}
	all := walk()
	assert.Assert(t, len(all) > 5, "only %d commands were found in the help", len(all))
	return all
}

func commandPages(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, p := range helpPages(t) {
		fmt.Fprintf(&b, "## %s\n\n```text\n%s```\n\n", p.words, p.text)
	}
	return b.String()
}

// statesLine counts the recorded states of the truth test and the constructs that stand in them.
func statesLine(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "test", "truth", "testdata", "states.jsonl"))
	assert.NilError(t, err)
	kinds, constructs, total := map[string]int{}, map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		var s struct {
			Name       string
			Constructs []string
		}
		assert.NilError(t, json.Unmarshal([]byte(line), &s))
		kind, _, _ := strings.Cut(s.Name, "-")
		kinds[kind]++
		total++
		for _, c := range s.Constructs {
			constructs[c] = true
		}
	}
	return fmt.Sprintf("The corpus has %d states that together hold %d constructs: %d for systemd, %d for a sysvinit script, %d for OpenRC, %d for dockerd itself.\n",
		total, len(constructs), kinds["systemd"], kinds["sysv"], kinds["openrc"], kinds["dockerd"])
}
