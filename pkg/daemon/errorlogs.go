package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// Logs are the places where a daemon's start leaves its messages, with how far each of them was at one moment: what an older dockerd said explains nothing.
type Logs struct {
	site  *Site
	since time.Time
	ends  []logEnd
}

// logEnd is the size of a log file at that moment.
type logEnd struct {
	path string
	tag  string // only lines with this word are the daemon's; "" for a log of its own
	size int64
	ino  uint64
}

// maxLog bounds how much of a log file is read, from its end, in bytes.
const maxLog = 256 << 10

// MarkLogs notes how far the daemon's logs are now. Call it before a restart.
func MarkLogs(site *Site) *Logs {
	l := &Logs{site: site, since: time.Now()}
	for _, at := range logFiles(site) {
		if st, err := site.FS.Stat(at.path); err == nil {
			at.size, at.ino = st.Size, st.Ino
		}
		l.ends = append(l.ends, at)
	}
	return l
}

// logFiles lists the files a manager lets dockerd write to: Debian's init script and the OpenRC scripts of Gentoo and Alpine name /var/log/docker.log (the latter changes it by
// DOCKER_LOGFILE), Red Hat's old one /var/log/docker, runit's svlogd a directory; OpenRC's own messages go to rc.log with rc_logger=YES. Whatever there
// is no file of its own for goes to syslog.
func logFiles(site *Site) []logEnd {
	var out []logEnd
	switch site.Manager {
	case ManagerSysV:
		out = []logEnd{{path: "/var/log/docker.log"}, {path: "/var/log/docker"}}
	case ManagerOpenRC:
		out = []logEnd{{path: "/var/log/docker.log"}, {path: "/var/log/rc.log", tag: "docker"}}
	case ManagerRunit:
		out = []logEnd{{path: "/var/log/docker/current"}, {path: "/etc/sv/docker/log/main/current"}}
	case ManagerSystemd, ManagerSystemdUser, ManagerManual, ManagerNone:
	}
	return append(out, logEnd{path: "/var/log/daemon.log", tag: "dockerd"}, logEnd{path: "/var/log/syslog", tag: "dockerd"}, logEnd{path: "/var/log/messages", tag: "dockerd"})
}

// ErrorLines returns the daemon's own last error lines since the mark, at most five, for the person who has to understand why it did not start: each on one line, control
// characters escaped, long ones cut. They may hold credentials; mask them before printing. Without a log that can be read it is empty.
func (l *Logs) ErrorLines(ctx context.Context) []string {
	if l.site.Manager.Systemd() {
		if lines := l.settledJournal(ctx); len(lines) > 0 {
			return errorLines(lines)
		}
	}
	for _, at := range l.ends {
		if out := errorLines(l.read(at)); len(out) > 0 {
			return out
		}
	}
	return nil
}

// read returns the lines that came after the mark. A file that was replaced since is new from its beginning.
func (l *Logs) read(at logEnd) []logLine {
	st, err := l.site.FS.Stat(at.path)
	if err != nil {
		return nil
	}
	if st.Ino != at.ino {
		at.size = 0
	}
	data, err := l.site.FS.ReadEnd(at.path, at.size, maxLog)
	if err != nil {
		return nil
	}
	var out []logLine
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, at.tag) {
			out = append(out, logLine{text: line})
		}
	}
	return out
}

// journald takes a program's output from a pipe, so that systemd may know of its end before the journal has its last words: it is asked again until it has the daemon's own reason.
const (
	journalTries = 4
	journalPause = 200 * time.Millisecond
)

func (l *Logs) settledJournal(ctx context.Context) []logLine {
	for try := 1; ; try++ {
		lines := l.journal(ctx)
		said := slices.ContainsFunc(lines, func(l logLine) bool { return !l.manager && (severe(l.text) || !structured(l.text) && looksBad(l.text)) })
		if said || try == journalTries {
			return lines
		}
		select {
		case <-ctx.Done():
			return lines
		case <-time.After(journalPause):
		}
	}
}

// journalLines is how many messages of the unit are looked through, from the last one back.
const journalLines = 200

// journal asks systemd's journal. Messages of the invocation that ran before the restart are left out: it says goodbye after the mark.
func (l *Logs) journal(ctx context.Context) []logLine {
	path, err := tool.Find("journalctl")
	if err != nil {
		return nil
	}
	args := []string{"--unit=" + l.site.Unit, "--output=json", "--no-pager", "--quiet", fmt.Sprintf("--lines=%d", journalLines), fmt.Sprintf("--since=@%d.%06d", l.since.Unix(), l.since.Nanosecond()/1000)}
	if l.site.Manager == ManagerSystemdUser {
		args = append(args, "--user")
	}
	res, err := tool.Run(ctx, tool.Command{Path: path, Args: args, Limit: 5 * time.Second, Env: userEnvironment(l.site)})
	if err != nil {
		return nil
	}
	old := ""
	if l.site.Loaded != nil {
		old = l.site.Loaded.InvocationID
	}
	return journalMessages(res.Stdout, old)
}

// journalMessages takes the messages out of `journalctl --output=json`: one object a line (systemd.journal-fields(7)).
func journalMessages(text, without string) []logLine {
	var out []logLine
	for line := range strings.Lines(text) {
		var entry struct {
			Message    json.RawMessage `json:"MESSAGE"`
			By         string          `json:"SYSLOG_IDENTIFIER"`
			Invocation string          `json:"_SYSTEMD_INVOCATION_ID"`
		}
		if json.Unmarshal([]byte(line), &entry) != nil || without != "" && entry.Invocation == without {
			continue
		}
		for part := range strings.Lines(journalText(entry.Message)) {
			out = append(out, logLine{text: part, manager: entry.By == "systemd"})
		}
	}
	return out
}

// journalText decodes a field: a string, or an array of bytes where it is no clean UTF-8 (journalctl(1), JSON output).
func journalText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var numbers []byte
	var wide []uint16
	if json.Unmarshal(raw, &wide) == nil {
		for _, n := range wide {
			numbers = append(numbers, byte(n))
		}
	}
	return string(numbers)
}

// Where is the command with which a person reads on.
func (l *Logs) Where() string {
	switch {
	case l.site.Manager == ManagerSystemdUser:
		return "journalctl --user --unit " + l.site.Unit + " --no-pager --lines 50"
	case l.site.Manager.Systemd():
		return "journalctl --unit " + l.site.Unit + " --no-pager --lines 50"
	}
	for _, at := range l.ends {
		if l.site.FS.Exists(at.path) {
			return "tail -n 50 " + at.path
		}
	}
	return ""
}

// userEnvironment is what tools need to find a rootless account's manager.
func userEnvironment(site *Site) []string {
	if site.User == nil {
		return nil
	}
	return []string{"XDG_RUNTIME_DIR=" + site.User.RuntimeDir, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + site.User.RuntimeDir + "/bus", "HOME=" + site.User.Home}
}
