package txn_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// A scenario prepares a root and then runs a command that changes it. run is executed once per failure point.
type scenario struct {
	name  string
	build func(t *testing.T, s site)
	run   func(ctx context.Context, s site) error
	// between brings about a third state in which a scenario may be left: committed, when undoing it after the commit was not possible at all.
	between func(ctx context.Context, s site) error
}

func big(b byte) string { return strings.Repeat(string(b), 10000) }

// scenarios are plans of one to several files in every kind of change, and what a command does with them.
func scenarios() []scenario {
	return []scenario{
		{name: "one file", build: buildOne, run: func(ctx context.Context, s site) error { return set(ctx, s, planOne) }},
		{name: "all kinds", build: buildAll, run: func(ctx context.Context, s site) error { return set(ctx, s, planAll) }},
		{name: "all kinds, undone after the commit", build: buildAll, run: func(ctx context.Context, s site) error { return setThenUndo(ctx, s, planAll) }, between: func(ctx context.Context, s site) error { return set(ctx, s, planAll) }},
		{name: "rollback", build: func(t *testing.T, s site) {
			buildAll(t, s)
			assert.NilError(t, set(t.Context(), s, planAll))
		}, run: rollback},
		{name: "set, then unset", build: func(t *testing.T, s site) {
			buildOne(t, s)
			assert.NilError(t, set(t.Context(), s, planOne))
		}, run: func(ctx context.Context, s site) error { return set(ctx, s, planUnset) }},
		{name: "a setting for a while, beside the real change", build: buildAll, run: func(ctx context.Context, s site) error { return forAWhile(ctx, s, "{\"new\": 1}\n") }},
	}
}

func buildOne(t *testing.T, s site) {
	t.Helper()
	s.put(t, "/etc/hostname", "h\n", 0o644)
}

func planOne(s site) (change.Plan, error) {
	return change.Plan{{Path: "/etc/docker/daemon.json", To: change.NewFile([]byte("{}\n"), 0o600), Secret: true}}, nil
}

func planUnset(s site) (change.Plan, error) {
	from, err := change.Observe(s.fs, "/etc/docker/daemon.json")
	if err != nil {
		return nil, err
	}
	past, err := s.store.History("/etc/docker/daemon.json", from)
	if err != nil || len(past) != 1 {
		return nil, fmt.Errorf("history: %v, %w", past, err)
	}
	plan := change.Plan{{Path: "/etc/docker/daemon.json", From: from, To: past[0].State}}
	return append(plan, s.store.RemoveDirs(past[0].Dirs)...), nil
}

func buildAll(t *testing.T, s site) {
	t.Helper()
	s.put(t, "/etc/default/docker", "# old\n", 0o644)
	s.put(t, "/etc/docker/daemon.json", "{\"a\": \"foreign\", \"b\": 1}\n", 0o600)
	s.put(t, "/etc/systemd/system/docker.service.d/old.conf", "[Service]\n", 0o644)
	s.put(t, "/etc/hard/a", big('a'), 0o644)
	assert.NilError(t, os.Link(s.path("/etc/hard/a"), s.path("/etc/hard/b")))
	s.put(t, "/etc/mode", "m\n", 0o644)
	s.put(t, "/opt/conf/real", "r\n", 0o644)
	assert.NilError(t, os.Symlink("/opt/conf/real", s.path("/etc/link")))
	assert.NilError(t, os.Symlink("old", s.path("/etc/pointer")))
	assert.NilError(t, os.Mkdir(s.path("/etc/empty"), 0o750))
}

func planAll(s site) (change.Plan, error) {
	var errs []error
	edit := func(name string, to func(change.State) change.State) change.Change {
		from, err := change.ObserveLink(s.fs, name)
		if name == "/etc/link" {
			from, err = change.Observe(s.fs, name)
		}
		errs = append(errs, err)
		return change.Change{Path: name, From: from, To: to(from)}
	}
	data := func(text string) func(change.State) change.State {
		return func(from change.State) change.State { return from.WithData([]byte(text)) }
	}
	gone := func(change.State) change.State { return change.State{} }
	partial := edit("/etc/docker/daemon.json", data("{\"a\": \"foreign\", \"b\": 2}\n"))
	partial.Partial = true
	plan := change.Plan{
		edit("/etc/default/docker", func(s change.State) change.State { return s.WithData([]byte("# new\n")).Private() }),
		partial,
		edit("/etc/systemd/system/docker.service.d/old.conf", gone),
		edit("/etc/systemd/system/docker.service.d", gone),
		edit("/etc/hard/a", func(s change.State) change.State { return s.WithData([]byte(big('b') + "longer")).Private() }),
		edit("/etc/mode", func(s change.State) change.State { return s.WithMode(0o600) }),
		edit("/etc/link", data("through\n")),
		edit("/etc/pointer", func(change.State) change.State { return change.NewLink("new") }),
		edit("/etc/empty", func(s change.State) change.State { return s.WithMode(0o700) }),
		edit("/etc/made", func(change.State) change.State {
			return change.State{Kind: change.Dir, Mode: 0o711, UID: change.Keep, GID: change.Keep}
		}),
		edit("/etc/made/one/two/three", data("deep\n")),
		edit("/etc/made/one/four", data("second in the same new directory\n")),
		edit("/usr/share/new", func(change.State) change.State { return change.NewLink("/etc/made") }),
	}
	return plan, errors.Join(errs...)
}

// begun is a set up to its commit record; the transaction is nil when none was begun.
func begun(ctx context.Context, s site, plan func(site) (change.Plan, error)) (*txn.Tx, error) {
	tx, err := s.store.Begin(ctx, "docker proxy set")
	if err != nil {
		return nil, err
	}
	changes, err := plan(s)
	if err == nil {
		err = tx.Apply(ctx, changes)
	}
	if err == nil {
		err = tx.Commit()
	}
	return tx, err
}

func set(ctx context.Context, s site, plan func(site) (change.Plan, error)) error {
	tx, err := begun(ctx, s, plan)
	if tx == nil {
		return err
	}
	if err == nil {
		err = tx.Note("restart", "done")
	}
	return errors.Join(err, tx.Close())
}

func setThenUndo(ctx context.Context, s site, plan func(site) (change.Plan, error)) error {
	tx, err := begun(ctx, s, plan)
	if tx == nil {
		return err
	}
	return errors.Join(err, tx.Undo(), tx.Close())
}

func rollback(ctx context.Context, s site) error {
	tx, err := s.store.Begin(ctx, "docker proxy rollback")
	if err != nil {
		return err
	}
	entry, changes, err := s.store.Rollback("")
	if err == nil {
		tx.Reverts(entry.ID)
		err = tx.Apply(ctx, changes)
	}
	if err == nil {
		err = tx.Commit()
	}
	return errors.Join(err, tx.Close())
}

// counter fails at operation at, and with all set at every later one too.
type counter struct {
	n, at int
	all   bool
	err   error
}

func (c *counter) fault(string, string) error {
	c.n++
	if c.n == c.at || c.all && c.n > c.at {
		return c.err
	}
	return nil
}

// memory is a directory like t.TempDir, where there is one in memory: the sweeps call fsync tens of thousands of times, and what a disk does then is not their question.
func memory(t *testing.T) string {
	t.Helper()
	if unix.Access("/dev/shm", unix.W_OK) != nil {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "docker-proxy-test-")
	assert.NilError(t, err)
	assert.NilError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	return dir
}

// outcome gives the trees before and after a scenario that nothing disturbs, the one it goes through on the way, if any, and the number of operations.
func outcome(t *testing.T, sc scenario) (before, after, between map[string]string, points int) {
	t.Helper()
	dir := memory(t)
	sc.build(t, siteAt(t, dir, txn.Options{}))
	before = tree(t, dir)
	if sc.between != nil {
		other := memory(t)
		sc.build(t, siteAt(t, other, txn.Options{}))
		assert.NilError(t, sc.between(t.Context(), siteAt(t, other, txn.Options{})))
		between = tree(t, other)
	}
	c := &counter{}
	assert.NilError(t, sc.run(t.Context(), siteAt(t, dir, txn.Options{Fault: c.fault})))
	after = tree(t, dir)
	return before, after, between, c.n
}

// whole checks that the tree is one of those allowed, that nothing is left over in the state directory, and that nothing is unfinished.
func whole(t *testing.T, s site, what string, allowed ...map[string]string) {
	t.Helper()
	got := tree(t, s.dir)
	if !slices.ContainsFunc(allowed, func(want map[string]string) bool { return maps.Equal(got, want) }) {
		t.Log(what)
		assert.DeepEqual(t, got, allowed[0])
	}
	e, err := s.store.Unfinished()
	assert.NilError(t, err, what)
	assert.Assert(t, e == nil, what)
	names, err := os.ReadDir(s.path(stateDir))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	assert.NilError(t, err)
	for _, n := range names {
		assert.Assert(t, n.Name() == "lock" || strings.HasSuffix(n.Name(), ".journal"), "%s: %s", what, n.Name())
	}
}

// TestEveryFault lets every single mutating system call of every scenario fail, once or from there on, with each error, and then recovers.
func TestEveryFault(t *testing.T) {
	errnos := []syscall.Errno{unix.EIO, unix.ENOSPC, unix.EROFS, unix.EACCES, unix.EBUSY, unix.EXDEV}
	total := 0
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			before, after, between, points := outcome(t, sc)
			assert.Assert(t, points > 10)
			for n := 1; n <= points; n++ {
				for i, all := range []bool{false, true} {
					errno := errnos[(n+i)%len(errnos)]
					total++
					dir := memory(t)
					sc.build(t, siteAt(t, dir, txn.Options{}))
					c := &counter{at: n, all: all, err: errno}
					err := sc.run(t.Context(), siteAt(t, dir, txn.Options{Fault: c.fault}))
					what := fmt.Sprintf("operation %d of %d, all=%v, %v: %v", n, points, all, errno, err)
					if all {
						assert.Assert(t, err != nil, what)
					}
					s := siteAt(t, dir, txn.Options{})
					_, err = s.store.Recover(t.Context())
					assert.NilError(t, err, what)
					whole(t, s, what, before, after, between)
				}
			}
		})
	}
	t.Logf("%d failure points", total)
}

// A failure that happens once never needs recovery: the same process puts everything back.
func TestOneFaultIsUndoneAtOnce(t *testing.T) {
	sc := scenarios()[1]
	before, after, _, points := outcome(t, sc)
	for n := 1; n <= points; n++ {
		dir := memory(t)
		sc.build(t, siteAt(t, dir, txn.Options{}))
		c := &counter{at: n, err: unix.EIO}
		s := siteAt(t, dir, txn.Options{Fault: c.fault})
		err := sc.run(t.Context(), s)
		want := before
		if got := tree(t, dir); err == nil || fmt.Sprint(got) == fmt.Sprint(after) {
			want = after
		}
		assert.DeepEqual(t, tree(t, dir), want)
	}
}

// TestEveryKill ends the process by SIGKILL before every single mutating system call of every scenario; this process then recovers.
func TestEveryKill(t *testing.T) {
	total := 0
	for i, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			before, after, between, points := outcome(t, sc)
			for n := 1; n <= points; n++ {
				total++
				dir := memory(t)
				sc.build(t, siteAt(t, dir, txn.Options{}))
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
				cmd.Env = append(os.Environ(), childEnv(i, dir, n)...)
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				assert.Assert(t, errors.As(err, &exit), "operation %d of %d: %v %s", n, points, err, out)
				status, _ := exit.Sys().(syscall.WaitStatus)
				assert.Equal(t, status.Signal(), syscall.SIGKILL, "%s", out)
				s := siteAt(t, dir, txn.Options{})
				_, err = s.store.Recover(t.Context())
				what := fmt.Sprintf("killed before operation %d of %d", n, points)
				assert.NilError(t, err, what)
				whole(t, s, what, before, after, between)
			}
		})
	}
	t.Logf("%d kill points", total)
}

// childEnv tells TestKilledChild what to do; at 0 it lives.
func childEnv(scenario int, dir string, at int) []string {
	return []string{"TXN_CHILD=" + strconv.Itoa(scenario), "TXN_ROOT=" + dir, "TXN_AT=" + strconv.Itoa(at)}
}

// TestKilledChild is the process that TestEveryKill kills; by itself it has nothing to do.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv("TXN_ROOT")
	if dir == "" {
		return
	}
	which, err := strconv.Atoi(os.Getenv("TXN_CHILD"))
	assert.NilError(t, err)
	at, err := strconv.Atoi(os.Getenv("TXN_AT"))
	assert.NilError(t, err)
	f, err := host.Open(filepath.Clean(dir))
	assert.NilError(t, err)
	n := 0
	store, err := txn.Open(f, stateDir, txn.Options{Fault: func(string, string) error {
		if n++; n == at {
			return unix.Kill(os.Getpid(), unix.SIGKILL)
		}
		return nil
	}})
	assert.NilError(t, err)
	assert.NilError(t, scenarios()[which].run(t.Context(), site{dir: dir, fs: f, store: store}))
}
