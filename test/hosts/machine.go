//go:build linux

package hosts

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// bootTimeout bounds the time from starting nspawn to an answering dockerd.
const bootTimeout = 3 * time.Minute

// scratchSize bounds what a booted machine may write, its images included.
const scratchSize = "6g"

//go:embed machine.sh
var machineScript string

// A Machine is one booted copy of a root file system. It lives until Stop is
// called or the process that started it ends, however that ends.
type Machine struct {
	Kind   Kind
	Name   string // unique on this machine, also the name of its control group
	Leader int    // its PID 1 as seen from outside

	console    string
	lock       *flock.Flock
	lifeline   io.Closer
	supervisor *exec.Cmd
	cgroup     *os.File // where commands run: no unit of the host's owns it
}

// A Seed is what a machine finds on its disk when it boots.
type Seed struct {
	// Files by absolute path; 0644 and root's.
	Files map[string]string
	// Prepare is a script that sh -e runs in the root before it boots.
	Prepare string
}

// RunDir is where booted machines are noted.
func RunDir() string { return filepath.Join(CacheDir(), "run") }

// Start boots a machine of the given kind over its root file system, which is
// made first when the cache has none, and returns when its PID 1 runs; dockerd
// may not have started yet. At most two machines boot at a time; release tells
// that this one has.
func Start(ctx context.Context, kindName string, seed Seed, log io.Writer) (m *Machine, release func(), err error) {
	kind, err := KindOf(kindName)
	if err != nil {
		return nil, nil, err
	}
	if os.Geteuid() != 0 {
		return nil, nil, errors.New("booting a test host needs root")
	}
	lower, err := Build(ctx, kindName, log)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(RunDir(), 0o755); err != nil {
		return nil, nil, err
	}
	Sweep()
	release, err = bootSlot(ctx)
	if err != nil {
		return nil, nil, err
	}
	m, err = launch(ctx, kind, lower, seed)
	if err != nil {
		release()
		return nil, nil, err
	}
	return m, release, nil
}

// launch starts the supervisor, which is machine.sh, and waits for PID 1.
func launch(ctx context.Context, kind Kind, lower []string, seed Seed) (*Machine, error) {
	name, err := uniqueName(kind.Name)
	if err != nil {
		return nil, err
	}
	m := &Machine{Kind: kind, Name: name, console: noteFile(name, ".console"), lock: flock.New(noteFile(name, ".lock"))}
	if ok, err := m.lock.TryLock(); err != nil || !ok {
		return nil, fmt.Errorf("locking machine %s: taken (%w)", name, err)
	}
	dir, seedDir := filepath.Join(RunDir(), name), noteFile(name, ".seed")
	if err := errors.Join(os.Mkdir(dir, 0o700), writeSeed(seedDir, seed)); err != nil {
		return nil, err
	}
	console, err := os.Create(m.console)
	if err != nil {
		return nil, err
	}
	defer func() { _ = console.Close() }()

	// Not CommandContext: the end of its standard input ends it.
	cmd := exec.Command("unshare", "--mount", "--propagation=private", "sh", "-c", machineScript, "machine",
		name, dir, strings.Join(lower, ":"), seedDir, scratchSize, strings.Join(kind.data, " "), kind.Name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = console
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answer, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m.lifeline, m.supervisor = lifeline, cmd
	if err := m.awaitLeader(ctx, answer); err != nil {
		log := m.Console()
		m.Stop()
		return nil, fmt.Errorf("booting %s: %w\n%s", name, err, log)
	}
	return m, m.note()
}

func noteFile(name, suffix string) string { return filepath.Join(RunDir(), name+suffix) }

// awaitLeader reads nspawn's process id from the supervisor and finds its
// child, the machine's PID 1.
func (m *Machine) awaitLeader(ctx context.Context, answer io.Reader) error {
	line, err := bufio.NewReader(answer).ReadString('\n')
	pid, ok := strings.CutPrefix(strings.TrimSpace(line), "nspawn ")
	if !ok {
		return fmt.Errorf("supervisor says %q (%v)", strings.TrimSpace(line), err)
	}
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	for m.Leader == 0 {
		if _, err := os.Stat("/proc/" + pid); err != nil {
			return errors.New("nspawn ended")
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		children, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
		for _, child := range strings.Fields(string(children)) {
			if isInit(child) {
				m.Leader, _ = strconv.Atoi(child)
			}
		}
	}
	return m.enterCgroup()
}

// isInit says whether a child of nspawn is PID 1 of a namespace already and
// runs an init rather than nspawn's own set-up code.
func isInit(pid string) bool {
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	exe, _ := os.Readlink("/proc/" + pid + "/exe")
	return strings.Contains(string(status), "\t1\n") && exe != "" && filepath.Base(exe) != "systemd-nspawn"
}

// enterCgroup makes the control group commands run in: inside the machine's
// own tree, so that its processes see themselves there and die with it.
func (m *Machine) enterCgroup() error {
	v2 := "/sys/fs/cgroup"
	if _, err := os.Stat(v2 + "/unified"); err == nil {
		v2 += "/unified"
	}
	path := filepath.Join(v2, m.Name, "payload", "commands.scope")
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	var err error
	m.cgroup, err = os.Open(path)
	return err
}

// Console returns the end of what the machine printed on its console.
func (m *Machine) Console() string {
	data, _ := os.ReadFile(m.console)
	return lastLines(string(data), 30)
}

// Root is the machine's root directory as seen from outside. Absolute links
// below it point into the outer machine: read with openat2's RESOLVE_IN_ROOT,
// or inside the machine.
func (m *Machine) Root() string { return fmt.Sprintf("/proc/%d/root", m.Leader) }

// Stop takes the machine down at once; nothing on its disk is kept.
func (m *Machine) Stop() {
	_ = m.lifeline.Close()
	done := make(chan struct{})
	go func() {
		_ = m.supervisor.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = m.supervisor.Process.Kill()
		<-done
	}
	if m.cgroup != nil {
		_ = m.cgroup.Close()
	}
	forget(m.Name)
	_ = m.lock.Close()
}

// note writes what other processes need to run commands in the machine.
func (m *Machine) note() error {
	data, err := json.Marshal(map[string]any{"kind": m.Kind.Name, "leader": m.Leader})
	if err != nil {
		return err
	}
	return os.WriteFile(noteFile(m.Name, ".json"), data, 0o644)
}

// Find returns a machine another process booted, by its name or the newest of
// a kind.
func Find(name string) (*Machine, error) {
	notes, err := filepath.Glob(noteFile("*", ".json"))
	if err != nil {
		return nil, err
	}
	var found *Machine
	var newest time.Time
	for _, path := range notes {
		var note struct {
			Kind   string
			Leader int
		}
		data, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(data, &note) != nil {
			continue
		}
		machine := strings.TrimSuffix(filepath.Base(path), ".json")
		info, err := os.Stat(fmt.Sprintf("/proc/%d", note.Leader))
		if err != nil || (machine != name && note.Kind != name) || info.ModTime().Before(newest) {
			continue
		}
		kind, err := KindOf(note.Kind)
		if err != nil {
			continue
		}
		newest = info.ModTime()
		found = &Machine{Kind: kind, Name: machine, Leader: note.Leader, console: noteFile(machine, ".console")}
	}
	if found == nil {
		return nil, fmt.Errorf("no machine %q is running", name)
	}
	return found, found.enterCgroup()
}

// Sweep removes what machines left behind whose supervisor was killed.
func Sweep() {
	locks, err := filepath.Glob(noteFile("*", ".lock"))
	if err != nil {
		return
	}
	for _, path := range locks {
		name := strings.TrimSuffix(filepath.Base(path), ".lock")
		lock := flock.New(path)
		if ok, err := lock.TryLock(); err == nil && ok && !strings.HasPrefix(name, "slot") {
			forget(name)
		}
		_ = lock.Close()
	}
}

// forget removes the notes about a machine and, when its supervisor could not,
// its processes, control groups and directories.
func forget(name string) {
	for _, v2 := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/systemd"} {
		group := filepath.Join(v2, name)
		if _, err := os.Stat(group); err != nil {
			continue
		}
		_ = os.WriteFile(filepath.Join(group, "cgroup.kill"), []byte("1"), 0)
		for range 20 {
			_ = exec.Command("find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+").Run()
			if _, err := os.Stat(group); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	_ = os.Remove(filepath.Join(RunDir(), name))
	_ = os.RemoveAll(noteFile(name, ".seed"))
	for _, suffix := range []string{".json", ".console", ".lock"} {
		_ = os.Remove(noteFile(name, suffix))
	}
}

// bootSlot waits for one of two places to boot in.
func bootSlot(ctx context.Context) (func(), error) {
	slots := []*flock.Flock{flock.New(noteFile("slot0", ".lock")), flock.New(noteFile("slot1", ".lock"))}
	for {
		for _, slot := range slots {
			if ok, err := slot.TryLock(); err != nil {
				return nil, err
			} else if ok {
				return func() { _ = slot.Close() }, nil
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("waiting for other machines to boot: %w", err)
		}
	}
}

// pause waits a moment, or less when ctx ends, which is then the error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func uniqueName(kind string) (string, error) {
	var suffix [3]byte
	if _, err := rand.Read(suffix[:]); err != nil {
		return "", err
	}
	return "docker-proxy-" + kind + "-" + hex.EncodeToString(suffix[:]), nil
}

// writeSeed lays out what machine.sh puts on the machine's disk.
func writeSeed(dir string, seed Seed) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for path, text := range seed.Files {
		target := filepath.Join(dir, "files", path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if seed.Prepare == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "prepare.sh"), []byte(seed.Prepare), 0o600)
}
