package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tailscale/hujson"
)

// Document is one parsed file. The text is prefix + body + suffix, where body
// is the JSON value and the rest is white space, or, in a config.json, what
// follows the first value and is ignored by the docker CLI.
type Document struct {
	path   string
	opt    Options
	chars  charset
	prefix []byte
	body   []byte
	suffix []byte
	// root is the syntax tree of body; nil when the file is empty, white space
	// or null. Its offsets count from the start of body.
	root *hujson.Value
	// breaks are the offsets of the line feeds in prefix + body.
	breaks []int
	// sealed is why the document can be read but must not be edited, or nil.
	sealed *ParseError
}

// Parse reads data, the whole content of the file at path (used in errors
// only), as the program in opt would.
//
// dockerd takes nothing but white space, an empty file and null for "no
// settings"; so do the zero bytes and null of a config.json. Everything the
// reader refuses is a *ParseError with the line: invalid JSON, comments,
// trailing commas, nesting beyond 10000 levels (encoding/json's limit), a top
// level that is not an object, a byte order mark the reader does not know, for
// dockerd 24.0 and newer bytes that are not UTF-8, for daemon.json anything
// after the value; also more than MaxSize bytes.
//
// Some files are read by Docker though they cannot be edited without loss:
// text after the first value of a config.json, bytes that are not UTF-8 where
// the reader replaces them by U+FFFD, broken UTF-16. They parse, and
// [Document.Editable] says what is wrong. data is not kept or changed.
func Parse(path string, data []byte, opt Options) (*Document, error) {
	if len(data) > MaxSize {
		return nil, &ParseError{Path: path, Msg: fmt.Sprintf("has %d bytes, more than the %d this program reads", len(data), MaxSize)}
	}
	d := &Document{path: path, opt: opt, chars: detectCharset(data)}
	if err := checkBOM(path, d.chars, opt); err != nil {
		return nil, err
	}
	text := bytes.Clone(d.chars.decode(data))
	if err := d.checkUTF8(text, data); err != nil {
		return nil, err
	}
	if err := d.split(text); err != nil {
		return nil, err
	}
	for i, c := range text[:len(d.prefix)+len(d.body)] {
		if c == '\n' {
			d.breaks = append(d.breaks, i)
		}
	}
	if len(d.body) == 0 || string(d.body) == "null" {
		return d, nil
	}
	// encoding/json has accepted body: it is standard JSON of a depth the
	// recursive parser can bear (it overflows the stack otherwise).
	root, err := hujson.Parse(d.body)
	if err != nil {
		// Not wrapped: the parser's errors quote literals of the file.
		return nil, d.errAt(0, "cannot be analysed although it is valid JSON")
	}
	if _, ok := root.Value.(*hujson.Object); !ok {
		return nil, d.errAt(0, "must hold a JSON object, not "+kindOf(root.Value).article())
	}
	d.root = &root
	return d, nil
}

// checkUTF8 refuses or seals documents whose bytes do not survive decoding.
func (d *Document) checkUTF8(text, data []byte) error {
	bad := invalidUTF8(d.path, text)
	if bad != nil && d.opt.Dialect == DaemonJSON && d.opt.AllowBOM {
		return bad
	}
	if bad == nil && !bytes.Equal(d.chars.encode(text), data) {
		bad = &ParseError{Path: d.path, Line: 1, Msg: "is not valid UTF-16"}
	}
	d.sealed = bad
	return nil
}

// split finds the JSON value in text and checks its syntax with encoding/json,
// the decoder both readers use.
func (d *Document) split(text []byte) error {
	if d.opt.Dialect == DaemonJSON {
		// dockerd trims with bytes.TrimSpace, which takes more for white space
		// than JSON does (form feed, no-break space).
		d.body = bytes.TrimSpace(text)
		if len(d.body) == 0 {
			d.suffix = text
			return nil
		}
		start := len(text) - len(bytes.TrimLeftFunc(text, isUnicodeSpace))
		d.prefix, d.suffix = text[:start], text[start+len(d.body):]
		var raw json.RawMessage
		return d.explain(text, start, json.Unmarshal(d.body, &raw))
	}

	dec := json.NewDecoder(bytes.NewReader(text))
	var raw json.RawMessage
	err := dec.Decode(&raw)
	if errors.Is(err, io.EOF) {
		d.suffix = text
		return nil
	}
	if err != nil {
		return d.explain(text, 0, err)
	}
	end := int(dec.InputOffset())
	start := end - len(raw)
	d.prefix, d.body, d.suffix = text[:start], text[start:end], text[end:]
	if rest := bytes.TrimLeft(d.suffix, " \t\r\n"); len(rest) > 0 {
		d.sealed = &ParseError{
			Path: d.path, Line: lineAt(text, len(text)-len(rest)),
			Msg: "text after the end of the JSON value: the docker CLI ignores it and loses it when it saves; remove it first",
		}
	}
	return nil
}

// Editable returns nil, or the *ParseError that Set and Delete would return
// for every key because the file cannot be rewritten without loss.
func (d *Document) Editable() error {
	if d.sealed == nil {
		return nil
	}
	return d.sealed
}

// Path returns the path given to Parse.
func (d *Document) Path() string { return d.path }

// Empty reports whether the document holds no member at all: an empty file,
// white space, null or {}. The caller decides whether such a file stays.
func (d *Document) Empty() bool {
	return d.root == nil || len(d.object().Members) == 0
}

// Bytes returns the file's content in its own encoding. For a document that
// was not edited these are the bytes given to Parse (for broken UTF-16, see
// Editable, they may differ). The caller may keep and change the slice.
func (d *Document) Bytes() []byte {
	return d.chars.encode(d.text())
}

// text returns the whole document as UTF-8 without byte order mark.
func (d *Document) text() []byte {
	return bytes.Join([][]byte{d.prefix, d.body, d.suffix}, nil)
}

// object returns the top-level object; root must not be nil.
func (d *Document) object() *hujson.Object {
	obj, _ := d.root.Value.(*hujson.Object)
	return obj
}

// line returns the 1-based line of an offset in body.
func (d *Document) line(offset int) int {
	before, _ := slices.BinarySearch(d.breaks, len(d.prefix)+offset)
	return before + 1
}

// errAt returns a ParseError for an offset in body.
func (d *Document) errAt(offset int, msg string) *ParseError {
	return &ParseError{Path: d.path, Line: d.line(offset), Msg: msg}
}
