package jsonedit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// charset is the encoding a file is stored in, told by its byte order mark.
type charset int

const (
	plainUTF8 charset = iota
	bomUTF8
	utf16LE
	utf16BE
)

// bom returns the bytes a file in this charset starts with.
func (c charset) bom() []byte {
	switch c {
	case bomUTF8:
		return []byte{0xEF, 0xBB, 0xBF}
	case utf16LE:
		return []byte{0xFF, 0xFE}
	case utf16BE:
		return []byte{0xFE, 0xFF}
	case plainUTF8:
	}
	return nil
}

// detectCharset looks at the byte order mark only, as dockerd does
// (unicode.BOMOverride in moby daemon/config, v24).
func detectCharset(data []byte) charset {
	for _, c := range []charset{bomUTF8, utf16LE, utf16BE} {
		if bytes.HasPrefix(data, c.bom()) {
			return c
		}
	}
	return plainUTF8
}

// decode returns the text without its byte order mark, as UTF-8. What is not
// UTF-16 becomes U+FFFD, like in dockerd's decoder; UTF-8 is not checked.
func (c charset) decode(data []byte) []byte {
	data = data[len(c.bom()):]
	order := c.byteOrder()
	if order == nil {
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for len(data) >= 2 {
		units = append(units, order.Uint16(data))
		data = data[2:]
	}
	runes := utf16.Decode(units)
	if len(data) == 1 {
		runes = append(runes, utf8.RuneError)
	}
	return []byte(string(runes))
}

// encode is the opposite of decode; text must be UTF-8 for UTF-16 charsets.
func (c charset) encode(text []byte) []byte {
	out := bytes.Clone(c.bom())
	order := c.byteOrder()
	if order == nil {
		return append(out, text...)
	}
	for _, u := range utf16.Encode([]rune(string(text))) {
		out = order.AppendUint16(out, u)
	}
	return out
}

// utf16Order is what both byte orders of encoding/binary offer.
type utf16Order interface {
	Uint16(b []byte) uint16
	AppendUint16(b []byte, v uint16) []byte
}

func (c charset) byteOrder() utf16Order {
	switch c {
	case utf16LE:
		return binary.LittleEndian
	case utf16BE:
		return binary.BigEndian
	case plainUTF8, bomUTF8:
	}
	return nil
}

// checkBOM refuses a byte order mark the reader does not accept.
func checkBOM(path string, c charset, opt Options) error {
	switch {
	case c == plainUTF8 || opt.Dialect == DaemonJSON && opt.AllowBOM:
		return nil
	case opt.Dialect == ConfigJSON:
		return &ParseError{Path: path, Line: 1, Mistake: MistakeByteOrderMark, Msg: "starts with a byte order mark, which the docker CLI does not accept; save it as UTF-8 without one"}
	default:
		return &ParseError{Path: path, Line: 1, Mistake: MistakeByteOrderMark, Msg: "starts with a byte order mark, which dockerd before 24.0 does not accept; save it as UTF-8 without one"}
	}
}

// invalidUTF8 returns the error for the first byte of text that is not UTF-8,
// or nil.
func invalidUTF8(path string, text []byte) *ParseError {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return &ParseError{Path: path, Line: lineAt(text, i), Msg: fmt.Sprintf("byte 0x%02x is not valid UTF-8", text[i])}
		}
		i += size
	}
	return nil
}

// lineAt returns the 1-based line of an offset; lines end with a line feed.
func lineAt(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(offset, len(text))], []byte("\n"))
}
