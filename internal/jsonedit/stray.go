package jsonedit

import "github.com/tailscale/hujson"

// Stray is a string in a daemon.json that is named like a proxy setting and
// stands where dockerd does not read it as one.
type Stray struct {
	Key   string   // http-proxy …: the setting it is named after
	Value string   // decoded, not masked
	Line  int      // 1-based line of the member's name
	Path  []string // the member's names from the top level down, as spelled
}

// DaemonStrays returns the values that somebody meant as proxies of dockerd and
// that are none: at the top level, in another object than proxies, or in the
// form of the client's file (proxies.default.httpProxy), in file order. All of
// them may hold credentials.
func DaemonStrays(d *Document) []Stray {
	if d.root == nil {
		return nil
	}
	read := make(map[*hujson.ObjectMember]bool)
	for _, key := range DaemonKeys() {
		for _, c := range d.match([]string{"proxies", key}) {
			read[c.leaf()] = true
		}
	}
	var out []Stray
	var walk func(obj *hujson.Object, above chain)
	walk = func(obj *hujson.Object, above chain) {
		for i := range obj.Members {
			m := &obj.Members[i]
			here := append(append(chain{}, above...), m)
			if inner, ok := m.Value.Value.(*hujson.Object); ok && len(here) < 3 && !(len(here) == 1 && isFlatOption(nameOf(m))) {
				walk(inner, here)
				continue
			}
			key := daemonKeyOf(nameOf(m))
			if member := d.member(here); key != "" && !read[m] && member.Kind == KindString {
				out = append(out, Stray{Key: key, Value: member.Value, Line: member.Line, Path: member.Path})
			}
		}
	}
	walk(d.object(), nil)
	return out
}
