package jsonedit

import "strings"

// Duplicate is a proxy setting, or a whole object of them, that stands in a
// daemon.json more than once.
type Duplicate struct {
	Key   string // http-proxy …; "" for a further object proxies
	Name  string // the member's names joined with dots, as spelled
	Line  int    // 1-based: of the value that loses, or of the further object
	Other int    // 1-based line of the value that wins, or of the first object
	Equal bool   // both values are the same; always false for objects
}

// DaemonDuplicates returns what stands in the file more than once: values of a
// proxies object that a later one of the same key overrides, in file order, and
// proxies objects after the first, which dockerd merges into it field by field
// (encoding/json decodes every one of them into the same struct; moby
// daemon/config/config.go, Proxies).
func DaemonDuplicates(d *Document) []Duplicate {
	if d.root == nil {
		return nil
	}
	var out []Duplicate
	winners := map[string]Proxy{}
	all := d.proxiesOf(DaemonKeys(), "proxies")
	for _, p := range all {
		if p.Effective {
			winners[p.Key] = p
		}
	}
	for _, p := range all {
		if w := winners[p.Key]; !p.Effective {
			out = append(out, Duplicate{Key: p.Key, Name: p.Name, Line: p.Line, Other: w.Line, Equal: p.Value == w.Value})
		}
	}
	first := 0
	for _, m := range d.Lookup("proxies") {
		switch {
		case m.Kind != KindObject:
		case first == 0:
			first = m.Line
		default:
			out = append(out, Duplicate{Name: strings.Join(m.Path, "."), Line: m.Line, Other: first})
		}
	}
	sortBy(out, func(x Duplicate) int { return x.Line })
	return out
}
