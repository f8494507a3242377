package shellfile

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const (
	one = "HTTP_PROXY='http://p:1'\nexport HTTP_PROXY\n"
	two = "HTTPS_PROXY='http://q:2'\nexport HTTPS_PROXY\n"
)

// setOne and setBoth are what the tables ask for.
func setOne() []Var  { return []Var{{"HTTP_PROXY", "http://p:1"}} }
func setBoth() []Var { return append(setOne(), Var{"HTTPS_PROXY", "http://q:2"}) }

func TestEditSet(t *testing.T) {
	tests := []struct {
		name string
		data string
		vars []Var
		want string
	}{
		{"empty file", "", setOne(), marker + "\n" + one},
		{"appended", "A=1\n", setOne(), "A=1\n" + marker + "\n" + one},
		{"no final newline", "A=1", setOne(), "A=1\n" + markerWithBreak + "\n" + one},
		{"last line continued", "A=1 \\\n", setOne(), "A=1 \\\n\n" + markerWithBreak + "\n" + one},
		{"last line a comment that ends in a backslash", "# A \\\n", setOne(), "# A \\\n\n" + markerWithBreak + "\n" + one},
		{"two", "", setBoth(), marker + "\n" + one + two},
		{"joins our block", "A=1\n" + marker + "\n" + one, setBoth(), "A=1\n" + marker + "\n" + one + two},
		{"a block with something below is left", marker + "\n" + one + "A=1\n", setBoth(),
			marker + "\n" + one + "A=1\n" + marker + "\n" + two},
		{"commented-out example stays", "#export HTTP_PROXY=\"http://x/\"\n", setOne(),
			"#export HTTP_PROXY=\"http://x/\"\n" + marker + "\n" + one},
		{"value replaced, its export stays", "A=1\nHTTP_PROXY=old\nB=2\nexport A HTTP_PROXY\n", setOne(),
			"A=1\nHTTP_PROXY='http://p:1'\nB=2\nexport A HTTP_PROXY\n"},
		{"value replaced, export added", "A=1\nHTTP_PROXY=old\nB=2\n", setOne(), "A=1\n" + one + "B=2\n"},
		{"export with value", "A=1\nexport HTTP_PROXY=old\nB=2\n", setOne(), "A=1\n" + one + "B=2\n"},
		{"two exports with values", "export HTTP_PROXY=a HTTPS_PROXY=b\n", setBoth(), one + two},
		{"one of two exports", "export HTTP_PROXY=a B=b\nC=1\n", setOne(), "export B=b\n" + one + "C=1\n"},
		{"one line", "HTTP_PROXY=old; export HTTP_PROXY\n", setOne(), one},
		{"list", "HTTP_PROXY=old && export HTTP_PROXY\n", setOne(), one},
		{"comment behind it moves up", "export HTTP_PROXY=old # corp\nB=2\n", setOne(), "# corp\n" + one + "B=2\n"},
		{"indented", "  export HTTP_PROXY=old\n", setOne(), "  HTTP_PROXY='http://p:1'\n  export HTTP_PROXY\n"},
		{"CRLF", "A=1\r\nexport HTTP_PROXY=old\r\nB=2\r\n", setOne(), "A=1\r\n" + one + "B=2\r\n"},
		{"CRLF value", "HTTP_PROXY=old\r\n", setOne(), one},
		{"earlier ones go", "HTTP_PROXY=a\nA=1\nexport HTTP_PROXY=b\n", setOne(), "A=1\n" + one},
		{"the earlier one had the export", "export HTTP_PROXY=a\nHTTP_PROXY=b\n", setOne(), one},
		{"under set -a", "set -a\nHTTP_PROXY=a\n", setOne(), "set -a\nHTTP_PROXY='http://p:1'\n"},
		{"a later branch does not win", "HTTP_PROXY=a\nif b; then\nHTTP_PROXY=c\nfi\n", setOne(),
			"if b; then\nHTTP_PROXY=c\nfi\n" + marker + "\n" + one},
		{"a later unset does not win", "export HTTP_PROXY=a\nunset HTTP_PROXY\n", setOne(),
			"unset HTTP_PROXY\n" + marker + "\n" + one},
		{"computed value", "HTTP_PROXY=$(cat /etc/proxy)\nexport HTTP_PROXY\n", setOne(), "HTTP_PROXY='http://p:1'\nexport HTTP_PROXY\n"},
		{"continued export", "export A=1 \\\n  HTTP_PROXY=x \\\n  B=2\n", setOne(), "export A=1 \\\n  B=2\n" + one},
		{"value over two lines", "HTTP_PROXY='a\nb'\nexport HTTP_PROXY\n", setOne(), one},
		{"behind a here-document", "cat <<E; HTTP_PROXY=a\nx\nE\n", setOne(), "cat <<E;\nx\nE\n" + marker + "\n" + one},
		{"behind an empty one", "cat <<E; HTTP_PROXY=a\nE\n", setOne(), "cat <<E;\nE\n" + marker + "\n" + one},
		{"blanks round =, which only systemd reads", "HTTP_PROXY = a\n", setOne(), one},
		{"in front of a command it is not a setting", "HTTP_PROXY=a true\n", setOne(), "HTTP_PROXY=a true\n" + marker + "\n" + one},
		{"empty value", "A=1\n", []Var{{"NO_PROXY", ""}}, "A=1\n" + marker + "\nNO_PROXY=''\nexport NO_PROXY\n"},
		{"readonly", "readonly HTTP_PROXY=a\n", setOne(), one},
		{"not UTF-8 elsewhere", "# caf\xe9\n", setOne(), "# caf\xe9\n" + marker + "\n" + one},
		{"quoted argument", "export 'HTTP_PROXY=a b' C\n", setOne(), "export C\n" + one},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Edit("file", []byte(tt.data), tt.vars, nil, Portable)
			assert.NilError(t, err)
			assert.Equal(t, string(got), tt.want)
			again, err := Edit("file", got, tt.vars, nil, Portable)
			assert.NilError(t, err)
			assert.Equal(t, string(again), tt.want, "a second edit changes something")
		})
	}
}

func TestEditRemove(t *testing.T) {
	tests := []struct {
		name string
		data string
		want string
	}{
		{"nothing there", "A=1\r\n# HTTP_PROXY=x", "A=1\r\n# HTTP_PROXY=x"},
		{"line", "A=1\nHTTP_PROXY=x\nB=2\n", "A=1\nB=2\n"},
		{"dangling export", "A=1\nexport HTTP_PROXY\n", "A=1\n"},
		{"one of three names", "export A HTTP_PROXY B\n", "export A B\n"},
		{"first of three names", "export HTTP_PROXY A B\n", "export A B\n"},
		{"last of three names", "export A B HTTP_PROXY\n", "export A B\n"},
		{"one of two values", "export HTTP_PROXY=x B=y\n", "export B=y\n"},
		{"one of two assignments", "HTTP_PROXY=x B=y\n", "B=y\n"},
		{"middle of one line", "A=1; HTTP_PROXY=x; B=2\n", "A=1; B=2\n"},
		{"end of one line", "A=1; HTTP_PROXY=x; export HTTP_PROXY\n", "A=1;\n"},
		{"comment stays", "HTTP_PROXY=x # why\n", "# why\n"},
		{"our block", "A=1\n" + marker + "\n" + one, "A=1\n"},
		{"our block after a file without newline", "A=1\n" + markerWithBreak + "\n" + one, "A=1"},
		{"that, with a line added below", "A=1\n" + markerWithBreak + "\n" + one + "B=1\n", "A=1\nB=1\n"},
		{"a marker without lines is not ours to judge", marker + "\nA=1\nHTTP_PROXY=x\n", marker + "\nA=1\n"},
		{"half of our block", marker + "\n" + one + two, marker + "\n" + two},
		{"last line without newline", "A=1\nHTTP_PROXY=x", "A=1\n"},
		{"indented", "A=1\n\tHTTP_PROXY=x\nB=1\n", "A=1\nB=1\n"},
		{"CRLF", "A=1\r\nHTTP_PROXY=x\r\nexport HTTP_PROXY\r\nB=1\r\n", "A=1\r\nB=1\r\n"},
		{"CR behind a blank", "HTTP_PROXY=x \r\nB=1\n", "B=1\n"},
		{"other names stay", "HTTP_PROXY_X=1\nexport MY_HTTP_PROXY=2\nHTTP_PROXY=x\n", "HTTP_PROXY_X=1\nexport MY_HTTP_PROXY=2\n"},
		{"a command that takes --", "A=1; echo --\necho --\n", "A=1; echo --\necho --\n"},
		{"export with --", "export -- HTTP_PROXY=x\n", ""},
		{"blanks round =", "HTTP_PROXY = x y\nB=1\n", "B=1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Edit("file", []byte(tt.data), nil, []string{"HTTP_PROXY"}, Portable)
			assert.NilError(t, err)
			assert.Equal(t, string(got), tt.want)
		})
	}
}

func TestEditRefuses(t *testing.T) {
	removeOne := []string{"HTTP_PROXY"}
	tests := []struct {
		name   string
		data   string
		vars   []Var
		remove []string
		d      Dialect
		cause  error
		want   string
	}{
		{"branch", "A=1\nif a; then\nHTTP_PROXY=x\nfi\n", nil, removeOne, Sourced, ErrConditional, "f:3: HTTP_PROXY"},
		{"behind &&", "\n[ -e /x ] && HTTP_PROXY=x\n", nil, removeOne, Sourced, ErrConditional, "f:2: HTTP_PROXY"},
		{"function", "f() {\nexport HTTP_PROXY=x\n}\nf\n", nil, removeOne, Sourced, ErrConditional, "f:2: HTTP_PROXY"},
		{"line number after other removals", "HTTP_PROXY=a\nif a; then\nHTTP_PROXY=x\nfi\n", nil, removeOne, Sourced, ErrConditional,
			"f:3: HTTP_PROXY"},
		{"default", ": ${HTTP_PROXY:=x}\n", nil, removeOne, Sourced, ErrConditional, "f:1: HTTP_PROXY"},
		{"systemd reads lines", "f() {\nHTTP_PROXY=x\n}\n", nil, removeOne, EnvironmentFile, ErrConditional, "f:2: HTTP_PROXY"},
		{"eval", "eval 'HTTP_PROXY=x'\n", nil, removeOne, Sourced, ErrConditional, "f:1: HTTP_PROXY"},
		{"braces", "export {HTTP,HTTPS}_PROXY=x\n", nil, removeOne, Sourced, ErrConditional, "f:1: HTTP_PROXY"},
		{"computed from it", "HTTP_PROXY=x\nHTTPS_PROXY=$HTTP_PROXY\n", nil, removeOne, Sourced, ErrReferenced, "f:2: HTTPS_PROXY"},
		{"computed from it, unknown", "HTTP_PROXY=x\nO=\"$(a) ${HTTP_PROXY}\"\n", setOne(), nil, Sourced, ErrReferenced, "f:2: O"},
		{"exit above", "A=1\nexit 0\n", setOne(), nil, Sourced, ErrNotReached, "f:2: HTTP_PROXY"},
		{"readonly above", "if a; then\nreadonly HTTP_PROXY=x\nfi\nf() { readonly HTTP_PROXY=x; }\nf\n", setOne(), nil, Sourced, ErrNotReached,
			"f:4: HTTP_PROXY"},
		{"quote in the value", "", []Var{{"HTTP_PROXY", "a'b"}}, nil, Sourced, ErrValue, "f: HTTP_PROXY"},
		{"newline in the value", "", []Var{{"HTTP_PROXY", "a\nb"}}, nil, Sourced, ErrValue, "f: HTTP_PROXY"},
		{"NUL in the value", "", []Var{{"HTTP_PROXY", "a\x00b"}}, nil, Sourced, ErrValue, "f: HTTP_PROXY"},
		{"not UTF-8", "", []Var{{"HTTP_PROXY", "a\xffb"}}, nil, Sourced, ErrValue, "f: HTTP_PROXY"},
		{"not a name", "", []Var{{"HTTP-PROXY", "a"}}, nil, Sourced, ErrName, "f: HTTP-PROXY"},
		{"set and removed", "", setOne(), removeOne, Sourced, ErrName, "f: HTTP_PROXY"},
		{"backslash at the end without newline", "A=1\\", setOne(), nil, Sourced, ErrNotReached, "f:1: HTTP_PROXY"},
		{"the same after a command", "a\\", setOne(), nil, Sourced, ErrNotReached, "f:1: HTTP_PROXY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Edit("f", []byte(tt.data), tt.vars, tt.remove, tt.d)
			assert.Assert(t, got == nil)
			assert.ErrorIs(t, err, tt.cause)
			assert.Assert(t, strings.HasPrefix(err.Error(), tt.want), "%v", err)
		})
	}
	_, err := Edit("f", []byte("A='\n"), setOne(), nil, Sourced)
	var pe *ParseError
	assert.Assert(t, errors.As(err, &pe) && pe.Line == 1, "%v", err)
}
