package change

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Observe reads the state of what name leads to (links are followed), for Change.From. A missing file, or a link that leads nowhere, is the state Absent. Errors:
// those of host.FS.ReadFile; a device, socket or FIFO is host.ErrNotRegular.
func Observe(f *host.FS, name string) (State, error) {
	st, err := f.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("observing: %w", err)
	}
	s := State{Mode: perm(st.Mode), UID: st.UID, GID: st.GID}
	if st.Mode.IsDir() {
		s.Kind = Dir
		return s, nil
	}
	s.Kind = File
	if s.Data, err = f.ReadFile(name); err != nil {
		return State{}, fmt.Errorf("observing: %w", err)
	}
	return s, nil
}

// ObserveLink is Observe without following a link in the last element: a link is the state Link with its text.
func ObserveLink(f *host.FS, name string) (State, error) {
	st, err := f.Lstat(name)
	if err != nil || st.Mode&fs.ModeSymlink == 0 {
		return Observe(f, name)
	}
	s := State{Kind: Link, UID: st.UID, GID: st.GID}
	if s.Target, err = f.Readlink(name); err != nil {
		return State{}, fmt.Errorf("observing: %w", err)
	}
	return s, nil
}
