package client

import (
	"fmt"
	"io/fs"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// owner tells of a configuration that belongs to root in another person's home, as sudo with that person's HOME makes it, where the person can no longer use it: the directory
// takes no file of theirs, or config.json cannot be read. A file of root's in a directory of the person's own does no harm: it can be read, and is replaced when the CLI saves.
func (k *checker) owner() {
	if k.UID <= 0 {
		return
	}
	dir, errDir := k.files.Stat(k.dir())
	file, errFile := k.files.Stat(k.at.Path)
	what, happens := "", ""
	switch {
	case errDir == nil && dir.UID == 0 && !k.may(dir, 0o1):
		what, happens = k.dir(), "the Docker CLI cannot look into it, warns, finds no plugins such as docker proxy and buildx, and new containers and builds get no proxy from it"
	case errDir == nil && dir.UID == 0 && !k.may(dir, 0o3):
		what, happens = k.dir(), "docker login, docker context and docker proxy set --only client cannot write there"
	case errFile == nil && file.UID == 0 && !k.may(file, 0o4):
		what, happens = k.at.Path, "the Docker CLI cannot read it, warns, and new containers and builds get no proxy from it"
	default:
		return
	}
	at := &precedence.Source{Layer: Layer, Path: what}
	k.found = append(k.found, precedence.NewFinding("client-config-root-owned", at, fmt.Sprintf("sudo chown -R %d:%d %s", k.UID, k.Group, quote(k.dir())),
		"it belongs to root, and not to the user whose home it is in, as docker run by sudo leaves it: %s", happens))
}

// may reports whether the person has these rights (bits as for others) by mode alone: as one of the group, or as anybody.
func (k *checker) may(i host.Info, bits fs.FileMode) bool {
	return i.Mode&bits == bits || i.GID == k.Group && i.Mode>>3&bits == bits
}
