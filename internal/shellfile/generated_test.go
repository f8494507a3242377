package shellfile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// scriptGen makes scripts of every construct that the package claims to follow. It counts which it used.
type scriptGen struct {
	t     *rapid.T
	used  map[string]int
	depth int

	callable string // the function that may be called here, "g" meaning both
}

var generatedNames = []string{"A", "B", "HTTP_PROXY", "NO_PROXY", "DOCKER_OPTS"}

func (g *scriptGen) pick(label string, list ...string) string {
	return rapid.SampledFrom(list).Draw(g.t, label)
}

func (g *scriptGen) name() string { return g.pick("name", generatedNames...) }

// value makes the right side of an assignment.
func (g *scriptGen) value() string {
	n := rapid.IntRange(0, 3).Draw(g.t, "parts")
	var b strings.Builder
	for range n {
		b.WriteString(g.valuePart())
	}
	return b.String()
}

func (g *scriptGen) valuePart() string {
	kind := g.pick("part", "plain", "plain", "single", "double", "escape", "var", "braced", "operator", "quotedvar", "cmd",
		"tilde", "hash", "dollar", "continuation", "bytes", "length")
	g.used["value "+kind]++
	switch kind {
	case "single":
		return "'" + g.pick("single", "", "a b", "$A", `\`, "#", "x\ny", `"`, "%40", "~") + "'"
	case "double":
		return `"` + g.pick("double", "", "a b", `\$A`, `\"`, `\\`, `\z`, "'", "#", "x\ny", "a\\\nb", "$", "~", "*") + `"`
	case "escape":
		return g.pick("escape", `\ `, `\#`, `\'`, `\"`, `\\`, `\$`, `\a`, `\;`)
	case "var":
		return "$" + g.name()
	case "braced":
		return "${" + g.name() + "}"
	case "operator":
		word := g.pick("word", "", "d", "'a b'", "$B", "a:b", `"q r"`, "~", "a b", "{x,y}")
		expansion := "${" + g.name() + g.pick("operator", ":-", "-", ":+", "+", ":=", "=") + word + "}"
		if g.pick("quoted", "yes", "no") == "yes" {
			return `"` + expansion + `"`
		}
		return expansion
	case "quotedvar":
		return `"$` + g.name() + g.pick("after", "", ",x", " y") + `"`
	case "cmd":
		return g.pick("cmd", "$(echo c)", "`echo c`", "$((1 + 1))", `"$(echo c d)"`)
	case "tilde":
		return g.pick("tilde", "~", ":~", "a~")
	case "hash":
		return "a#b"
	case "dollar":
		return g.pick("dollar", "a$", "$'x'", `$"x"`)
	case "continuation":
		return "a\\\nb"
	case "bytes":
		return g.pick("bytes", "\xe9", "é", "\r", "\t'\t'", "{a,b}", "*", "?.x", "[a]")
	case "length":
		return "${#" + g.name() + "}"
	}
	return g.pick("plain", "v", "w", "http://u:p%40@h:1", "a,b", "=", "x=y")
}

// call makes a call of a function that cannot end in recursion.
func (g *scriptGen) call() string {
	switch g.callable {
	case "g":
		return g.pick("call", "f", "g", "f x")
	case "f":
		return "f"
	}
	return "true"
}

// condition makes a command whose status decides a branch.
func (g *scriptGen) condition() string {
	return g.pick("condition", "true", "false", ":", "[ -e / ]", "[ -e /nonexistent ]", "! true", "[ 1 -eq 1 ]",
		`[ -n "$`+g.name()+`" ]`, `[ -z "${`+g.name()+`}" ]`, `[ "$`+g.name()+`" = v ]`, "[ -n $A ]", "[ ]", "test v != w",
		g.name()+"="+g.pick("v", "v", "$(false)"), "export "+g.name(), "(exit 1)")
}

func (g *scriptGen) block() string {
	n := rapid.IntRange(1, 3).Draw(g.t, "statements")
	var list []string
	for range n {
		list = append(list, g.statement())
	}
	return strings.Join(list, "\n")
}

func (g *scriptGen) statement() string {
	simple := []string{"assign", "assign", "assign", "export", "export", "exportvalue", "exportvalue", "many", "unset", "allexport",
		"noallexport", "readonly", "prefix", "comment", "default", "command", "heredoc", "source", "read", "local", "redirect",
		"return", "eval", "appended", "oneline", "alias", "quotedname", "callf", "options", "exit", "expandedname", "break"}
	nested := []string{"if", "ifelse", "and", "or", "subshell", "group", "pipeline", "background", "function", "case", "for",
		"while", "until"}
	kinds := simple
	if g.depth < 3 {
		kinds = append(kinds, nested...)
	}
	kind := g.pick("statement", kinds...)
	g.used[kind]++
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 0 && len(kinds) > len(simple) {
		if text := g.nestedStatement(kind); text != "" {
			return text
		}
	}
	return g.simpleStatement(kind)
}

func (g *scriptGen) nestedStatement(kind string) string {
	switch kind {
	case "if":
		return "if " + g.condition() + "; then\n" + g.block() + "\nfi"
	case "ifelse":
		return "if " + g.condition() + "; then\n" + g.block() + "\nelif " + g.condition() + "; then\n" + g.block() + "\nelse\n" +
			g.block() + "\nfi"
	case "and":
		return g.condition() + " && " + g.oneLine()
	case "or":
		return g.condition() + " || " + g.oneLine()
	case "subshell":
		return "(" + g.block() + "\n)"
	case "group":
		return "{ " + g.block() + "\n}" + g.pick("to", "", " >/dev/null", " 2>./out")
	case "pipeline":
		return "{ " + g.block() + "\n} | cat >/dev/null"
	case "background":
		return "{ " + g.block() + "\n} &\nwait"
	case "function":
		outer := g.callable
		defer func() { g.callable = outer }()
		if g.callable = g.pick("function", "f", "g"); g.callable == "f" || outer != "g" {
			g.callable = "" // only g calls f: no recursion
			return "f() {\n" + g.block() + "\n}"
		}
		g.callable = "f"
		return "g() {\n" + g.block() + "\n}"
	case "case":
		return "case " + g.pick("word", "v", "$A", `"$B"`, "'a b'", "$-") + " in\nv|w)\n" + g.block() + "\n;;\n" +
			g.pick("pattern", "*", "a*", "'a b'", `"$A"`) + ")\n" + g.block() + "\n;;\nesac"
	case "for":
		return "for " + g.name() + " in a b $A; do\n" + g.block() + "\ndone"
	case "while":
		return "while read -r L; do\n" + g.block() + "\ndone <<E\na\nb\nE"
	case "until":
		return "until true; do\n" + g.block() + "\ndone"
	}
	return ""
}

// oneLine makes a statement that can stand behind && without its own line.
func (g *scriptGen) oneLine() string {
	return "{ " + g.block() + "\n}"
}

func (g *scriptGen) simpleStatement(kind string) string {
	name := g.name()
	switch kind {
	case "export":
		return "export " + name
	case "exportvalue":
		return "export " + name + "=" + g.value()
	case "many":
		return "export " + name + "=" + g.value() + " " + g.name() + " " + g.name() + "=" + g.value()
	case "unset":
		return "unset " + g.pick("flag", "", "-v ", "-f ") + name
	case "allexport":
		return g.pick("set", "set -a", "set -o allexport", "set -fa", "set -o allexport -- x", "set -a -- -x")
	case "noallexport":
		return g.pick("set", "set +a", "set +o allexport", "set -- -a", "set -f +a")
	case "options":
		return g.pick("set", "set -f", "set +f", "set -- a b", "set -C")
	case "readonly":
		return "readonly " + g.pick("readonly", "R=1", "A=1", "B")
	case "prefix":
		return name + "=" + g.value() + " " + g.pick("command", "true", ":", "export "+g.name(), g.call(), "cat </dev/null", "command true")
	case "comment":
		return "# " + name + "=commented \\"
	case "default":
		return ": " + g.pick("quote", "", `"`) + "${" + name + g.pick("op", ":=", "=", ":+") + "d}"
	case "command":
		return g.pick("command", "true", "cd .", "umask 022", "echo x >/dev/null", "command export "+name+"=c", "command -v sh >/dev/null")
	case "heredoc":
		return "cat >/dev/null <<E\n" + name + "=here\n$A\nE"
	case "source":
		return g.pick("source", ". ./other", "[ -r ./other ] && . ./other", "[ -r ./absent ] && . ./absent", "source ./other 2>/dev/null")
	case "read":
		return g.pick("read", "read "+name+" </dev/null", "echo x | read "+name, "getopts a "+name+" -a")
	case "local":
		return "f() { local " + name + g.pick("=", "", "=l") + "; " + g.name() + "=g; }"
	case "redirect":
		return name + "=" + g.value() + g.pick("to", " 2>/dev/null", " >./out", " 2>&1")
	case "return":
		return g.pick("return", "return", "[ -e /nonexistent ] && return", "[ -e / ] || return 0", "true")
	case "exit":
		return g.pick("exit", "[ -e /nonexistent ] && exit", "[ -e / ] || exit 1", "true")
	case "break":
		return g.pick("break", "[ -e /nonexistent ] && break", "[ -e / ] && continue", "true")
	case "eval":
		return "eval " + g.pick("eval", `"`+name+`=e"`, "true")
	case "appended":
		return name + "+=x 2>/dev/null"
	case "oneline":
		return name + "=" + g.value() + "; export " + name
	case "alias":
		return g.pick("alias", "alias ll='ls -l'", "unalias ll 2>/dev/null", "alias echo=true")
	case "quotedname":
		return g.pick("quotedname", `\export `+name+"=q", "'export' "+name, "export '"+name+"=a b'", `export "`+name+`"`)
	case "expandedname":
		return g.pick("expandedname", "E=export; $E "+name+"=e", "N="+name+"; export $N", "N="+name+"; unset $N")
	case "callf":
		return g.call() + " 2>/dev/null"
	}
	return name + "=" + g.value()
}

// TestGeneratedScriptsAgreeWithShells compares every known answer on generated scripts with three shells.
func TestGeneratedScriptsAgreeWithShells(t *testing.T) {
	const perCheck = 4 // one start of a shell serves several scripts
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("A=other\nexport B\n[ -e / ] || return\n"), 0o600))
	used, known, scripts := map[string]int{}, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		g := &scriptGen{t: rt, used: used, callable: "g"}
		var inherited map[string]string
		if g.pick("inherited", "no", "yes") == "yes" {
			inherited = map[string]string{g.name(): g.pick("value", "", "old", "a b")}
		}
		var files, texts []string
		var finals [][]Final
		for i := range rapid.IntRange(1, perCheck).Draw(rt, "scripts") {
			text := g.script()
			file := filepath.Join(dir, fmt.Sprintf("file%d.sh", i))
			list, err := finalsOf(file, text, inherited, generatedNames)
			if err != nil {
				continue // quotes that run into each other; what Parse refuses is another test's business
			}
			files, texts, finals = append(files, file), append(texts, text), append(finals, list)
		}
		if len(files) == 0 {
			return
		}
		scripts += len(files)
		for _, shell := range shells() {
			for i, out := range sourcedAll(rt.Context(), shell, files, pairs(inherited)) {
				vars, ok := environment(out)
				if !ok || i >= len(files) {
					continue
				}
				n, report := differing(finals[i], vars)
				if known += n; report != "" {
					rt.Fatalf("%v %s; inherited %q; script:\n%s", shell, report, inherited, texts[i])
				}
			}
		}
	})
	assert.Assert(t, scripts >= 50 && known >= scripts, "%d scripts, %d known answers", scripts, known)
	for _, kind := range slices.Sorted(maps.Keys(used)) {
		t.Logf("%5d %s", used[kind], kind)
	}
	t.Logf("%d scripts, %d known answers compared", scripts, known)
}

// script makes a whole file.
func (g *scriptGen) script() string {
	var b strings.Builder
	for range rapid.IntRange(1, 8).Draw(g.t, "length") {
		b.WriteString(g.statement() + g.pick("end", "\n", "\n", "\n\n", " # c\n", "\n"))
	}
	return b.String()
}
