package shellfile

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// MaxSize is the largest file that Parse accepts, in bytes.
const MaxSize = 1 << 20

// maxNesting bounds the bytes that can open a level of nesting. The parser is recursive: a megabyte of
// opening parentheses would need gigabytes of stack. Real startup files have some dozens of them.
const maxNesting = 4000

// File is a parsed startup file. It keeps the bytes it was made from; they must not be changed.
type File struct {
	path  string
	data  []byte
	prog  *syntax.File
	lines []int // offset of the first byte of each line
}

// ParseError says why a file cannot be read as shell. Its text never quotes words of the file, which may be
// passwords.
type ParseError struct {
	Path string // as given to Parse
	Line int    // 1-based; 0 when the file as a whole is meant
	Msg  string
}

// Error returns "path:line: message", without the line when the whole file is meant.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Msg)
}

// Parse reads data as POSIX shell. path only names the file in errors and effects. The error is a
// *ParseError: a syntax error (sh would stop there and start no daemon), syntax that only bash has, an
// unfinished here-document (which dash would accept), a NUL byte, more than MaxSize bytes, or absurd nesting.
func Parse(path string, data []byte) (*File, error) {
	f := &File{path: path, data: data, lines: []int{0}}
	if len(data) > MaxSize {
		return nil, &ParseError{Path: path, Msg: fmt.Sprintf("larger than %d bytes", MaxSize)}
	}
	for i, b := range data {
		if b == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, &ParseError{Path: path, Line: f.line(i), Msg: "contains a NUL byte"}
	}
	if nesting(data) > maxNesting {
		return nil, &ParseError{Path: path, Msg: "nested too deeply to be a startup file"}
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX), syntax.KeepComments(true))
	prog, err := parser.Parse(bytes.NewReader(asciiOnly(data)), "")
	if err != nil {
		return nil, f.parseError(err)
	}
	f.prog = prog
	if err := f.checkTree(); err != nil {
		return nil, err
	}
	return f, nil
}

// checkTree refuses what the parser lets pass and the shells do not read alike.
func (f *File) checkTree() (err error) {
	refuse := func(n syntax.Node, msg string) {
		start, _ := span(n)
		err = &ParseError{Path: f.path, Line: f.line(start), Msg: msg}
	}
	syntax.Walk(f.prog, func(n syntax.Node) bool {
		switch d := n.(type) {
		case *syntax.FuncDecl: // behind a semicolon the parser takes () for a function
			if d.Name == nil {
				refuse(d, "not valid shell: function without a name")
			}
		case *syntax.SglQuoted: // to bash the backslash of $'\' quotes the quote
			if at, end := span(d); at > 0 && f.data[at-1] == '$' && endsInBackslash(f.data[at+1:end-1]) {
				refuse(d, "not POSIX shell: $' means different things to different shells")
			}
		case *syntax.Subshell:
			if at, _ := span(d); at+1 < len(f.data) && f.data[at+1] == '(' {
				refuse(d, "not POSIX shell: (( means different things to different shells")
			}
		}
		return err == nil
	})
	return err
}

// Path returns the path given to Parse.
func (f *File) Path() string { return f.path }

// asciiOnly returns a copy of the same length that the parser reads as the shells read the original. The
// parser drops the CR of a CRLF and stops at a byte that is not UTF-8, while for sh both are ordinary
// bytes of a word. The real bytes are taken from the file by offset.
func asciiOnly(data []byte) []byte {
	out := bytes.Clone(data)
	for i, b := range out {
		if b == '\r' || b >= 0x80 {
			out[i] = 0x01
		}
	}
	return out
}

// nesting counts what may open a level of nesting, generously.
func nesting(data []byte) int {
	n := 0
	for _, b := range data {
		if strings.IndexByte("({`|&", b) >= 0 {
			n++
		}
	}
	for _, word := range []string{"if", "while", "until", "for", "case"} {
		n += bytes.Count(data, []byte(word))
	}
	return n
}

// parseError turns the parser's error into ours, with the line counted here (the parser's saturates).
func (f *File) parseError(err error) error {
	out := &ParseError{Path: f.path, Msg: "not valid shell"}
	var pe syntax.ParseError
	if errors.As(err, &pe) {
		out.Line, out.Msg = f.line(int(pe.Pos.Offset())), "not valid shell: "+maskQuoted(pe.Text)
	}
	var le syntax.LangError
	if errors.As(err, &le) {
		out.Line, out.Msg = f.line(int(le.Pos.Offset())), "not POSIX shell: "+le.Feature+" are known to some shells only"
	}
	return out
}

// maskQuoted keeps a part in backquotes only when it is shell grammar; anything else is text of the file.
func maskQuoted(msg string) string {
	const grammar = " if then elif else fi while until for in do done case esac foo() "
	parts := strings.Split(msg, "`")
	for i := 1; i < len(parts); i += 2 {
		isWord := strings.ContainsFunc(parts[i], func(r rune) bool {
			return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= 0x80
		})
		if isWord && !strings.Contains(grammar, " "+parts[i]+" ") {
			parts[i] = "..."
		}
	}
	return strings.Join(parts, "`")
}

// line returns the 1-based line that holds the byte at offset.
func (f *File) line(offset int) int {
	return sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset })
}

// raw returns the bytes of a node as they stand in the file.
func (f *File) raw(n syntax.Node) string {
	start, end := span(n)
	return string(f.data[start:min(end, len(f.data))])
}

// span returns the offsets of a node's first byte and of the byte after its last.
func span(n syntax.Node) (start, end int) {
	return int(n.Pos().Offset()), int(n.End().Offset())
}
