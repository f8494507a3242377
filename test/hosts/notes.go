//go:build linux

package hosts

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// RunDir is where booted machines are noted.
func RunDir() string { return filepath.Join(CacheDir(), "run") }

func noteFile(name, suffix string) string { return filepath.Join(RunDir(), name+suffix) }

// guardNotes keeps a sweep away from a machine that is just taking its lock.
func guardNotes() (func(), error) {
	guard := flock.New(noteFile("notes", ".guard"))
	if err := guard.Lock(); err != nil {
		return nil, err
	}
	return func() { _ = guard.Close() }, nil
}

// newMachine gives a machine its name and holds the lock that says it lives.
func newMachine(kind Kind) (*Machine, error) {
	name, err := uniqueName(kind.Name)
	if err != nil {
		return nil, err
	}
	guard, err := guardNotes()
	if err != nil {
		return nil, err
	}
	defer guard()
	m := &Machine{Kind: kind, Name: name, console: noteFile(name, ".console"), lock: flock.New(noteFile(name, ".lock"))}
	if err := m.lock.Lock(); err != nil {
		return nil, fmt.Errorf("locking machine %s: %w", name, err)
	}
	return m, nil
}

func uniqueName(kind string) (string, error) {
	var suffix [3]byte
	if _, err := rand.Read(suffix[:]); err != nil {
		return "", err
	}
	return "docker-proxy-" + kind + "-" + hex.EncodeToString(suffix[:]), nil
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
	guard, err := guardNotes()
	if err != nil {
		return
	}
	defer guard()
	locks, err := filepath.Glob(noteFile("*", ".lock"))
	if err != nil {
		return
	}
	for _, path := range locks {
		name := strings.TrimSuffix(filepath.Base(path), ".lock")
		lock := flock.New(path)
		if ok, err := lock.TryLock(); err == nil && ok {
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
