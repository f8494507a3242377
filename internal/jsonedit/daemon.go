package jsonedit

import (
	"strings"

	"github.com/tailscale/hujson"
)

// Proxy is one occurrence of a proxy setting in a file.
type Proxy struct {
	Key       string // http-proxy … in daemon.json, httpProxy … in config.json
	Value     string // decoded, not masked, may be empty (which sets nothing)
	Line      int    // 1-based line of the member's name
	Name      string // the member's names joined with dots, as spelled
	Effective bool   // whether the reader ends up with this occurrence
}

// DaemonKeys returns the keys of daemon.json's proxies object, in the order in
// which they are always listed.
func DaemonKeys() []string { return []string{"http-proxy", "https-proxy", "no-proxy"} }

// DaemonProxies returns what dockerd 23.0 and newer decodes from the proxies
// of a daemon.json: every occurrence with a string value in file order, at most
// one per key effective, and the problems in order of their lines.
//
// Several proxies objects, however the name is capitalised, are merged field
// by field in file order; of duplicates the last string counts, null leaves
// the earlier value alone. When a problem has EffectRefused, dockerd does not
// start and nothing in the file has an effect, whatever Effective says.
// Sources: moby daemon/config/config.go, getConflictFreeConfiguration,
// configValuesSet, findConfigurationConflicts (v23 to v29).
func DaemonProxies(d *Document) ([]Proxy, []Problem) {
	if d.root == nil {
		return nil, nil
	}
	return d.proxiesOf(DaemonKeys(), "proxies"), d.daemonProblems()
}

// proxiesOf returns the string members of the object at path that are named
// one of keys, in file order.
func (d *Document) proxiesOf(keys []string, path ...string) []Proxy {
	type found struct {
		Proxy
		offset int
	}
	var all []found
	for _, key := range keys {
		leaf := append(append([]string{}, path...), key)
		chains := d.match(leaf)
		effective := d.effective(leaf, chains)
		for i, c := range chains {
			if m := d.member(c); m.Kind == KindString {
				p := Proxy{Key: key, Value: m.Value, Line: m.Line, Name: strings.Join(m.Path, "."), Effective: i == effective}
				all = append(all, found{p, c.leaf().Name.StartOffset})
			}
		}
	}
	sortBy(all, func(f found) int { return f.offset })
	out := make([]Proxy, 0, len(all))
	for _, f := range all {
		out = append(out, f.Proxy)
	}
	return out
}

// daemonProblems collects what dockerd refuses or ignores around proxies.
func (d *Document) daemonProblems() []Problem {
	var out []Problem
	checked := make(map[*hujson.ObjectMember]bool)
	for _, c := range d.directives() {
		checked[c.leaf()] = true
	}
	for i := range d.object().Members {
		m := &d.object().Members[i]
		inner, isObject := m.Value.Value.(*hujson.Object)
		switch {
		case isProxies(nameOf(m)) && isObject:
			for j := range inner.Members {
				out = appendProblem(out, d.daemonInner(chain{m, &inner.Members[j]}, checked))
			}
		case isProxies(nameOf(m)):
			out = appendProblem(out, d.daemonOuter(m, checked))
		case isObject && !isFlatOption(nameOf(m)):
			for j := range inner.Members {
				out = appendProblem(out, d.daemonStray(chain{m, &inner.Members[j]}, checked))
			}
		default:
			out = appendProblem(out, d.daemonStray(chain{m}, checked))
		}
	}
	sortProblems(out)
	return out
}

// daemonOuter judges a proxies member that is not an object.
func (d *Document) daemonOuter(m *hujson.ObjectMember, checked map[*hujson.ObjectMember]bool) *Problem {
	kind := kindOf(m.Value.Value)
	switch {
	case checked[m]:
		class := ClassWrongType
		if kind == KindNull {
			class = ClassNull
		}
		return d.problem(chain{m}, class, EffectRefused,
			display(nameOf(m))+" must be an object, not "+kind.article()+": dockerd calls it an unknown directive and does not start")
	case kind != KindNull:
		return d.problem(chain{m}, ClassWrongType, EffectRefused,
			display(nameOf(m))+" must be an object, not "+kind.article()+": dockerd does not start")
	}
	return nil // null, and a later proxies hides it from the check
}

// daemonInner judges a member of a proxies object.
func (d *Document) daemonInner(c chain, checked map[*hujson.ObjectMember]bool) *Problem {
	name, kind := nameOf(c.leaf()), kindOf(c.leaf().Value.Value)
	key := ""
	for _, k := range DaemonKeys() {
		if strings.EqualFold(k, name) {
			key = k
		}
	}
	switch {
	case checked[c.leaf()] && !isKnownOption(name):
		class, msg := unknownClass(name), display(name)+" is no setting of dockerd"
		if key != "" {
			msg += " in this spelling, it must be " + key
		} else if kind == KindObject {
			class = ClassClientShape
			msg += ": proxies of a daemon.json has no hosts, that is the form of the client's config.json"
		}
		return d.problem(c, class, EffectRefused, msg+"; dockerd does not start")
	case key != "" && kind != KindString && kind != KindNull:
		return d.problem(c, ClassWrongType, EffectRefused, display(name)+" must be a string, not "+kind.article()+": dockerd does not start")
	case key == "" && isKnownOption(name):
		return d.problem(c, ClassMisplaced, EffectIgnored, display(name)+" has no effect inside proxies, it belongs to the top level")
	case key == "":
		return d.problem(c, ClassUnknownName, EffectIgnored, display(name)+" is no setting of dockerd; a later object of the same name hides it from the check")
	}
	return nil
}

// daemonStray judges a member outside proxies that is named like a proxy
// setting, or like the object that holds them.
func (d *Document) daemonStray(c chain, checked map[*hujson.ObjectMember]bool) *Problem {
	name := nameOf(c.leaf())
	switch {
	case !looksLikeProxy(name) && !isProxies(name):
		return nil
	case checked[c.leaf()] && !isKnownOption(name):
		return d.problem(c, unknownClass(name), EffectRefused, display(name)+" is no setting of dockerd"+inObject(c)+"; dockerd does not start")
	case isKnownOption(name):
		return d.problem(c, ClassFlat, EffectIgnored, display(name)+" has no effect here, dockerd reads it only inside an object named proxies")
	}
	return nil // hidden by a later duplicate, which is judged itself
}

// inObject names the object round a member that would be a setting outside it.
func inObject(c chain) string {
	if len(c) < 2 || !isProxies(nameOf(c.leaf())) {
		return ""
	}
	return " inside " + display(nameOf(c[0])) + ", it belongs to the top level"
}

// unknownClass is the class of a name that dockerd does not know.
func unknownClass(name string) Class {
	switch name {
	case "httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy":
		return ClassClientShape
	}
	return ClassUnknownDirective
}

// problem describes a member by its names and line.
func (d *Document) problem(c chain, class Class, effect Effect, msg string) *Problem {
	m := d.member(c)
	return &Problem{Line: m.Line, Path: m.Path, Name: strings.Join(m.Path, "."), Class: class, Effect: effect, Msg: msg}
}

func appendProblem(list []Problem, p *Problem) []Problem {
	if p == nil {
		return list
	}
	return append(list, *p)
}
