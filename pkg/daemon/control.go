package daemon

import (
	"context"
	"errors"
	"fmt"
)

// Control starts and stops the daemon by the means of whatever manages it. ControlOf gives one.
type Control interface {
	// Ready returns nil when the manager would start the daemon again, else why it would not, with the command that mends it: a masked unit, a missing tool. To be asked before
	// anything is written.
	Ready(ctx context.Context) error
	// Reload lets the manager read its own files anew; nothing else happens. A manager that keeps nothing in memory does nothing.
	Reload(ctx context.Context) error
	// ReloadConfig makes the running dockerd read its configuration file anew (SIGHUP), and does not wait until it has: dockerd answers nobody, and errors go to its log only.
	ReloadConfig(ctx context.Context) error
	// Restart stops and starts the daemon and waits until the manager calls it started. It clears a start limit first. When ctx ends first, nothing waits on in the manager's queue.
	Restart(ctx context.Context) error
	// Stop stops the daemon and waits.
	Stop(ctx context.Context) error
	// Command is what a person would type to restart it.
	Command() string
	// Repair is what a person types, line by line, when files were changed by hand and the daemon has to be started with them whatever state it is in.
	Repair() []string
}

// ControlOf returns the control for a site; *ManualError where a person has to restart the daemon. planned is what will be in effect, for the lines of that error; nil for what is
// configured now.
func ControlOf(s *Site, planned *Observation) (Control, error) {
	switch s.Manager {
	case ManagerSystemd, ManagerSystemdUser:
		if s.Flavor == FlavorSnap {
			return snapControl{systemdControl{s}}, nil
		}
		return systemdControl{s}, nil
	case ManagerSysV:
		return newScriptControl(s, "service", "docker", "%verb"), nil
	case ManagerOpenRC:
		return newScriptControl(s, "rc-service", "docker", "%verb"), nil
	case ManagerRunit:
		return runitControl{newScriptControl(s, "sv", "%verb", "docker")}, nil
	case ManagerManual:
		return nil, manualError(s, planned)
	case ManagerNone:
	}
	return nil, fmt.Errorf("nothing on this host is known to start dockerd, so it cannot be restarted")
}

// hangup sends SIGHUP to the daemon itself.
func hangup(s *Site) error {
	if s.Process == nil {
		return errors.New("dockerd's process cannot be seen, so it cannot be told to read its configuration anew")
	}
	return s.Process.Hangup(s.FS)
}
