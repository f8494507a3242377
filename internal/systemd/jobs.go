package systemd

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// JobError says that systemd ended a job otherwise than asked.
type JobError struct {
	Verb, Unit string
	Result     string // canceled, timeout, failed, dependency, skipped (org.freedesktop.systemd1(5), JobRemoved)
}

// Error names verb, unit and result.
func (e *JobError) Error() string { return fmt.Sprintf("%s %s: job %s", e.Verb, e.Unit, e.Result) }

type starter func(ctx context.Context, name, mode string, ch chan<- string) (int, error)

// Start starts a unit and waits until its job is done: for docker.service, a Type=notify unit, until dockerd serves. *JobError, or ctx's error when it ends first; the job is cancelled
// then, which leaves the unit as it is at that moment, starting for example.
func (c *Client) Start(ctx context.Context, name string) error {
	return c.job(ctx, "starting", name, c.conn.StartUnitContext)
}

// Stop stops a unit and waits. A socket unit that triggers it starts it again on the next connection.
func (c *Client) Stop(ctx context.Context, name string) error {
	return c.job(ctx, "stopping", name, c.conn.StopUnitContext)
}

// Restart restarts a unit, or starts it when it is stopped, and waits.
func (c *Client) Restart(ctx context.Context, name string) error {
	return c.job(ctx, "restarting", name, c.conn.RestartUnitContext)
}

// ReloadUnit makes a running unit read its own configuration anew (ExecReload=) and waits; daemon-reload is Reload.
func (c *Client) ReloadUnit(ctx context.Context, name string) error {
	return c.job(ctx, "reloading", name, c.conn.ReloadUnitContext)
}

// TryRestart restarts a running unit and waits; a stopped one stays stopped.
func (c *Client) TryRestart(ctx context.Context, name string) error {
	return c.job(ctx, "restarting", name, c.conn.TryRestartUnitContext)
}

func (c *Client) job(ctx context.Context, verb, name string, start starter) error {
	done := make(chan string, 1) // buffered: nobody reads it after ctx ended
	id, err := start(ctx, name, "replace", done)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return &JobError{Verb: verb, Unit: name, Result: result}
		}
		return nil
	case <-c.bus.Context().Done():
		return fmt.Errorf("%s %s: the connection to systemd was lost: %w", verb, name, dbus.ErrClosed)
	case <-ctx.Done():
		c.cancelJob(ctx, id)
		return fmt.Errorf("%s %s: %w", verb, name, ctx.Err())
	}
}

// cancelJob takes a job off the queue: a Type=notify unit that never gets ready would hold it for ever (TimeoutStartSec=0 in docker.service), and with it whoever waits for that unit. One
// that has ended meanwhile is no error.
func (c *Client) cancelJob(ctx context.Context, id int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	c.bus.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").
		CallWithContext(ctx, "org.freedesktop.systemd1.Manager.CancelJob", 0, uint32(id)) //nolint:gosec // job ids are 32 bits wide
}

// Reload makes the manager read all unit files again (daemon-reload). Running services keep what they have.
func (c *Client) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if err := c.conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reloading systemd: %w", err)
	}
	return nil
}

// ResetFailed clears the failed state and the start counter of units: after three starts a minute systemd refuses docker.service and docker.socket until then.
// Units that are not loaded are left alone.
func (c *Client) ResetFailed(ctx context.Context, names ...string) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for _, name := range names {
		err := c.conn.ResetFailedUnitContext(ctx, name)
		var bus dbus.Error
		if errors.As(err, &bus) && bus.Name == "org.freedesktop.systemd1.NoSuchUnit" {
			continue
		}
		if err != nil {
			return fmt.Errorf("resetting %s: %w", name, err)
		}
	}
	return nil
}
