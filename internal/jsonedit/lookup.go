package jsonedit

import (
	"strings"

	"github.com/tailscale/hujson"
)

// Kind is the type of a JSON value.
type Kind string

// The kinds of JSON values.
const (
	KindNull    Kind = "null"
	KindBoolean Kind = "boolean"
	KindNumber  Kind = "number"
	KindString  Kind = "string"
	KindArray   Kind = "array"
	KindObject  Kind = "object"
)

// article returns the kind for use in a sentence: "a string", "null".
func (k Kind) article() string {
	switch k {
	case KindNull:
		return "null"
	case KindArray, KindObject:
		return "an " + string(k)
	case KindBoolean, KindNumber, KindString:
	}
	return "a " + string(k)
}

// Member is one occurrence of a key in the file.
type Member struct {
	Path      []string // the names from the top level down, as spelled (unescaped)
	Value     string   // a string's decoded text, a number's or boolean's literal, otherwise ""; not masked
	Kind      Kind     // type of the value
	Line      int      // 1-based line of the member's name
	Effective bool     // whether the reader ends up with this occurrence
}

// Name returns the last element of Path.
func (m Member) Name() string { return m.Path[len(m.Path)-1] }

// Lookup returns every occurrence of the key in file order: duplicates, and
// names that differ in case where the reader's decoder (encoding/json) does
// not care about case: at the top level, inside proxies of a daemon.json, and
// inside a host's record of a config.json. The result is nil when there is
// none. Values of proxies may hold credentials.
func (d *Document) Lookup(path ...string) []Member {
	chains := d.match(path)
	effective := d.effective(path, chains)
	var out []Member
	for i, c := range chains {
		m := d.member(c)
		m.Effective = i == effective
		out = append(out, m)
	}
	return out
}

// chain is a member together with the members around it, outermost first.
type chain []*hujson.ObjectMember

func (c chain) leaf() *hujson.ObjectMember { return c[len(c)-1] }

// member describes the last element of a chain; Effective is left false.
func (d *Document) member(c chain) Member {
	m := Member{Kind: kindOf(c.leaf().Value.Value), Line: d.line(c.leaf().Name.StartOffset)}
	for _, om := range c {
		m.Path = append(m.Path, nameOf(om))
	}
	if lit, ok := c.leaf().Value.Value.(hujson.Literal); ok && m.Kind != KindNull {
		m.Value = lit.String()
	}
	return m
}

// match returns the chains of all members that path may mean, in file order.
func (d *Document) match(path []string) []chain {
	if d.root == nil || len(path) == 0 {
		return nil
	}
	return d.matchIn(d.object(), nil, path)
}

func (d *Document) matchIn(obj *hujson.Object, above chain, path []string) []chain {
	var out []chain
	depth := len(above)
	for i := range obj.Members {
		m := &obj.Members[i]
		if !d.sameName(path, depth, nameOf(m)) {
			continue
		}
		here := append(append(chain{}, above...), m)
		if depth == len(path)-1 {
			out = append(out, here)
		} else if inner, ok := m.Value.Value.(*hujson.Object); ok {
			out = append(out, d.matchIn(inner, here, path)...)
		}
	}
	return out
}

// sameName reports whether the reader takes spelled for path[depth]. Struct
// fields match like strings.EqualFold (encoding/json's foldName), map keys
// byte by byte: config.json's proxies is a map from host to a struct.
func (d *Document) sameName(path []string, depth int, spelled string) bool {
	fold := depth == 0 ||
		isProxies(path[0]) && (d.opt.Dialect == DaemonJSON && depth == 1 || d.opt.Dialect == ConfigJSON && depth == 2)
	if fold {
		return strings.EqualFold(spelled, path[depth])
	}
	return spelled == path[depth]
}

func isProxies(name string) bool { return strings.EqualFold(name, "proxies") }

// effective returns the index in chains (the matches of path) of the one the
// reader uses, or -1. A null never counts: encoding/json leaves a string or
// struct alone when it meets null.
func (d *Document) effective(path []string, chains []chain) int {
	inRecord := d.opt.Dialect == ConfigJSON && len(path) > 1 && isProxies(path[0])
	var record *hujson.ObjectMember
	if inRecord {
		if record = d.record(path[0], path[1]); record == nil {
			return -1
		}
	}
	for i := len(chains) - 1; i >= 0; i-- {
		c := chains[i]
		kind := kindOf(c.leaf().Value.Value)
		switch {
		case inRecord && c[1] != record:
		case inRecord && len(path) == 2:
			return i
		case inRecord && kind != KindString:
			// The CLI warns about the type and keeps an earlier value.
		case kind == KindNull:
		default:
			return i
		}
	}
	return -1
}

// record returns the entry of a host in config.json's proxies that the CLI
// ends up with, or nil.
func (d *Document) record(outer, host string) *hujson.ObjectMember {
	return d.records(outer)[host]
}

// records returns the entries of config.json's proxies as the CLI decodes
// them: a later entry replaces an earlier one as a whole, also across several
// proxies objects, and "proxies": null drops all before it.
func (d *Document) records(outer string) map[string]*hujson.ObjectMember {
	out := make(map[string]*hujson.ObjectMember)
	for _, c := range d.match([]string{outer}) {
		switch v := c.leaf().Value.Value.(type) {
		case *hujson.Object:
			for i := range v.Members {
				out[nameOf(&v.Members[i])] = &v.Members[i]
			}
		case hujson.Literal:
			if v.Kind() == 'n' {
				clear(out)
			}
		}
	}
	return out
}

// nameOf returns a member's name with escapes resolved.
func nameOf(m *hujson.ObjectMember) string {
	lit, _ := m.Name.Value.(hujson.Literal)
	return lit.String()
}

func kindOf(v hujson.ValueTrimmed) Kind {
	switch v.Kind() {
	case 'n':
		return KindNull
	case 't', 'f':
		return KindBoolean
	case '0':
		return KindNumber
	case '"':
		return KindString
	case '[':
		return KindArray
	default:
		return KindObject
	}
}
