package shellfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// shown is a Final in one word: value with its mark, or what is not known.
func shown(f Final) string {
	switch {
	case !f.Known:
		return "unknown"
	case !f.Set:
		return "unset"
	case f.Exported:
		return "export " + f.Value
	}
	return "local " + f.Value
}

func TestResultAgreesWithShells(t *testing.T) {
	tests := []struct {
		name   string
		script string
		want   string // of X
	}{
		{"bare assignment is not exported", "X=v\n", "local v"},
		{"export with value", "export X=v\n", "export v"},
		{"assignment then export", "X=v\nexport X\n", "export v"},
		{"one line", "X=v; export X", "export v"},
		{"export before assignment", "export X\nX=v\n", "export v"},
		{"export alone", "export X\n", "unset"},
		{"set -a", "set -a\nX=v\nset +a\n", "export v"},
		{"set +a ends it", "set -a\nset +a\nX=v\n", "local v"},
		{"set -o allexport", "set -o allexport\nX=v\n", "export v"},
		{"set with other letters", "set -fa\nX=v\n", "export v"},
		{"set --", "set -- -a\nX=v\n", "local v"},
		{"an exported one stays exported", "export X=v\nX=w\n", "export w"},
		{"unset drops the mark", "export X=v\nunset X\nX=w\n", "local w"},
		{"unset", "export X=v\nunset X", "unset"},
		{"readonly", "readonly X=v\nexport X", "export v"},
		{"readonly refuses", "export X=v\nreadonly X\nX=w", "unknown"},
		{"in front of a command", "X=v true\n", "unset"},
		{"in front of a special builtin", "X=v :\n", "unknown"},
		{"comment", "export X=a#b # c\n", "export a#b"},
		{"commented out", "#export X=v\n", "unset"},
		{"quotes", `export X="x"y'z'` + "\n", "export xyz"},
		{"quoted quote", `export X='a'\''b'`, "export a'b"},
		{"escapes in double quotes", `export X="a\$b\"c\z"`, `export a$b"c\z`},
		{"escapes outside quotes", `export X=a\ b\#c`, "export a b#c"},
		{"dollar quotes are not POSIX", `export X=$'a\tb'`, "unknown"},
		{"dollar double quotes", `export X=$"a"`, "unknown"},
		{"line continuation", "export X=a\\\nb\n", "export ab"},
		{"line continuation in quotes", "export X=\"a\\\nb\"\n", "export ab"},
		{"newline in quotes", "export X='a\nb'\n", "export a\nb"},
		{"CRLF", "X=v\r\nexport X\n", "export v\r"},
		{"bytes that are not UTF-8", "# caf\xe9\nexport X=\xe9\n", "export \xe9"},
		{"from another variable", "Y=v\nexport X=$Y\n", "export v"},
		{"in braces and quotes", "Y=v\nexport X=\"${Y}/w\"\n", "export v/w"},
		{"default", "export X=${Y:-d}", "export d"},
		{"default in quotes", `export X="${Y:-a b}"`, "export a b"},
		{"default not taken", "Y=v; export X=${Y:-d}", "export v"},
		{"empty default", "Y=; export X=${Y:-d}${Y-e}", "export d"},
		{"alternative", "Y=v; export X=${Y:+w}", "export w"},
		{"assigned default", ": ${X:=d}; export X", "export d"},
		{"length", "Y=abc; export X=${#Y}", "export 3"},
		{"pattern", "Y=abc; export X=${Y#a}", "unknown"},
		{"unknown variable", "export X=$NEVER_ASKED", "unknown"},
		{"command substitution", "export X=$(echo v)", "unknown"},
		{"backquotes", "export X=`echo v`", "unknown"},
		{"arithmetic", "export X=$((1+1))", "unknown"},
		{"tilde", "export X=~/v", "unknown"},
		{"tilde after colon", "X=a:~root\nexport X", "unknown"},
		{"tilde in quotes or inside", "X='~'a~\nexport X", "export ~a~"},
		{"braces in an assignment", "X={a,b}\nexport X", "export {a,b}"},
		{"braces in an export", "export X={a,b}", "unknown"},
		{"braces in the name, bash only", "export {X,Y}=v 2>/dev/null", "unknown"},
		{"glob", "export X=*.corp", "export *.corp"},
		{"if", "if [ -e /etc ]; then export X=v; fi", "unknown"},
		{"if with both sides equal", "if [ -e /etc ]; then export X=v; else export X=v; fi", "export v"},
		{"decided test", "Y=1; if [ -n \"$Y\" ]; then export X=v; fi", "export v"},
		{"decided comparison", "Y=1; [ \"$Y\" = 2 ] || export X=v", "export v"},
		{"after an if", "if [ -e /etc ]; then X=w; fi; export X=v", "export v"},
		{"case", "case $- in *z*) X=a;; esac; export X", "unknown"},
		{"decided case", "Y=b; case $Y in a) X=1;; b|c) X=2;; *) X=3;; esac; export X", "export 2"},
		{"while", "while [ -e /nonexistent ]; do export X=v; done", "unknown"},
		{"for", "for i in 1 2; do X=$X$i; done; export X", "unknown"},
		{"and", "X=v && export X", "export v"},
		{"or", "true || export X=v", "unset"},
		{"undecided and", "[ -e /etc ] && export X=v", "unknown"},
		{"not", "! true || export X=v", "export v"},
		{"subshell", "(export X=v)", "unset"},
		{"group", "{ X=v; export X; }", "export v"},
		{"pipeline", "export X=v | cat", "unset"},
		{"background", "export X=v &\nwait", "unset"},
		{"function", "f() { export X=v; }\n", "unset"},
		{"function called", "f() { export X=v; }\nf", "export v"},
		{"function with a local", "export X=v; f() { local X; X=w; }; f", "export v"},
		{"function that returns", "f() { return; export X=v; }; f; export X=w", "export w"},
		{"return", "export X=v; return 0; X=w", "export v"},
		{"perhaps return", "[ -e /etc ] && return; export X=v", "unknown"},
		{"perhaps exit", "[ -e /etc ] || exit 0; export X=v", "export v"},
		{"eval", "export X=v; eval 'X=w'", "unknown"},
		{"after eval", "eval 'X=w'; export X=v", "export v"},
		{"here-document", "cat >/dev/null <<E\nX=w\nE\nexport X=v", "export v"},
		{"sourced", "export X=w; . ./other", "export other"},
		{"sourced and absent", "[ -e ./absent ] && . ./absent; export X=v", "export v"},
		{"source is not known to dash", "source ./other", "unknown"},
		{"read", "read X < /dev/null; export X", "unknown"},
		{"printf -v", "printf -v X v; export X", "unknown"},
		{"append is bash's", "X=v; X+=w; export X", "unknown"},
		{"command export", "command export X=v", "export v"},
		{"quoted command name", `\export X=v`, "export v"},
		{"unknown command name", "export X=v; $NEVER_ASKED X=w", "unknown"},
		{"alias", "alias e=export\ne X=v", "unknown"},
		{"redirection that may fail", "{ export X=v; } > ./maybe", "unknown"},
		{"redirection to /dev/null", "export X=v >/dev/null 2>&1", "export v"},
		{"two on one line", "export Y=1 X=v", "export v"},
		{"quoted whole argument", "export 'X=a b'", "export a b"},
		{"value with blanks from a variable", "Y='a b'; export X=$Y", "unknown"},
		{"the same, quoted", "Y='a b'; export X=\"$Y\"", "export a b"},
		{"the same, assigned", "Y='a b'; X=$Y; export X", "export a b"},
		{"unexport", "export X=v; export -n X", "local v"},
		{"names with blanks round =", "X = v\n", "unset"},
		{"BOM", "\xef\xbb\xbfX=v; export X", "unset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			assert.NilError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("X=other\n"), 0o600))
			names := []string{"X", "Y"}
			compareWithShells(t, dir, tt.script, nil, names)
			f, err := Parse("file", []byte(tt.script))
			assert.NilError(t, err)
			include := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
			out := f.Run(Options{Unset: names, Include: include}, "X")
			assert.Equal(t, shown(out.Finals[0]), tt.want)
		})
	}
}

func TestResultWithInheritedEnvironment(t *testing.T) {
	tests := []struct {
		name   string
		script string
		want   string
	}{
		{"untouched", "", "export old"},
		{"bare assignment stays exported", "X=v", "export v"},
		{"kept by a default", "X=${X:-v}", "export old"},
		{"extended", "X=$X,v", "export old,v"},
		{"unset", "unset X", "unset"},
		{"moved", "unset X; export Y=v; X=$Y", "local v"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inherited := map[string]string{"X": "old"}
			compareWithShells(t, t.TempDir(), tt.script, inherited, []string{"X", "Y"})
			f, err := Parse("file", []byte(tt.script))
			assert.NilError(t, err)
			assert.Equal(t, shown(f.Result(inherited, "X")[0]), tt.want)
		})
	}
}

func TestFinalNamesItsLines(t *testing.T) {
	tests := []struct {
		name   string
		script string
		want   string // line; candidates' lines; overwritten lines
	}{
		{"untouched", "Y=1\n", "0 [] []"},
		{"one", "\nX=1\nexport X\n", "2 [2] []"},
		{"shadowed", "X=1\n\nX=2\nexport X\n", "3 [3] [1]"},
		{"unset", "X=1\nunset X\n", "2 [2] [1]"},
		{"branches", "X=1\nif a; then\nX=2\nelse\nX=3\nfi\n", "5 [3 5] [1]"},
		{"perhaps", "X=1\na && X=2\n", "2 [1 2] []"},
		{"loop", "X=1\nwhile a; do\nX=2\ndone\n", "3 [1 3] []"},
		{"eval", "X=1\neval a\n", "2 [2] [1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("file", []byte(tt.script))
			assert.NilError(t, err)
			final := f.Result(nil, "X")[0]
			lines := func(list []Effect) []int {
				out := []int{}
				for _, e := range list {
					out = append(out, e.Line)
				}
				return out
			}
			assert.Equal(t, fmt.Sprint(final.Line, lines(final.Candidates), lines(final.Overwritten)), tt.want)
		})
	}
}
