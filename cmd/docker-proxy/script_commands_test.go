//go:build unix

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/testscript"
)

// treesKey is where a script's snapshots are kept.
type treesKey struct{}

// scriptCommands are the commands of scripts beyond testscript's own:
//
//	host DIR KIND                make the files of a host: trixie, bookworm, docker-ce, flag, sysvinit, openrc, suse, none (host_test.go)
//	status N COMMAND ARG…        run it and demand exit status N; stdout and stderr are kept for the next lines
//	asuser N COMMAND ARG…        the same as an unprivileged user (nobody when the test runs as root)
//	snapshot NAME DIR            remember the tree at DIR: names, types, modes, owners, links, bytes
//	cmptree NAME DIR             demand that the tree at DIR is what was remembered; ! cmptree that it is not
//	mode OCTAL FILE…             demand the permission bits
//	lacks FILE TEXT              demand that FILE does not hold TEXT anywhere
//	rawfile FILE 'GO-TEXT'       write bytes: Go escapes, no final newline of its own
//	bigfile FILE SIZE TEXT       write SIZE bytes of TEXT, repeated
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"host":     cmdHost,
		"status":   cmdStatus,
		"asuser":   cmdAsUser,
		"snapshot": cmdSnapshot,
		"cmptree":  cmdCmpTree,
		"mode":     cmdMode,
		"lacks":    cmdLacks,
		"rawfile":  cmdRawFile,
		"bigfile":  cmdBigFile,
	}
}

func need(ts *testscript.TestScript, neg bool, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "status N COMMAND ARG…")
	checkStatus(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func checkStatus(ts *testscript.TestScript, want string, err error) {
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

func cmdAsUser(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "asuser N COMMAND ARG…")
	if os.Geteuid() != 0 {
		cmdStatus(ts, neg, args)
		return
	}
	const nobody = "65534"
	checkStatus(ts, args[0], ts.Exec("setpriv", append([]string{"--reuid=" + nobody, "--regid=" + nobody, "--clear-groups", "--inh-caps=-all", "--"}, args[1:]...)...))
}

func cmdSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "snapshot NAME DIR")
	tree, err := describeTree(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Value(treesKey{}).(map[string]string)[args[0]] = tree //nolint:forcetypeassert // set by Setup
}

func cmdCmpTree(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: cmptree NAME DIR")
	}
	want, ok := ts.Value(treesKey{}).(map[string]string)[args[0]] //nolint:forcetypeassert // set by Setup
	if !ok {
		ts.Fatalf("no snapshot %q", args[0])
	}
	got, err := describeTree(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && got == want:
		ts.Fatalf("the tree at %s has not changed", args[1])
	case !neg && got != want:
		ts.Fatalf("the tree at %s has changed:\n%s", args[1], udiff.Unified(args[0], args[1], want, got))
	}
}

// describeTree returns one line for every file below dir, in the order of names.
func describeTree(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content := ""
		switch {
		case fi.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf(" %d bytes %x", len(data), sha256.Sum256(data))
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			content = " -> " + to
		}
		st := fi.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // what os.Lstat returns on unix
		fmt.Fprintf(&b, "%s %v %d:%d%s\n", rel, fi.Mode(), st.Uid, st.Gid, content)
		return nil
	})
	return b.String(), err
}

func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "mode OCTAL FILE…")
	for _, name := range args[1:] {
		fi, err := os.Lstat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", fi.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

func cmdLacks(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "lacks FILE TEXT")
	if strings.Contains(ts.ReadFile(args[0]), args[1]) {
		ts.Fatalf("%s holds %q", args[0], args[1])
	}
}

func cmdRawFile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "rawfile FILE 'GO-TEXT'")
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644)) //nolint:gosec // a test file
}

func cmdBigFile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3 && args[2] != "", "bigfile FILE SIZE TEXT")
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := strings.Repeat(args[2], size/len(args[2])+1)[:size]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644)) //nolint:gosec // a test file
}
