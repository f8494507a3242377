package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/tool"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Control starts and stops the daemon by the means of whatever manages it.
type Control interface {
	// Reload lets the manager read its own files anew; nothing else happens. A manager that keeps nothing in memory does nothing.
	Reload(ctx context.Context) error
	// Restart stops and starts the daemon and waits until the manager calls it started. It clears a start limit first.
	Restart(ctx context.Context) error
	// Stop stops the daemon and waits.
	Stop(ctx context.Context) error
	// Command is what a person would type to restart it.
	Command() string
	// Repair is what a person types, line by line, when files were changed by hand and the daemon has to be started with them whatever state it is in.
	Repair() []string
}

// ManualError says that this program does not restart a daemon, and what a person has to type.
type ManualError struct{ Lines []string }

func (e *ManualError) Error() string {
	return "this dockerd was started by hand and is not restarted by this program; type:\n  " + strings.Join(e.Lines, "\n  ")
}

// ControlOf returns the control for a site.
func ControlOf(s *Site) (Control, error) {
	switch s.Manager {
	case ManagerSystemd, ManagerSystemdUser:
		return systemdControl{s}, nil
	case ManagerSysV:
		return scriptControl{tool: "service", restart: []string{"docker", "restart"}, start: []string{"docker", "start"}, stop: []string{"docker", "stop"}}, nil
	case ManagerOpenRC:
		return scriptControl{tool: "rc-service", restart: []string{"docker", "restart"}, start: []string{"docker", "start"}, stop: []string{"docker", "stop"}}, nil
	case ManagerRunit:
		return scriptControl{tool: "sv", restart: []string{"restart", "docker"}, start: []string{"start", "docker"}, stop: []string{"stop", "docker"}}, nil
	case ManagerManual:
		return nil, manualError(s)
	case ManagerNone:
	}
	return nil, fmt.Errorf("nothing on this host is known to start dockerd, so it cannot be restarted")
}

// manualError names the lines that stop and start a daemon somebody started by hand. Proxy values on its command line are masked.
func manualError(s *Site) error {
	lines := []string{fmt.Sprintf("kill %d", s.PID)}
	if s.ArgvKnown {
		var words []string
		for _, w := range s.Argv {
			words = append(words, shellWord(maskArgument(w)))
		}
		lines = append(lines, strings.Join(words, " ")+" &")
	}
	return &ManualError{Lines: lines}
}

type systemdControl struct{ site *Site }

func (c systemdControl) connect(ctx context.Context) (*systemd.Client, error) {
	bus := systemd.Bus{}
	if c.site.Manager == ManagerSystemdUser {
		bus = userBus(c.site)
	}
	return systemd.Connect(ctx, bus)
}

func (c systemdControl) Reload(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Reload(ctx)
}

func (c systemdControl) Restart(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	units := []string{c.site.Unit}
	if c.site.Socket != "" {
		units = append(units, c.site.Socket)
	}
	if err := conn.ResetFailed(ctx, units...); err != nil {
		return err
	}
	return conn.Restart(ctx, c.site.Unit)
}

func (c systemdControl) Stop(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Stop(ctx, c.site.Unit)
}

func (c systemdControl) Command() string {
	if c.site.Manager == ManagerSystemdUser {
		return "systemctl --user restart " + c.site.Unit
	}
	return "systemctl restart " + c.site.Unit
}

func (c systemdControl) Repair() []string {
	systemctl := "systemctl"
	if c.site.Manager == ManagerSystemdUser {
		systemctl += " --user"
	}
	return []string{systemctl + " daemon-reload", systemctl + " reset-failed " + strings.TrimSpace(c.site.Unit+" "+c.site.Socket), c.Command()}
}

// scriptControl drives an init system by its own command.
type scriptControl struct {
	tool                 string
	restart, start, stop []string
}

// scriptLimit bounds one call of an init script; Debian's waits up to ten seconds for the daemon to end.
const scriptLimit = 3 * time.Minute

func (c scriptControl) Reload(context.Context) error { return nil }

// Restart falls back to a start: Debian's script ends with an error when the daemon it is to stop has died (`cat` of the pid file under `set -e`).
func (c scriptControl) Restart(ctx context.Context) error {
	err := c.run(ctx, c.restart)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return c.run(ctx, c.start)
}

func (c scriptControl) Stop(ctx context.Context) error { return c.run(ctx, c.stop) }

func (c scriptControl) Command() string { return c.tool + " " + strings.Join(c.restart, " ") }

func (c scriptControl) Repair() []string { return []string{c.Command()} }

func (c scriptControl) run(ctx context.Context, args []string) error {
	path, err := tool.Find(c.tool)
	if err != nil {
		return err
	}
	res, err := tool.Run(ctx, tool.Command{Path: path, Args: args, Limit: scriptLimit, Apart: true})
	if err != nil {
		return err
	}
	if res.Status != 0 {
		return fmt.Errorf("%s %s ended with status %d: %s", c.tool, strings.Join(args, " "), res.Status, strings.TrimSpace(lastLines(res.Stdout+res.Stderr, 5)))
	}
	return nil
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// maskArgument masks the credentials in one word of a command line.
func maskArgument(word string) string {
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "-") {
		return name + "=" + precedence.MaskList(value)
	}
	return precedence.MaskList(word)
}

// userBus is how a rootless account's manager is reached.
func userBus(s *Site) systemd.Bus { return systemd.Bus{RuntimeDir: s.User.RuntimeDir} }
