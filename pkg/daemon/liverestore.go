package daemon

import (
	"fmt"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
)

// liveRestore is the key of daemon.json, and the name of the flag.
const liveRestore = "live-restore"

// LiveRestore says whether running containers outlive a restart of dockerd, and whether that can be arranged for one restart. dockerd leaves them alone on its way out by what it
// has in memory, which a reload changes (moby daemon.Reload), and takes them back at its start by what is configured then; otherwise it stops them there (daemon.restore).
type LiveRestore struct {
	Running    bool // the running dockerd has it, by /info
	Configured bool // the next one will have it, by flag or file
	// Holds says that whatever stops dockerd leaves the containers' own processes alone: of systemd's kill modes only process and none do.
	Holds bool
	// Refused says why it cannot be turned on for a restart, a clause; "" when it can, or is on.
	Refused string
	// Against says why it is not offered although it can be asked for, a clause; "" for no reason.
	Against string
}

// Keeps reports whether a restart leaves running containers alone.
func (l LiveRestore) Keeps() bool { return l.Running && l.Configured && l.Holds }

// Possible reports whether it can be turned on for one restart.
func (l LiveRestore) Possible() bool { return !l.Keeps() && l.Refused == "" }

// LiveRestoreOf judges the site of a running daemon; nothing is asked anew. files are what its next start will read: the present ones, or planned ones over them.
func LiveRestoreOf(s *Site, files *host.FS) LiveRestore {
	l := LiveRestore{Running: s.Info != nil && s.Info.LiveRestore}
	l.Holds, l.Refused = s.sparesContainers()
	doc, value, line, err := liveRestoreInFile(s, files)
	l.Configured = value == "true"
	for _, f := range s.Flags {
		if f.Name == liveRestore {
			l.Configured = f.Value.Reveal() != "false"
			if !l.Configured {
				l.Refused = fmt.Sprintf("it is switched off by a flag (%s), and dockerd does not start with the same key in its file", f.Source)
			}
		}
	}
	switch {
	case l.Refused != "":
	case s.Info == nil:
		l.Refused = "dockerd's API does not answer"
	case s.Info.Swarm:
		l.Refused = "this node is part of a swarm, where live-restore does not work"
	case s.Info.OSType == "windows":
		l.Refused = "Windows has none"
	case l.Configured:
	case s.ConfigFile == "":
		l.Refused = "this dockerd reads no configuration file"
	case err != nil:
		l.Refused = err.Error()
	}
	if tool := managedBy(fileHead(doc)); tool != "" {
		l.Against = fmt.Sprintf("%s is written by %s", s.ConfigFile, tool)
	} else if value == "false" {
		l.Against = fmt.Sprintf("%s:%d says false", s.ConfigFile, line)
	}
	return l
}

// sparesContainers reports whether stopping the daemon leaves the processes of containers alive, or why not.
func (s *Site) sparesContainers() (bool, string) {
	switch {
	case !s.Manager.Systemd():
		return true, "" // init scripts end one process
	case s.Loaded == nil:
		return false, "systemd does not say how it stops " + s.Unit
	case s.Loaded.KillMode == "process" || s.Loaded.KillMode == "none":
		return true, ""
	}
	return false, fmt.Sprintf("systemd ends the containers' processes together with %s (KillMode=%s)", s.Unit, s.Loaded.KillMode)
}

// liveRestoreInFile returns the configuration file's own value, "true", "false" or "" for none, with its line.
func liveRestoreInFile(s *Site, files *host.FS) (doc *jsonedit.Document, value string, line int, err error) {
	if s.ConfigFile == "" {
		return nil, "", 0, nil
	}
	doc, _, err = parseConfig(s, files)
	if err != nil {
		return nil, "", 0, unwrapPath(err)
	}
	for _, m := range doc.Lookup(liveRestore) {
		if m.Effective {
			value, line = m.Value, m.Line
		}
	}
	return doc, value, line, doc.Editable()
}

func fileHead(doc *jsonedit.Document) []byte {
	if doc == nil {
		return nil
	}
	return doc.Bytes()
}

// sameLiveRestore reports whether two states of a file say the same about live-restore, as far as it is the configuration file and can be read.
func sameLiveRestore(s *Site, file string, a, b change.State) bool {
	if file != s.ConfigFile {
		return true
	}
	says := func(st change.State) string {
		doc, err := jsonedit.Parse(file, st.Data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: s.atLeast("24.0")})
		if err != nil {
			return err.Error()
		}
		for _, m := range doc.Lookup(liveRestore) {
			if m.Effective {
				return m.Value
			}
		}
		return ""
	}
	return says(a) == says(b)
}
