package watch

import (
	"fmt"
	"io/fs"
	"strings"
)

// Manager is what starts services on a machine.
type Manager string

// The managers for which there is a service. Each is started on a real host by the tests (test/e2e, TestCAWatch and TestCAWatchServices), all of them Debian's.
const (
	Systemd Manager = "systemd"
	OpenRC  Manager = "openrc"
	SysV    Manager = "sysv"
	Runit   Manager = "runit"
)

// Managers are all of them, the most usual one first.
func Managers() []Manager { return []Manager{Systemd, OpenRC, SysV, Runit} }

// Name is what the service is called where names have no ending; LogPath is the log of services whose manager keeps none.
const (
	Name    = "docker-proxy-ca-watch"
	LogPath = "/var/log/" + Name + ".log"
)

// Service is the service of one manager.
type Service struct {
	Path string
	Text string
	Mode fs.FileMode
	// Enable and Again are the commands that start it now and with the machine, and that have a running one read its file again.
	Enable, Again string
	// Enabled are names of which one is there when it starts with the machine; a last element may have a * (path.Match).
	Enabled []string
}

// For is the service for a manager.
func (u Unit) For(m Manager) Service {
	switch m {
	case OpenRC:
		return Service{
			Path: "/etc/init.d/" + Name, Mode: 0o755, Text: u.openRC(),
			Enable: "rc-update add " + Name + " default && rc-service " + Name + " start", Again: "rc-service " + Name + " restart",
			Enabled: []string{"/etc/runlevels/default/" + Name, "/etc/runlevels/boot/" + Name},
		}
	case SysV:
		return Service{
			Path: "/etc/init.d/" + Name, Mode: 0o755, Text: u.sysV(),
			Enable: "update-rc.d " + Name + " defaults && service " + Name + " start", Again: "service " + Name + " restart",
			Enabled: []string{"/etc/rc2.d/S*" + Name, "/etc/rc3.d/S*" + Name, "/etc/rc5.d/S*" + Name},
		}
	case Runit:
		return Service{
			Path: "/etc/sv/" + Name + "/run", Mode: 0o755, Text: u.runit(),
			Enable: "ln -s /etc/sv/" + Name + " /etc/service/", Again: "sv restart " + Name,
			Enabled: []string{"/etc/service/" + Name, "/var/service/" + Name, "/etc/runit/runsvdir/default/" + Name},
		}
	case Systemd:
	}
	return Service{
		Path: UnitPath, Mode: 0o644, Text: u.String(),
		Enable: "systemctl daemon-reload && systemctl enable --now " + UnitName, Again: "systemctl daemon-reload && systemctl restart " + UnitName,
		Enabled: []string{"/etc/systemd/system/multi-user.target.wants/" + UnitName},
	}
}

// Ours reports whether a service's file was written by this program.
func Ours(text []byte) bool {
	first, rest, _ := strings.Cut(string(text), "\n")
	return strings.HasPrefix(string(text), UnitMarker) || strings.HasPrefix(first, "#!") && strings.HasPrefix(rest, UnitMarker)
}

// openRC is the service script (openrc-run(8), supervise-daemon(8)). Like the unit it starts after the daemon where both are started, and needs none: `after` and not `need`.
func (u Unit) openRC() string {
	// openrc-run has the shell evaluate command_args (sh/supervise-daemon.sh), so each word is quoted, and then all of them together.
	return "#!/sbin/openrc-run\n" + UnitMarker + fmt.Sprintf(`description="Make containers trust the authority of the proxy as they start"
supervisor=supervise-daemon
command=%s
command_args=%s
output_log=%s
error_log=%s
respawn_delay=5
umask=022
%s
depend() {
	after docker
	use logger
}
`, shellWord(u.Argv[0]), shellWord(shellWords(u.Argv[1:])), LogPath, LogPath, u.exports())
}

// sysV is the script for /etc/init.d with the header of the Linux Standard Base (init-functions are not needed) and Debian's start-stop-daemon(8). The program's number is in the
// file since every shell on the way makes place for what it starts.
func (u Unit) sysV() string {
	return "#!/bin/sh\n" + UnitMarker + fmt.Sprintf(`### BEGIN INIT INFO
# Provides:          %[1]s
# Required-Start:    $local_fs $remote_fs
# Required-Stop:     $local_fs $remote_fs
# Should-Start:      docker
# Should-Stop:       docker
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Make containers trust the authority of the proxy as they start
### END INIT INFO
PATH=/usr/sbin:/usr/bin:/sbin:/bin
pidfile=/run/%[1]s.pid
umask 022
script=$0 action=$1
%[2]sset -- %[3]s

case "$action" in
start)
	start-stop-daemon --start --quiet --oknodo --background --make-pidfile --pidfile "$pidfile" --exec "$1" --startas /bin/sh -- -c 'exec "$0" "$@" >>%[4]s 2>&1' "$@"
	;;
stop)
	start-stop-daemon --stop --quiet --oknodo --retry TERM/60/KILL/5 --pidfile "$pidfile" --exec "$1" && rm -f "$pidfile"
	;;
restart | force-reload)
	"$script" stop && "$script" start
	;;
status)
	if start-stop-daemon --status --pidfile "$pidfile" --exec "$1"; then echo "%[1]s runs"; else echo "%[1]s does not run"; exit 3; fi
	;;
*)
	echo "Usage: $script {start|stop|restart|force-reload|status}" >&2
	exit 2
	;;
esac
`, Name, u.exports(), shellWords(u.Argv), LogPath)
}

// runit is the run script of a service directory (runsv(8)): runsv starts it again when it ends.
func (u Unit) runit() string {
	return "#!/bin/sh\n" + UnitMarker + "umask 022\n" + u.exports() + "exec " + shellWords(u.Argv) + " >>" + LogPath + " 2>&1\n"
}

// exports are the lines that give the service its environment.
func (u Unit) exports() string {
	var b strings.Builder
	for _, e := range u.Environment {
		name, value, _ := strings.Cut(e, "=")
		b.WriteString("export " + name + "=" + shellWord(value) + "\n")
	}
	return b.String()
}

func shellWords(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		out = append(out, shellWord(w))
	}
	return strings.Join(out, " ")
}

// shellWord quotes a word for sh, where it needs that.
func shellWord(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == ""
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
