package shellfile

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name string
		data string
		want string
	}{
		{"open quote", "A=1\nB='x\n", "f:2: not valid shell: reached EOF without closing quote `'`"},
		{"if without fi", "if a; then\nb\n", "f:1: not valid shell: `if` statement must end with `fi`"},
		{"CR behind fi, as sh sees it", "if a; then\r\nb\r\nfi\r\n", "f:1: not valid shell: "},
		{"array", "A=1\nB=(secret)\n", "f:2: not POSIX shell: arrays are known to some shells only"},
		{"NUL", "A=1\n\nB=\x00\n", "f:3: contains a NUL byte"},
		{"too large", strings.Repeat("#", MaxSize+1), "f: larger than 1048576 bytes"},
		{"a million parentheses", strings.Repeat("(", 1_000_000), "f: nested too deeply to be a startup file"},
		{"a million brackets are one word", strings.Repeat("[", 1_000_000), ""},
		{"function without a name", "case a in b) c; ()d; esac\n", "f:1: not valid shell: function without a name"},
		{"two parentheses, arithmetic in bash only", "A=1\n((B=1))\n", "f:2: not POSIX shell: (( means different things"},
		{"quote that ends elsewhere in bash", "A=$'\\'\n", "f:1: not POSIX shell: $' means different things"},
		{"here-document without end", "cat <<E\nx\n", "f:1: not valid shell: unclosed here-document"},
		{"words of the file are not quoted", "A=$((secret word))\n", "f:1: not valid shell: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.data))
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			var pe *ParseError
			assert.Assert(t, errors.As(err, &pe), "%v", err)
			assert.Assert(t, strings.HasPrefix(err.Error(), tt.want), "%v", err)
			assert.Assert(t, !strings.Contains(err.Error(), "secret"), "%v", err)
		})
	}
}

func TestEffects(t *testing.T) {
	const script = `# defaults
export HTTP_PROXY="http://p:1"
[ -r /etc/corp ] && . /etc/corp
HTTPS_PROXY=$HTTP_PROXY/ NO_PROXY=$(corp)
DOCKER_OPTS="$DOCKER_OPTS --debug"
if corp; then
  unset NO_PROXY
fi
eval "$CORP"
exit
HTTP_PROXY=never
`
	f, err := Parse("/etc/default/docker", []byte(script))
	assert.NilError(t, err)
	got := f.Effects([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DOCKER_OPTS"})
	want := []Effect{
		{Name: "HTTP_PROXY", Kind: Assign, Value: "http://p:1", Known: true, Exported: true, Line: 2},
		{Kind: Source, Value: "/etc/corp", Known: true, Conditional: true, Line: 3},
		{Kind: Opaque, Known: true, Conditional: true, Line: 3},
		{Name: "HTTPS_PROXY", Kind: Assign, Line: 4}, // the sourced file may have changed HTTP_PROXY
		{Name: "NO_PROXY", Kind: Assign, Line: 4},
		{Name: "DOCKER_OPTS", Kind: Assign, Line: 5},
		{Name: "NO_PROXY", Kind: Unset, Known: true, Conditional: true, Line: 7},
		{Kind: Opaque, Known: true, Line: 9},
		{Kind: Stop, Known: true, Line: 10},
	}
	assert.Equal(t, len(got), len(want))
	for i := range want {
		want[i].Path, want[i].Start, want[i].End = "/etc/default/docker", got[i].Start, got[i].End
		assert.DeepEqual(t, got[i], want[i])
	}
	assert.Equal(t, script[got[0].Start:got[0].End], `HTTP_PROXY="http://p:1"`)
	assert.Equal(t, script[got[6].Start:got[6].End], "NO_PROXY")
}

func TestRunIncludesSourcedFiles(t *testing.T) {
	files := map[string]string{
		"/etc/corp": "HTTP_PROXY=http://corp:1\nexport HTTP_PROXY\n[ -n \"$STOP\" ] && return\n",
		"/etc/loop": "HTTP_PROXY=x\n. /etc/loop\n",
		"/etc/bad":  "if\n",
	}
	var asked []string
	include := func(path string) ([]byte, error) {
		asked = append(asked, path)
		if path == "/etc/locked" {
			return nil, fs.ErrPermission
		}
		data, ok := files[path]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(data), nil
	}
	tests := []struct {
		name   string
		script string
		want   string
		path   string
		asked  int
	}{
		{"included", ". /etc/corp\n", "export http://corp:1", "/etc/corp", 1},
		{"overwritten", ". /etc/corp\nHTTP_PROXY=mine\n", "export mine", "f", 1},
		{"absent", "HTTP_PROXY=mine\n[ -r /x ] && . /x\n", "local mine", "f", 1},
		{"not readable", "HTTP_PROXY=mine\n. /etc/locked\n", "unknown", "f", 1},
		{"not valid", "HTTP_PROXY=mine\n. /etc/bad\n", "unknown", "f", 1},
		{"sources itself", ". /etc/loop\n", "unknown", "/etc/loop", maxDepth},
		{"path from a variable", "D=/etc\n. $D/corp\n", "export http://corp:1", "/etc/corp", 1},
		{"searched in PATH", ". corp\n", "unknown", "f", 0},
		{"path not known", ". $CORP/x\n", "unknown", "f", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("f", []byte(tt.script))
			assert.NilError(t, err)
			asked = nil
			names := []string{"HTTP_PROXY", "STOP"}
			final := f.Run(Options{Unset: names, Include: include}, names...).Finals[0]
			assert.Equal(t, shown(final), tt.want)
			assert.Equal(t, final.Path, tt.path)
			assert.Equal(t, len(asked), tt.asked)
		})
	}
}

// TestRunEnds: no file keeps us busy or makes us large.
func TestRunEnds(t *testing.T) {
	var calls strings.Builder
	calls.WriteString("g0() { X=$X$X; }\n")
	for i := 1; i < 30; i++ {
		calls.WriteString("g" + strings.Repeat("i", i) + "() { g" + prev(i) + "; g" + prev(i) + "; }\n")
	}
	calls.WriteString("X=x\ng" + strings.Repeat("i", 29) + "\n")
	tests := []struct{ name, script string }{
		{"calls that double", calls.String()},
		{"a value that doubles", "X=x\n" + strings.Repeat("X=$X$X\n", 60)},
		{"recursion", "f() { X=$X; f; f; }\nf\n"},
		{"loops inside loops", strings.Repeat("while a; do X=$X$Y; ", 100) + strings.Repeat("done; ", 100)},
		{"a long list", strings.Repeat("a && ", 900) + "X=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse("f", []byte(tt.script))
			assert.NilError(t, err)
			assert.Equal(t, shown(f.Result(nil, "X")[0]), "unknown")
		})
	}
}

// prev names the function that the i-th one calls.
func prev(i int) string {
	if i == 1 {
		return "0"
	}
	return strings.Repeat("i", i-1)
}
