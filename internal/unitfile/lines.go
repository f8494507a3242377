package unitfile

import "bytes"

const (
	longLineMax = 1 << 20 // LONG_LINE_MAX of src/basic/def.h
	oldChunk    = 2047    // LINE_MAX of POSIX, less the terminator fgets adds
)

// physical is one line as the reader of a certain release cuts it.
type physical struct {
	start, end int // of the text
	stop       int // after the terminator
	line       int // 1-based, counted in line feeds, as an editor shows it
}

// splitLines cuts data into lines. tooLong is the index of the line that
// stops the reader, or -1.
func splitLines(data []byte, v version) (lines []physical, tooLong int) {
	line := 1
	for at := 0; at < len(data); {
		p := nextLine(data, at, v)
		p.line = line
		if v.longLines() && p.end-p.start >= longLineMax {
			return append(lines, p), len(lines)
		}
		lines = append(lines, p)
		line += bytes.Count(data[p.start:p.stop], []byte{'\n'})
		at = p.stop
	}
	return lines, -1
}

func nextLine(data []byte, at int, v version) physical {
	switch {
	case v.anyLineEnd():
		end := at + indexAny(data[at:], "\n\r\x00")
		return physical{start: at, end: end, stop: end + lineEnd(data[end:])}
	case v.longLines():
		end := at + indexAny(data[at:], "\n\x00")
		return physical{start: at, end: end, stop: min(end+1, len(data))}
	default:
		stop := min(at+oldChunk, len(data))
		if i := bytes.IndexByte(data[at:stop], '\n'); i >= 0 {
			stop = at + i + 1
		}
		return physical{start: at, end: at + indexAny(data[at:stop], "\n\r\x00"), stop: stop}
	}
}

// lineEnd measures a terminator: each of CR and LF at most once, in any order,
// then at most one NUL (read_line_full in src/basic/fileio.c).
func lineEnd(rest []byte) int {
	var seen [256]bool
	n := 0
	for n < len(rest) {
		c := rest[n]
		if c != '\n' && c != '\r' && c != 0 || seen[0] || seen[c] {
			break
		}
		seen[c] = true
		n++
	}
	return n
}

// indexAny is bytes.IndexAny that answers len(b) for "not there" and looks at
// bytes, not at runes.
func indexAny(b []byte, set string) int {
	n := len(b)
	for _, c := range []byte(set) {
		if i := bytes.IndexByte(b[:n], c); i >= 0 {
			n = i
		}
	}
	return n
}
