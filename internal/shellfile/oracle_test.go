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

// printEnvironment sets what a child gets apart from what the file printed before.
const printEnvironment = `printf '\000\002\000'; exec /usr/bin/env -0`

// sourced returns what a child of a shell gets after it sourced the file, and false when the shell stopped.
func sourced(ctx context.Context, shell []string, file string, env []string) (map[string]string, bool) {
	argv := append(slices.Clone(shell), "-c", ". "+file+"; "+printEnvironment)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append([]string{}, env...)
	cmd.Dir = filepath.Dir(file)
	out, _ := cmd.Output() // the status is that of the file; what counts is whether env was reached
	return environment(out)
}

// sourcedAll does the same for several files, each in a subshell of one shell.
func sourcedAll(ctx context.Context, shell []string, files []string, env []string) [][]byte {
	loop := `for __file; do ( . "$__file"; ` + printEnvironment + ` ); printf '\001\000'; done`
	argv := slices.Concat(shell, []string{"-c", loop, "sh"}, files)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append([]string{}, env...)
	cmd.Dir = filepath.Dir(files[0])
	out, _ := cmd.Output()
	return bytes.Split(out, []byte("\x01\x00"))
}

// environment reads what env -0 printed; false when it was not reached.
func environment(out []byte) (map[string]string, bool) {
	_, out, ok := bytes.Cut(out, []byte("\x00\x02\x00"))
	if !ok || !bytes.HasSuffix(out, []byte{0}) {
		return nil, false
	}
	vars := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	return vars, true
}

// finalsOf writes a script to a file and follows it, with the files beside it to be sourced.
func finalsOf(file, script string, inherited map[string]string, names []string) ([]Final, error) {
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return nil, err
	}
	f, err := Parse(file, []byte(script))
	if err != nil {
		return nil, err
	}
	include := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), path)) }
	return f.Run(Options{Inherited: inherited, Unset: names, Include: include}, names...).Finals, nil
}

// differing compares the known answers with a shell's. It returns how many there were, and a report when one differs.
func differing(finals []Final, vars map[string]string) (known int, report string) {
	for _, final := range finals {
		if !final.Known {
			continue
		}
		known++
		got, isExported := vars[final.Name]
		if isExported != final.Exported || isExported && got != final.Value {
			return known, fmt.Sprintf("gives %s=%q (exported %v), we say %q (set %v, exported %v)", final.Name, got, isExported,
				final.Value, final.Set, final.Exported)
		}
	}
	return known, ""
}

// compareWithShells fails for a known answer that a shell does not give.
func compareWithShells(t testing.TB, dir, script string, inherited map[string]string, names []string) {
	t.Helper()
	file := filepath.Join(dir, "file.sh")
	finals, err := finalsOf(file, script, inherited, names)
	assert.NilError(t, err)
	for _, shell := range shells() {
		if vars, ok := sourced(t.Context(), shell, file, pairs(inherited)); ok {
			_, report := differing(finals, vars)
			assert.Equal(t, report, "", "%v; script:\n%s", shell, script)
		}
	}
}

// pairs makes NAME=value of a map.
func pairs(vars map[string]string) []string {
	var out []string
	for name, value := range vars {
		out = append(out, name+"="+value)
	}
	return out
}
