package install

import (
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// lossy says, where files that were there have been written, what this way to the container does not keep of a file, and does not show either, so that nobody knows whether it had any (moby
// pkg/archive, ReadSecurityXattrToTarHeader: of the extended attributes a tar of the daemon has security.capability alone). What a target itself finds not restored it tells.
func lossy(t target.Target, done []target.Done) []certs.Note {
	written := slices.ContainsFunc(done, func(d target.Done) bool {
		return d.Change.From.Kind == change.File && d.Change.To.Kind == change.File && !d.Change.NoOp()
	})
	if can := t.Can(); can.Atomic || !written {
		return nil
	}
	return []certs.Note{{
		Kind: certs.Remark,
		Text: "changed by Docker's archive API: files that were there keep owner, mode and capabilities, but no other extended attributes (access lists, a label of their own), and times to the second",
	}}
}
