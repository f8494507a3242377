package daemon

import (
	"fmt"
	"path"

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

// LiveRestoreOf judges the site of a running daemon; nothing is asked anew.
func LiveRestoreOf(s *Site) LiveRestore {
	l := LiveRestore{Running: s.Info != nil && s.Info.LiveRestore}
	l.Holds, l.Refused = s.sparesContainers()
	doc, value, line, err := liveRestoreInFile(s, s.FS)
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

// LiveRestoreEdit is the configuration file with live-restore set to a value: from what a transaction left there (From) to To. A file that has the value is not changed, which is a
// NoOp. The owner's mode and every other byte stay.
func LiveRestoreEdit(s *Site, files *host.FS, on bool, cause string) (change.Change, error) {
	from, err := change.Observe(files, s.ConfigFile)
	if err != nil {
		return change.Change{}, fmt.Errorf("reading %s: %w", s.ConfigFile, unwrapPath(err))
	}
	return liveRestoreEdit(s, files, from, on, cause)
}

func liveRestoreEdit(s *Site, files *host.FS, from change.State, on bool, cause string) (change.Change, error) {
	doc, _, err := parseConfig(s, files)
	if err != nil {
		return change.Change{}, fmt.Errorf("reading %s: %w", path.Base(s.ConfigFile), unwrapPath(err))
	}
	if err := doc.SetBool(on, liveRestore); err != nil {
		return change.Change{}, err
	}
	return change.Change{Path: s.ConfigFile, From: from, To: from.WithData(doc.Bytes()), Cause: cause, Layer: "daemon.json", Secret: holdsCredentials(from.Data)}, nil
}
