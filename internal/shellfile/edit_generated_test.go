package shellfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// genScript draws a script of the grammar in generated_test.go.
func genScript(rt *rapid.T) string {
	g := &scriptGen{t: rt, used: map[string]int{}, callable: "g"}
	var script strings.Builder
	for range rapid.IntRange(0, 6).Draw(rt, "length") {
		script.WriteString(g.statement() + g.pick("end", "\n", "\n", "\n\n", " # c\n", "; ", "\r\n", " \n"))
	}
	// A CR would become part of the file's name and leave files behind.
	text := strings.ReplaceAll(script.String(), "/dev/null\r", "/dev/null \r")
	return strings.TrimSuffix(text, g.pick("tail", "", "", "\n"))
}

// TestGeneratedEditsHold edits generated files: sh -n and the shells read what was asked for, a second edit
// changes nothing, and other lines stay.
func TestGeneratedEditsHold(t *testing.T) {
	dir, done := t.TempDir(), 0
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("A=other\n"), 0o600))
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(genScript(rt))
		value := rapid.SampledFrom([]string{"", "http://u:p%40@h:3128", "a b,$c`d\\", "x#y \"z\""}).Draw(rt, "value")
		wanted := []Var{{"HTTP_PROXY", value}, {"A", value + "/"}}
		remove := []string{"NO_PROXY"}
		d := Dialect(rapid.IntRange(0, 2).Draw(rt, "dialect"))
		out, err := Edit("f", data, wanted, remove, d)
		if err != nil {
			if out != nil || !isEditOrParseError(err) {
				rt.Fatalf("error %v with %d bytes", err, len(out))
			}
			return
		}
		done++
		again, err := Edit("f", out, wanted, remove, d)
		if err != nil || !bytes.Equal(again, out) {
			rt.Fatalf("a second edit gives %q, %v, the first %q", again, err, out)
		}
		if d == EnvironmentFile {
			return // sh may leave the file before our lines
		}
		if report := editHolds(rt.Context(), dir, out, wanted, remove); report != "" {
			rt.Fatalf("%s; before: %q", report, data)
		}
	})
	assert.Assert(t, done >= 10, "only %d edits were possible", done)
}

// editHolds asks every shell whether the file is valid and gives the wanted values.
func editHolds(ctx context.Context, dir string, out []byte, wanted []Var, remove []string) string {
	file := filepath.Join(dir, "edited.sh")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		return err.Error()
	}
	for _, shell := range shells() {
		argv := append(slices.Clone(shell), "-n", file)
		if text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Sprintf("%v refuses %s: %s", argv, out, text)
		}
		vars, ok := sourced(ctx, shell, file, nil)
		for _, v := range wanted {
			if got, set := vars[v.Name]; ok && (!set || got != v.Value) {
				return fmt.Sprintf("%v gives %s=%q, wanted %q, in %q", shell, v.Name, got, v.Value, out)
			}
		}
		for _, name := range remove {
			if got, set := vars[name]; ok && set {
				return fmt.Sprintf("%v gives %s=%q, wanted none, in %q", shell, name, got, out)
			}
		}
	}
	return ""
}

func isEditOrParseError(err error) bool {
	var ee *EditError
	var pe *ParseError
	return errors.As(err, &ee) || errors.As(err, &pe)
}

// TestSetThenRemoveRestores: variables that a file does not have leave no trace in it.
func TestSetThenRemoveRestores(t *testing.T) {
	done := 0
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(genScript(rt))
		d := Dialect(rapid.IntRange(0, 2).Draw(rt, "dialect"))
		if restores(rt, data, d) {
			done++
		}
	})
	assert.Assert(t, done >= 10, "only %d edits were possible", done)
}

// failer is what testing and rapid have in common.
type failer interface {
	Fatalf(format string, args ...any)
}

// restores sets two new names, one after the other, and removes them again.
func restores(t failer, data []byte, d Dialect) bool {
	first, err := Edit("f", data, []Var{{"NEW_PROXY", "http://p:1"}}, nil, d)
	if err != nil {
		return false
	}
	second, err := Edit("f", first, []Var{{"NEW_PROXY", "http://p:1"}, {"new_proxy", "x"}}, nil, d)
	if err != nil {
		return false
	}
	if !bytes.HasPrefix(second, data) {
		t.Fatalf("bytes changed: %q became %q", data, second)
	}
	back, err := Edit("f", second, nil, []string{"NEW_PROXY", "new_proxy"}, d)
	if err != nil || !bytes.Equal(back, data) {
		t.Fatalf("%q came back as %q, %v", data, back, err)
	}
	return true
}

func fuzzSeeds(f *testing.F) {
	f.Helper()
	for _, seed := range []string{
		"", "A=1\n", "export HTTP_PROXY=x B=y # c\n", "HTTP_PROXY='a'\\''b'; export HTTP_PROXY", "if a; then\nHTTP_PROXY=x\nfi\n",
		"cat <<E; HTTP_PROXY=a\nx\nE\n", "# a \\\nHTTP_PROXY=x\r\n", "f() { local A; A=1; }\nf && set -a\n", ": ${A:=$((B=1))}\n",
		"case $A in a) B=1;; *) return;; esac\nwhile a; do break; done\n", marker + "\nHTTP_PROXY='x'\nexport HTTP_PROXY\n",
		"A=1\n" + markerWithBreak + "\nHTTP_PROXY='x'\nexport HTTP_PROXY\n", "\xef\xbb\xbfA=\xe9\r\n", "export A \\\n HTTP_PROXY=1 \\\n B\n",
		"readonly HTTP_PROXY=x && { unset B; }\nalias a=b\n. /etc/x\neval a\n", "HTTP_PROXY = x\n", "A=1\\",
	} {
		f.Add([]byte(seed))
	}
}

// FuzzRun parses and follows any bytes: no panic, and every offset lies inside the file.
func FuzzRun(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("f", data)
		if err != nil {
			assert.Assert(t, isEditOrParseError(err))
			return
		}
		names := []string{"A", "B", "HTTP_PROXY"}
		for _, e := range file.Effects(names) {
			assert.Assert(t, e.Start >= 0 && e.Start <= e.End && e.End <= len(data) && e.Line >= 1, "%+v", e)
		}
		assert.Equal(t, len(file.Result(map[string]string{"A": "x"}, names...)), len(names))
	})
}

// FuzzEdit edits any bytes: no panic, a stable result, and what was set can be removed without a trace.
func FuzzEdit(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for d := range Portable + 1 {
			if !bytes.Contains(bytes.ToLower(data), []byte("new_proxy")) {
				restores(t, data, d)
			}
			wanted := []Var{{"HTTP_PROXY", "http://p:1"}}
			out, err := Edit("f", data, wanted, []string{"B"}, d)
			if err != nil {
				assert.Assert(t, out == nil && isEditOrParseError(err))
				continue
			}
			again, err := Edit("f", out, wanted, []string{"B"}, d)
			assert.NilError(t, err)
			assert.Equal(t, string(again), string(out))
		}
	})
}
