//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/cli/cli/command"
	"pgregory.net/rapid"
)

// bench runs commands in this process against one tree, and remembers them for the message of a failure.
type bench struct {
	t      *rapid.T
	root   string
	log    []string
	values map[string]string // what the sets so far have asked for, by key
}

// newBench writes a tree; the directory goes away with the case.
func newBench(t *rapid.T, base string, tree []node) *bench {
	root, err := os.MkdirTemp(base, "root")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, n := range tree {
		if err := n.write(root); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return &bench{t: t, root: root, values: map[string]string{}}
}

// run calls the command as `docker proxy ARG…` under --root, with text on stdin.
func (b *bench) run(stdin string, args ...string) (status int, stdout, stderr string) {
	argv := append([]string{"docker-proxy", "proxy"}, args...)
	argv = append(argv, "--root", b.root)
	var out, errs bytes.Buffer
	before := os.Args
	defer func() { os.Args = before }()
	status = runPlugin(b.t.Context(), argv, command.WithInputStream(io.NopCloser(strings.NewReader(stdin))), command.WithOutputStream(&out), command.WithErrorStream(&errs))
	b.log = append(b.log, fmt.Sprintf("%q → %d %s", args, status, strings.TrimSpace(errs.String())))
	return status, out.String(), errs.String()
}

// fail ends the case with everything that was done.
func (b *bench) fail(format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(b.log, "\n"))
}

// tree describes the files without the state directory.
func (b *bench) tree() string {
	text, err := describeTree(b.root)
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "var/lib/docker-proxy") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// touched describes inode and times of everything, the state directory too: what has been written, if only with the same bytes.
func (b *bench) touched() string {
	var out strings.Builder
	err := filepath.WalkDir(b.root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // what os.Lstat returns here
		fmt.Fprintln(&out, path, st.Ino, st.Ctim, st.Mtim)
		return nil
	})
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	return out.String()
}

// effective returns the values dockerd would use, by key; a setting that is not set is missing.
func (b *bench) effective() map[string]string {
	status, out, _ := b.run("", "show", "--effective", "--reveal", "--format", "json")
	var rep struct {
		Settings []struct {
			Key   string
			Set   bool
			Value *string
		}
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || status != 0 {
		b.fail("show --effective ended with %d: %v", status, err)
	}
	b.log = b.log[:len(b.log)-1]
	values := map[string]string{}
	for _, s := range rep.Settings {
		if s.Set {
			values[s.Key] = "(unknown)"
			if s.Value != nil {
				values[s.Key] = *s.Value
			}
		}
	}
	return values
}

// set runs one random `set`. A refusal must change nothing; a success must be effective, leave the settings it does not name alone, and be repeatable without a write.
func (b *bench) set(op setOp) bool {
	before, had := b.touched(), b.effective()
	status, _, stderr := b.run(op.stdin, op.args...)
	if status != 0 {
		if b.touched() != before {
			b.fail("a refused set has changed something")
		}
		return false
	}
	got := b.effective()
	for key, want := range op.want {
		if got[key] != want {
			b.fail("after set %s is %q, want %q", key, got[key], want)
		}
		b.values[key] = want
	}
	for _, key := range []string{"http-proxy", "https-proxy", "no-proxy"} {
		computed := key == "no-proxy" && had[key] == "" && (op.want["http-proxy"] != "" || op.want["https-proxy"] != "") // a list comes with a proxy where there is none
		if _, named := op.want[key]; !named && got[key] != had[key] && !computed {
			b.fail("%s was not named and went from %q to %q", key, had[key], got[key])
		}
	}
	for _, secret := range op.secrets {
		if strings.Contains(stderr, secret) {
			b.fail("stderr has the password %q", secret)
		}
	}
	before = b.touched()
	if status, out, _ := b.run(op.stdin, append(slices.Clone(op.args), "--dry-run")...); status != 0 || !strings.HasPrefix(out, "Nothing to do") || b.touched() != before {
		b.fail("a repeated set would do something:\n%s", out)
	}
	if status, _, _ := b.run(op.stdin, op.args...); status != 0 || b.touched() != before {
		b.fail("a repeated set has written something")
	}
	return true
}

// onEveryLayout plays n drawn cases for each kind of host; base is where their trees go.
func onEveryLayout(t *testing.T, n int, play func(t *rapid.T, l layout, base string)) {
	t.Helper()
	sandbox(t)
	for _, l := range layouts() {
		t.Run(l.name, func(t *testing.T) {
			base := scratch(t)
			check(t, n, func(t *rapid.T) { play(t, l, base) })
		})
	}
}

// TestRoundTrip: whatever the host looked like without proxies, any sequence of sets followed by an unset gives every byte, mode, owner, link and absence back.
func TestRoundTrip(t *testing.T) {
	onEveryLayout(t, 15, func(t *rapid.T, l layout, base string) {
		b := newBench(t, base, l.draw(t, false))
		before := b.tree()
		shared := false
		for range rapid.IntRange(1, 4).Draw(t, "sets") {
			op := drawSet(t, l)
			shared = b.set(op) && op.layer == "env" || shared
		}
		b.unset(shared)
		if got := b.effective(); len(got) > 0 {
			b.fail("after unset there is still %v", got)
		}
		if got := b.tree(); got != before {
			b.fail("set and unset did not give the tree back:\n%s", treeDiff(before, got))
		}
	})
}

// TestRoundTripManySets is the same with more changes than the journal shows, and with another password each time: then most of the bytes in between are not kept any more.
func TestRoundTripManySets(t *testing.T) {
	onEveryLayout(t, 1, func(t *rapid.T, l layout, base string) {
		b := newBench(t, base, l.draw(t, false))
		before := b.tree()
		for n := range 23 {
			args := []string{"set", "--only", "daemon", "--layer", rapid.SampledFrom(append([]string{"auto"}, l.reads()...)).Draw(t, "layer")}
			args = append(args, rapid.SampledFrom([]string{"--reconcile", "--reconcile", "--keep-shadowed", "--no-proxy=a,b", "--no-proxy=*"}).Draw(t, "option"))
			args = append(args, "--proxy", fmt.Sprintf("http://p%d.example:3128", n), "--username", "ann", "--password-stdin")
			b.run(fmt.Sprintf("pa55word-%d\n", n), args...)
		}
		b.unset(false)
		if got := b.tree(); got != before {
			b.fail("many sets and unset did not give the tree back:\n%s", treeDiff(before, got))
		}
		b.lacksPasswords()
	})
}

// lacksPasswords looks for passwords in all entries of the journal but the newest.
func (b *bench) lacksPasswords() {
	names, err := filepath.Glob(filepath.Join(b.root, "var/lib/docker-proxy/*.journal"))
	if err != nil || len(names) == 0 {
		b.fail("%d entries: %v", len(names), err)
	}
	slices.Sort(names)
	for _, name := range names[:len(names)-1] {
		data, err := os.ReadFile(name)
		if err != nil {
			b.fail("%v", err)
		}
		for _, code := range []string{"pa55word", "cGE1NXdvcm", "BhNTV3b3Jk", "wYTU1d29yZ"} {
			if bytes.Contains(data, []byte(code)) {
				b.fail("%s holds a password", name)
			}
		}
	}
}

// unset takes everything out, the shared place first where it was written.
func (b *bench) unset(shared bool) {
	if shared {
		if status, _, _ := b.run("", "unset", "--only", "daemon", "--layer", "env"); status != 0 {
			b.fail("unset --layer env failed")
		}
	}
	status, _, _ := b.run("", "unset", "--only", "daemon")
	if status == 1 { // an older value would surface: --all was named
		status, _, _ = b.run("", "unset", "--only", "daemon", "--all")
	}
	if status != 0 {
		b.fail("unset failed")
	}
}

// TestRollback: where there were proxies before, as many rollbacks as there were changes give the tree back. Old credentials leave the journal with the next change: then
// the rollback says so and changes nothing.
func TestRollback(t *testing.T) {
	onEveryLayout(t, 8, func(t *rapid.T, l layout, base string) {
		b := newBench(t, base, l.draw(t, true))
		states := []string{b.tree()}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			b.change(drawChange(t, l))
			if now := b.tree(); now != states[len(states)-1] {
				states = append(states, now)
			}
		}
		for i := len(states) - 2; i >= 0; i-- {
			before := b.touched()
			status, _, stderr := b.run("", "rollback")
			if status == 1 && strings.Contains(stderr, "are not kept any more") && i < len(states)-2 {
				if b.touched() != before {
					b.fail("a refused rollback has changed something")
				}
				return
			}
			if got := b.tree(); status != 0 || got != states[i] {
				b.fail("the rollback did not give the tree back:\n%s", treeDiff(states[i], got))
			}
		}
		if status, _, _ := b.run("", "rollback"); status != 1 {
			b.fail("there was something left to take back")
		}
	})
}

// change runs a command that may be refused; a refusal changes nothing.
func (b *bench) change(op setOp) {
	before := b.touched()
	if status, _, _ := b.run(op.stdin, op.args...); status != 0 && b.touched() != before {
		b.fail("a refused command has changed something")
	}
}

// TestReconcile: whatever reconcile moves, dockerd's answer stays; after `--to all` each layer alone has it.
func TestReconcile(t *testing.T) {
	onEveryLayout(t, 10, func(t *rapid.T, l layout, base string) {
		tree := l.draw(t, true)
		b := newBench(t, base, tree)
		want := b.effective()
		before := b.touched()
		to := rapid.SampledFrom(append([]string{"auto", "all"}, l.layers()...)).Draw(t, "to")
		status, _, _ := b.run("", "reconcile", "--to", to)
		switch {
		case status != 0 && b.touched() != before:
			b.fail("a refused reconcile has changed something")
		case status != 0:
			return
		}
		if got := b.effective(); fmt.Sprint(got) != fmt.Sprint(want) {
			b.fail("reconcile changed the answer from %v to %v", want, got)
		}
		before = b.touched()
		if status, out, _ := b.run("", "reconcile", "--to", to, "--check"); status != 0 || b.touched() != before {
			b.fail("a repeated reconcile would do something:\n%s", out)
		}
		if to == "all" {
			b.eachAlone(l, want)
		}
	})
}

// eachAlone takes all layers but one out of a host whose layers agree, one after the other.
func (b *bench) eachAlone(l layout, want map[string]string) {
	for _, keep := range l.reads() {
		for _, other := range l.reads() {
			if other == keep {
				continue
			}
			if status, _, _ := b.run("", "unset", "--only", "daemon", "--layer", other); status != 0 {
				b.fail("unset --layer %s failed", other)
			}
		}
		if got := b.effective(); fmt.Sprint(got) != fmt.Sprint(want) {
			b.fail("with %s alone the answer is %v, want %v", keep, got, want)
		}
		if status, _, _ := b.run("", "reconcile", "--to", "all"); status != 0 {
			b.fail("reconcile --to all failed")
		}
	}
}
