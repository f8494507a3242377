package shellfile

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// shells are the readers that must agree with every known answer. dash is Debian's /bin/sh, bash --posix is
// what RHEL's sh is, busybox ash is Alpine's.
func shells(t testing.TB) [][]string {
	t.Helper()
	var out [][]string
	for _, argv := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			t.Logf("%s is not installed: not compared with it", argv[0])
			continue
		}
		out = append(out, append([]string{path}, argv[1:]...))
	}
	if len(out) == 0 {
		t.Fatal("none of dash, bash, busybox is installed")
	}
	return out
}

// sourced returns what a child of a shell gets after it sourced the file, and false when the shell stopped.
func sourced(t testing.TB, shell []string, file string, env []string) (map[string]string, bool) {
	t.Helper()
	argv := append(slices.Clone(shell), "-c", ". "+file+"; exec /usr/bin/env -0")
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append([]string{}, env...)
	cmd.Dir = filepath.Dir(file)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %v: %v", argv, err)
	}
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

// writeScript puts a script where a shell can source it.
func writeScript(t testing.TB, dir, script string) string {
	t.Helper()
	path := filepath.Join(dir, "file.sh")
	assert.NilError(t, os.WriteFile(path, []byte(script), 0o600))
	return path
}

// compareWithShells fails for a known answer that a shell does not give, and returns how many answers were
// known.
func compareWithShells(t testing.TB, dir, script string, inherited map[string]string, names []string) int {
	t.Helper()
	file := writeScript(t, dir, script)
	f, err := Parse(file, []byte(script))
	assert.NilError(t, err, "script:\n%s", script)
	include := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
	finals := f.Run(Options{Inherited: inherited, Unset: names, Include: include}, names...).Finals
	var env []string
	for name, value := range inherited {
		env = append(env, name+"="+value)
	}
	known := 0
	for _, shell := range shells(t) {
		vars, ok := sourced(t, shell, file, env)
		if !ok {
			continue
		}
		for _, final := range finals {
			if !final.Known {
				continue
			}
			known++
			got, isExported := vars[final.Name]
			if isExported != final.Exported || isExported && got != final.Value {
				t.Errorf("%v gives %s=%q (exported %v), we say %q (set %v, exported %v); script:\n%s",
					shell, final.Name, got, isExported, final.Value, final.Set, final.Exported, script)
			}
		}
	}
	return known
}
