package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// errAmbiguous is the reason where the text can be meant in more than one way.
var errAmbiguous = errors.New("what was meant cannot be told from the text: say it with docker proxy set")

// salvageBinding takes the value that stands where the finding says and gives it the form in which dockerd can use it.
func salvageBinding(p *planner, f precedence.Finding) ([]salvaged, error) {
	if f.Source == nil {
		return nil, errAmbiguous
	}
	for _, b := range slices.Concat(p.now.Bindings, p.before.Bindings) { // lines move when something else of the file is mended
		if b.Source.Path != f.Source.Path || b.Source.Line != f.Source.Line || b.Source.Name != f.Source.Name || b.Source.Layer == precedence.LayerProcess {
			continue
		}
		if b.Unknown {
			return nil, fmt.Errorf("the value cannot be known without running code")
		}
		if b.Source.Layer == precedence.LayerFlag {
			return nil, fmt.Errorf("%s is a flag of dockerd's command line, which this program does not edit", b.Source)
		}
		v, err := meant(b.Key, b.Value.Reveal())
		if err != nil {
			return nil, err
		}
		return []salvaged{{b.Source.Layer, b.Key, v, b.Source, f}}, nil
	}
	return nil, errAmbiguous
}

// salvageText reads the line of a finding as a person does: every assignment of a proxy variable on it, whatever the reader of the file makes of quotes, % and comments.
func salvageText(p *planner, f precedence.Finding) ([]salvaged, error) {
	if f.Source == nil || f.Source.Path == "" {
		return nil, errAmbiguous
	}
	data, err := p.now.Files.ReadFile(f.Source.Path)
	if err != nil {
		return nil, unwrapPath(err)
	}
	unit := f.Source.Layer == precedence.LayerSystemd && !isEnvironmentFile(p.before, f.Source.Path)
	lines := []int{f.Source.Line}
	if f.ID == "systemd-wrong-section-or-directory" && !isUnitFile(p.before, f.Source.Path) {
		unit = true
		lines = environmentLines(data) // one finding for a file that nobody reads as a whole
	}
	var out []salvaged
	for _, line := range lines {
		for _, a := range textAt(data, line, unit) {
			raw := a.raw
			if unit {
				raw = unescapeUnit(raw)
			}
			v, err := meant(a.key, raw)
			if err != nil {
				return nil, err
			}
			layer := f.Source.Layer
			if layer != precedence.LayerStartup {
				layer = precedence.LayerSystemd
			}
			at := *f.Source
			at.Name, at.Line = a.name, line
			out = append(out, salvaged{layer, a.key, v, at, f})
		}
	}
	if len(out) == 0 {
		return nil, errAmbiguous
	}
	return out, nil
}

// environmentLines returns the lines of a unit's file on which Environment= begins.
func environmentLines(data []byte) []int {
	var out []int
	for _, a := range unitfile.Parse(data).Assignments() {
		if a.Key == "Environment" {
			out = append(out, a.Line)
		}
	}
	return out
}

// isUnitFile reports whether systemd reads a file as a part of the unit.
func isUnitFile(o *Observation, path string) bool {
	return slices.ContainsFunc(o.Site.UnitFiles, func(u systemd.UnitFile) bool { return u.Path == path })
}

// isEnvironmentFile reports whether the unit reads a file as EnvironmentFile=, and not as a part of itself.
func isEnvironmentFile(o *Observation, path string) bool {
	return !isUnitFile(o, path) && !strings.HasSuffix(path, ".conf") && !strings.HasSuffix(path, ".service")
}

// textAt returns the assignments on the logical line of a unit, or on the physical line of any other file.
func textAt(data []byte, line int, unit bool) []writtenAssignment {
	if unit {
		for _, a := range unitfile.Parse(data).Assignments() {
			if last := a.LineAt(len(a.Value)); a.Key == "Environment" && a.Line <= line && line <= last {
				return written(a.Value)
			}
		}
	}
	n := 0
	for text := range strings.Lines(string(data)) {
		if n++; n == line {
			return written(strings.TrimRight(text, "\r\n"))
		}
	}
	return nil
}

// writtenAssignment is NAME=VALUE as a person wrote it, without the quotes around it and without a comment behind it.
type writtenAssignment struct {
	key  precedence.Key
	name string
	raw  string
}

// written finds the assignments of proxy variables in a line.
func written(text string) []writtenAssignment {
	type place struct {
		name  string
		start int // of the name
		value int // of the value
	}
	var places []place
	for i := range len(text) {
		if i > 0 && !strings.ContainsRune(" \t\"'", rune(text[i-1])) {
			continue
		}
		for _, n := range precedence.AllNames() {
			if rest, ok := strings.CutPrefix(text[i:], n); ok && strings.HasPrefix(rest, "=") {
				places = append(places, place{n, i, i + len(n) + 1})
			}
		}
	}
	var out []writtenAssignment
	for i, pl := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1].start
		}
		raw := text[pl.value:end]
		if i+1 < len(places) {
			raw = strings.TrimRight(raw, " \t")
			if next := places[i+1].start; next > 0 && strings.ContainsRune("\"'", rune(text[next-1])) && strings.HasSuffix(raw, text[next-1:next]) {
				raw = strings.TrimRight(raw[:len(raw)-1], " \t") // the quote that opens the next word
			}
		}
		quote := ""
		if pl.start > 0 && strings.ContainsRune("\"'", rune(text[pl.start-1])) {
			quote = text[pl.start-1 : pl.start]
		}
		key, _ := precedence.KeyOf(pl.name)
		out = append(out, writtenAssignment{key, pl.name, unquoted(raw, quote)})
	}
	return out
}

// unquoted takes a comment and the quotes off a raw value; quote is the one that was opened before the name, or "".
func unquoted(raw, quote string) string {
	raw = strings.TrimSpace(raw)
	if quote == "" && raw != "" && strings.ContainsRune("\"'", rune(raw[0])) {
		quote, raw = raw[:1], raw[1:]
	}
	if quote != "" {
		if end := strings.LastIndex(raw, quote); end >= 0 {
			if tail := strings.TrimSpace(raw[end+1:]); tail == "" || strings.HasPrefix(tail, "#") {
				return raw[:end]
			}
		}
	}
	if i := strings.Index(raw, " #"); i >= 0 {
		raw = raw[:i]
	}
	if i := strings.Index(raw, "\t#"); i >= 0 {
		raw = raw[:i]
	}
	return strings.TrimSpace(raw)
}

// unescapeUnit undoes what people know to write in a unit: %% and \\. Whatever else begins with one of the two is meant as it stands.
func unescapeUnit(s string) string {
	return strings.NewReplacer("%%", "%", `\\`, `\`).Replace(s)
}

// meant gives a value the form in which dockerd can use it: without quotes and blanks around it, with a scheme, user and password percent-encoded, and with commas between the entries
// of a list. It is an error where that would be guessing.
func meant(k precedence.Key, raw string) (precedence.Value, error) {
	text := strings.Trim(raw, " \t\r\n\"'")
	if strings.ContainsAny(text, "$`") {
		return "", fmt.Errorf("it holds a variable or a command that nobody runs: say the value with docker proxy set")
	}
	if k == precedence.NoProxy {
		entries := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t;|\"'", r) })
		if len(entries) == 0 {
			return "", errAmbiguous
		}
		return precedence.Value(strings.Join(entries, ",")), nil
	}
	if strings.ContainsAny(text, " \t") {
		return "", errAmbiguous
	}
	u, err := precedence.ParseProxyURL(text, true)
	return u.Value, err
}
