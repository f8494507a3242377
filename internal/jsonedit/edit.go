package jsonedit

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// splice replaces body[start:end] by text.
type splice struct {
	start, end int
	text       string
}

// Set makes value the effective one for the key at path, for example
// ("proxies", "https-proxy") in a daemon.json or ("proxies", "default",
// "httpProxy") in a config.json.
//
// If the key has that value already, not a byte changes. If it has another
// one, the string literal of the effective occurrence is replaced. Otherwise a
// member, with the objects around it as needed, is added at the end of its
// object in the style of its siblings. value must be UTF-8 and is escaped no
// more than JSON demands.
//
// Errors are *ParseError with the line: the document is not editable, the path
// runs through something that is not an object, the key holds something that
// is not a string, the result would exceed MaxSize. After an error the
// document is unchanged. Set does not judge the rest of the file: look at the
// problems of [DaemonProxies] first.
func (d *Document) Set(value string, path ...string) error {
	if !utf8.ValidString(value) {
		return &ParseError{Path: d.path, Msg: "the new value of " + strings.Join(path, ".") + " is not valid UTF-8"}
	}
	return d.set(path, KindString, string(hujson.String(value)))
}

// SetBool is Set for booleans such as live-restore.
func (d *Document) SetBool(value bool, path ...string) error {
	return d.set(path, KindBoolean, string(hujson.Bool(value)))
}

func (d *Document) set(path []string, kind Kind, literal string) error {
	if err := d.checkEdit(path); err != nil {
		return err
	}
	s, err := d.planSet(path, kind, literal)
	if err != nil || s == nil {
		return err
	}
	next, err := d.apply([]splice{*s})
	if err != nil {
		return err
	}
	// An occurrence of the same key in another spelling may outrank ours.
	for _, m := range next.Lookup(path...) {
		if !m.Effective {
			continue
		}
		if m.Value != hujson.Literal(literal).String() {
			return &ParseError{Path: d.path, Line: m.Line, Msg: display(strings.Join(m.Path, ".")) + " would override the new value; remove it first"}
		}
		*d = *next
		return nil
	}
	return &ParseError{Path: d.path, Msg: strings.Join(path, ".") + " would have no effect in this file"}
}

// Delete removes every occurrence of the key at path, so that none can
// surface, and the objects inside the top level that have become empty by it.
// Deleting what Set added gives back the bytes from before, if the file held
// an object without path[0]; of a file that was empty, white space or null an
// object remains, see [Document.Empty]. A client host whose record goes gets
// the settings of "default" again. Objects of which another one with the same name remains are
// kept, empty: without them the other one's members would count. A key that is
// not there changes nothing. Errors are those of Set.
func (d *Document) Delete(path ...string) error {
	if err := d.checkEdit(path); err != nil {
		return err
	}
	splices := d.planDelete(path)
	if len(splices) == 0 {
		return nil
	}
	next, err := d.apply(splices)
	if err != nil {
		return err
	}
	if left := next.match(path); len(left) > 0 {
		return next.errAt(left[0].leaf().Name.StartOffset, strings.Join(path, ".")+" could not be removed")
	}
	*d = *next
	return nil
}

func (d *Document) checkEdit(path []string) error {
	if len(path) == 0 {
		return &ParseError{Path: d.path, Msg: "no key given"}
	}
	return d.Editable()
}

// apply returns the document with the splices made, parsed anew. The splices
// must not overlap and be in ascending order.
func (d *Document) apply(splices []splice) (*Document, error) {
	var body bytes.Buffer
	at := 0
	for _, s := range splices {
		body.Write(d.body[at:s.start])
		body.WriteString(s.text)
		at = s.end
	}
	body.Write(d.body[at:])
	text := bytes.Join([][]byte{d.prefix, body.Bytes(), d.suffix}, nil)
	next, err := Parse(d.path, d.chars.encode(text), d.opt)
	var perr *ParseError
	if errors.As(err, &perr) {
		return nil, &ParseError{Path: perr.Path, Line: perr.Line, Msg: "after the change: " + perr.Msg}
	}
	return next, err
}

// planSet returns the one splice that sets the key, or nil when it has the
// value already.
func (d *Document) planSet(path []string, kind Kind, literal string) (*splice, error) {
	if d.root == nil {
		return &splice{0, len(d.body), d.newText(path, literal)}, nil
	}
	chains := d.match(path)
	target := d.effective(path, chains)
	if target < 0 {
		target = d.lastReplaceable(path, chains)
	}
	for _, c := range chains {
		if k := kindOf(c.leaf().Value.Value); k != kind && k != KindNull {
			return nil, d.errAt(c.leaf().Name.StartOffset, display(nameOf(c.leaf()))+" must be a "+string(kind)+", not "+k.article())
		}
	}
	if target >= 0 {
		v := chains[target].leaf().Value
		if lit, ok := v.Value.(hujson.Literal); ok && lit.String() == hujson.Literal(literal).String() && kindOf(lit) == kind {
			return nil, nil //nolint:nilnil // nothing to do is no error
		}
		return &splice{v.StartOffset, v.EndOffset, literal}, nil
	}
	return d.planInsert(path, literal)
}

// lastReplaceable returns the last null of the key where a string in its place
// would count, or -1.
func (d *Document) lastReplaceable(path []string, chains []chain) int {
	var record *hujson.ObjectMember
	if len(path) > 2 {
		record = d.record(path[0], path[1])
	}
	for i := len(chains) - 1; i >= 0; i-- {
		c := chains[i]
		inRecord := d.opt.Dialect != ConfigJSON || len(path) < 3 || c[1] == record
		if inRecord && kindOf(c.leaf().Value.Value) == KindNull {
			return i
		}
	}
	return -1
}

// planInsert finds the innermost object on the path that exists and counts,
// and adds the rest of the path at its end.
func (d *Document) planInsert(path []string, literal string) (*splice, error) {
	at := place{obj: d.object(), start: d.root.StartOffset, end: d.root.EndOffset}
	for depth := 1; depth < len(path); depth++ {
		containers := d.match(path[:depth])
		if len(containers) == 0 {
			break
		}
		for _, c := range containers {
			if k := kindOf(c.leaf().Value.Value); k != KindObject {
				return nil, d.errAt(c.leaf().Name.StartOffset, display(nameOf(c.leaf()))+" must be an object, not "+k.article())
			}
		}
		m := containers[len(containers)-1].leaf()
		obj, _ := m.Value.Value.(*hujson.Object)
		at = place{obj: obj, start: m.Value.StartOffset, end: m.Value.EndOffset, member: m, depth: depth}
	}
	return d.insertion(at, path[at.depth:], literal), nil
}

// planDelete returns the splices that remove all occurrences of the key and
// the objects emptied by that, in ascending order.
func (d *Document) planDelete(path []string) []splice {
	doomed := make(map[*hujson.ObjectMember]bool)
	for _, c := range d.match(path) {
		doomed[c.leaf()] = true
	}
	if len(doomed) == 0 {
		return nil
	}
	for depth := len(path) - 1; depth > 0; depth-- {
		containers := d.match(path[:depth])
		for _, c := range containers {
			if !isEmptied(c.leaf(), doomed) {
				return d.removals(d.root, doomed)
			}
		}
		for _, c := range containers {
			doomed[c.leaf()] = true
		}
	}
	return d.removals(d.root, doomed)
}

// isEmptied reports whether a member is an object that loses its last member.
func isEmptied(m *hujson.ObjectMember, doomed map[*hujson.ObjectMember]bool) bool {
	obj, ok := m.Value.Value.(*hujson.Object)
	if !ok || len(obj.Members) == 0 {
		return false
	}
	for i := range obj.Members {
		if !doomed[&obj.Members[i]] {
			return false
		}
	}
	return true
}

// removals returns the splices that take the doomed members out of the object
// v and of the objects in it. A run of members goes with the comma before it;
// only a run at the start goes with the comma after it. When all members go,
// the white space before the closing brace stays, which is where insertion
// leaves what was between the braces.
func (d *Document) removals(v *hujson.Value, doomed map[*hujson.ObjectMember]bool) []splice {
	obj, ok := v.Value.(*hujson.Object)
	if !ok {
		return nil
	}
	var out []splice
	kept := -1 // index of the last member kept
	for i := range obj.Members {
		m := &obj.Members[i]
		if doomed[m] {
			continue
		}
		if kept < 0 && i > 0 {
			out = append(out, splice{start: obj.Members[0].Name.StartOffset, end: m.Name.StartOffset})
		} else if kept >= 0 && i > kept+1 {
			out = append(out, splice{start: obj.Members[kept].Value.EndOffset, end: obj.Members[i-1].Value.EndOffset})
		}
		out = append(out, d.removals(&m.Value, doomed)...)
		kept = i
	}
	if last := len(obj.Members) - 1; kept < last {
		start := v.StartOffset + 1
		if kept >= 0 {
			start = obj.Members[kept].Value.EndOffset
		}
		out = append(out, splice{start: start, end: obj.Members[last].Value.EndOffset})
	}
	slices.SortFunc(out, func(a, b splice) int { return a.start - b.start })
	return out
}
