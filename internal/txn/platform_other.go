//go:build !linux

package txn

import "github.com/docker-proxy/docker-proxy/internal/host"

// platform gives the target and the state directory of this system.
func platform(_ *host.FS, stateDir string, fault Fault) (Target, stateOpener, error) {
	t := plainTarget{fault: fault}
	return t, plainHome{target: t, path: stateDir}, nil
}
