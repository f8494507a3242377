package jsonedit

import (
	"bytes"
	"strings"

	"github.com/tailscale/hujson"
)

// place is an object that gets a new member.
type place struct {
	obj        *hujson.Object
	start, end int                  // offsets of { and after } in body
	member     *hujson.ObjectMember // whose value obj is; nil for the top level
	depth      int                  // 0 for the top level
}

// layout is how a new member is written.
type layout struct {
	newline string // between members and after an opening brace; "" keeps all on one line
	indent  string // before the member's name, when newline is set
	unit    string // one more level of indentation
	colon   string // between name and value
	pad     string // inside the braces of a one-line object
}

// newText is the content for a file without any member.
func (d *Document) newText(path []string, literal string) string {
	l := layout{newline: d.newline(), unit: d.defaultUnit(), colon: ": "}
	l.indent = l.unit
	text := "{" + l.newline + l.indent + l.render(path, literal) + l.newline + "}"
	if !bytes.HasPrefix(d.suffix, []byte(l.newline)) {
		text += l.newline
	}
	return text
}

// defaultUnit is the indentation of files that show none of their own: two
// spaces as in Docker's documentation of daemon.json, a tab in config.json as
// the docker CLI writes it.
func (d *Document) defaultUnit() string {
	if d.opt.Dialect == ConfigJSON {
		return "\t"
	}
	return "  "
}

// render writes the member path[0] holding objects down to the literal.
func (l layout) render(path []string, literal string) string {
	name := string(hujson.String(path[0]))
	if len(path) == 1 {
		return name + l.colon + literal
	}
	if l.newline == "" {
		return name + l.colon + "{" + l.pad + l.render(path[1:], literal) + l.pad + "}"
	}
	inner := l
	inner.indent += l.unit
	return name + l.colon + "{" + l.newline + inner.indent + inner.render(path[1:], literal) + l.newline + l.indent + "}"
}

// insertion returns the splice that adds a member at the end of an object.
// Nothing but the inserted text changes, except between the braces of an
// empty object inside the document, where white space may be replaced.
func (d *Document) insertion(at place, path []string, literal string) *splice {
	if len(at.obj.Members) == 0 {
		return d.insertFirst(at, path, literal)
	}
	members := at.obj.Members
	last := &members[len(members)-1]
	before, after := "", "" // white space around the comma
	gapStart := at.start + 1
	if len(members) > 1 {
		gapStart = members[len(members)-2].Value.EndOffset
	}
	gap := string(d.body[gapStart:last.Name.StartOffset])
	if head, tail, ok := strings.Cut(gap, ","); ok {
		before, after = lastLineBreak(head), lastLineBreak(tail)
	} else {
		after = lastLineBreak(gap)
	}

	l := layout{colon: d.colonOf(last)}
	l.newline, l.indent = splitBreak(after)
	switch {
	case l.newline != "":
		l.unit = d.unitOf(at, l.indent)
	case len(members) == 1:
		l.pad = after // the space after the brace is no sign of one after commas
		if after == "" && strings.HasSuffix(l.colon, " ") {
			after = " "
		}
	default:
		l.pad = d.padOf(at)
	}
	end := last.Value.EndOffset
	return &splice{end, end, before + "," + after + l.render(path, literal)}
}

// insertFirst is insertion into an object without members. White space
// between the braces is kept behind the new member, so that taking the member
// out again restores it.
func (d *Document) insertFirst(at place, path []string, literal string) *splice {
	inside := string(d.body[at.start+1 : at.end-1])
	l := layout{colon: d.anyColon()}
	var closing string
	if l.newline, closing = splitBreak(lastLineBreak(inside)); l.newline != "" {
		l.unit = d.unitOf(at, "")
		l.indent = closing + l.unit
		return &splice{at.start + 1, at.start + 1, l.newline + l.indent + l.render(path, literal)}
	}
	if at.member != nil {
		// {} inside a document that is laid out in lines opens up.
		if indent, ok := d.lineIndent(at.member.Name.StartOffset); ok {
			l.newline = d.newline()
			l.unit = d.unitOf(place{}, "")
			l.indent = indent + l.unit
			return &splice{at.start + 1, at.end - 1, l.newline + l.indent + l.render(path, literal) + l.newline + indent}
		}
	}
	l.pad = inside
	return &splice{at.start + 1, at.start + 1, inside + l.render(path, literal)}
}

// lastLineBreak shortens white space with line breaks to the last of them and
// what follows it, so that blank lines are not imitated.
func lastLineBreak(space string) string {
	i := strings.LastIndexByte(space, '\n')
	if i > 0 && space[i-1] == '\r' {
		i--
	}
	return space[max(i, 0):]
}

// splitBreak separates a line break at the start from the indentation after
// it; without one newline is empty.
func splitBreak(space string) (newline, indent string) {
	i := strings.IndexByte(space, '\n')
	return space[:i+1], space[i+1:]
}

// newline is the document's line end: CRLF if it has one anywhere.
func (d *Document) newline() string {
	if bytes.Contains(d.text(), []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// lineIndent returns the white space before an offset, if nothing else stands
// before it in its line and it is not in the first line of body.
func (d *Document) lineIndent(offset int) (string, bool) {
	start := bytes.LastIndexByte(d.body[:offset], '\n') + 1
	indent := string(d.body[start:offset])
	return indent, start > 0 && strings.Trim(indent, " \t") == ""
}

// unitOf is what one level of indentation adds: seen between the object's
// closing brace and its members, else between the document's and its own,
// else the default.
func (d *Document) unitOf(at place, indent string) string {
	if at.obj != nil && len(at.obj.Members) > 0 {
		if closing, ok := d.lineIndent(at.end - 1); ok && len(indent) > len(closing) && strings.HasPrefix(indent, closing) {
			return indent[len(closing):]
		}
	}
	members := d.object().Members
	if len(members) > 0 {
		if indent, ok := d.lineIndent(members[0].Name.StartOffset); ok {
			if closing, ok := d.lineIndent(d.root.EndOffset - 1); ok {
				return strings.TrimPrefix(indent, closing)
			}
			return indent
		}
	}
	return d.defaultUnit()
}

// padOf is the space after an object's opening brace, if that is all.
func (d *Document) padOf(at place) string {
	pad := string(d.body[at.start+1 : at.obj.Members[0].Name.StartOffset])
	if strings.Contains(pad, "\n") {
		return ""
	}
	return pad
}

// anyColon is the colon of the document's first member.
func (d *Document) anyColon() string {
	if members := d.object().Members; len(members) > 0 {
		return d.colonOf(&members[0])
	}
	return ": "
}

// colonOf is a member's colon with at most one blank on each side: more is
// alignment or a line break and would be wrong for another name.
func (d *Document) colonOf(m *hujson.ObjectMember) string {
	before, after, _ := strings.Cut(string(d.body[m.Name.EndOffset:m.Value.StartOffset]), ":")
	return oneBlank(before) + ":" + oneBlank(after)
}

func oneBlank(space string) string {
	if strings.HasPrefix(space, "\t") && !strings.Contains(space, "\n") {
		return "\t"
	}
	if space != "" {
		return " "
	}
	return ""
}
