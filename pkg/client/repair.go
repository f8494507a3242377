package client

import (
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

// Repair returns the change that moves proxy settings which stand where the docker CLI does not read them to the host's record: members of the file itself or of
// proxies (docker/cli#507), and the daemon's spelling (http-proxy) inside a record. A misplaced value never replaces one that is read; it is then only taken out
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
	strays := misplaced(doc, hostKey)
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
	value precedence.Value
	line  int
}

// misplaced finds the settings that can be moved without guessing: strings, with a name that is a setting's.
func misplaced(doc *jsonedit.Document, hostKey string) []stray {
	var out []stray
	for _, above := range [][]string{nil, {"proxies"}, {"proxies", hostKey}} {
		for _, name := range spellings() {
			if len(above) == 2 && !strings.Contains(name, "-") {
				continue // that is where it belongs
			}
			path := append(slices.Clone(above), name)
			for _, m := range doc.Lookup(path...) {
				if m.Kind == jsonedit.KindString && m.Value != "" {
					out = append(out, stray{path: path, key: keyOf(name), value: precedence.Value(m.Value), line: m.Line})
				}
			}
		}
	}
	return out
}

// spellings are the names under which people write settings.
func spellings() []string {
	return append(jsonedit.ClientKeys(), "http-proxy", "https-proxy", "no-proxy", "ftp-proxy", "all-proxy")
}

func keyOf(name string) string {
	first, _, dashed := strings.Cut(name, "-")
	if dashed {
		return first + "Proxy"
	}
	return name
}

// move puts a stray setting into the record. The note says why one stays.
func (s stray) move(doc *jsonedit.Document, path, hostKey string) (note string, moved bool, err error) {
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
