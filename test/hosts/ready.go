//go:build linux

package hosts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// rootlessSetup gives ann her daemon the documented way, once her systemd runs.
const rootlessSetup = `
until [ -S "$XDG_RUNTIME_DIR/bus" ]; do sleep 0.1; done
dockerd-rootless-setuptool.sh install --skip-iptables
`

// tunDevice gives slirp4netns what it opens as ann; nspawn's own node, where
// there is one, is root's.
const tunDevice = `
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
chmod 666 /dev/net/tun
`

// AwaitDocker does what is left to do by hand after boot (the tun device and
// ann's daemon, the dockerd nobody supervises) and returns when `docker
// version` answers.
func (m *Machine) AwaitDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	if err := m.awaitInit(ctx); err != nil {
		return err
	}
	switch m.Kind.Manager {
	case SystemdUser:
		if err := m.check(ctx, Cmd{Argv: []string{"sh", "-c", tunDevice}}); err != nil {
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

// awaitInit polls until the init has started everything it was told to; a
// failed unit is the suite's business.
func (m *Machine) awaitInit(ctx context.Context) error {
	argv := []string{"systemctl", "is-system-running"}
	ready := []string{"running", "degraded"}
	switch m.Kind.Manager {
	case SysVInit:
		argv, ready = []string{"runlevel"}, []string{"N 2"}
	case RunIt:
		argv, ready = []string{"sh", "-c", "sv status docker | cut -d: -f1"}, []string{"run"}
	case OpenRC:
		argv, ready = []string{"rc-status", "--runlevel"}, []string{"default"}
	}
	for {
		result, err := m.Exec(ctx, Cmd{Argv: argv, Timeout: 20 * time.Second})
		if err == nil && slices.Contains(ready, strings.TrimSpace(result.Stdout)) {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the init of %s: %w\n%s\n%s", m.Name, err, result, m.Console())
		}
	}
}

// awaitAnswer polls until dockerd answers its client.
func (m *Machine) awaitAnswer(ctx context.Context) error {
	for {
		result, err := m.Exec(ctx, Cmd{Argv: []string{"docker", "version"}, User: m.Kind.User, Timeout: 20 * time.Second})
		if err == nil && result.Code == 0 {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for dockerd on %s: %w\n%s\n%s\n%s", m.Name, err, result, m.Console(), m.daemonLog(context.WithoutCancel(ctx)))
		}
	}
}

// daemonLog returns the end of whatever log this host's dockerd writes.
func (m *Machine) daemonLog(ctx context.Context) string {
	result, _ := m.Exec(ctx, Cmd{Timeout: 10 * time.Second, Argv: []string{"sh", "-c", "journalctl -n 20 --no-pager 2>/dev/null; tail -n 20 /var/log/docker.log /var/log/dockerd.log /var/log/docker/current 2>/dev/null"}})
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
