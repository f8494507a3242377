package daemon

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// proveLocal says why the daemon behind the endpoint is the one found on this machine, or makes the site a remote one when it is not.
func (l *locator) proveLocal() {
	socket := socketPath(l.Endpoint)
	if l.Info != nil && l.Info.ID != "" {
		switch id, file := l.engineID(); {
		case id == l.Info.ID && socket == "" && !l.keepsDataAt(l.Info.DockerRootDir):
			// A second dockerd of this machine: its id proves the machine, not that what was found here is its.
			l.notOurs(fmt.Sprintf("the daemon that answers keeps its data in %s, the dockerd found on this machine in %s", l.Info.DockerRootDir, l.dataRootHere))
			return
		case id == l.Info.ID:
			l.Local, l.LocalProof = true, "/info ID equals "+file
			return
		case id != "":
			l.notOurs(fmt.Sprintf("the daemon that answers has another ID than %s", file))
			return
		}
	}
	switch {
	case socket == "":
		l.notOurs("nothing proves that the daemon at " + l.Endpoint + " is the one on this machine")
	case l.Process != nil && l.serves(l.Process) == Yes:
		l.Local, l.LocalProof = true, l.what()+" serves "+socket
	case l.Process != nil && l.serves(l.Process) == No:
		l.notOurs("the dockerd of this machine does not serve " + socket)
	case l.Loaded != nil && l.Socket != "" && l.listens(socket):
		l.Local, l.LocalProof = true, l.Socket+" listens on "+socket+" for "+l.Unit
	case l.sameAsDefault(socket):
		l.Local, l.LocalProof = true, socket+" is the socket of "+l.what()
	default:
		l.notOurs("no dockerd on this machine is known to serve " + socket)
	}
}

// keepsDataAt reports whether the dockerd found on this machine has its data in dir, as far as its options and files say; with userns-remap it is in a directory
// below, named after the mapped ids (moby daemon/daemon_unix.go setupDaemonRoot).
func (l *locator) keepsDataAt(dir string) bool {
	here := l.dataRootHere
	if dir == "" || sameSocket(l.Site, here, dir) {
		return true
	}
	ids, below := strings.CutPrefix(dir, strings.TrimSuffix(here, "/")+"/")
	return below && !strings.ContainsFunc(ids, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
}

func (l *locator) what() string {
	switch {
	case l.Unit != "" && l.PID == 0:
		return l.Unit
	case l.Unit != "":
		return "the main process of " + l.Unit
	case l.InitScript != "":
		return "the dockerd of " + l.InitScript
	}
	return fmt.Sprintf("process %d", l.PID)
}

// engineID returns the id the daemon of this machine has on disk, and the file it is in: engine-id since 23.0, the key's id before (moby daemon/id.go, daemon/trustkey.go).
// Both empty when the files may not be read.
func (l *locator) engineID() (id, file string) {
	file = path.Join(l.DataRoot, "engine-id")
	if data, err := l.FS.ReadFile(file); err == nil {
		return strings.TrimSpace(string(data)), file
	}
	file = "/etc/docker/key.json"
	if l.User != nil {
		file = path.Join(l.User.XDGConfigHome, "docker/key.json")
	}
	var key struct {
		ID string `json:"kid"`
	}
	if data, err := l.FS.ReadFile(file); err == nil && json.Unmarshal(data, &key) == nil {
		return key.ID, file
	}
	return "", ""
}

// listens reports whether the socket unit, as systemd has it loaded, listens on the path.
func (l *locator) listens(socket string) bool {
	return slices.ContainsFunc(l.listen, func(at string) bool { return sameSocket(l.Site, at, socket) })
}

// sameAsDefault reports whether the path is where this dockerd listens when nothing says otherwise.
func (l *locator) sameAsDefault(socket string) bool {
	for _, f := range l.Flags {
		if f.Name == "host" && f.Value != "fd://" {
			return sameSocket(l.Site, socketPath(f.Value.Reveal()), socket)
		}
	}
	if l.User != nil {
		return sameSocket(l.Site, path.Join(l.User.RuntimeDir, "docker.sock"), socket)
	}
	return sameSocket(l.Site, defaultSocket, socket)
}
