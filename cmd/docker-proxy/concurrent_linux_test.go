package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/serial"
)

// crowdTime is how long the crowds of this file run their commands.
const crowdTime = 5 * time.Second

// scriptHost makes one of the trees of scriptHosts.
func scriptHost(t *testing.T, kind string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range scriptHosts()[kind] {
		at := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			assert.NilError(t, os.MkdirAll(at, 0o755))
			continue
		}
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		assert.NilError(t, os.WriteFile(at, []byte(data), 0o644))
	}
	return dir
}

// result is how a process of the plugin ended.
type result struct {
	out, err string
	code     int
}

// processCommand is a process of the plugin, not started.
func processCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Args[0] = "docker-proxy" // see TestMain
	return cmd
}

func runProcess(t *testing.T, args ...string) result {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := processCommand(t.Context(), args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	return result{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// crowd runs workers until the time is over; a worker that returns an error ends the test.
func crowd(t *testing.T, workers ...func(i int) error) {
	t.Helper()
	end := time.Now().Add(crowdTime)
	var wg sync.WaitGroup
	var failed atomic.Bool
	var total atomic.Int64
	for n, work := range workers {
		wg.Go(func() {
			for i := 0; time.Now().Before(end) && !failed.Load(); i++ {
				if err := work(i); err != nil {
					failed.Store(true)
					t.Errorf("worker %d, round %d: %v", n, i, err)
				}
				total.Add(1)
			}
		})
	}
	wg.Wait()
	t.Logf("%d commands", total.Load())
	assert.Assert(t, total.Load() > int64(len(workers)))
}

// shown is what the tests need of `show --effective --format json`.
type shown struct {
	Settings []struct {
		Key      string            `json:"key"`
		Value    string            `json:"value"`
		Shadowed []json.RawMessage `json:"shadowed"`
	} `json:"settings"`
	Findings []struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"findings"`
}

func (s shown) value(key string) string {
	for _, x := range s.Settings {
		if x.Key == key {
			return x.Value
		}
	}
	return "?"
}

func show(t *testing.T, root string) (shown, error) {
	var s shown
	r := runProcess(t, "show", "--root", root, "--effective", "--format", "json")
	if r.code != 0 || r.err != "" {
		return s, fmt.Errorf("show: status %d: %s", r.code, r.err)
	}
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		return s, fmt.Errorf("show printed %q: %w", r.out, err)
	}
	for _, f := range s.Findings {
		if f.ID == "change-in-progress" || f.ID == "unfinished-change" {
			return s, fmt.Errorf("show finds %s: %s", f.ID, f.Message)
		}
	}
	return s, nil
}

// change runs a command that must end well.
func (r result) ok(args []string) error {
	if r.code == 0 {
		return nil
	}
	return fmt.Errorf("%s: status %d: %s", strings.Join(args, " "), r.code, r.err)
}

// nothingLeft checks that no temporary file is left below a directory.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	assert.NilError(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s is left over", name)
		}
		return err
	}))
}

// TestACrowdLosesNothing runs set, unset, reconcile and show at once, as processes, on one directory. Each change is there afterwards, and each answer is one that some order of the
// commands allows; a mixture of two places, as it stands while reconcile writes, is none.
func TestACrowdLosesNothing(t *testing.T) {
	root := scriptHost(t, "trixie")
	run := func(args ...string) error {
		args = append(args, "--root", root, "--only", "daemon", "--no-check")
		return runProcess(t, args...).ok(args)
	}
	assert.NilError(t, run("set", "--http-proxy", "http://first.corp:1", "--https-proxy", "http://first.corp:1", "--no-proxy", "start.corp"))
	http, https, list := serial.NewRegister("http://first.corp:1"), serial.NewRegister("http://first.corp:1"), serial.NewSet("start.corp")
	adder := func(name string) func(int) error {
		return func(i int) error {
			entry := fmt.Sprintf("%s-%d.corp", name, i)
			end := list.Begin(entry)
			defer end()
			return run("set", "--no-proxy-add", entry)
		}
	}
	reader := func(int) error {
		h, s, l := http.Read(), https.Read(), list.Read()
		now, err := show(t, root)
		if err != nil {
			return err
		}
		for _, x := range now.Settings {
			if len(x.Shadowed) > 0 {
				return fmt.Errorf("show saw %s in two places at once", x.Key)
			}
		}
		return errors.Join(h(now.value("http-proxy")), s(now.value("https-proxy")), l(strings.Split(now.value("no-proxy"), ",")))
	}
	crowd(t, adder("a"), adder("b"), adder("c"), reader, reader, reader,
		func(i int) error {
			value := fmt.Sprintf("http://http.corp:%d", i+1)
			end := http.Begin(value)
			defer end()
			return run("set", "--http-proxy", value)
		},
		func(i int) error {
			value := fmt.Sprintf("http://https.corp:%d", i+1)
			args := []string{"set", "--https-proxy", value}
			if i%2 == 1 {
				value, args = "", []string{"unset", "--https-proxy"}
			}
			end := https.Begin(value)
			defer end()
			return run(args...)
		},
		func(i int) error {
			args := []string{"reconcile", "--root", root, "--to", []string{"systemd", "daemon.json", "startup"}[i%3]}
			return runProcess(t, args...).ok(args)
		})
	assert.NilError(t, reader(0))
	final, err := show(t, root)
	assert.NilError(t, err)
	assert.Equal(t, final.value("http-proxy"), http.Value())
	assert.Equal(t, final.value("https-proxy"), https.Value())
	assert.Equal(t, len(strings.Split(final.value("no-proxy"), ",")), list.Size())
	nothingLeft(t, root)
}

// TestACrowdWithRollbacks lets rollback take back what others add: each one that succeeds takes back one change and no other's.
func TestACrowdWithRollbacks(t *testing.T) {
	root := scriptHost(t, "trixie")
	var added, takenBack, refused atomic.Int64
	adder := func(name string) func(int) error {
		return func(i int) error {
			args := []string{"set", "--root", root, "--only", "daemon", "--no-check", "--no-proxy-add", fmt.Sprintf("%s-%d.corp", name, i)}
			added.Add(1)
			return runProcess(t, args...).ok(args)
		}
	}
	back := func(int) error {
		r := runProcess(t, "rollback", "--root", root, "--format", "json")
		switch {
		case r.code == 0 && strings.Contains(r.out, `"changed": true`), r.code == 0 && strings.Contains(r.out, `"changed":true`):
			takenBack.Add(1)
		case r.code == 0:
		case r.code == 1 && (strings.Contains(r.err, "nothing was put back") || strings.Contains(r.err, "no recorded change")):
			refused.Add(1)
		default:
			return r.ok([]string{"rollback"})
		}
		return nil
	}
	crowd(t, adder("a"), adder("b"), adder("c"), adder("d"), back, back, func(int) error { _, err := show(t, root); return err })
	final, err := show(t, root)
	assert.NilError(t, err)
	present := 0
	if v := final.value("no-proxy"); v != "" {
		present = len(strings.Split(v, ","))
	}
	t.Logf("%d added, %d taken back, %d rollbacks refused", added.Load(), takenBack.Load(), refused.Load())
	assert.Equal(t, int64(present), added.Load()-takenBack.Load())
	assert.Assert(t, takenBack.Load() > 0)
	nothingLeft(t, root)
}
