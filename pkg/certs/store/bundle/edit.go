package bundle

import (
	"bytes"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Append puts text, whole lines with a final newline, at the end of data. The line ends of data are used, and when its last line has none, the added text ends without
// one too: so Remove can give back exactly what was there.
func Append(data, text []byte) []byte {
	if len(data) == 0 {
		return bytes.Clone(text)
	}
	crlf := []byte("\r\n")
	if bytes.HasSuffix(firstLine(data), crlf) {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, crlf, []byte("\n")), []byte("\n"), crlf)
	}
	out := bytes.Clone(data)
	if data[len(data)-1] == '\n' {
		return append(out, text...)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if data[len(data)-1] == '\r' || bytes.HasSuffix(firstLine(data), crlf) {
		out = append(out, crlf...)
	} else {
		out = append(out, '\n')
	}
	return append(out, text...)
}

// firstLine is the first line with its line break.
func firstLine(data []byte) []byte {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return data[:i+1]
	}
	return data
}

// Insert puts text at the offset at, which has to be the beginning of a line.
func Insert(data []byte, at int, text []byte) []byte {
	out := make([]byte, 0, len(data)+len(text))
	out = append(out, data[:at]...)
	out = append(out, text...)
	return append(out, data[at:]...)
}

// Remove takes every block of the given certificates out; see Cut.
func Remove(data []byte, fingerprints ...certs.Fingerprint) ([]byte, int) {
	want := map[certs.Fingerprint]bool{}
	for _, f := range fingerprints {
		want[f] = true
	}
	return Cut(data, nil, func(b Block) bool { return want[b.Fingerprint] })
}

// Cut takes the blocks out that drop wants gone; it is asked once for each, in their order. The line directly above such a block goes along when it is one of
// comments (whole lines without their line break). A block at the end of a file whose last line has no line break takes the line break before it along, which is
// what Append had to add. It returns data itself and 0 when nothing goes, else new bytes and how many blocks went.
func Cut(data []byte, comments map[string]bool, drop func(Block) bool) ([]byte, int) {
	var out []byte
	kept, count := 0, 0
	for _, b := range Scan(data) {
		if !drop(b) {
			continue
		}
		start := commentStart(data, kept, b.Start, comments)
		out = append(out, data[kept:start]...)
		if b.End == len(data) && data[b.End-1] != '\n' && len(out) > 0 {
			out = bytes.TrimSuffix(bytes.TrimSuffix(out, []byte("\n")), []byte("\r"))
		}
		kept = b.End
		count++
	}
	if count == 0 {
		return data, 0
	}
	return append(out, data[kept:]...), count
}

// commentStart is where the comment line above a block begins, or the block itself.
func commentStart(data []byte, from, start int, comments map[string]bool) int {
	if len(comments) == 0 || start == from {
		return start
	}
	line := bytes.LastIndexByte(data[from:start-1], '\n') + 1 + from
	if comments[string(bytes.TrimRight(data[line:start], "\r\n"))] {
		return line
	}
	return start
}
