package export

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrNotPortable is wrapped by errors about values that env-files cannot carry.
var ErrNotPortable = errors.New("docker run --env-file and Compose read it differently")

// Dotenv returns the variables as an env-file, NAME=value lines, in the form that docker run --env-file (docker/cli pkg/kvfile: everything behind the = is the value) and
// Compose's .env and env_file (compose-go dotenv: quotes, comments, $ and escapes mean something) read alike. What they would read differently is an error that names the
// variable and wraps ErrNotPortable. ${NAME} stands for credentials unless they are revealed; only Compose replaces it.
func (k *Keyring) Dotenv(s Settings, reveal bool) (string, error) {
	var b strings.Builder
	for _, v := range k.variables(s, reveal) {
		if why := notPortable(v.name, v.whole()); why != "" {
			return "", fmt.Errorf("%s cannot be written into an env-file: %s: %w", v.name, why, ErrNotPortable)
		}
		fmt.Fprintf(&b, "%s=%s\n", v.name, v.braced())
	}
	return b.String(), nil
}

// DotenvOff returns every proxy variable with an empty value.
func DotenvOff() string {
	var b strings.Builder
	for _, n := range Names() {
		fmt.Fprintf(&b, "%s=\n", n)
	}
	return b.String()
}

// notPortable says what in a value the two readers do not read alike; "" for nothing.
func notPortable(name, value string) string {
	switch {
	case strings.ContainsAny(value, `'"`):
		return "a quote"
	case strings.Contains(value, "$"):
		return "a dollar sign"
	case strings.Contains(value, `\`):
		return "a backslash"
	case strings.Contains(value, " #"):
		return "a blank before #"
	case strings.TrimFunc(value, unicode.IsSpace) != value:
		return "a blank at its beginning or end"
	case len(name)+len(value)+2 > bufio.MaxScanTokenSize:
		return fmt.Sprintf("%d bytes are more than a line may have", len(value))
	}
	return ""
}
