package export

import (
	"bytes"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
)

// Marker is the first line of every file an export writes: a file that begins with it may be overwritten by the next export. It is a comment for every reader.
const Marker = "# Written by docker proxy export, which overwrites it.\n"

// Ours reports whether data is a file that an export wrote. In a Dockerfile lines that only count at the top stand before the marker; a Java store, in which no comment fits, holds an entry
// with a name of this program's.
func Ours(data []byte) bool {
	if keystore.Sniff(data) != keystore.Unknown {
		store, err := keystore.Open(data)
		return err == nil && slices.ContainsFunc(store.Trusted(), func(e keystore.Entry) bool { return strings.Contains(e.Alias, certs.AnchorPrefix) })
	}
	return bytes.HasPrefix(data, []byte(Marker)) || bytes.Contains(data, []byte("\n"+Marker))
}

// File is one file of an export.
type File struct {
	Name   string // without directory
	Data   []byte // begins with Marker where the reader knows comments
	Secret bool   // holds credentials: for the owner's eyes only
}

// Names of files.
const (
	CredentialsFile = "proxy-credentials.env" // what a Keyring knows
	VariablesFile   = "proxy.env"             // variables, see Dotenv
	ShellFile       = "proxy.sh"              // see Shell
	ComposeFile     = "compose.proxy.yaml"    // see Compose
	SecretFile      = "proxy-secret.yaml"     // see Kubernetes
)
