//go:build linux

package hosts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// rootlessSetup gives ann her daemon the documented way, once her systemd runs.
const rootlessSetup = `
until [ -S "$XDG_RUNTIME_DIR/bus" ]; do sleep 0.1; done
dockerd-rootless-setuptool.sh install --skip-iptables
`

// AwaitDocker does what is left to do by hand after boot (the tun device and
// ann's daemon, the dockerd nobody supervises) and returns when `docker
// version` answers.
func (m *Machine) AwaitDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	switch m.Kind.Manager {
	case SystemdUser:
		if err := m.check(ctx, Cmd{Argv: []string{"sh", "-c", "mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200"}}); err != nil {
			return err
		}
		if err := m.check(ctx, Cmd{Argv: []string{"sh", "-e", "-c", rootlessSetup}, User: m.Kind.User}); err != nil {
			return err
		}
	case Manual:
		if err := m.StartByHand(ctx, nil); err != nil {
			return err
		}
	}
	return m.awaitAnswer(ctx)
}

// awaitAnswer polls until dockerd answers its client.
func (m *Machine) awaitAnswer(ctx context.Context) error {
	for {
		result, err := m.Exec(ctx, Cmd{Argv: []string{"docker", "version"}, User: m.Kind.User, Timeout: 20 * time.Second})
		if err == nil && result.Code == 0 {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for dockerd on %s: %w\n%s\n%s\n%s", m.Name, err, result, m.Console(), m.daemonLog())
		}
	}
}

// daemonLog returns the end of whatever log this host's dockerd writes.
func (m *Machine) daemonLog() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	result, _ := m.Exec(ctx, Cmd{Argv: []string{"sh", "-c", "journalctl -n 20 --no-pager 2>/dev/null; tail -n 20 /var/log/docker.log /var/log/dockerd.log 2>/dev/null"}})
	return result.Stdout
}

// StartByHand starts the dockerd of a host without a manager for it, with the
// given environment added (NAME=value) and arguments; it is then nobody's
// child but PID 1's.
func (m *Machine) StartByHand(ctx context.Context, env []string, args ...string) error {
	if m.Kind.Manager != Manual {
		return fmt.Errorf("the dockerd of %s is started by %s", m.Kind.Name, m.Kind.Manager)
	}
	argv := append([]string{"sh", "-c", `setsid dockerd "$@" </dev/null >>/var/log/dockerd.log 2>&1 &`, "sh"}, args...)
	return m.check(ctx, Cmd{Argv: argv, Env: env})
}

// check runs a command that must succeed.
func (m *Machine) check(ctx context.Context, c Cmd) error {
	result, err := m.Exec(ctx, c)
	if err == nil && result.Code != 0 {
		err = errors.New(result.String())
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", strings.Join(c.Argv, " "), m.Name, err)
	}
	return nil
}
