package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// systemdControl speaks to the system's manager or to an account's, over D-Bus.
type systemdControl struct{ site *Site }

// with opens a connection for one conversation.
func (c systemdControl) with(ctx context.Context, talk func(conn *systemd.Client) error) error {
	bus := systemd.Bus{}
	if c.site.Manager == ManagerSystemdUser {
		bus = userBus(c.site)
	}
	conn, err := systemd.Connect(ctx, bus)
	if err != nil {
		return err
	}
	defer conn.Close()
	return talk(conn)
}

// Ready asks about the unit and those that a start of it needs: Docker's own unit needs docker.socket.
func (c systemdControl) Ready(ctx context.Context) error {
	return c.with(ctx, func(conn *systemd.Client) error {
		u, err := conn.Unit(ctx, c.site.Unit)
		if err != nil {
			return err
		}
		if err := c.startable(u); err != nil {
			return err
		}
		for _, name := range u.Requires {
			if !strings.HasSuffix(name, ".service") && !strings.HasSuffix(name, ".socket") {
				continue
			}
			need, err := conn.Unit(ctx, name)
			if err != nil {
				return err
			}
			if err := c.startable(need); err != nil {
				return fmt.Errorf("%s needs %s: %w", c.site.Unit, name, err)
			}
		}
		return nil
	})
}

func (c systemdControl) startable(u *systemd.Unit) error {
	switch u.LoadState {
	case "loaded":
		return nil
	case "masked":
		return fmt.Errorf("%s is masked (%s), so systemd would not start it again: type %s unmask %s", u.Name, u.FragmentPath, c.systemctl(), u.Name)
	case "not-found":
		return fmt.Errorf("systemd has no %s any more, so it would not start it again", u.Name)
	}
	return fmt.Errorf("systemd cannot load %s (%s), so it would not start it again: see %s status %s", u.Name, u.LoadState, c.systemctl(), u.Name)
}

func (c systemdControl) Reload(ctx context.Context) error {
	return c.with(ctx, func(conn *systemd.Client) error { return conn.Reload(ctx) })
}

// ReloadConfig uses the unit's own way, where it has one.
func (c systemdControl) ReloadConfig(ctx context.Context) error {
	return c.with(ctx, func(conn *systemd.Client) error {
		u, err := conn.Unit(ctx, c.site.Unit)
		if err != nil {
			return err
		}
		if u.CanReload {
			return conn.ReloadUnit(ctx, c.site.Unit)
		}
		return hangup(c.site)
	})
}

// resetFailed clears the start limits: after three starts a minute systemd refuses docker.service, and docker.socket with it.
func (c systemdControl) resetFailed(ctx context.Context, conn *systemd.Client) error {
	units := []string{c.site.Unit}
	if c.site.Socket != "" {
		units = append(units, c.site.Socket)
	}
	return conn.ResetFailed(ctx, units...)
}

func (c systemdControl) Restart(ctx context.Context) error {
	return c.with(ctx, func(conn *systemd.Client) error {
		if err := c.resetFailed(ctx, conn); err != nil {
			return err
		}
		return conn.Restart(ctx, c.site.Unit)
	})
}

func (c systemdControl) Stop(ctx context.Context) error {
	return c.with(ctx, func(conn *systemd.Client) error { return conn.Stop(ctx, c.site.Unit) })
}

func (c systemdControl) Command() string { return c.systemctl() + " restart " + c.site.Unit }

func (c systemdControl) Repair() []string { return append(c.resetLines(), c.Command()) }

// resetLines make systemd read its files and start the units again after any number of failures.
func (c systemdControl) resetLines() []string {
	return []string{c.systemctl() + " daemon-reload", c.systemctl() + " reset-failed " + strings.TrimSpace(c.site.Unit+" "+c.site.Socket)}
}

// systemctl is how a person reaches this manager; root has to name the account whose it is (systemctl(1), --machine=).
func (c systemdControl) systemctl() string {
	switch {
	case c.site.Manager == ManagerSystemd:
		return "systemctl"
	case c.site.User != nil && c.site.CallerUID == 0 && c.site.User.UID != 0 && c.site.User.Name != "":
		return "systemctl --user --machine=" + c.site.User.Name + "@"
	}
	return "systemctl --user"
}

// userBus is how a rootless account's manager is reached.
func userBus(s *Site) systemd.Bus { return systemd.Bus{RuntimeDir: s.User.RuntimeDir} }

// snapControl is a systemd unit that snapd made and restarts itself: it knows what else belongs to the service.
type snapControl struct{ systemdControl }

// Ready also wants snapd's tool.
func (c snapControl) Ready(ctx context.Context) error {
	if _, err := tool.Find("snap"); err != nil {
		return err
	}
	return c.systemdControl.Ready(ctx)
}

// app is the service as snap(8) names it: docker.dockerd of snap.docker.dockerd.service.
func (c snapControl) app() string {
	return strings.TrimSuffix(strings.TrimPrefix(c.site.Unit, "snap."), ".service")
}

func (c snapControl) Restart(ctx context.Context) error {
	if err := c.with(ctx, func(conn *systemd.Client) error { return c.resetFailed(ctx, conn) }); err != nil {
		return err
	}
	return runTool(ctx, "snap", "restart", c.app())
}

func (c snapControl) Stop(ctx context.Context) error { return runTool(ctx, "snap", "stop", c.app()) }

func (c snapControl) Command() string { return "snap restart " + c.app() }

func (c snapControl) Repair() []string { return append(c.resetLines(), c.Command()) }
