package shellfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// shells are the readers that must agree with every known answer, as far as they are installed. dash is
// Debian's /bin/sh, bash --posix is what RHEL's sh is, busybox ash is Alpine's.
func shells() [][]string {
	var out [][]string
	for _, argv := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			out = append(out, append([]string{path}, argv[1:]...))
		}
	}
	return out
}

// TestShellsAreInstalled keeps the comparisons from being empty, and names the shells that are missing.
func TestShellsAreInstalled(t *testing.T) {
	for _, name := range []string{"dash", "bash", "busybox"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not installed: nothing is compared with it", name)
		}
	}
	assert.Assert(t, len(shells()) > 0, "none of dash, bash and busybox is installed")
}

// sourced returns what a child of a shell gets after it sourced the file, and false when the shell stopped.
func sourced(ctx context.Context, shell []string, file string, env []string) (map[string]string, bool) {
	argv := append(slices.Clone(shell), "-c", ". "+file+"; exec /usr/bin/env -0")
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append([]string{}, env...)
	cmd.Dir = filepath.Dir(file)
	out, _ := cmd.Output() // the status is that of the file; what counts is whether env was reached
	if !bytes.HasSuffix(out, []byte{0}) {
		return nil, false
	}
	vars := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	return vars, true
}

// agreement sources a script in every shell. It returns how many known answers were compared, and a report
// when one differs.
func agreement(ctx context.Context, dir, script string, inherited map[string]string, names []string) (int, string) {
	file := filepath.Join(dir, "file.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return 0, err.Error()
	}
	f, err := Parse(file, []byte(script))
	if err != nil {
		return 0, err.Error()
	}
	include := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
	finals := f.Run(Options{Inherited: inherited, Unset: names, Include: include}, names...).Finals
	var env []string
	for name, value := range inherited {
		env = append(env, name+"="+value)
	}
	known := 0
	for _, shell := range shells() {
		vars, ok := sourced(ctx, shell, file, env)
		for _, final := range finals {
			if !ok || !final.Known {
				continue
			}
			known++
			got, isExported := vars[final.Name]
			if isExported != final.Exported || isExported && got != final.Value {
				return known, fmt.Sprintf("%v gives %s=%q (exported %v), we say %q (set %v, exported %v); inherited %q; script:\n%s",
					shell, final.Name, got, isExported, final.Value, final.Set, final.Exported, env, script)
			}
		}
	}
	return known, ""
}

// compareWithShells fails for a known answer that a shell does not give.
func compareWithShells(t testing.TB, dir, script string, inherited map[string]string, names []string) {
	t.Helper()
	_, report := agreement(t.Context(), dir, script, inherited, names)
	assert.Equal(t, report, "")
}
