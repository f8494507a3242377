package shellfile

import (
	"bytes"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The comment above what is added at the end of a file. The second form says that the line break above it was
// added too, so that taking the block out gives back a file without a final newline.
const (
	marker          = `# docker proxy: the lines below are its own; "docker proxy unset" takes them out`
	markerWithBreak = marker + " with the line break above"
)

// appendBlock adds the lines of vars at the end of data. They join a block of ours that ends the file.
func appendBlock(data []byte, vars []Var) []byte {
	if len(vars) == 0 {
		return data
	}
	out := bytes.Clone(data)
	if !endsInBlock(data) {
		// A backslash at the end of the last line would join our first line to it: for sh when it is code, for systemd
		// before v254 also when it is a comment (src/basic/env-file.c).
		if len(data) == 0 || bytes.HasSuffix(data, []byte("\n")) && !endsInBackslash(data[:len(data)-1]) {
			out = append(out, marker+"\n"...)
		} else {
			out = append(out, "\n"+markerWithBreak+"\n"...)
		}
	}
	for _, v := range vars {
		out = append(out, portableLines(v.Name, v.Value, "\n")+"\n"...)
	}
	return out
}

// endsInBackslash reports whether the last byte is a backslash that is not quoted by another one.
func endsInBackslash(data []byte) bool {
	return (len(data)-len(bytes.TrimRight(data, `\`)))%2 == 1
}

// endsInBlock reports whether the file ends in a block of ours that nothing was added to.
func endsInBlock(data []byte) bool {
	at := bytes.LastIndex(data, []byte(marker))
	if at < 0 || !bytes.HasSuffix(data, []byte("\n")) || at > 0 && data[at-1] != '\n' {
		return false
	}
	lines := strings.Split(strings.TrimSuffix(string(data[at:]), "\n"), "\n")
	if lines[0] != marker && lines[0] != markerWithBreak || len(lines) < 2 {
		return false
	}
	for _, line := range lines[1:] {
		name, isExport := strings.CutPrefix(line, "export ")
		if !isOurAssignment(line) && !(isExport && ValidName(name)) {
			return false
		}
	}
	return true
}

// isOurAssignment reports whether a line has the form NAME='value'.
func isOurAssignment(line string) bool {
	name, value, ok := strings.Cut(line, "='")
	return ok && ValidName(name) && strings.IndexByte(value, '\'') == len(value)-1
}

// mark is a marker in a file.
type mark struct {
	start, next int // offsets of the comment and of the line below it
	hasBreak    bool
	isOrphan    bool // the line below is not ours
}

// marks lists the markers of a file in order.
func (f *File) marks() []mark {
	var out []mark
	syntax.Walk(f.prog, func(n syntax.Node) bool {
		c, ok := n.(*syntax.Comment)
		if !ok {
			return true
		}
		start, end := span(c)
		text := string(f.data[start:end])
		if text != marker && text != markerWithBreak || start > 0 && f.data[start-1] != '\n' {
			return true
		}
		rest := strings.TrimPrefix(string(f.data[end:]), "\n")
		line, _, _ := strings.Cut(rest, "\n")
		out = append(out, mark{start, len(f.data) - len(rest), text == markerWithBreak, !isOurAssignment(line)})
		return true
	})
	slices.SortFunc(out, func(a, b mark) int { return a.start - b.start })
	return out
}

// cleanBlocks takes out of an edited file the markers that have lost their lines by the edit. The line break
// above goes too when it was ours and nothing was added below.
func cleanBlocks(original, edited *File) []byte {
	before := original.marks()
	var list []splice
	for i, m := range edited.marks() {
		if !m.isOrphan || i >= len(before) || before[i].isOrphan {
			continue
		}
		if m.hasBreak && m.next == len(edited.data) && m.start > 0 {
			m.start--
		}
		list = append(list, splice{m.start, m.next, ""})
	}
	return spliced(edited.data, list)
}
