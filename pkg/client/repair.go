package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Repaired is what Repair plans.
type Repaired struct {
	Changes []change.Change
	Values  []precedence.Value // that were moved; they may hold credentials
	Notes   []string           // what was left where it stands, and why
}

// Repair returns the change that moves proxy settings which stand where the docker CLI does not read them: members of the file itself or of proxies (docker/cli#507) to the host's
// record, and in every record what is spelled as the daemon or the environment has it (http-proxy, HTTP_PROXY) to the name that is read. A misplaced value never replaces one that is read; it is then only taken out
// when both are the same, and otherwise named in the notes. No change is returned when nothing is misplaced.
func Repair(files *host.FS, at Location, hostKey string) (Repaired, error) {
	var out Repaired
	doc, err := parse(files, at.Path)
	if err != nil {
		return out, err
	}
	from, err := change.Observe(files, at.Path)
	if err != nil {
		return out, fmt.Errorf("reading %s: %w", at.Path, err)
	}
	secret := false
	strays := misplaced(doc)
	if len(strays) == 0 {
		return out, nil
	}
	for _, m := range strays {
		note, moved, err := m.move(doc, at.Path, hostKey)
		if err != nil {
			return out, err
		}
		if note != "" {
			out.Notes = append(out.Notes, note)
		}
		out.Values = append(out.Values, m.value)
		secret = secret || moved && m.value.HasCredentials()
	}
	to := from.WithData(doc.Bytes())
	if secret {
		to = to.Private()
	}
	c := change.Change{Path: at.Path, From: from, To: to, Cause: "the docker CLI does not read proxy settings where they stand", Layer: Layer, Secret: true, Partial: true}
	out.Changes = change.Plan{c}.Effective()
	return out, nil
}

// stray is a setting at a place where it does nothing.
type stray struct {
	path  []string
	key   string // as a record spells it
	host  string // whose record it stands in; "" outside of one
	value precedence.Value
	line  int
}

// misplaced finds the settings that can be moved without guessing: strings, with a name that is a setting's.
func misplaced(doc *jsonedit.Document) []stray {
	var out []stray
	places := [][]string{nil, {"proxies"}}
	for _, h := range jsonedit.ClientHosts(doc) {
		places = append(places, []string{"proxies", h})
	}
	for _, above := range places {
		for _, s := range spellings() {
			host := ""
			if len(above) == 2 {
				if host = above[1]; s.name == s.key {
					continue // that is where it belongs
				}
			}
			path := append(slices.Clone(above), s.name)
			for _, m := range doc.Lookup(path...) {
				known := slices.ContainsFunc(out, func(o stray) bool { return o.line == m.Line && slices.Equal(o.path, m.Path) })
				if m.Kind == jsonedit.KindString && m.Value != "" && !known {
					out = append(out, stray{path: m.Path, key: s.key, host: host, value: precedence.Value(m.Value), line: m.Line})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b stray) int { return cmp.Compare(a.line, b.line) })
	return out
}

// spelling is a name under which people write a setting, and the one that is read.
type spelling struct{ name, key string }

func spellings() []spelling {
	var out []spelling
	for _, key := range jsonedit.ClientKeys() {
		first := strings.TrimSuffix(key, "Proxy")
		for _, name := range []string{key, first + "-proxy", first + "_proxy", strings.ToUpper(first) + "_PROXY"} {
			out = append(out, spelling{name, key})
		}
	}
	return out
}

// move puts a stray setting into the record. The note says why one stays.
func (s stray) move(doc *jsonedit.Document, path, hostKey string) (note string, moved bool, err error) {
	hostKey = cmp.Or(s.host, hostKey)
	rec, _ := jsonedit.ClientProxies(doc, hostKey)
	for _, p := range rec.Proxies {
		if p.Key != s.key || !p.Effective || p.Value == "" {
			continue
		}
		if p.Value != s.value.Reveal() {
			return fmt.Sprintf("%s:%d: %s stays, where it does nothing: line %d has another value, which is the one in use", path, s.line, strings.Join(s.path, "."), p.Line), false, nil
		}
		return "", false, doc.Delete(s.path...)
	}
	if err := doc.Delete(s.path...); err != nil {
		return "", false, err
	}
	return "", true, doc.Set(s.value.Reveal(), "proxies", hostKey, s.key)
}
