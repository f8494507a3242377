package target

import (
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

// remover looks for rm and rmdir, or a busybox, in the container. The archive API has no request that removes a file.
func (t *archiveTarget) remover() *remover {
	if t.remove == nil {
		t.remove = t.findRemover()
	}
	return t.remove
}

func (t *archiveTarget) findRemover() *remover {
	if t.seen.State != "running" {
		return &remover{err: fmt.Errorf("the archive API removes nothing, and a container that is %s runs no rm", t.seen.State)}
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
	return &remover{err: errors.New("the archive API removes nothing, and the container has no rm")}
}

// removeAll removes names without links and says which ones are gone and, for the others, why not.
func (t *archiveTarget) removeAll(ctx context.Context, steps []*step) (gone []bool, kept []error) {
	gone = make([]bool, len(steps))
	r := t.remover()
	reasons := make([]string, len(steps))
	if r.err == nil {
		t.run(ctx, r, steps, reasons)
	}
	t.cache = newCache()
	for i, s := range steps {
		_, err := t.node(s.real)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			gone[i] = true
		case r.err != nil:
			kept = append(kept, &NotDeletableError{Path: s.real, Reason: r.err.Error()})
		default:
			kept = append(kept, &NotDeletableError{Path: s.real, Reason: reasons[i]})
		}
	}
	return gone, kept
}

// run executes rm for the files and then rmdir for the directories, in the order of the steps.
func (t *archiveTarget) run(ctx context.Context, r *remover, steps []*step, reasons []string) {
	for start := 0; start < len(steps); {
		kind, end := steps[start].state.Kind == change.Dir, start
		argv := append([]string(nil), r.file...)
		if kind {
			argv = append([]string(nil), r.dir...)
		} else {
			argv = append(argv, "-f")
		}
		argv = append(argv, "--")
		for ; end < len(steps) && (steps[end].state.Kind == change.Dir) == kind; end++ {
			argv = append(argv, steps[end].real)
		}
		bounded, cancel := context.WithTimeout(ctx, stuckAfter)
		status, text, err := t.eng.Exec(bounded, t.seen.ID, argv...)
		cancel()
		reason := fmt.Sprintf("%s ended with status %d: %s", argv[0], status, strings.TrimSpace(text))
		if err != nil {
			reason = err.Error()
		}
		for i := start; i < end; i++ {
			reasons[i] = reason
		}
		start = end
	}
}
