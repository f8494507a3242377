//go:build linux

package hosts

import (
	"bufio"
	"context"
	_ "embed"
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
	leave      func() // gives the place among the running machines back
	lifeline   io.Closer
	supervisor *exec.Cmd
	cgroup     *os.File // where commands run: no unit of the host's owns it
}

// Start boots a machine of the given kind over its root file system, which is
// made first when the cache has none, and returns when its PID 1 runs; dockerd
// may not have started yet. At most two machines boot at a time; release tells
// that this one has. Nor do more run at a time than [MachinesVariable] says.
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
	leave, err := machinePlace(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	release, err = bootSlot(ctx)
	if err != nil {
		leave()
		return nil, nil, err
	}
	m, err = launch(ctx, kind, lower, seed)
	if err != nil {
		release()
		leave()
		return nil, nil, err
	}
	m.leave = leave
	return m, release, nil
}

// launch starts the supervisor, which is machine.sh, and waits for PID 1.
func launch(ctx context.Context, kind Kind, lower []string, seed Seed) (*Machine, error) {
	m, err := newMachine(kind)
	if err != nil {
		return nil, err
	}
	if err := m.start(ctx, lower, seed); err != nil {
		console := m.Console()
		m.Stop()
		return nil, fmt.Errorf("booting %s: %w\n%s", m.Name, err, console)
	}
	return m, nil
}

func (m *Machine) start(ctx context.Context, lower []string, seed Seed) error {
	dir, seedDir := filepath.Join(RunDir(), m.Name), noteFile(m.Name, ".seed")
	if err := errors.Join(os.Mkdir(dir, 0o700), writeSeed(seedDir, seed)); err != nil {
		return err
	}
	console, err := os.Create(m.console)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }()

	// Not CommandContext: the end of its standard input ends it.
	cmd := exec.Command("unshare", "--mount", "--propagation=private", "sh", "-c", machineScript, "machine",
		m.Name, dir, strings.Join(lower, ":"), seedDir, scratchSize, strings.Join(m.Kind.data, " "), m.Kind.Name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = console
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	answer, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	m.lifeline, m.supervisor = lifeline, cmd
	if err := m.awaitLeader(ctx, answer); err != nil {
		return err
	}
	return m.note()
}

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
	if m.supervisor != nil {
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
	}
	if m.cgroup != nil {
		_ = m.cgroup.Close()
	}
	forget(m.Name)
	_ = m.lock.Close()
	if m.leave != nil {
		m.leave()
	}
}
