package envfile

import (
	"errors"
	"fmt"
	"strings"
)

// maxVariable is the kernel's MAX_ARG_STRLEN: one NAME=value with its
// terminator may take 32 pages, or execve fails with E2BIG.
const maxVariable = 128 << 10

// ErrNotExpressible is wrapped by the errors of the writers: the name or value
// cannot be written so that every reader takes it the same. Values are not
// quoted in errors.
var ErrNotExpressible = errors.New("cannot be written into an environment file")

// Var is one variable to write.
type Var struct{ Name, Value string }

// Format gives a whole file: marker as comment lines, then one line for each
// variable, NAME='value', which systemd and a shell read alike.
func Format(marker string, vars []Var) ([]byte, error) {
	var b strings.Builder
	for m := range strings.Lines(marker) {
		m = strings.TrimRight(m, blanks+`\`) // an old systemd continues comments
		if !strings.HasPrefix(m, "#") {
			m = strings.TrimRight("# "+m, blanks)
		}
		b.WriteString(m + "\n")
	}
	for _, v := range vars {
		l, err := line(v.Name, v.Value)
		if err != nil {
			return nil, err
		}
		b.WriteString(l + "\n")
	}
	return []byte(b.String()), nil
}

// line gives NAME='value'. Refused is what systemd (any release) and a shell
// read differently: quotes and backslashes; and what one of them drops.
// Percent-encode them first (%27, %5C).
func line(name, value string) (string, error) {
	if !validName(name) {
		return "", fmt.Errorf("variable name: %w", ErrNotExpressible)
	}
	wrong := ""
	switch {
	case strings.ContainsAny(value, `'"`):
		wrong = "a quote"
	case strings.Contains(value, `\`):
		wrong = "a backslash"
	case !validUTF8(value):
		wrong = "not UTF-8"
	case strings.ContainsFunc(value, isControl):
		wrong = "a control character"
	case len(name)+len(value)+2 > maxVariable:
		wrong = fmt.Sprintf("%d bytes are too long for an environment variable", len(value))
	}
	if wrong != "" {
		return "", fmt.Errorf("value of %s: %s: %w", name, wrong, ErrNotExpressible)
	}
	return name + "='" + value + "'", nil
}
