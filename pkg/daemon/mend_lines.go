package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// deadLines takes away the lines of a unit's files whose values were salvaged. The editors of units take out whole words of [Service] only: they leave what stands behind a syntax
// error, in another section, or in a file that systemd does not read.
func deadLines(p *planner, values []salvaged) ([]change.Change, error) {
	lines := map[string][]int{}
	for _, v := range values {
		if v.layer == precedence.LayerSystemd && v.by.Source != nil && menders()[v.by.ID].salvage != nil && !slices.Contains(lines[v.at.Path], v.at.Line) {
			lines[v.at.Path] = append(lines[v.at.Path], v.at.Line)
		}
	}
	var out []change.Change
	for _, path := range sortedPaths(lines) {
		if !strings.HasPrefix(path, unitDirectory(p.before.Site)+"/") {
			return nil, fmt.Errorf("%s belongs to a package or to another program", path)
		}
		from, err := change.Observe(p.now.Files, path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, unwrapPath(err))
		}
		data := from.Data
		for _, line := range slices.Backward(slices.Sorted(slices.Values(lines[path]))) {
			data = withoutLine(data, line)
		}
		c := change.Change{Path: path, From: from, To: from.WithData(data), Layer: string(precedence.LayerSystemd), Needs: change.Needs{Restart: true, DaemonReload: true}}
		c.Secret = holdsCredentials(from.Data)
		if saysNothing(data) {
			c.To = change.State{}
		}
		out = append(out, only(c)...)
	}
	return out, nil
}

func sortedPaths(m map[string][]int) []string {
	var out []string
	for path := range m {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// withoutLine takes the Environment= assignment on a line out of a unit's file when it assigns nothing but proxy variables; otherwise the data comes back as it was.
func withoutLine(data []byte, line int) []byte {
	for _, a := range unitfile.Parse(data).Assignments() {
		if a.Key != "Environment" || line < a.Line || line > a.LineAt(len(a.Value)) || !onlyProxies(a.Value) {
			continue
		}
		return slices.Concat(data[:a.Start], data[a.End:])
	}
	return withoutStray(data, line)
}

// withoutStray is withoutLine for a line above the first section, which is no assignment to systemd.
func withoutStray(data []byte, line int) []byte {
	n, start := 0, 0
	for text := range strings.Lines(string(data)) {
		n++
		key, value, assigns := strings.Cut(strings.TrimSpace(text), "=")
		switch {
		case strings.HasPrefix(key, "["), n > line:
			return data
		case n == line && assigns && strings.TrimSpace(key) == "Environment" && onlyProxies(value) && !strings.HasSuffix(value, "\\"):
			return slices.Concat(data[:start], data[start+len(text):])
		}
		start += len(text)
	}
	return data
}

// onlyProxies reports whether a line assigns proxy variables and nothing else; a comment behind them does not count.
func onlyProxies(value string) bool {
	for _, w := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t\"'", r) }) {
		if strings.HasPrefix(w, "#") {
			return true
		}
		name, _, assigns := strings.Cut(w, "=")
		if _, ok := precedence.KeyOf(name); assigns && !ok && name == strings.Trim(name, "/:@%.,") {
			return false
		}
	}
	return true
}

// saysNothing reports whether a unit's file holds section headers and blank lines only.
func saysNothing(data []byte) bool {
	for text := range strings.Lines(string(data)) {
		if text = strings.TrimSpace(text); text != "" && !(strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]")) {
			return false
		}
	}
	return true
}
