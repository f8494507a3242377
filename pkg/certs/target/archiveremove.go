package target

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// remover is the program of a container that removes files.
type remover struct {
	file, dir []string // what is executed, without the names
	err       error    // why there is none
}

// remover looks for rm and rmdir, or a busybox, in the container.
func (t *archiveTarget) remover() *remover {
	if t.remove == nil {
		t.remove = t.findRemover()
	}
	return t.remove
}

func (t *archiveTarget) findRemover() *remover {
	if t.seen.State != "running" {
		return &remover{err: fmt.Errorf("the container is %s, so that its rm cannot run", t.seen.State)}
	}
	for _, r := range []remover{
		{file: []string{"/bin/rm"}, dir: []string{"/bin/rmdir"}},
		{file: []string{"/usr/bin/rm"}, dir: []string{"/usr/bin/rmdir"}},
		{file: []string{"/bin/busybox", "rm"}, dir: []string{"/bin/busybox", "rmdir"}},
		{file: []string{"/usr/bin/busybox", "rm"}, dir: []string{"/usr/bin/busybox", "rmdir"}},
		{file: []string{"/bin/toybox", "rm"}, dir: []string{"/bin/toybox", "rmdir"}},
		{file: []string{"/usr/bin/coreutils", "--coreutils-prog=rm"}, dir: []string{"/usr/bin/coreutils", "--coreutils-prog=rmdir"}},
	} {
		if _, e, err := tree.Resolve(exact{t}, r.file[0]); err == nil && e.Mode.IsRegular() && e.Mode&0o111 != 0 {
			return &r
		}
	}
	return &remover{err: errors.New("the container has no rm")}
}

// removeAll removes names without links, in their order, and says which ones are gone and, for the others, why not. Only what is seen to be gone counts.
func (t *archiveTarget) removeAll(ctx context.Context, steps []*step) (gone []bool, kept []error) {
	gone = make([]bool, len(steps))
	t.changed = true
	for i, s := range steps {
		t.cache = newCache()
		if s.state.Kind != change.Dir || t.seen.State == "exited" || t.seen.State == "created" {
			gone[i] = t.displace(ctx, s)
		}
		var reason error
		if !gone[i] {
			reason = t.run(ctx, s)
			gone[i] = t.absent(s.real)
		}
		if !gone[i] {
			kept = append(kept, &NotDeletableError{Path: s.real, Reason: reason.Error()})
		}
	}
	t.cache = newCache()
	return gone, kept
}

func (t *archiveTarget) absent(real string) bool {
	t.cache = newCache()
	_, err := t.node(real)
	return errors.Is(err, fs.ErrNotExist)
}

// displace removes a name by a request that fails. The archive API has none that removes a file, but unpacking removes what stands at a name before it makes the new
// thing (moby pkg/archive and go-archive, Unpack, from 1.8 to 28), and a hard link to a name that is not there cannot be made. A daemon that one day looks first leaves
// everything as it is, which is seen. A directory is taken with all that is in it, so that this is for an empty one of a container in which nothing runs.
func (t *archiveTarget) displace(ctx context.Context, s *step) bool {
	dir := s.state.Kind == change.Dir
	if dir {
		if t.fetchAll(ctx, s.real) != nil || len(t.cache.names(s.real)) > 0 {
			return false
		}
	}
	dest := t.where(s.real)
	name := strings.TrimPrefix(strings.TrimPrefix(s.real, strings.TrimSuffix(dest, "/")), "/")
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if put(w, dest, s.real, &tar.Header{Typeflag: tar.TypeLink, Linkname: name, Mode: 0o600}, nil) != nil || w.Close() != nil {
		return false
	}
	_ = t.asked(s.real, func(ctx context.Context) error {
		if dir {
			return t.eng.ReplaceArchive(ctx, t.seen.ID, dest, &buf)
		}
		return t.eng.PutArchive(ctx, t.seen.ID, dest, &buf)
	})
	return t.absent(s.real)
}

// run removes a name by a program of the container, and says why it may still be there.
func (t *archiveTarget) run(ctx context.Context, s *step) error {
	r := t.remover()
	if r.err != nil {
		return r.err
	}
	argv := append(append([]string(nil), r.file...), "-f", "--", s.real)
	if s.state.Kind == change.Dir {
		argv = append(append([]string(nil), r.dir...), "--", s.real)
	}
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	status, text, err := t.eng.Exec(ctx, t.seen.ID, argv...)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s ended with status %d: %s", argv[0], status, strings.TrimSpace(text))
}
