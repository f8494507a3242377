package jsonedit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// Repaired is a daemon.json whose proxies dockerd reads.
type Repaired struct {
	Data  []byte   // the file's new bytes; those given when there was nothing to mend
	Moved []Proxy  // settings that stand where dockerd reads them now; Line and Name are those of the old place. Values may hold credentials
	Left  []string // what stays as it is, and why; sentences without path
}

// RepairDaemon moves proxy settings of a daemon.json to the proxies object, under the names dockerd knows, when they are strings and nothing else is set there: from the top level, from
// another object, from the form of the client's config.json (proxies.default.httpProxy), from another spelling. It also takes away a comma before a closing brace, a byte order mark
// that the reader of opt does not know, "proxies": null, and duplicates that do not count. Everything else keeps its bytes. path is for errors.
//
// A file with comments, or that is not JSON for another reason, is refused with a *ParseError: taking comments out would lose them.
func RepairDaemon(path string, data []byte, opt Options) (Repaired, error) {
	out := Repaired{Data: data}
	d, err := parseBroken(path, data, opt)
	if err != nil {
		return out, err
	}
	if err := d.Editable(); err != nil {
		return out, err
	}
	if d.root == nil {
		out.Data = d.Bytes()
		return out, nil
	}
	strays := d.strays()
	targets := map[string][]Proxy{}
	for _, s := range strays {
		targets[s.Key] = append(targets[s.Key], s.Proxy)
	}
	for _, s := range strays {
		if reason := d.unmovable(s, targets[s.Key]); reason != "" {
			out.Left = append(out.Left, reason)
			continue
		}
		if err := d.Delete(s.path...); err != nil {
			return Repaired{Data: data}, err
		}
		out.Moved = append(out.Moved, s.Proxy)
	}
	if err := d.settle(out.Moved); err != nil {
		return Repaired{Data: data}, err
	}
	out.Data = d.Bytes()
	return out, nil
}

// settle writes the moved settings into proxies, and leaves one member of each name there.
func (d *Document) settle(moved []Proxy) error {
	values := map[string]string{}
	for _, key := range DaemonKeys() {
		members := d.Lookup("proxies", key)
		for _, m := range members {
			if m.Effective && len(members) > 1 {
				values[key] = m.Value
			}
		}
		if _, twice := values[key]; twice {
			if err := d.Delete("proxies", key); err != nil {
				return err
			}
		}
	}
	if d.mergeable() {
		for _, p := range d.proxiesOf(DaemonKeys(), "proxies") {
			if p.Effective {
				values[p.Key] = p.Value
			}
		}
		if err := d.Delete("proxies"); err != nil {
			return err
		}
	}
	for _, m := range moved {
		values[m.Key] = m.Value
	}
	if m := d.Lookup("proxies"); len(m) > 0 && !slices.ContainsFunc(m, func(m Member) bool { return m.Kind != KindNull }) {
		if err := d.Delete("proxies"); err != nil {
			return err
		}
	}
	for _, key := range DaemonKeys() {
		if v, ok := values[key]; ok {
			if err := d.Set(v, "proxies", key); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeable reports whether the file has several objects proxies, and nothing in them but settings: dockerd merges them, so one object with the same values is the same.
func (d *Document) mergeable() bool {
	objects := 0
	for i := range d.object().Members {
		m := &d.object().Members[i]
		inner, ok := m.Value.Value.(*hujson.Object)
		if !isProxies(nameOf(m)) {
			continue
		}
		if !ok {
			return false
		}
		objects++
		for j := range inner.Members {
			if !slices.Contains(DaemonKeys(), nameOf(&inner.Members[j])) || kindOf(inner.Members[j].Value.Value) != KindString {
				return false
			}
		}
	}
	return objects > 1
}

// strayProxy is a setting at a place where dockerd does not read it.
type strayProxy struct {
	Proxy
	path []string
}

// strays finds them: every string with the name of a setting that is not one of proxies' own.
func (d *Document) strays() []strayProxy {
	var out []strayProxy
	var walk func(obj *hujson.Object, above []string)
	walk = func(obj *hujson.Object, above []string) {
		for i := range obj.Members {
			m := &obj.Members[i]
			path := append(slices.Clone(above), nameOf(m))
			if inner, ok := m.Value.Value.(*hujson.Object); ok && len(path) < 3 {
				if len(path) > 1 || !isFlatOption(path[0]) { // log-opts and its like are what they say
					walk(inner, path)
				}
				continue
			}
			key := daemonKeyOf(nameOf(m))
			if key == "" || kindOf(m.Value.Value) != KindString || len(path) == 2 && isProxies(path[0]) && nameOf(m) == key {
				continue
			}
			lit, _ := m.Value.Value.(hujson.Literal)
			out = append(out, strayProxy{Proxy{Key: key, Value: lit.String(), Line: d.line(m.Name.StartOffset), Name: strings.Join(path, ".")}, path})
		}
	}
	walk(d.object(), nil)
	return out
}

// daemonKeyOf returns the setting that a name in any spelling means, or "".
func daemonKeyOf(name string) string {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	for _, key := range DaemonKeys() {
		if plain == strings.ReplaceAll(key, "-", "") {
			return key
		}
	}
	return ""
}

// unmovable says why a stray setting stays, or "": all is the list of strays of its key.
func (d *Document) unmovable(s strayProxy, all []Proxy) string {
	for _, other := range all {
		if other.Value != s.Value {
			return fmt.Sprintf("lines %d and %d have two values of %s", s.Line, other.Line, s.Key)
		}
	}
	if len(s.path) == 3 && s.path[1] != "default" {
		return fmt.Sprintf("line %d is for the host %s only", s.Line, display(s.path[1]))
	}
	for _, m := range d.Lookup("proxies", s.Key) {
		if m.Effective && m.Value != s.Value && m.Name() == s.Key {
			return fmt.Sprintf("line %d has another %s, which is the one in use", m.Line, s.Key)
		}
	}
	return ""
}

// parseBroken parses a file that dockerd refuses for a comma too many or a byte order mark.
func parseBroken(path string, data []byte, opt Options) (*Document, error) {
	d, err := Parse(path, data, opt)
	var refused *ParseError
	if err == nil || !errors.As(err, &refused) {
		return d, err
	}
	text := data
	if !opt.AllowBOM {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	if plain, ok := withoutTrailingCommas(text); ok {
		text = plain
	}
	if d, again := Parse(path, text, opt); again == nil {
		return d, nil
	}
	return nil, err
}

// withoutTrailingCommas takes the commas before closing braces and brackets out of text; false when there is none, when there are comments, or when it is no JSON even so.
func withoutTrailingCommas(text []byte) ([]byte, bool) {
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxRepairDepth {
		return nil, false // the parser below recurses without a limit
	}
	v, err := hujson.Parse(bytes.Clone(text)) // which keeps parts of what it is given, and Standardize changes them
	if err != nil {
		return nil, false
	}
	v.Standardize() // puts a blank in the place of every byte of a comment, and of such a comma
	plain := v.Pack()
	if len(plain) != len(text) {
		return nil, false
	}
	out := make([]byte, 0, len(text))
	for i, c := range text {
		switch {
		case c == plain[i]:
			out = append(out, c)
		case c != ',':
			return nil, false // a comment
		}
	}
	return out, len(out) < len(text)
}

// maxRepairDepth bounds the brackets of a file that is given to the recursive parser without a check before it.
const maxRepairDepth = 5000
