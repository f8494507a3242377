package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

func isUnicodeSpace(r rune) bool { return unicode.IsSpace(r) }

// explain turns encoding/json's error about text[base:] into one with a line
// and, for the mistakes people really make, their name. It returns nil for a
// nil error.
func (d *Document) explain(text []byte, base int, err error) error {
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		// The decoder reports a truncated document as io.ErrUnexpectedEOF.
		return &ParseError{Path: d.path, Line: endLine(text), Msg: "invalid JSON: the file ends in the middle of a value"}
	}
	// Offset counts the bytes read including the offending one.
	at := base + int(syntax.Offset) - 1
	if at < base || at >= len(text) || strings.HasPrefix(syntax.Error(), "unexpected end") {
		return &ParseError{Path: d.path, Line: endLine(text), Msg: "invalid JSON: the file ends in the middle of a value"}
	}
	at, mistake, msg := nameMistake(text, base, at, syntax)
	return &ParseError{Path: d.path, Line: lineAt(text, at), Mistake: mistake, Msg: msg}
}

// endLine is the last line with text on it: where a truncated value stops.
func endLine(text []byte) int {
	return lineAt(text, len(bytes.TrimRightFunc(text, isUnicodeSpace)))
}

// nameMistake returns the kind of and a message for the syntax error at text[at],
// and the offset of the byte to point at.
func nameMistake(text []byte, base, at int, syntax *json.SyntaxError) (int, Mistake, string) {
	msg := syntax.Error()
	before := bytes.TrimRight(text[base:at], " \t\r\n")
	c := text[at]
	wantsToken := strings.Contains(msg, "looking for beginning of") || strings.Contains(msg, "after ")
	switch {
	case strings.Contains(msg, "exceeded max depth"):
		return at, "", fmt.Sprintf("nested deeper than %d levels", maxDepth)
	case c == 0 || (at == 1 && len(text) > 1 && text[1] == 0):
		return at, "", "not UTF-8 text (a zero byte; perhaps UTF-16 without a byte order mark)"
	case wantsToken && (c == '#' || isCommentStart(text[at:])):
		return at, MistakeComment, "comments are not allowed in this file"
	case (c == '}' || c == ']') && strings.Contains(msg, "looking for beginning of") && bytes.HasSuffix(before, []byte(",")):
		return base + len(before) - 1, MistakeTrailingComma, fmt.Sprintf("trailing comma before %q", c)
	case strings.Contains(msg, "after top-level value") && len(bytes.TrimSpace(text[at:])) == 1 && c == ',':
		return at, MistakeTrailingComma, "trailing comma after the end of the JSON value"
	case strings.Contains(msg, "after top-level value"):
		return at, "", "text after the end of the JSON value"
	case c == '\n' || c == '\r':
		return at, "", "invalid JSON: a line ends inside a string or word"
	default:
		return at, "", "invalid JSON: " + msg
	}
}

func isCommentStart(text []byte) bool {
	return bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte("/*"))
}
