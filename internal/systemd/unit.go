// Package systemd is how this program sees and drives systemd: what the running manager has loaded (over D-Bus), and which files a manager would read (from
// files alone, so that a stopped host or a mounted image can be judged too).
//
// It does not parse unit files and decides nothing about them. Start at Unit and UnitFiles.
package systemd

import "time"

// Unit is what the manager has in memory about one unit (org.freedesktop.systemd1(5)); it may differ from the files, see NeedDaemonReload.
type Unit struct {
	Name             string
	LoadState        string // loaded, not-found, bad-setting, error, masked
	ActiveState      string // active, reloading, inactive, failed, activating, deactivating
	SubState         string
	FragmentPath     string
	DropInPaths      []string // in the order systemd applied them
	SourcePath       string   // the init script a generated unit was made of
	NeedDaemonReload bool
	UnitFileState    string // enabled, disabled, generated, …
	InvocationID     string // of the current or last run, as the journal's _SYSTEMD_INVOCATION_ID has it; "" before the first and before systemd 232
	TriggeredBy      []string
	Requires         []string // units that a start of this one starts with it, or fails
	CanReload        bool     // it has a reload of its own (ExecReload=)

	// Start limits (systemd.unit(5)); zero before systemd 230.
	StartLimitBurst    int
	StartLimitInterval time.Duration
	LastStart          time.Time // when it last left the state inactive; the zero time if never

	// Of services only.
	MainPID          int
	ExecStart        []string // argv of the first command, specifiers resolved, variables not expanded
	Environment      []string // NAME=VALUE, specifiers resolved; may hold passwords
	EnvironmentFiles []EnvironmentFile
	PassEnvironment  []string
	UnsetEnvironment []string
	NRestarts        int
	KillMode         string // control-group, mixed, process, none: whose processes a stop ends (systemd.kill(5))
	Result           string // success, exit-code, start-limit-hit, …

	// Of sockets only.
	Listen []string // paths and addresses
}

// EnvironmentFile is one EnvironmentFile= setting; systemd reads the file at each start.
type EnvironmentFile struct {
	Path     string // may be a glob pattern
	Optional bool   // written with a leading dash: a missing or unreadable file is skipped
}

// Active reports whether the unit runs or is about to: active, reloading or activating.
func (u *Unit) Active() bool {
	return u != nil && (u.ActiveState == "active" || u.ActiveState == "reloading" || u.ActiveState == "activating")
}

// Found reports whether the manager found a file for the unit.
func (u *Unit) Found() bool { return u != nil && u.LoadState != "not-found" }

// UserDirs are the places of one account that a user manager reads. A zero field is left out of the search.
type UserDirs struct {
	ConfigHome string // XDG_CONFIG_HOME, such as /home/ann/.config
	DataHome   string // XDG_DATA_HOME, such as /home/ann/.local/share
	RuntimeDir string // XDG_RUNTIME_DIR, such as /run/user/1000
}

// UnitFile is one file that makes up a unit.
type UnitFile struct {
	Path     string   // as systemd found it
	Real     string   // where links lead; equal to Path without links
	DropIn   bool     // false for the fragment, which comes first
	Shadowed []string // files of the same name in weaker directories, which systemd does not read
	Masked   bool     // an empty file or a link to /dev/null: it only hides the Shadowed ones; a masked fragment disables the unit
}
