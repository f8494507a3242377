package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"time"

	sddbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// How long one question may take. The manager answers from memory within milliseconds; a bus that hangs must not hang this program.
const (
	dialTimeout = 3 * time.Second
	readTimeout = 5 * time.Second
	// reloadTimeout covers generators, which run during a reload and have 90 s there (manager_run_generators).
	reloadTimeout = 90 * time.Second
)

// ErrNoManager says that no bus of the wanted manager could be reached.
var ErrNoManager = errors.New("systemd does not answer on D-Bus")

// Bus says which manager to speak to. The zero value is the system manager.
type Bus struct {
	RuntimeDir string // of the account whose user manager is meant, such as /run/user/1000; "" is the system manager
}

// addresses lists the ways to the manager, best first. Only root may use the private socket of the system manager, which works without a bus daemon.
func (b Bus) addresses() []address {
	if b.RuntimeDir != "" {
		return []address{{"unix:path=" + path.Join(b.RuntimeDir, "bus"), true}, {"unix:path=" + path.Join(b.RuntimeDir, "systemd/private"), false}}
	}
	system := address{"unix:path=/run/dbus/system_bus_socket", true}
	if os.Geteuid() != 0 {
		return []address{system}
	}
	return []address{system, {"unix:path=/run/systemd/private", false}}
}

type address struct {
	text  string
	hello bool // a bus daemon wants a Hello; systemd's private socket has none
}

// Client speaks to one running manager. Close it.
type Client struct {
	conn *sddbus.Conn
	bus  *dbus.Conn // one of conn's two connections, for properties conn has no method for
}

// Connect opens a connection to a running manager: its bus, then its private socket. It gives up after three seconds for each. Errors wrap ErrNoManager.
func Connect(ctx context.Context, b Bus) (*Client, error) {
	errs := []error{ErrNoManager}
	for _, a := range b.addresses() {
		c, err := connect(ctx, a)
		if err == nil {
			return c, nil
		}
		errs = append(errs, fmt.Errorf("connecting to %s: %w", a.text, err))
	}
	return nil, errors.Join(errs...)
}

func connect(ctx context.Context, a address) (*Client, error) {
	// godbus ties a connection to its context for good, and offers no deadline for authentication: a timer that cancels the context is both.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := time.AfterFunc(dialTimeout, cancel)
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	c := &Client{}
	conn, err := sddbus.NewConnection(func() (*dbus.Conn, error) {
		bus, err := dial(life, a)
		if c.bus == nil {
			c.bus = bus
		}
		return bus, err
	})
	switch {
	case err != nil:
		cancel()
		return nil, err
	case !timer.Stop():
		conn.Close()
		return nil, context.DeadlineExceeded
	}
	c.conn = conn
	return c, nil
}

func dial(ctx context.Context, a address) (*dbus.Conn, error) {
	bus, err := dbus.Dial(a.text, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	// The number, not the name: a name needs the C library.
	err = bus.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	if err == nil && a.hello {
		err = bus.Hello()
	}
	if err != nil {
		bus.Close()
		return nil, err
	}
	return bus, nil
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// Version returns the manager's version number, such as 257.
func (c *Client) Version(ctx context.Context) (int, error) {
	var text string
	if err := c.property(ctx, "Version", &text); err != nil {
		return 0, err
	}
	return ParseVersion(text)
}

// ParseVersion returns the leading number of systemd's version text: 252 of "252.39-1~deb12u1", 257 of "257-rc1", 219 of "systemd 219".
func ParseVersion(text string) (int, error) {
	digits := ""
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digits += string(r)
		} else if digits != "" {
			break
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("no version number in %q", text)
	}
	return n, nil
}

// Environment returns the manager's own environment block, NAME=VALUE: DefaultEnvironment= and set-environment, merged. May hold passwords; readable by everybody.
func (c *Client) Environment(ctx context.Context) ([]string, error) {
	var env []string
	err := c.property(ctx, "Environment", &env)
	return env, err
}

func (c *Client) property(ctx context.Context, name string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var v dbus.Variant
	err := c.bus.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.systemd1.Manager", name).Store(&v)
	if err == nil {
		err = v.Store(into)
	}
	if err != nil {
		return fmt.Errorf("asking systemd for %s: %w", name, err)
	}
	return nil
}
