package jsonedit

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// ClientKeys returns the keys of a host's record in config.json's proxies, in
// the order in which they are always listed. Docker CLIs before 23.0 do not
// know allProxy.
func ClientKeys() []string {
	return []string{"httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy"}
}

// Record is one host's entry in the proxies of a config.json.
type Record struct {
	Host    string  // the key, byte for byte: "default" or a daemon's endpoint
	Exists  bool    // the CLI uses an existing record as a whole, even an empty one, and only otherwise "default"
	Line    int     // 1-based line of the record the CLI uses; 0 when Exists is false
	Proxies []Proxy // every occurrence with a string value in file order, shadowed ones too
}

// ClientHosts returns the hosts that have a record the CLI uses, sorted.
func ClientHosts(d *Document) []string {
	return slices.Sorted(maps.Keys(d.records("proxies")))
}

// ClientProxies returns the record of one host as the docker CLI decodes it
// (ConfigFile.LoadFromReader in docker/cli cli/config/configfile, v23 to v29)
// and the problems of the whole file's proxies in order of their lines. A
// later record of the same host replaces an earlier one as a whole; inside it
// the case of names does not matter and of duplicates the last string counts.
// There is no merging with "default".
func ClientProxies(d *Document, host string) (Record, []Problem) {
	rec := Record{Host: host}
	if d.root == nil {
		return rec, nil
	}
	if m := d.record("proxies", host); m != nil {
		rec.Exists = true
		rec.Line = d.line(m.Name.StartOffset)
	}
	rec.Proxies = d.proxiesOf(ClientKeys(), "proxies", host)
	return rec, d.clientProblems()
}

// clientProblems collects what the CLI warns about or ignores around proxies.
func (d *Document) clientProblems() []Problem {
	var out []Problem
	for i := range d.object().Members {
		m := &d.object().Members[i]
		name, kind := nameOf(m), kindOf(m.Value.Value)
		switch {
		case isProxies(name):
			if obj, ok := m.Value.Value.(*hujson.Object); ok {
				out = append(out, d.clientHostProblems(m, obj)...)
			} else if kind != KindNull {
				out = appendProblem(out, d.problem(chain{m}, ClassWrongType, EffectWarned,
					display(name)+" must be an object with a record per host, not "+kind.article()))
			}
		case looksLikeProxy(name):
			out = appendProblem(out, d.problem(chain{m}, ClassMisplaced, EffectIgnored,
				display(name)+" has no effect here, the docker CLI reads it only inside proxies.default or another host's record"))
		}
	}
	sortProblems(out)
	return out
}

// clientHostProblems judges the records of one proxies object.
func (d *Document) clientHostProblems(outer *hujson.ObjectMember, obj *hujson.Object) []Problem {
	var out []Problem
	for i := range obj.Members {
		m := &obj.Members[i]
		c := chain{outer, m}
		kind := kindOf(m.Value.Value)
		rec, isObject := m.Value.Value.(*hujson.Object)
		switch {
		case isObject:
			for j := range rec.Members {
				out = appendProblem(out, d.clientInner(chain{outer, m, &rec.Members[j]}))
			}
		case kind == KindNull:
		case looksLikeProxy(nameOf(m)):
			// docker/cli#507: the flat form many guides show.
			out = appendProblem(out, d.problem(c, ClassMisplaced, EffectWarned,
				display(nameOf(m))+` is taken for a host here: it belongs into a record, "proxies": {"default": {…}}`))
		default:
			out = appendProblem(out, d.problem(c, ClassWrongType, EffectWarned,
				"the record of a host must be an object, not "+kind.article()))
		}
	}
	return out
}

// clientInner judges a member of a host's record.
func (d *Document) clientInner(c chain) *Problem {
	name, kind := nameOf(c.leaf()), kindOf(c.leaf().Value.Value)
	known := slices.ContainsFunc(ClientKeys(), func(k string) bool { return strings.EqualFold(k, name) })
	switch {
	case !known && looksLikeProxy(name):
		return d.problem(c, ClassMisplaced, EffectIgnored,
			display(name)+" has no effect: the docker CLI spells its settings "+strings.Join(ClientKeys(), ", "))
	case !known:
		return d.problem(c, ClassUnknownName, EffectIgnored,
			display(name)+" is no setting of the docker CLI; it knows "+strings.Join(ClientKeys(), ", "))
	case kind != KindString && kind != KindNull:
		return d.problem(c, ClassWrongType, EffectWarned, display(name)+" must be a string, not "+kind.article())
	}
	return nil
}

func sortBy[T any](list []T, key func(T) int) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
