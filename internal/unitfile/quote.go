package unitfile

import (
	"errors"
	"fmt"
	"strings"
)

// maxVariable is the kernel's MAX_ARG_STRLEN: one NAME=VALUE with its
// terminator may take 32 pages, or execve fails with E2BIG.
const maxVariable = 128 << 10

// ErrNotExpressible is wrapped by every error of this file's functions: the
// value cannot be written so that systemd reads it back. Values are not
// quoted in errors.
var ErrNotExpressible = errors.New("cannot be written into a unit file")

// QuoteEnvironment gives the one word for an Environment= line that systemd,
// any release, reads back as name and value. Double quotes, backslashes and
// percent signs are escaped; control characters other than tab, text that is
// not UTF-8, invalid names and values of 128 KiB and more are errors.
func QuoteEnvironment(name, value string) (string, error) {
	if !validName(name) {
		return "", fmt.Errorf("variable name: %w", ErrNotExpressible)
	}
	if err := expressible(value); err != nil {
		return "", fmt.Errorf("value of %s: %w", name, err)
	}
	if len(name)+len(value)+2 > maxVariable {
		return "", fmt.Errorf("value of %s: %d bytes are too long for an environment variable: %w", name, len(value), ErrNotExpressible)
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`, "%", "%%").Replace(value)
	return `"` + name + "=" + escaped + `"`, nil
}

// expressible refuses what some release would drop or stop at.
func expressible(s string) error {
	if !validUTF8(s) {
		return fmt.Errorf("not UTF-8: %w", ErrNotExpressible)
	}
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("a control character: %w", ErrNotExpressible)
		}
	}
	return nil
}
