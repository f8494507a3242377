package unitfile

import (
	"fmt"
	"strings"
)

// Line is one KEY=VALUE line of a [Service] section, ready to be written.
type Line struct{ Key, Value string }

// DropIn gives the text of a drop-in: marker as comment lines, [Service], and
// the lines. Each line of marker is made a comment if it is none.
func DropIn(marker string, lines ...Line) []byte {
	var b strings.Builder
	for m := range strings.Lines(marker) {
		m = strings.TrimRight(m, blanks)
		if !strings.HasPrefix(m, "#") {
			m = strings.TrimRight("# "+m, blanks)
		}
		b.WriteString(m + "\n")
	}
	b.WriteString("[Service]\n")
	for _, l := range lines {
		b.WriteString(l.Key + "=" + l.Value + "\n")
	}
	return []byte(b.String())
}

// EnvironmentFileLine names the file at path, which must be absolute and is
// taken literally: percent signs and glob characters are escaped. With
// optional, a missing file is skipped.
func EnvironmentFileLine(path string, optional bool) (Line, error) {
	if err := expressible(path); err != nil {
		return Line{}, fmt.Errorf("path of an environment file: %w", err)
	}
	if !strings.HasPrefix(path, "/") || strings.Trim(path, blanks) != path || simplify(path) != path {
		return Line{}, fmt.Errorf("path of an environment file: not a clean absolute path: %w", ErrNotExpressible)
	}
	value := strings.NewReplacer("%", "%%", "*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(path)
	if optional {
		value = "-" + value
	}
	return Line{"EnvironmentFile", value}, nil
}

// EnvironmentLine sets one variable.
func EnvironmentLine(name, value string) (Line, error) {
	word, err := QuoteEnvironment(name, value)
	return Line{"Environment", word}, err
}

// UnsetEnvironmentLine takes variables out of the service's environment,
// wherever they come from.
func UnsetEnvironmentLine(names ...string) (Line, error) {
	for _, n := range names {
		if !validName(n) {
			return Line{}, fmt.Errorf("variable name: %w", ErrNotExpressible)
		}
	}
	if len(names) == 0 { // an empty value would be a reset
		return Line{}, fmt.Errorf("no variable name: %w", ErrNotExpressible)
	}
	return Line{"UnsetEnvironment", strings.Join(names, " ")}, nil
}
