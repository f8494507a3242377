package daemon

import (
	"context"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A dockerd of an init script that died at once is not waited for until the time is up: the machine is without a daemon all the while.
func TestWaitGivesUpOnADeadDaemon(t *testing.T) {
	for _, tc := range []struct {
		name    string
		manager Manager
		ended   bool // only the caller's time ends the wait
	}{{"sysvinit", ManagerSysV, false}, {"openrc", ManagerOpenRC, false}, {"systemd starts it again", ManagerSystemd, true}} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			looks := 0
			h := Health{Gone: time.Nanosecond, Locate: func(context.Context) (*Site, error) {
				if looks++; looks == 3 {
					cancel()
				}
				return &Site{Manager: tc.manager}, nil
			}}
			_, err := h.Wait(ctx)
			assert.ErrorIs(t, err, errNotRunning)
			assert.Equal(t, ctx.Err() != nil, tc.ended)
		})
	}
}
