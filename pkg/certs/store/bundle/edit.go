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
	return Cut(data, Around{}, func(b Block) bool { return want[b.Fingerprint] })
}

// Around says what belongs to a block besides itself: whole lines, without their line break, that go along when they stand directly above it.
type Around struct {
	// Marks go alone.
	Marks map[string]bool
	// Comments go with the empty line that separates their block from the next one, or at the end of the file from the one before.
	Comments map[string]bool
	// Spaced says that every block has an empty line behind it.
	Spaced bool
}

// Cut takes the blocks out that drop wants gone; it is asked once for each, in their order. A block at the end of a file whose last line has no line break takes the
// line break before it along, which is what Append had to add. It returns data itself and 0 when nothing goes, else new bytes and how many blocks went.
func Cut(data []byte, around Around, drop func(Block) bool) ([]byte, int) {
	var out []byte
	kept, count := 0, 0
	for _, b := range Scan(data) {
		if !drop(b) {
			continue
		}
		start, line := lineAbove(data, kept, b.Start)
		if !around.Marks[line] && !around.Comments[line] {
			start = b.Start
		}
		out = append(out, data[kept:start]...)
		kept = b.End
		switch {
		case b.End == len(data) && data[b.End-1] != '\n':
			if around.Comments[line] && emptyLine(out) {
				out = chop(out)
			}
			out = chop(out)
		case around.Marks[line] || !around.Comments[line] && !around.Spaced:
		case bytes.HasPrefix(data[kept:], []byte("\n")):
			kept++
		case bytes.HasPrefix(data[kept:], []byte("\r\n")):
			kept += 2
		case kept == len(data) && around.Comments[line] && emptyLine(out):
			out = chop(out)
		}
		count++
	}
	if count == 0 {
		return data, 0
	}
	return append(out, data[kept:]...), count
}

// chop takes one line break from the end.
func chop(data []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
}

// emptyLine reports that data ends with an empty line.
func emptyLine(data []byte) bool {
	return bytes.HasSuffix(data, []byte("\n\n")) || bytes.HasSuffix(data, []byte("\n\r\n"))
}

// lineAbove gives the line above an offset that is the beginning of a line, and where it begins; it does not look before from.
func lineAbove(data []byte, from, at int) (int, string) {
	if at == from {
		return at, ""
	}
	start := bytes.LastIndexByte(data[from:at-1], '\n') + 1 + from
	return start, string(bytes.TrimRight(data[start:at], "\r\n"))
}

// CommentAbove is the offset of the comment line directly above a block of data and true, or the block's own and false.
func CommentAbove(data []byte, b Block) (int, bool) {
	start, line := lineAbove(data, 0, b.Start)
	if len(line) > 2 && line[:2] == "# " {
		return start, true
	}
	return b.Start, false
}
