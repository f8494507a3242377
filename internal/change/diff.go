package change

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// missingFile is how diff(1) and git spell the side on which there is no file.
const missingFile = "/dev/null"

// Diff returns the change as a unified diff for people: file names, mode and owner changes, then the lines. Every line of a file passes mask, which takes and
// returns a line without its line break; it must hide credentials and escape control characters. A JSON file, and any file with Secret set, is shown without
// context lines, since the lines round a change may hold somebody else's secrets; and where several members stand on one line of JSON, only the part that differs is
// shown. A change that changes nothing gives "".
func (c Change) Diff(mask func(string) string) string {
	if c.NoOp() {
		return ""
	}
	var b strings.Builder
	from, to := c.Path, c.Path
	if c.From.Kind == Absent {
		from = missingFile
	}
	if c.To.Kind == Absent {
		to = missingFile
	}
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", mask(from), mask(to))
	b.WriteString(c.attributes(mask))
	b.WriteString(c.lines(mask))
	return b.String()
}

// attributes describes everything but the bytes, in the manner of git's extended headers.
func (c Change) attributes(mask func(string) string) string {
	var b strings.Builder
	if c.From.Kind == c.To.Kind && perm(c.From.Mode) != perm(c.To.Mode) && c.From.Kind != Link {
		fmt.Fprintf(&b, "old mode %s\nnew mode %s\n", octal(c.From.Mode), octal(c.To.Mode))
	}
	if c.From.Kind == Absent && (c.To.Kind == File || c.To.Kind == Dir) {
		fmt.Fprintf(&b, "new %s mode %s\n", c.To.Kind, octal(c.To.Mode))
	}
	if c.From.Kind == c.To.Kind && (!sameID(c.From.UID, c.To.UID) || !sameID(c.From.GID, c.To.GID)) {
		fmt.Fprintf(&b, "old owner %d:%d\nnew owner %d:%d\n", c.From.UID, c.From.GID, c.To.UID, c.To.GID)
	}
	if c.From.Kind == Link && (c.To.Kind != Link || c.From.Target != c.To.Target) {
		fmt.Fprintf(&b, "old link %s\n", mask(c.From.Target))
	}
	if c.To.Kind == Link && (c.From.Kind != Link || c.From.Target != c.To.Target) {
		fmt.Fprintf(&b, "new link %s\n", mask(c.To.Target))
	}
	return b.String()
}

func octal(m fs.FileMode) string {
	n := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return fmt.Sprintf("%04o", n)
}

// lines is the unified diff of the bytes without its two header lines.
func (c Change) lines(mask func(string) string) string {
	isJSON := path.Ext(c.Path) == ".json"
	context := udiff.DefaultContextLines
	if isJSON || c.Secret {
		context = 0
	}
	before, after := string(c.From.Data), string(c.To.Data)
	// The edits are consistent since they come from the same two texts: the error cannot occur, and without lines the diff would still be true.
	text, err := udiff.ToUnified("a", "b", before, udiff.Lines(before, after), context)
	if err != nil || text == "" {
		return ""
	}
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")[2:]
	if isJSON {
		rows = elide(rows)
	}
	var b strings.Builder
	for _, row := range rows {
		if row == "" || strings.HasPrefix(row, "@@") || row[0] == '\\' {
			b.WriteString(row + "\n")
			continue
		}
		b.WriteString(row[:1] + mask(strings.TrimSuffix(row[1:], "\r")) + "\n")
	}
	return b.String()
}

// elide shortens the lines of JSON that hold several members to the part that differs from the line they replace. A line of that kind which replaces nothing
// cannot be judged and is shown as its length only.
func elide(rows []string) []string {
	out := append([]string(nil), rows...)
	for at := 0; at < len(rows); {
		del, next := run(rows, at, '-')
		add, next := run(rows, next, '+')
		for i := range max(len(del), len(add)) {
			switch {
			case i < len(del) && i < len(add):
				out[del[i]], out[add[i]] = differing(rows[del[i]], rows[add[i]])
			case i < len(del):
				out[del[i]] = withheld(rows[del[i]])
			default:
				out[add[i]] = withheld(rows[add[i]])
			}
		}
		at = max(next, at+1)
	}
	return out
}

// run gives the indexes of the rows from at on that begin with sign, and where they end; the note about a missing newline belongs to the row before it.
func run(rows []string, at int, sign byte) (found []int, end int) {
	for end = at; end < len(rows) && rows[end] != ""; end++ {
		switch {
		case rows[end][0] == sign:
			found = append(found, end)
		case rows[end][0] != '\\' || len(found) == 0:
			return found, end
		}
	}
	return found, end
}

// members is the number of names in a line of JSON, judged by the colon after a closing quote; too many is harmless.
func members(line string) int { return strings.Count(line, `":`) + strings.Count(line, `" :`) }

func withheld(row string) string {
	if members(row) < 2 {
		return row
	}
	return fmt.Sprintf("%c… (%d bytes)", row[0], len(row)-1)
}

// differing cuts what two rows have in common at their ends, back to the nearest place where a member begins or ends.
func differing(a, b string) (string, string) {
	if members(a) < 2 && members(b) < 2 {
		return a, b
	}
	x, y := a[1:], b[1:]
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	head = strings.LastIndexAny(x[:head], ",{[}]") + 1
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	if i := strings.IndexAny(x[len(x)-tail:], ",{[}]"); i >= 0 {
		tail -= i
	} else {
		tail = 0
	}
	cut := func(s string) string {
		mid := s[head : len(s)-tail]
		if head > 0 {
			mid = "…" + mid
		}
		if tail > 0 {
			mid += "…"
		}
		return mid
	}
	return a[:1] + cut(x), b[:1] + cut(y)
}

// Diff is the diffs of all changes one after the other.
func (p Plan) Diff(mask func(string) string) string {
	var b strings.Builder
	for _, c := range p {
		b.WriteString(c.Diff(mask))
	}
	return b.String()
}
